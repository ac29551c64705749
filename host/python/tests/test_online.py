"""Questions and pushes: in this process, over HTTP, from threads; what was served is what a backfill gives, bit for bit."""

from __future__ import annotations

import asyncio
import math
import struct
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pandas
import polars
import pytest

import onepath
from conftest import EXAMPLES, TRAINING

TODAY = EXAMPLES / "churn/data/today.ndjson"


def bits(value: Any) -> Any:
    """A value by its bits."""
    if isinstance(value, float):
        return struct.pack(">d", value)
    return [bits(item) for item in value] if isinstance(value, list) else value


def test_answers_have_their_types(served: onepath.FeatureStore) -> None:
    answer = served.get_online_features("churn_v1", [{"customer_id": "c207"}, {"customer_id": "nobody"}])
    by_name = answer.to_dict()
    assert by_name["customer_id"] == ["c207", "nobody"]
    for name, kind in served.view("activity").features.items():
        python = {"int64": int, "float64": float}[kind]
        assert all(value is None or type(value) is python for value in by_name[name]), name
    assert {statuses[1] for statuses in answer.statuses.values()} == {"NOT_FOUND"}
    assert list(answer.to_df().columns) == list(by_name) == answer.to_polars().columns == answer.to_arrow().column_names
    assert answer.as_of.tzinfo is timezone.utc and not answer.replayed
    assert "c207" in answer._repr_html_()
    columns = served.get_online_features("churn_v1", {"customer_id": ["c207", "nobody"]}, as_of=answer.as_of)
    assert columns.to_dict() == by_name
    frame = pandas.DataFrame({"customer_id": ["c207"]})
    assert served.get_online_features("churn_v1", frame).to_dict()["customer_id"] == ["c207"]
    names = ["activity:purchase_count_30d"]
    few = served.get_online_features(names, polars.DataFrame({"customer_id": ["c207"]}), full_feature_names=True)
    assert list(few.to_dict()) == ["customer_id", "activity__purchase_count_30d"]


def test_what_cannot_be_asked(served: onepath.FeatureStore) -> None:
    ask = served.get_online_features
    with pytest.raises(onepath.UnknownNameError, match="churn_v9"):
        ask("churn_v9", [{"customer_id": "c1"}])
    with pytest.raises(onepath.RequestError, match="customer_id.*is not text"):
        ask("churn_v1", [{"customer_id": 7}])
    with pytest.raises(onepath.RequestError, match="card_id is not read"):
        ask("churn_v1", [{"card_id": "c1"}])
    with pytest.raises(onepath.RequestError, match="at least one"):
        ask("churn_v1", [])
    for one in ("c1", 7):
        with pytest.raises(onepath.RequestError, match="customer_id is one value where a list is expected"):
            ask("churn_v1", {"customer_id": one})
    for rows in ("c1", ["c1"], 7, [{"customer_id": "c1"}, "c2"]):
        with pytest.raises(onepath.RequestError, match="entity_rows is a list of dicts, a dict of lists, or a table"):
            ask("churn_v1", rows)
    with pytest.raises(onepath.RequestError, match="row 2 has other fields"):
        ask("churn_v1", [{"customer_id": "c1"}, {}])
    with pytest.raises(onepath.InputError, match="has no zone"):
        ask("churn_v1", [{"customer_id": "c1"}], as_of=datetime(2024, 1, 1))
    with pytest.raises(onepath.RequestError):
        ask("churn_v1", [{"customer_id": "c1"}], as_of="yesterday")


def test_the_history_is_asked_for(churn: onepath.FeatureStore) -> None:
    with pytest.raises(onepath.NotMaterializedError, match=r"call store.materialize\(\), or open it with FeatureStore\(..., allow_unm"):
        churn.get_online_features("churn_v1", [{"customer_id": "c1"}])


@pytest.mark.parametrize("example", TRAINING)
def test_served_is_what_a_backfill_gives(example: str, project: Callable[[str], Path]) -> None:
    service, _, more = TRAINING[example]
    full = bool(more)
    with onepath.FeatureStore(project(example)) as store:
        folder = Path(store.path)
        store.materialize(up_to="2024-12-31" if example == "churn" else "2024-06-29T23:59:59Z")
        source = {"churn": "events", "fraud": "payments", "recommend": "ratings"}[example]
        assert store.push(source, folder / "data/today.ndjson", arrived_at="event-time").appended > 0
        labels = polars.read_csv(folder / "data/labels.csv").tail(60)
        keys = [name for name in ("customer_id", "card_id", "user_id", "item_id") if name in labels.columns]
        fields = [name for name in ("amount",) if name in labels.columns]
        rows = labels.select(keys + fields).to_dicts()
        now = store.get_online_features(service, rows, full_feature_names=full)
        moments = [now.as_of, now.as_of + timedelta(0), datetime(2025, 1, 5, 12, 0, 0, 7, tzinfo=timezone.utc)]
        moments.append(datetime(2024, 6, 30, 12, tzinfo=timezone.utc))
        for moment in moments:
            answer = now if moment is now.as_of else store.get_online_features(
                service, rows, as_of=moment, full_feature_names=full
            )
            spine = labels.select(keys + fields).with_columns(as_of=polars.lit(moment))
            made = store.get_historical_features(spine, service, full_feature_names=full).to_polars()
            online = answer.to_dict()
            for name in online:
                assert bits(online[name]) == bits(made[name].to_list()), (name, moment)
        report = store.verify()
        assert report and report.is_equal and report.vectors >= 60 and report.differences == 0
        assert "equal" in report._repr_html_()


def test_pushes_of_every_kind(served: onepath.FeatureStore) -> None:
    at = datetime.now(timezone.utc) - timedelta(minutes=5)
    event = {"customer_id": "new", "event_timestamp": at, "event_type": "purchase", "amount": 3.25}
    frame = pandas.DataFrame([event])
    for given in (event, [event], frame, polars.DataFrame([event]), frame.astype({"event_type": "category"})):
        assert served.push("events", given).appended == 1
    answer = served.get_online_features("churn_v1", [{"customer_id": "new"}]).to_dict()
    assert answer["purchase_count_30d"] == [5]
    naive = dict(event, event_timestamp=at.replace(tzinfo=None))
    with pytest.raises(onepath.InputError, match="has no zone"):
        served.push("events", naive)
    with pytest.raises(onepath.InputError, match="without a zone"):
        served.push("events", pandas.DataFrame([naive]))
    assert served.push("events", naive, naive="utc").appended == 1
    with pytest.raises(onepath.UnknownNameError):
        served.push("nothing", event)
    with pytest.raises(onepath.RequestError):
        served.push("events", dict(event, event_timestamp=at + timedelta(days=1)))
    with pytest.raises(onepath.RequestError, match="amount"):
        served.push("events", dict(event, amount="much"))


def test_many_threads(served: onepath.FeatureStore) -> None:
    """200 questions and 200 pushes from 8 threads, with training sets beside them: nothing is lost, nothing hangs."""
    expected = served.get_online_features("churn_v1", [{"customer_id": "c207"}]).to_dict()
    labels = EXAMPLES / "churn/data/labels.csv"
    training = served.get_historical_features(labels, "churn_v1", as_of="label_date", events={"events": EXAMPLES / "churn/data/events.csv"})
    began = threading.Barrier(8)
    at = datetime.now(timezone.utc) - timedelta(hours=1)

    def ask(thread: int) -> list[int]:
        began.wait()
        offsets = []
        for turn in range(25):
            assert served.get_online_features("churn_v1", [{"customer_id": "c207"}]).to_dict().keys() == expected.keys()
            event = {"customer_id": f"busy{thread}", "event_timestamp": at, "event_type": "purchase", "amount": float(turn)}
            offsets.append(served.push("events", event).offset)
            # What this thread has pushed is in what it is answered.
            now = served.get_online_features("churn_v1", [{"customer_id": f"busy{thread}"}])
            assert now.to_dict()["purchase_count_30d"] == [turn + 1] and now.offset >= offsets[-1]
            if turn == thread:
                events = {"events": EXAMPLES / "churn/data/events.csv"}
                made = served.get_historical_features(labels, "churn_v1", as_of="label_date", events=events)
                assert made.to_arrow().equals(training.to_arrow())
        return offsets

    with ThreadPoolExecutor(8) as threads:
        offsets = [offset for of_thread in threads.map(ask, range(8), timeout=300) for offset in of_thread]
    # A push's offset is the newest of the log when it was answered.
    assert len(offsets) == 200 and max(offsets) == 200
    report = served.verify()
    assert report.is_equal and report.vectors >= 400


def test_over_http(served: onepath.FeatureStore) -> None:
    rows = [{"customer_id": "c207"}, {"customer_id": "c211"}]
    here = served.get_online_features("churn_v1", rows)
    with served.serve(port=0, token="secret") as server:
        client = server.client()
        assert client.is_ready()
        there = client.get_online_features("churn_v1", rows, as_of=here.as_of)
        assert {name: bits(value) for name, value in there.to_dict().items()} == {
            name: bits(value) for name, value in here.to_dict().items()
        }
        assert there.statuses == here.statuses and there.as_of == here.as_of
        assert list(there.to_df().columns) == list(here.to_df().columns)
        event = {"customer_id": "far", "event_timestamp": datetime.now(timezone.utc) - timedelta(hours=1), "event_type": "purchase"}
        assert client.push("events", polars.DataFrame([dict(event, amount=1.5)])).appended == 1
        assert served.get_online_features("churn_v1", [{"customer_id": "far"}]).to_dict()["purchase_count_30d"] == [1]
        with pytest.raises(onepath.HttpError) as refused:
            client.get_online_features("none", rows)
        assert refused.value.status == 404 and refused.value.kind == "unknown_service"
        with pytest.raises(onepath.HttpError) as refused:
            onepath.Client(server.url).services()
        assert refused.value.status == 401
        with pytest.raises(onepath.BusyError):
            served.materialize()
        assert [service["name"] if "name" in service else service["service"] for service in client.services()]
        asyncio.run(many(server.url))
        url = server.url
    assert not server.is_running
    with pytest.raises(onepath.UnavailableError, match="cannot reach"):
        onepath.Client(url, retries=0).services()
    assert served.verify().is_equal


async def many(url: str) -> None:
    async with onepath.AsyncClient(url, token="secret") as client:
        answers = await asyncio.gather(
            *(client.get_online_features("churn_v1", [{"customer_id": f"c{at}"}]) for at in range(1, 40))
        )
        assert [answer.to_dict()["customer_id"] for answer in answers] == [[f"c{at}"] for at in range(1, 40)]


def test_a_server_that_has_no_room_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    client = onepath.Client("http://localhost:1", retries=3)
    tries: list[str] = []
    answers = [(503, 0.0, '{"error": {"cause": "busy", "message": "busy"}}')] * 2 + [(200, 0.0, '{"services": []}')]

    def once(method: str, path: str, body: str | None) -> tuple[int, float, str]:
        tries.append(path)
        return answers[len(tries) - 1]

    monkeypatch.setattr(client, "_once", once)
    assert client.services() == [] and len(tries) == 3
    # Without ids it is not known whether a push that was refused so was taken.
    tries.clear()
    with pytest.raises(onepath.HttpError):
        client.push("events", [{"a": 1}])
    assert len(tries) == 1


def test_a_push_with_ids_is_tried_until_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    from onepath import _client

    client = onepath.Client("http://localhost:1", retries=3)
    bodies: list[str | None] = []

    def once(method: str, path: str, body: str | None) -> tuple[int, float, str]:
        bodies.append(body)
        if len(bodies) < 3:
            raise _client._Sent("the line went dead")
        return 200, 0.0, '{"appended": 0, "duplicates": 1, "adjusted": 0, "offset": 4}'

    monkeypatch.setattr(client, "_once", once)
    assert client.push("events", {"a": 1}, event_id="id").duplicates == 1
    assert len(bodies) == 3 and len(set(bodies)) == 1 and '"id"' in (bodies[0] or "")
    bodies.clear()
    with pytest.raises(onepath.UnavailableError, match="event_id"):
        client.push("events", {"a": 1})
    assert len(bodies) == 1


def test_nan_and_times_over_json() -> None:
    from onepath._online import JsonAnswer

    body = {
        "as_of": "2024-01-01T00:00:00.000001Z", "offset": 3, "replayed": False,
        "features": [
            {"feature": "v:f", "type": "float64", "values": ["NaN", None, 0.1], "statuses": []},
            {"feature": "v@v2:t", "type": "time", "values": ["2024-01-01T00:00:00.5Z"], "statuses": []},
            {"feature": "v:l", "type": "list<float64>", "values": [["Infinity", 1.0]], "statuses": []},
        ],
    }
    answer = JsonAnswer(body, {}, True)
    columns = answer.to_dict()
    assert math.isnan(columns["v__f"][0]) and columns["v__f"][1:] == [None, 0.1]
    assert columns["v__t"] == [datetime(2024, 1, 1, 0, 0, 0, 500_000, tzinfo=timezone.utc)]
    assert columns["v__l"] == [[math.inf, 1.0]] and answer.as_of.microsecond == 1
