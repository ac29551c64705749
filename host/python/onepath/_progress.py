"""How far a run is, on a terminal; and its warnings."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ._errors import OnepathWarning, RequestError

_UNITS = {"": 0, "b": 0, "k": 10, "kib": 10, "m": 20, "mib": 20, "g": 30, "gib": 30, "t": 40, "tib": 40}


def bytes_of(memory: int | str | None) -> int | None:
    """A size such as ``"512MiB"`` or ``"4GiB"`` in bytes."""
    if memory is None or isinstance(memory, int):
        return memory
    digits = memory.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
    unit = _UNITS.get(memory[len(digits) :].strip().lower())
    if unit is None or not digits.isdigit() or int(digits) == 0:
        raise RequestError(f"memory is {memory!r}: give it as 512MiB or 4GiB, or as a number of bytes")
    return int(digits) << unit


def warn(texts: Iterable[str]) -> None:
    """Raises them as warnings of whoever called onepath."""
    depth, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__package__") == __package__:
        depth, frame = depth + 1, frame.f_back
    for text in texts:
        warnings.warn(text, OnepathWarning, stacklevel=depth - 1)


@contextmanager
def running(
    what: str, *, memory: int | str | None = None, threads: int | None = None, progress: bool | None = None
) -> Iterator[dict[str, Any]]:
    """What a run may take, and a line of progress: by default where standard error is a terminal."""
    shows = sys.stderr.isatty() if progress is None else progress
    shown = False

    def show(rows: int, expected: int) -> None:
        nonlocal shown
        if rows == 0:
            return
        of = f" of {expected:,}" if expected else ""
        sys.stderr.write(f"\r{what}: {rows:,}{of} rows evaluated\x1b[K")
        sys.stderr.flush()
        shown = True

    tell: Callable[[int, int], None] | None = show if shows else None
    try:
        yield {"memory": bytes_of(memory), "threads": threads, "progress": tell}
    finally:
        if shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
