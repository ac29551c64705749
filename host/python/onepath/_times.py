"""Moments between Python and the library: microseconds since 1970 in UTC, exactly."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

from ._errors import InputError, RequestError

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)

#: How times without a zone are taken: ``None`` refuses them, ``"utc"`` takes them as UTC.
Naive = str | None


def is_utc(naive: Naive) -> bool:
    """Whether times without a zone are taken as UTC."""
    if naive is None:
        return False
    if naive == "utc":
        return True
    raise RequestError(f'naive is None (refused) or "utc", and not {naive!r}')


def to_micros(value: Any, naive: bool) -> int:
    """The microseconds of a ``datetime`` (also pandas' and numpy's); what is finer is rounded down."""
    if isinstance(value, datetime):
        if value != value:  # pandas' NaT
            raise InputError("NaT is no time")
        if value.tzinfo is None:
            if not naive:
                raise InputError(f'{value} has no zone: give it one, or take it as UTC with naive="utc"')
            value = value.replace(tzinfo=timezone.utc)
        elapsed = value - EPOCH
        return int((elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds)
    if isinstance(value, date):
        return (datetime(value.year, value.month, value.day, tzinfo=timezone.utc) - EPOCH) // _MICROSECOND
    if type(value).__module__ == "numpy" and type(value).__name__ == "datetime64":
        if not naive:
            raise InputError(f'{value} has no zone: take it as UTC with naive="utc"')
        return int(value.astype("datetime64[us]").astype("int64"))
    raise InputError(f"{value!r} is no time: give a datetime with a zone, or a text such as 2024-06-30T12:00:00Z")


def to_step(value: str | timedelta) -> int | str:
    """A step between moments: a text such as ``1d`` as it is, or whole microseconds."""
    if isinstance(value, str):
        return value
    if isinstance(value, timedelta):
        return value // _MICROSECOND
    raise RequestError(f'every is a text such as "1d" or "12h", or a timedelta, and not {value!r}')


def to_datetime(micros: int) -> datetime:
    """The moment in UTC."""
    return EPOCH + timedelta(microseconds=micros)
