"""The tables of a run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from . import _alignscope, _arguments as check

if TYPE_CHECKING:
    import numpy as np
    import pandas
    import polars
    import pyarrow
    from numpy.typing import NDArray

#: Rows that a table shows of itself.
_SHOWN = 10


class Table:
    """A table of results: columns by name, one row a fact.

    It is read by everything that takes Arrow tables through the PyCapsule interface, without a
    copy: `polars.DataFrame(table)`, `pyarrow.table(table)`, `duckdb`, …; or use `to_pandas`,
    `to_polars` and `to_arrow`. None of them is required: `table["value"]` is a NumPy array.
    """

    def __init__(self, table: _alignscope.Table) -> None:
        self._table = table

    @property
    def columns(self) -> list[str]:
        """The names of the columns, in order."""
        return self._table.columns

    def __len__(self) -> int:
        """The number of rows."""
        return len(self._table)

    def __getitem__(self, column: str) -> NDArray[Any]:
        """A column as a NumPy array: `float64` (NaN where nothing stands), `int64`, `bool`, or
        `object` for texts (None where nothing stands)."""
        import numpy as np

        found = self._table.column(check.text("column", column))
        return np.array(found, dtype=object) if isinstance(found, list) else found

    def to_pandas(self) -> pandas.DataFrame:
        """The table as a data frame of pandas; pyarrow is not needed."""
        import pandas as pd

        return pd.DataFrame({name: self[name] for name in self.columns})

    def to_polars(self) -> polars.DataFrame:
        """The table as a data frame of polars."""
        import polars as pl

        return pl.DataFrame(self)

    def to_arrow(self) -> pyarrow.Table:
        """The table as a table of pyarrow."""
        import pyarrow as pa

        return pa.table(self)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The Arrow PyCapsule interface: a stream of all rows."""
        return self._table.__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        """The Arrow PyCapsule interface: the types of the columns."""
        return self._table.__arrow_c_schema__()

    def __reduce__(self) -> tuple[Any, ...]:
        # A table of a run is read again where it is unpickled; others take their rows along.
        if self._table.place is not None:
            run, table = self._table.place
            return results, (os.path.abspath(run), table)
        types = zip(self.columns, self._table.types)
        columns = [(name, kind, _plain(self._table.column(name))) for name, kind in types]
        return _of_columns, (columns,)

    def __repr__(self) -> str:
        return f"Table({len(self)} rows: {', '.join(self.columns)})"

    def _repr_html_(self) -> str:
        """The first rows, as notebooks show them."""
        import html

        columns = [(name, self[name][:_SHOWN]) for name in self.columns]
        head = "".join(f"<th>{html.escape(name)}</th>" for name, _ in columns)
        shown = min(len(self), _SHOWN)
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(_cell(c[i]))}</td>" for _, c in columns) + "</tr>"
            for i in range(shown)
        )
        more = f"<p>{shown} of {len(self)} rows</p>" if shown < len(self) else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{more}"


def _plain(column: Any) -> list[Any]:
    """The values of a column, None where nothing stands."""
    values: list[Any] = column if isinstance(column, list) else column.tolist()
    return [None if value is None or value != value else value for value in values]


def _of_columns(columns: list[tuple[str, str, list[Any]]]) -> Table:
    """The table that was pickled; whole numbers beside which some were missing are floats there."""
    whole = [
        (name, kind, [v if v is None else int(v) for v in values] if kind[:4] == "UInt" else values)
        for name, kind, values in columns
    ]
    return Table(_alignscope.Table.of_columns(whole))


def _cell(value: Any) -> str:
    if value is None or value != value:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def results(path: str | os.PathLike[str], table: str = "scores") -> Table:
    """A table of the run in the folder `path`.

    `table` — `scores` (one row a score: data set, subset, model, stage, distance, measure, value,
    interval), `ceilings`, `findings`, `comparisons`, `energy`, `distances` (one row for each pair, stage and
    kind of distance), `trials` or `scale`

    Rows of the large ones (`distances`, `trials`, `scale`) are read when they are asked for.
    """
    return Table(_alignscope.read_table(check.path("path", path), check.text("table", table)))
