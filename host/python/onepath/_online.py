"""Answers to questions, and what a push did."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from . import _html
from ._frames import needed, to_pandas


class PushResult(NamedTuple):
    """What a push did. When it is there, the events are on disk, and later answers include them."""

    #: Events that are in the log now.
    appended: int
    #: Events that were there already, by their id.
    duplicates: int
    #: Events that were stamped later than the arrival that they declared, because the log had gone on.
    adjusted: int
    #: The newest offset of the log.
    offset: int
    #: Events that are not as their source expects, which were set aside in ``.onepath/dead_letters``.
    dead_letters: int = 0

    def __repr__(self) -> str:
        shown = {name: count for name, count in self._asdict().items() if name != "dead_letters" or count}
        return f"PushResult({', '.join(f'{name}={count}' for name, count in shown.items())})"


class Answer(Protocol):
    """What an answer gives, wherever it comes from."""

    @property
    def as_of(self) -> datetime: ...
    @property
    def offset(self) -> int: ...
    @property
    def replayed(self) -> bool: ...
    def to_dict(self) -> dict[str, list[Any]]: ...
    def statuses(self) -> dict[str, list[str]]: ...


class OnlineResponse:
    """The features of some entities at one moment."""

    __slots__ = ("_answer",)

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    @property
    def as_of(self) -> datetime:
        """The cut-off that was used."""
        return self._answer.as_of

    @property
    def offset(self) -> int:
        """The newest offset of the log that was visible then."""
        return self._answer.offset

    @property
    def replayed(self) -> bool:
        """Whether it was answered from history and log, because the states had passed its as-of."""
        return self._answer.replayed

    @property
    def statuses(self) -> dict[str, list[str]]:
        """By feature, ``PRESENT``, ``NULL_VALUE``, ``NOT_FOUND`` or ``OUTSIDE_MAX_AGE`` for each entity."""
        return self._answer.statuses()

    def to_dict(self) -> dict[str, list[Any]]:
        """By name, a list with a value for each entity: the keys, then the features."""
        return self._answer.to_dict()

    def to_df(self) -> Any:
        """A DataFrame of pandas, a row for each entity."""
        if hasattr(self._answer, "__arrow_c_stream__"):
            return to_pandas(self._answer, "to_df()")
        return needed("pandas", "to_df()", "pandas").DataFrame(self.to_dict())

    def to_polars(self) -> Any:
        """A DataFrame of polars, a row for each entity."""
        polars = needed("polars", "to_polars()", "polars")
        return polars.DataFrame(self._answer if hasattr(self._answer, "__arrow_c_stream__") else self.to_dict())

    def to_arrow(self) -> Any:
        """A table of pyarrow, a row for each entity."""
        pyarrow = needed("pyarrow", "to_arrow()", "arrow")
        return pyarrow.table(self._answer if hasattr(self._answer, "__arrow_c_stream__") else self.to_dict())

    def __repr__(self) -> str:
        return f"<OnlineResponse as of {self.as_of.isoformat()}, log offset {self.offset}: {self.to_dict()}>"

    def _repr_html_(self) -> str:
        columns = self.to_dict()
        rows = list(zip(*columns.values(), strict=True))
        return _html.table(f"as of {self.as_of.isoformat()}, log offset {self.offset}", list(columns), rows)


class JsonAnswer:
    """An answer that came over HTTP."""

    def __init__(self, body: Mapping[str, Any], inputs: Mapping[str, Sequence[Any]], full_feature_names: bool) -> None:
        self._body = body
        self._inputs = inputs
        self._full = full_feature_names

    @property
    def as_of(self) -> datetime:
        return _time(self._body["as_of"])

    @property
    def offset(self) -> int:
        return int(self._body["offset"])

    @property
    def replayed(self) -> bool:
        return bool(self._body["replayed"])

    def _name(self, reference: str) -> str:
        view, _, feature = reference.partition(":")
        return f"{view.partition('@')[0]}__{feature}" if self._full else feature

    def to_dict(self) -> dict[str, list[Any]]:
        columns: dict[str, list[Any]] = {name: list(values) for name, values in self._inputs.items()}
        for feature in self._body["features"]:
            of = _READERS.get(feature["type"])
            values = feature["values"]
            columns[self._name(feature["feature"])] = [None if value is None else of(value) for value in values] if of else values
        return columns

    def statuses(self) -> dict[str, list[str]]:
        return {self._name(feature["feature"]): feature["statuses"] for feature in self._body["features"]}


def _float(value: float | str) -> float:
    # JSON has no number for those that are not finite.
    return {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}[value] if isinstance(value, str) else float(value)


def _time(value: str) -> datetime:
    text = value.replace("Z", "+00:00")
    date, _, fraction = text.partition(".")
    if fraction:
        # Before Python 3.11 a fraction has three digits or six.
        digits, zone = fraction[:-6], fraction[-6:]
        text = f"{date}.{digits:0<6}{zone}"
    return datetime.fromisoformat(text)


_READERS: dict[str, Any] = {
    "float64": _float,
    "time": _time,
    "list<float64>": lambda values: [_float(value) for value in values],
}
