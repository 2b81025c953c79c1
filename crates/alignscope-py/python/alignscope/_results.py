"""The tables of a run."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from . import _alignscope, _arguments as check
from ._choices import TableName
from ._errors import InvalidValueError
from ._packages import package

if TYPE_CHECKING:
    import numpy as np
    import pandas
    import polars
    import pyarrow
    from numpy.typing import NDArray

#: Rows that a table shows of itself.
_SHOWN = 10
#: Values of a column that a message names.
_NAMED = 20


class Table:
    """A table of results: columns by name, one row a fact.

    Everything that takes Arrow tables through the PyCapsule interface reads it without a copy:
    `polars.DataFrame(table)`, `pyarrow.table(table)`, `duckdb`, …; or use `to_pandas`, `to_polars`
    and `to_arrow`. None of them is required: `table["value"]` is an array of NumPy.

    Examples
    --------
    >>> import alignscope
    >>> dataset = alignscope.load_dataset("pairs", "demo/low")
    >>> run = alignscope.run(["ssim", "psnr"], dataset, "metrics", progress=False)
    >>> scores = run.scores.where(subset="all", measure="spearman")
    >>> dict(zip(scores["model"], scores["value"].round(2).tolist()))
    {'pixels': 0.63, 'ssim': 0.55, 'psnr': 0.63}
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
        """A column as an array of NumPy.

        Parameters
        ----------
        column : str
            Its name.

        Returns
        -------
        numpy.ndarray
            `float64` (NaN where nothing stands), `int64`, `bool`, or `object` for texts (None where
            nothing stands).

        Raises
        ------
        MissingColumnError
            There is no such column.
        """
        import numpy as np

        found = self._table.column(check.text("column", column))
        return np.array(found, dtype=object) if isinstance(found, list) else found

    def where(self, **values: Any) -> Table:
        """The rows that have these values.

        Parameters
        ----------
        **values
            For each column a value, or several of which a row has one.

        Returns
        -------
        Table
            Those rows, in their order.

        Raises
        ------
        MissingColumnError
            There is no such column.
        InvalidValueError
            No row that is left has the value; the message says which there are.

        Examples
        --------
        >>> import alignscope
        >>> run = alignscope.Run("results")
        >>> len(run.scores.where(model=["ssim", "psnr"], dataset="pairs", subset="all"))
        18
        >>> run.scores.where(model="sim")
        Traceback (most recent call last):
            ...
        alignscope.InvalidValueError: no row has the model 'sim'; there are 'pixels', 'ssim', 'psnr'
        """
        import numpy as np

        found = self
        told: list[str] = []
        for column, wanted in values.items():
            cells = found[column]
            several = isinstance(wanted, Iterable) and not isinstance(wanted, (str, bytes))
            keep = np.zeros(len(cells), bool)
            for value in wanted if several else [wanted]:
                has = _has(cells, value)
                if not has.any():
                    raise InvalidValueError(_none_has(column, value, cells, told))
                keep |= has
            found = Table(found._table.filter(keep))
            told.append(f"{column} {wanted!r}")
        return found

    def to_pandas(self) -> pandas.DataFrame:
        """The table as a data frame of pandas; pyarrow is not needed.

        Raises
        ------
        MissingPackageError
            pandas is not installed.
        """
        pd = package("pandas", "to_pandas()")
        return pd.DataFrame({name: self[name] for name in self.columns})

    def to_polars(self) -> polars.DataFrame:
        """The table as a data frame of polars.

        Raises
        ------
        MissingPackageError
            polars is not installed.
        """
        pl = package("polars", "to_polars()")
        found: polars.DataFrame = pl.DataFrame(self)
        return found

    def to_arrow(self) -> pyarrow.Table:
        """The table as a table of pyarrow.

        Raises
        ------
        MissingPackageError
            pyarrow is not installed.
        """
        return package("pyarrow", "to_arrow()").table(self)

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


def _has(cells: NDArray[Any], value: object) -> NDArray[np.bool_]:
    """Which cells have a value; None is what is missing."""
    import numpy as np

    if value is None or value != value:
        return np.array([cell is None or cell != cell for cell in cells.tolist()], bool)
    if cells.dtype != object and not isinstance(value, (bool, int, float, np.generic)):
        return np.zeros(len(cells), bool)
    return np.asarray(cells == value, bool)


def _none_has(column: str, value: object, cells: NDArray[Any], told: list[str]) -> str:
    """That no row has a value, and which there are."""
    there = list(dict.fromkeys(repr(cell) for cell in cells.tolist()))
    more = f" and {len(there) - _NAMED} more" if len(there) > _NAMED else ""
    of = f" of {', '.join(told)}" if told else ""
    listed = ", ".join(there[:_NAMED]) or "none"
    return f"no row{of} has the {column} {value!r}; there are {listed}{more}"


def _cell(value: Any) -> str:
    if value is None or value != value:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def results(path: str | os.PathLike[str], table: TableName = "scores") -> Table:
    """A table of a run.

    Parameters
    ----------
    path : str or os.PathLike
        The folder of the run.
    table : str, default "scores"
        `scores` (a row a score: data set, subset, model, stage, distance, measure, value,
        interval), `ceilings`, `findings`, `comparisons`, `energy`, `distances` (a row for each
        pair, stage and kind of distance), `trials` or `scale`.

    Returns
    -------
    Table
        Rows of the large tables (`distances`, `trials`, `scale`) are read when they are asked for.

    Raises
    ------
    MissingFileError
        The folder has no such table.
    ResultsError
        The table cannot be read.
    InvalidValueError
        There is no table of that name.

    Examples
    --------
    >>> import alignscope
    >>> comparisons = alignscope.results("results", "comparisons")
    >>> comparisons.columns[:4]
    ['dataset', 'subset', 'measure', 'model_a']
    """
    return Table(_alignscope.read_table(check.path("path", path), check.text("table", table)))
