"""Interrupts, forks, kills, and other processes: nothing is lost, nothing hangs."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
import warnings
from datetime import datetime, timezone
from pathlib import Path

import polars
import pytest

import onepath
from conftest import COMMAND, EXAMPLES, command

LABELS = EXAMPLES / "churn/data/labels.csv"


def in_child(work: object) -> str:
    """What `work` gives in a fork of this process, within ten seconds."""
    assert callable(work)
    read, write = os.pipe()
    with warnings.catch_warnings():
        # That it is dangerous is what is tested.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            os.write(write, str(work()).encode())
        except BaseException as error:  # noqa: BLE001
            os.write(write, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(write)
    deadline = time.monotonic() + 10
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            pytest.fail("the fork hangs")
        time.sleep(0.01)
    with os.fdopen(read) as told:
        return told.read()


def test_a_fork_is_told_what_to_do(served: onepath.FeatureStore) -> None:
    served.get_online_features("churn_v1", [{"customer_id": "c1"}])
    ask = lambda: served.get_online_features("churn_v1", [{"customer_id": "c1"}])  # noqa: E731
    assert in_child(ask).startswith("ForkError: this feature store was opened in another process")
    assert in_child(lambda: served.push("events", [])).startswith("ForkError")
    # Closing it there takes nothing from here, and neither does its end.
    assert in_child(lambda: served.close()) == "None"
    assert in_child(lambda: served.__dict__.clear()) == "None"
    rows = in_child(lambda: len(onepath.FeatureStore(served.path).get_historical_features(LABELS, "churn_v1", as_of="label_date").to_polars()))
    assert int(rows) == len(polars.read_csv(LABELS))
    assert served.get_online_features("churn_v1", [{"customer_id": "c1"}]).to_dict()["customer_id"] == ["c1"]
    assert served.verify().is_equal


def test_a_store_goes_to_workers(churn: onepath.FeatureStore) -> None:
    copy = pickle.loads(pickle.dumps(onepath.FeatureStore(churn.path, naive="utc")))
    assert copy.path == churn.path
    assert len(copy.get_historical_features(LABELS, "churn_v1", as_of="label_date").to_polars()) == 500
    view = pickle.loads(pickle.dumps(churn.view("activity")))
    assert view.features == churn.view("activity").features


def test_another_process_is_told(served: onepath.FeatureStore) -> None:
    served.get_online_features("churn_v1", [{"customer_id": "c1"}])
    program = f"""
import onepath
try:
    onepath.FeatureStore({served.path!r}).get_online_features("churn_v1", [{{"customer_id": "c1"}}])
except onepath.BusyError as error:
    print("busy", error)
"""
    assert subprocess.check_output([sys.executable, "-c", program], text=True).startswith("busy ")
    served.close()
    assert command(Path(served.path), "get", "--service", "churn_v1", "--entity", "customer_id=c1")
    assert served.get_online_features("churn_v1", [{"customer_id": "c1"}])


LONG = """
import sys, onepath, polars
from datetime import datetime, timezone, timedelta
store = onepath.FeatureStore(sys.argv[1])
begin = datetime(2023, 1, 1, tzinfo=timezone.utc)
rows = 4_000_000
events = polars.select(
    customer_id="c" + (polars.int_range(rows) % 50_000).cast(polars.String),
    event_timestamp=begin + polars.duration(seconds=polars.int_range(rows)),
    event_type=polars.lit("purchase"), amount=polars.int_range(rows).cast(polars.Float64),
)
labels = events.select("customer_id", label_date="event_timestamp")
job = store.get_historical_features(labels, "churn_v1", as_of="label_date", events={"events": events}, threads=1)
print("begins", flush=True)
try:
    job.to_parquet(sys.argv[2])
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.exit(7)
"""


def test_an_interrupt_ends_a_backfill(churn: onepath.FeatureStore, tmp_path: Path) -> None:
    out = tmp_path / "out" / "train.parquet"
    out.parent.mkdir()
    running = subprocess.Popen([sys.executable, "-c", LONG, churn.path, out], stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None and running.stdout.readline() == "begins\n"
    # The output is begun: from now on there is something to be left behind.
    deadline = time.monotonic() + 120
    while not list(out.parent.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert list(out.parent.iterdir()) and not out.exists()
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == 7 and running.stdout.read() == "interrupted\n"
    assert not list(out.parent.iterdir())
    assert not list(Path(churn.path, ".onepath").glob(".onepath-*"))


MATERIALIZING = """
import sys, onepath
store = onepath.FeatureStore(sys.argv[1])
print("begins", flush=True)
try:
    store.materialize(events={"events": sys.argv[2]}, threads=1)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.exit(7)
"""


def test_an_interrupt_ends_a_materialization(served: onepath.FeatureStore, tmp_path: Path) -> None:
    before = served.get_online_features("churn_v1", [{"customer_id": "c207"}], as_of="2025-01-01T00:00:00Z").to_dict()
    served.close()
    rows = 4_000_000
    polars.select(
        customer_id="c" + (polars.int_range(rows) % 500_000).cast(polars.String),
        event_timestamp=datetime(2023, 1, 1, tzinfo=timezone.utc) + polars.duration(seconds=polars.int_range(rows)),
        event_type=polars.lit("purchase"),
        amount=polars.int_range(rows).cast(polars.Float64),
    ).write_parquet(tmp_path / "events.parquet")
    words = [sys.executable, "-c", MATERIALIZING, served.path, tmp_path / "events.parquet"]
    running = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None and running.stdout.readline() == "begins\n"
    # It has the project when it is interrupted.
    written = Path(served.path, ".onepath")
    deadline, names = time.monotonic() + 120, set(os.listdir(written))
    while set(os.listdir(written)) <= names and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == 7 and running.stdout.read() == "interrupted\n"
    # The old states are served.
    after = served.get_online_features("churn_v1", [{"customer_id": "c207"}], as_of="2025-01-01T00:00:00Z").to_dict()
    assert after == before and served.verify().is_equal


@pytest.mark.parametrize("wait", [1, 7, 30])
def test_an_interrupt_loses_no_push(wait: int, served: onepath.FeatureStore) -> None:
    running = subprocess.Popen(
        [sys.executable, "-c", PUSHING, served.path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stdout is not None and running.stderr is not None
    told = [int(running.stdout.readline()) for _ in range(wait)]
    running.send_signal(signal.SIGINT)
    out, errors = running.communicate(timeout=60)
    told += [int(line) for line in out.splitlines()]
    # It ends as a program of Python does, and what was told is there; at most the push that was on its way is there beside.
    assert "KeyboardInterrupt" in errors
    now = served.get_online_features("churn_v1", [{"customer_id": "killed"}])
    assert told[-1] <= now.offset <= told[-1] + 1
    assert served.verify().is_equal


PUSHING = """
import sys, onepath
store = onepath.FeatureStore(sys.argv[1])
at = 0
while True:
    at += 1
    event = {"customer_id": "killed", "event_timestamp": "2025-01-02T00:00:00Z", "event_type": "purchase", "amount": 1.0}
    print(store.push("events", event).offset, flush=True)
"""


@pytest.mark.parametrize("wait", [1, 10, 40])
def test_a_killed_process_loses_nothing(wait: int, served: onepath.FeatureStore) -> None:
    running = subprocess.Popen([sys.executable, "-c", PUSHING, served.path], stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    told = [int(running.stdout.readline()) for _ in range(wait)]
    running.kill()
    running.wait()
    told += [int(line) for line in running.stdout.read().splitlines() if line]
    answer = served.get_online_features("churn_v1", [{"customer_id": "killed"}], as_of="2025-01-03T00:00:00Z")
    # What was told is there, and at most the one that was on its way.
    assert answer.offset >= 0
    now = served.get_online_features("churn_v1", [{"customer_id": "killed"}])
    assert told[-1] <= now.offset <= told[-1] + 1
    assert served.verify().is_equal


def test_the_command_is_the_same(served: onepath.FeatureStore) -> None:
    assert command(Path(served.path), "--version").split()[0] == "onepath"
    module = subprocess.check_output([sys.executable, "-m", "onepath", "--version"], text=True)
    assert module == command(Path(served.path), "--version")
    assert onepath.__version__ == module.split()[1]
    assert command(Path(served.path), "get", "--service", "none", code=2) == ""


def test_a_crash_handler_that_comes_late_is_told_of(served: onepath.FeatureStore) -> None:
    program = f"""
import faulthandler, warnings, onepath
warnings.simplefilter("error")
store = onepath.FeatureStore({served.path!r})
faulthandler.enable()
try:
    onepath.FeatureStore({served.path!r})
except onepath.OnepathWarning as warning:
    print(warning)
onepath.FeatureStore({served.path!r})
"""
    told = subprocess.check_output([sys.executable, "-c", program], text=True)
    assert told.startswith("faulthandler was enabled after onepath")
    first = program.replace("store =", "faulthandler.enable()\nstore =", 1)
    assert subprocess.check_output([sys.executable, "-c", first], text=True) == ""


TRAPS = """
import sys, onepath
store = onepath.FeatureStore(sys.argv[1], allow_unmaterialized=True)
event = {"id": "a", "at": "2024-01-01T00:00:00Z", "event_type": "go", "amount": 1.0}
store.push("events", event)
for word in ("trap", "refuse"):
    try:
        store.push("events", event | {"event_type": word})
    except onepath.TransformError as error:
        print(type(error).__name__, word)
print(store.get_online_features("s", [{"id": "a"}]).to_dict()["events"])
store.close()
"""


def test_a_transform_that_traps_is_an_exception(tmp_path: Path) -> None:
    transform = EXAMPLES.parent / "tests/transforms/trace"
    (tmp_path / "onepath.toml").write_text(
        '[project]\nname = "traps"\n[entities.user]\nkeys = { id = "text" }\n[sources.events]\nentity = "user"\nevent_time = "at"\n'
        f'[views.trace]\nsources = ["events"]\ntransform = "{transform}"\n[services.s]\nfeatures = ["trace:*"]\n'
    )
    command(tmp_path, "build")
    told = subprocess.check_output([sys.executable, "-X", "faulthandler", "-c", TRAPS, tmp_path], text=True)
    assert told.splitlines() == ["TransformError trap", "TransformError refuse", "[1]"]


def test_what_was_served_is_recorded_at_the_end(served: onepath.FeatureStore) -> None:
    program = f"""
import onepath
store = onepath.FeatureStore({served.path!r})
cycle = [store]
cycle.append(cycle)
for _ in range(50):
    store.get_online_features("churn_v1", [{{"customer_id": "c1"}}])
server = store.serve(port=0)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
    assert served.verify().vectors == 50


def test_the_command_serves_until_it_is_interrupted(served: onepath.FeatureStore) -> None:
    running = subprocess.Popen([COMMAND, "--project", served.path, "serve", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    url = running.stdout.readline().split()[-1]
    assert onepath.Client(url).get_online_features("churn_v1", [{"customer_id": "c1"}]).to_dict()["customer_id"] == ["c1"]
    running.send_signal(signal.SIGINT)
    assert running.wait(30) == 0
    assert "stopped" in running.stdout.read()
