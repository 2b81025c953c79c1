"""Tables as other libraries take them."""

from __future__ import annotations

import numpy as np
import pytest

import alignscope


@pytest.fixture()
def found(rated, tmp_path):
    dataset = alignscope.load_dataset("pairs", rated)
    features = {"one": np.random.default_rng(0).normal(size=(40, 3))}
    return alignscope.score(dataset, features, out=tmp_path / "out")


def test_columns_are_arrays(found):
    table = found.scores
    assert table["value"].dtype == np.float64 and table["n"].dtype == np.int64
    assert table["simulated"].dtype == bool and table["stage"].tolist()[0] == "one"
    assert len(table) == len(table["value"])
    assert "value" in table.columns and "rows" in repr(table)
    assert "<table>" in table._repr_html_()
    with pytest.raises(KeyError, match="no column `values`; there are `dataset`"):
        table["values"]


@pytest.mark.parametrize("name", ["scores", "findings", "comparisons", "distances", "trials", "scale"])
def test_every_table_is_the_same_in_pandas_polars_and_arrow(found, name):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    table = alignscope.results(found.run.path, name)
    arrow, polars, frame = table.to_arrow(), table.to_polars(), table.to_pandas()
    assert arrow.column_names == polars.columns == list(frame.columns) == table.columns
    assert arrow.num_rows == polars.height == len(frame) == len(table)
    for column in table.columns:
        as_list = arrow[column].to_pylist()
        assert polars[column].to_list() == as_list
        plain = [None if pandas.isna(value) else value for value in frame[column]]
        assert plain == as_list


def test_scores_in_memory_are_those_of_the_file(found):
    pytest.importorskip("pyarrow")
    assert found.scores.to_arrow().equals(found.run.scores.to_arrow())


def test_a_folder_without_a_run_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="scores.csv"):
        alignscope.results(tmp_path)
    with pytest.raises(ValueError, match="unknown table `all`, expected one of `scores`"):
        alignscope.results(tmp_path, "all")
