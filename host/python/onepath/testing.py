"""Views in tests: what they remember of some events, and what they answer.

::

    def test_a_return_counts():
        rows = onepath.testing.replay(
            onepath.FeatureStore("project").view("activity"),
            [{"customer_id": "c1", "event_timestamp": "2024-02-01T00:00:00Z", "event_type": "return", "amount": 5.0}],
            [{"customer_id": "c1", "as_of": "2024-03-01T00:00:00Z"}],
        )
        assert rows[0].features["return_rate_180d"] == 1.0
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ._errors import InputError
from ._frames import Table, columns_of
from ._store import View
from ._times import Naive

__all__ = ["ReplayedRow", "replay"]


@dataclass(frozen=True)
class ReplayedRow:
    """What a view remembers of an entity at a moment, and what it answers."""

    #: The keys of the entity.
    keys: dict[str, Any]
    #: The moment.
    as_of: datetime
    #: The features by name.
    features: dict[str, Any]
    #: The status of each: ``PRESENT``, ``NULL_VALUE``, ``NOT_FOUND`` or ``OUTSIDE_MAX_AGE``.
    statuses: dict[str, str]
    #: The state, in the bytes of the view's transform; empty where no event was seen.
    state: bytes
    #: What the state holds, where the transform says it (``#[transform(debug)]``).
    state_text: str | None
    #: The events that count, in their order, and after each the state and the features as of when it was known.
    steps: list[dict[str, Any]]


def replay(
    view: View,
    events_df: Table | Mapping[str, Table],
    questions_df: Table,
    *,
    as_of: str = "as_of",
    naive: Naive = None,
) -> list[ReplayedRow]:
    """Replays events through a view, and gives its state and its answers for each question, in their order.

    ``events_df`` has the columns of the view's source; of several sources it is a dict of tables by source. ``questions_df`` has the
    keys, the moment in the column ``as_of``, and the request fields. Both are tables of any library, or lists of dicts. Nothing is
    kept, and neither files nor what was pushed to the project plays a part.

    One question costs one replay of the events of its entity: for large tables take :meth:`FeatureStore.get_historical_features`.
    """
    store = view.store
    utc = store._naive(naive) == "utc"
    staging = store._staging()
    sources = store._sources(staging, view._events(events_df), utc)
    rows = _rows(questions_df)
    fields = {field["name"] for field in view.explain()["request_fields"]}
    plan = json.loads(store._native.plan([f"{view.label}:{name}" for name in view.features], False))
    keys = [key["name"] for key in plan["keys"]]
    replayed = []
    for row in rows:
        missing = [name for name in (*keys, as_of) if row.get(name) is None]
        if missing:
            raise InputError(f"a question lacks {', '.join(missing)}; it has: {', '.join(row)}")
        named = {name: row[name] for name in keys}
        request = {name: row[name] for name in row if name in fields}
        with staging.told():
            steps = view._steps(named, row[as_of], request, sources, naive)
        *before, last = steps
        replayed.append(
            ReplayedRow(
                keys=named,
                as_of=last["as_of"],
                features=last["features"],
                statuses=last["statuses"],
                state=last["state"],
                state_text=last["state_text"],
                steps=before,
            )
        )
    return replayed


def _rows(table: Any) -> Sequence[Mapping[str, Any]]:
    if isinstance(table, (str, os.PathLike)):
        raise InputError("questions are a table or a list of dicts, and no file: read it first")
    rows = columns_of(table)
    if isinstance(rows, Mapping):
        names = list(rows)
        return [dict(zip(names, cells, strict=True)) for cells in zip(*rows.values(), strict=True)]
    return list(rows)
