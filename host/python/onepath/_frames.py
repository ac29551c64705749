"""Tables in and out, of whatever library. Nothing is imported that was not given or asked for."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _onepath
from ._errors import Error, InputError, MissingPackageError
from ._times import to_datetime, to_micros

if TYPE_CHECKING:
    from pathlib import Path

#: A table: a path, rows as dicts, or an object of any library that gives an Arrow stream.
Table = Any


def module_of(table: Any) -> str:
    """The library that a table is of."""
    return type(table).__module__.partition(".")[0]


def is_pandas(table: Any) -> bool:
    """Whether a table is a DataFrame of pandas."""
    return module_of(table) == "pandas" and hasattr(table, "columns")


def needed(package: str, what: str, extra: str) -> Any:
    """Imports a package that only this needs."""
    import importlib

    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise MissingPackageError(f"{what} needs {package}: pip install 'onepath[{extra}]'") from error


def is_table(rows: Any) -> bool:
    """Whether rows are those of a table whose columns have types, and not dicts and lists."""
    return not isinstance(rows, (Mapping, list, tuple))


class Staged(NamedTuple):
    """A table as a run reads it: a file that it was in already, or one that it was written to."""

    path: str
    #: The index and the dtypes of a DataFrame of pandas.
    index: Any = None
    dtypes: Mapping[str, Any] | None = None


class Staging:
    """A folder within the project for the tables of one run, made when the first table needs it."""

    def __init__(self, data_dir: str) -> None:
        self._data_dir = data_dir
        self._made: _onepath.Folder | None = None
        #: By the file that a table was written to, what whoever gave it calls it.
        self._names: dict[str, str] = {}

    @property
    def is_used(self) -> bool:
        """Whether a table was written to it."""
        return bool(self._names)

    def renamed(self, text: str) -> str:
        """What is told of a file that a table was written to, told of the table."""
        for path, name in self._names.items():
            text = text.replace(path, name)
        return text

    @contextmanager
    def told(self) -> Iterator[None]:
        """Errors name a table as whoever gave it does."""
        try:
            yield
        except Error as error:
            text = self.renamed(str(error))
            if text == str(error):
                raise
            raise type(error)(text).with_traceback(error.__traceback__) from None

    @property
    def folder(self) -> _onepath.Folder:
        """The folder."""
        if self._made is None:
            self._made = _onepath.Folder(self._data_dir)
        return self._made

    def out(self, name: str) -> str:
        """A path in it."""
        return os.fspath(self.folder.path / name)

    def stage(
        self, name: str, table: Table, *, called: str, naive: bool, times: Sequence[str] | None = None
    ) -> Staged:
        """The file of a table. Times without a zone are refused, in all columns or in ``times``, unless ``naive``."""
        if isinstance(table, (str, os.PathLike)):
            return Staged(os.path.abspath(os.fspath(table)))
        # A name may be anything; a file's may not.
        name = "".join(letter if letter.isalnum() or letter in "_.-" else "_" for letter in name)
        if _is_rows(table):
            path = self.out(f"{name}.ndjson")
            with open(path, "w", encoding="utf-8") as file:
                file.writelines(json_of_rows(row, naive) + "\n" for row in table)
            self._names[path] = called
            return Staged(path)
        stream, index, dtypes = _stream_of(table)
        path = str(self.folder.write(name, stream, naive=naive, times=times))
        self._names[path] = called
        return Staged(path, index, dtypes)


def _is_rows(table: Any) -> bool:
    return isinstance(table, Sequence) and all(isinstance(row, Mapping) for row in table)


def _stream_of(table: Any) -> tuple[Any, Any, Mapping[str, Any] | None]:
    if is_pandas(table):
        pyarrow = needed("pyarrow", "a DataFrame of pandas, which gives Arrow through it,", "pandas")
        try:
            # Without the index, which comes back with what is made of the table.
            stream = pyarrow.Table.from_pandas(table, preserve_index=False)
        except (pyarrow.ArrowException, ValueError, TypeError) as error:
            raise InputError(f"the DataFrame has a column that Arrow does not: {error}") from error
        dtypes = {str(name): dtype for name, dtype in zip(table.columns, table.dtypes, strict=True)}
        return stream, table.index, dtypes
    if module_of(table) == "polars" and not hasattr(table, "__arrow_c_stream__") and hasattr(table, "collect"):
        return table.collect(), None, None
    if module_of(table) in ("pandas", "polars") and type(table).__name__ == "Series":
        raise InputError("a Series is one column, and no table: give a DataFrame, such as series.to_frame()")
    if hasattr(table, "__arrow_c_stream__"):
        return table, None, None
    # DuckDB before 1.4.
    for method in ("fetch_arrow_reader", "fetch_record_batch", "arrow"):
        if module_of(table) in ("duckdb", "_duckdb") and hasattr(table, method):
            return getattr(table, method)(), None, None
    raise InputError(
        f"{type(table).__name__} is no table: give a path, a list of dicts, or an object of a library that gives Arrow streams "
        "(__arrow_c_stream__), such as a DataFrame of pandas or polars, a DuckDB relation or a pyarrow table"
    )


def json_of(value: Any, naive: bool) -> str:
    """A value as the library reads JSON: floats by their digits, and times in UTC as fine as they are."""
    return json.dumps(_plain(value, naive, True), allow_nan=False)


def json_of_rows(value: Any, naive: bool) -> str:
    """The same of rows that are dicts. Nobody knows the types of their fields, so a NaN in them may be a number or, as pandas has it, a
    text that is missing: it is refused."""
    return json.dumps(_plain(value, naive, False), allow_nan=False)


def _plain(value: Any, naive: bool, nan: bool) -> Any:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
        if math.isnan(value):
            if nan:
                return "NaN"
            raise InputError(
                "a row has a NaN: give None where a value is missing, as pandas writes NaN for it, or a table of pyarrow or polars where NaN "
                "is the value"
            )
        return "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, (datetime, date)) or type(value).__name__ == "datetime64":
        moment = to_datetime(to_micros(value, naive))
        # Of what is finer than a microsecond the library knows which way to round: pandas has it.
        finer = getattr(value, "nanosecond", 0)
        return moment.isoformat(timespec="microseconds").replace("+00:00", f"{finer:03}+00:00") if finer else moment.isoformat()
    if _is_missing(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _plain(item, naive, nan) for key, item in value.items()}
    if hasattr(value, "tolist"):
        return _plain(value.tolist(), naive, nan)
    if isinstance(value, Iterable):
        return [_plain(item, naive, nan) for item in value]
    raise InputError(f"{value!r} has no counterpart: give a number, a text, a bool, a time or a list of floats")


def columns_of(rows: Any) -> Any:
    """Rows of a question: dicts and lists as they are, a table as a dict of lists."""
    if isinstance(rows, (dict, list, tuple)):
        return rows
    if is_pandas(rows):
        return {str(name): _cells(rows[name]) for name in rows.columns}
    if module_of(rows) == "polars":
        return rows.to_dict(as_series=False)
    if hasattr(rows, "to_pydict"):
        return rows.to_pydict()
    return rows


#: The dtypes of pandas in which NaN is a value, for they have another word for what is missing.
_NAN_IS_A_VALUE = ("ArrowDtype", "Float32Dtype", "Float64Dtype")


def _cells(column: Any) -> list[Any]:
    """The cells of a column of pandas. What Arrow takes as missing is missing: NaN, where the dtype has no other word for it."""
    nan = type(column.dtype).__name__ in _NAN_IS_A_VALUE
    return [None if _is_missing(cell) or (not nan and _is_nan(cell)) else cell for cell in column.tolist()]


def _is_nan(cell: Any) -> bool:
    return isinstance(cell, float) and math.isnan(cell)


def _is_missing(cell: Any) -> bool:
    return type(cell).__name__ in ("NAType", "NaTType")


def to_pandas(stream: Any, what: str) -> Any:
    """A DataFrame of pandas. Whole numbers and truth values with nulls stay what they are, in pandas' nullable types."""
    pyarrow = needed("pyarrow", what, "pandas")
    pandas = needed("pandas", what, "pandas")
    table = pyarrow.table(stream)
    nullable: dict[Any, Any] = {pyarrow.int64(): pandas.Int64Dtype(), pyarrow.bool_(): pandas.BooleanDtype()}
    nullable |= {
        getattr(pyarrow, name)(): getattr(pandas, f"{name.replace('u', 'U', 1).replace('int', 'Int')}Dtype")()
        for name in ("int8", "int16", "int32", "uint8", "uint16", "uint32", "uint64")
    } if hasattr(pandas, "UInt8Dtype") else {}
    names = table.column_names
    columns: dict[str, Any] = {}
    for at, name in enumerate(names):
        column = table.column(at)
        mapper: Callable[[Any], Any] | None = nullable.get if column.null_count else None
        columns[name] = column.to_pandas(types_mapper=mapper)
    return pandas.DataFrame(columns, index=None if columns else range(table.num_rows))


def like_given(frame: Any, staged: Staged | None, as_of: str | None) -> Any:
    """The columns of a training set that were given, with the dtypes and the index that they had."""
    pandas = needed("pandas", "to_df()", "pandas")
    if staged is None:
        return frame
    for name, dtype in (staged.dtypes or {}).items():
        if name not in frame.columns or frame[name].dtype == dtype:
            continue
        is_naive = getattr(dtype, "kind", "") == "M" and getattr(dtype, "tz", None) is None
        if name == as_of or (is_naive and getattr(frame[name].dtype, "tz", None) is not None):
            # It is a moment now, and says so.
            continue
        try:
            frame[name] = frame[name].astype(dtype)
        except (TypeError, ValueError):
            # Such as an empty column of objects: as Arrow has it.
            continue
    if staged.index is not None and len(staged.index) == len(frame):
        frame.index = staged.index
    assert isinstance(frame, pandas.DataFrame)
    return frame


def existing(path: str | os.PathLike[str]) -> Path:
    """A path of which the folder is there."""
    from pathlib import Path

    path = Path(path)
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path.absolute().parent} is no folder: make it first")
    return path
