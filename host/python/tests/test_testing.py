"""`onepath.testing.replay`, as tests of views use it."""

from __future__ import annotations

from datetime import datetime, timezone

import pandas
import polars
import pytest

import onepath

EVENTS = [
    {"customer_id": "a", "event_timestamp": "2024-01-01T00:00:00Z", "event_type": "purchase", "amount": 10.0},
    {"customer_id": "a", "event_timestamp": "2024-02-20T00:00:00Z", "event_type": "purchase", "amount": 20.0},
    {"customer_id": "b", "event_timestamp": "2024-02-25T00:00:00Z", "event_type": "purchase", "amount": 5.0},
]
QUESTIONS = [
    {"customer_id": "a", "as_of": "2024-03-01T00:00:00Z"},
    {"customer_id": "b", "as_of": "2024-02-01T00:00:00Z"},
    {"customer_id": "a", "as_of": datetime(2024, 1, 2, tzinfo=timezone.utc)},
]


def test_state_and_answers_by_row(churn: onepath.FeatureStore) -> None:
    view = churn.view("activity")
    rows = onepath.testing.replay(view, EVENTS, QUESTIONS)
    assert [row.keys["customer_id"] for row in rows] == ["a", "b", "a"]
    assert [row.features["purchase_count_30d"] for row in rows] == [1, 0, 1]
    assert [len(row.steps) for row in rows] == [2, 0, 1]
    assert rows[1].statuses["purchase_count_30d"] == "NOT_FOUND" and rows[1].state == b""
    assert rows[0].state and rows[0].state == rows[0].steps[-1]["state"] != rows[2].state
    assert rows[0].steps[0]["event"]["fields"]["amount"] == 10.0
    assert rows[0].as_of == datetime(2024, 3, 1, tzinfo=timezone.utc)
    # As a backfill answers.
    questions = polars.DataFrame([dict(row, as_of=onepath_time(row["as_of"])) for row in QUESTIONS])
    events = polars.DataFrame([dict(event, event_timestamp=onepath_time(event["event_timestamp"])) for event in EVENTS])
    made = churn.get_historical_features(questions, "churn_v1", events={"events": events}).to_polars()
    for name in made.columns[2:]:
        assert made[name].to_list() == [row.features[name] for row in rows]
    again = onepath.testing.replay(view, events, questions)
    assert again == rows


def onepath_time(value: str | datetime) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value.replace("Z", "+00:00"))


def test_pandas_and_what_lacks(churn: onepath.FeatureStore) -> None:
    view = churn.view("activity@v1")
    events = pandas.DataFrame(EVENTS).assign(event_timestamp=lambda frame: pandas.to_datetime(frame["event_timestamp"], utc=True))
    rows = onepath.testing.replay(view, {"events": events}, pandas.DataFrame(QUESTIONS[:2]))
    assert [row.features["purchase_count_30d"] for row in rows] == [1, 0]
    with pytest.raises(onepath.InputError, match="a question lacks as_of"):
        onepath.testing.replay(view, EVENTS, [{"customer_id": "a"}])


def test_the_view_of_files_and_pushes(churn: onepath.FeatureStore) -> None:
    steps = churn.view("activity").replay({"customer_id": "c207"}, as_of="2024-06-30T00:00:00Z")
    *before, last = steps
    assert last["event"] is None and before and all(step["event"]["source"] == "events" for step in before)
    assert all(step["event"]["event_time"] <= last["as_of"] for step in before)
