"""Feature history without labels, and runs that are gone on with: those of the command line, from Python."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pandas
import polars
import pyarrow.parquet
import pytest

import onepath
from conftest import EXAMPLES, command

LABELS = EXAMPLES / "churn/data/labels.csv"
EVENTS = EXAMPLES / "churn/data/events.csv"
MONTH = {"start_date": "2024-03-01", "end_date": "2024-03-31"}


def by_command(store: onepath.FeatureStore, out: Path, *words: str) -> bytes:
    command(Path(store.path), "backfill", "--service", "churn_v1", "--out", out, *words)
    return out.read_bytes()


def test_history_at_events(churn: onepath.FeatureStore, tmp_path: Path) -> None:
    expected = by_command(churn, tmp_path / "command.csv", "--at", "events")
    job = churn.get_historical_features(features="churn_v1", at="events")
    assert job.to_csv(tmp_path / "python.csv").read_bytes() == expected
    frame = job.to_df()
    assert len(frame) == len(polars.read_csv(EVENTS)) == job.report["rows"]
    assert list(frame.columns[:2]) == ["customer_id", "as_of"] and str(frame["as_of"].dt.tz) == "UTC"
    assert frame["as_of"].is_monotonic_increasing and job.manifest["spine"]["at"] == "events"
    # Of events in memory, too.
    events = polars.read_csv(EVENTS, try_parse_dates=True)
    of_table = churn.get_historical_features(features="churn_v1", at="events", events={"events": events}, naive="utc")
    assert of_table.to_polars().equals(job.to_polars())


@pytest.mark.parametrize(
    ("every", "start", "end"),
    [
        ("1d", "2024-03-01", "2024-03-31"),
        (timedelta(days=1), date(2024, 3, 1), date(2024, 3, 31)),
        (pandas.Timedelta("1D"), pandas.Timestamp("2024-03-01", tz="UTC"), datetime(2024, 3, 31, tzinfo=timezone.utc)),
        ("24h", pandas.Timestamp("2024-03-01T01:00", tz="Europe/Berlin"), "2024-03-31T00:00:00Z"),
    ],
)
def test_history_at_regular_moments(every: Any, start: Any, end: Any, churn: onepath.FeatureStore, tmp_path: Path) -> None:
    words = ("--every", "1d", "--from", "2024-03-01", "--to", "2024-03-31")
    expected = by_command(churn, tmp_path / "command.csv", *words)
    job = churn.get_historical_features(features="churn_v1", every=every, start_date=start, end_date=end)
    assert job.to_csv(tmp_path / "python.csv").read_bytes() == expected
    moments = job.to_polars()["as_of"].unique().sort().to_list()
    assert moments == [datetime(2024, 3, day, tzinfo=timezone.utc) for day in range(1, 32)]


def test_history_is_asked_for_in_one_way(churn: onepath.FeatureStore) -> None:
    ask = churn.get_historical_features
    with pytest.raises(onepath.RequestError, match="nothing says for which rows"):
        ask(features="churn_v1")
    with pytest.raises(onepath.RequestError, match="entity_df and at do not go together"):
        ask(LABELS, "churn_v1", at="events")
    with pytest.raises(onepath.RequestError, match="no features are asked for"):
        ask(LABELS)
    with pytest.raises(onepath.RequestError, match='at is "events", and not'):
        ask(features="churn_v1", at="event")  # type: ignore[arg-type]
    with pytest.raises(onepath.RequestError, match="every needs start_date and end_date"):
        ask(features="churn_v1", every="1d")
    with pytest.raises(onepath.RequestError, match="start_date and end_date are of every"):
        ask(features="churn_v1", at="events", start_date="2024-01-01")
    with pytest.raises(onepath.RequestError, match="as_of and as_of_unit are of entity_df"):
        ask(features="churn_v1", at="events", as_of="label_date")
    with pytest.raises(onepath.RequestError, match='every is a text such as "1d"'):
        ask(features="churn_v1", every=1, **MONTH)  # type: ignore[arg-type]
    with pytest.raises(onepath.RequestError, match="every: \"soon\" is not a length of time such as 90s"):
        ask(features="churn_v1", every="soon", **MONTH).to_arrow()
    with pytest.raises(onepath.RequestError, match="every is 0:00:00: give what is longer than nothing"):
        ask(features="churn_v1", every=timedelta(0), **MONTH)
    with pytest.raises(onepath.InputError, match="has no zone"):
        ask(features="churn_v1", every="1d", start_date=datetime(2024, 3, 1), end_date="2024-03-31").to_arrow()
    naive = ask(features="churn_v1", every="1d", start_date=datetime(2024, 3, 1), end_date="2024-03-31", naive="utc")
    assert naive.to_arrow().equals(ask(features="churn_v1", every="1d", **MONTH).to_arrow())
    with pytest.raises(onepath.RequestError, match="which is after its end"):
        ask(features="churn_v1", every="1d", start_date="2024-04-01", end_date="2024-03-01").to_arrow()


def test_what_can_be_gone_on_with(churn: onepath.FeatureStore, tmp_path: Path) -> None:
    by_path = churn.get_historical_features(LABELS, "churn_v1", as_of="label_date")
    expected = by_command(churn, tmp_path / "command.csv", "--spine", str(LABELS), "--as-of-column", "label_date")
    assert by_path.to_csv(tmp_path / "python.csv", resume=True).read_bytes() == expected
    assert not (tmp_path / "python.csv.partial").exists()
    labels = polars.read_csv(LABELS, try_parse_dates=True)
    of_table = churn.get_historical_features(labels, "churn_v1", as_of="label_date", naive="utc")
    with pytest.raises(onepath.InputError, match="only a run over files can be gone on with"):
        of_table.to_parquet(tmp_path / "train.parquet", resume=True)
    with pytest.raises(onepath.RequestError, match="feature history is made in one go"):
        churn.get_historical_features(features="churn_v1", at="events").to_parquet(tmp_path / "train.parquet", resume=True)


def is_begun(partial: Path) -> bool:
    """Whether a partition was answered: the first two lines of the journal tell what the run began with, and how it was divided."""
    journal = partial / "journal.ndjson"
    return journal.exists() and len(journal.read_text().splitlines()) > 2


RESUMED = """
import sys, onepath
store = onepath.FeatureStore(sys.argv[1])
job = store.get_historical_features(sys.argv[2], "churn_v1", as_of="label_date", events={"events": sys.argv[3]}, threads=1)
try:
    job.to_parquet(sys.argv[4], resume=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.exit(7)
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_dies_is_gone_on_with(end: signal.Signals, churn: onepath.FeatureStore, tmp_path: Path) -> None:
    rows = 1_000_000
    events = polars.select(
        customer_id="c" + (polars.int_range(rows) % 50_000).cast(polars.String),
        event_timestamp=datetime(2023, 1, 1, tzinfo=timezone.utc) + polars.duration(seconds=polars.int_range(rows)),
        event_type=polars.lit("purchase"),
        amount=polars.int_range(rows).cast(polars.Float64),
    )
    events.write_parquet(tmp_path / "events.parquet")
    events.select("customer_id", label_date="event_timestamp").write_parquet(tmp_path / "labels.parquet")
    (tmp_path / "out").mkdir()
    out, partial = tmp_path / "out/train.parquet", tmp_path / "out/train.parquet.partial"
    words = [sys.executable, "-c", RESUMED, churn.path, tmp_path / "labels.parquet", tmp_path / "events.parquet", out]
    running = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    # It has done some of its work when it ends.
    while not is_begun(partial) and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert running.poll() is None, "it ended before it was ended"
    running.send_signal(end)
    assert running.wait(60) == (7 if end == signal.SIGINT else -signal.SIGKILL)
    assert partial.is_dir() and not out.exists()
    subprocess.run(words, check=True, timeout=300)
    assert not partial.exists()
    whole = churn.get_historical_features(
        tmp_path / "labels.parquet", "churn_v1", as_of="label_date", events={"events": tmp_path / "events.parquet"}
    )
    assert pyarrow.parquet.read_table(out).equals(whole.to_arrow())
    assert json.loads(Path(f"{out}.manifest.json").read_text())["output"]["sha256"]
