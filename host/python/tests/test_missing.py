"""What is missing in pandas is null by every way in, and NaN is never a text."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import onepath
import pandas as pd
import polars as pl
import pytest

PROJECT = """
[project]
name = "missing"
[entities.user]
keys = { user_id = "text" }
[sources.events]
entity = "user"
event_time = "at"
[sources.events.fields]
kind = { type = "text", nullable = false }
amount = { type = "float64", nullable = true }
[views.spent]
sources = ["events"]
[views.spent.features]
total = { sum = "amount" }
events = { count = "amount" }
kind = { last = "kind" }
[views.offer]
request = { price = { type = "float64", nullable = true }, tag = { type = "text", nullable = true } }
[views.offer.features]
price_or_0 = { expr = "COALESCE(price, 0.0)" }
is_expensive = { expr = "price > 100" }
letters = { expr = "LENGTH(tag)" }
[services.spent_v1]
features = ["spent:*"]
[services.offer_v1]
features = ["offer:*"]
"""

AT = pd.Timestamp("2024-01-01", tz="UTC")


@pytest.fixture
def store(tmp_path: Path) -> onepath.FeatureStore:
    (tmp_path / "onepath.toml").write_text(PROJECT)
    return onepath.FeatureStore(tmp_path)


def frame(amounts: list[float]) -> pd.DataFrame:
    times = [AT + pd.Timedelta(days=day) for day in range(len(amounts))]
    return pd.DataFrame({"user_id": ["u"] * len(amounts), "at": times, "kind": ["buy"] * len(amounts), "amount": amounts})


def spent(asked: Any) -> list[Any]:
    answer = asked.get_online_features("spent_v1", [{"user_id": "u"}]).to_dict()
    return [answer["total"][0], answer["events"][0]]


def test_nan_of_pandas_is_null_for_store_and_client(store: onepath.FeatureStore) -> None:
    store.push("events", frame([math.nan, 2.0]))
    assert spent(store) == [2.0, 1]
    with store.serve(port=0) as server:
        client = onepath.Client(server.url)
        client.push("events", frame([math.nan, 3.0]))
        assert spent(client) == [5.0, 2]
        # Where NaN has a column of its own it is a number, and a sum with it is NaN.
        client.push("events", pl.DataFrame(frame([7.0])).with_columns(amount=pl.lit(math.nan)))
        assert math.isnan(spent(client)[0])
    assert store.verify().is_equal


def test_nan_is_no_text(store: onepath.FeatureStore) -> None:
    texts = frame([1.0, 2.0])
    texts["kind"] = ["buy", None]
    for given in (texts, texts.astype({"kind": object})):
        with pytest.raises(onepath.Error, match="kind"):
            store.push("events", given)
        with pytest.raises(onepath.Error, match="NaN"):
            store.push("events", [{**row, "kind": math.nan} for row in given.to_dict("records")])
        with store.serve(port=0) as server:
            client = onepath.Client(server.url)
            with pytest.raises(onepath.Error, match="kind"):
                client.push("events", given)
            with pytest.raises(onepath.Error, match="NaN"):
                client.push("events", [{**row, "kind": math.nan} for row in given.to_dict("records")])
    assert spent(store) == [None, 0]


def test_requests_are_what_training_is(store: onepath.FeatureStore) -> None:
    rows = pd.DataFrame({"price": [math.nan, 500.0], "tag": [None, "ab"]})
    labels = rows.assign(as_of=[AT, AT])
    trained = store.get_historical_features(labels, features="offer_v1", as_of="as_of").to_df()
    expected = [[0.0, None, None], [500.0, True, 2]]
    names = ["price_or_0", "is_expensive", "letters"]

    def told(values: Any) -> list[list[Any]]:
        return [[None if pd.isna(values[name][row]) else values[name][row] for name in names] for row in range(2)]

    assert told(trained.rename(columns=lambda name: name.split(":")[-1].split("__")[-1])) == expected
    assert told(store.get_online_features("offer_v1", rows).to_dict()) == expected
    with store.serve(port=0) as server:
        assert told(onepath.Client(server.url).get_online_features("offer_v1", rows).to_dict()) == expected


def test_what_is_finer_than_a_microsecond_is_told_as_it_is() -> None:
    from onepath._frames import json_of

    # The library rounds: event times up, so that none is known before it happened.
    assert json_of(pd.Timestamp("2024-01-01T01:00:00.000000001+01:00"), False) == '"2024-01-01T00:00:00.000000001+00:00"'
    assert json_of(pd.Timestamp("2024-01-01T00:00:00.5Z"), False) == '"2024-01-01T00:00:00.500000+00:00"'
