"""Drift, profiles, freshness and materializations from Python: what is injected is told, and what is quiet is not."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import matplotlib
import pandas
import pytest

import onepath
from conftest import command

matplotlib.use("Agg")

#: Half of them are trained on, the other half is asked about.
ACCOUNTS = 1_000
TRAINED = range(ACCOUNTS // 2)
ASKED = range(ACCOUNTS // 2, ACCOUNTS)
START = datetime(2024, 2, 1, tzinfo=timezone.utc)
SEED = 20240201

PROJECT = """\
[project]
name = "payments"

[entities.account]
keys = { account_id = "text" }

[sources.payments]
entity = "account"
files = ["payments.csv"]
event_time = "paid_at"
on_bad_event = "dead_letter"

[sources.payments.fields]
amount = "float64"
country = "text"
score = "float64"

[sources.payments.expect]
amount = { min = 0 }

[views.spending]
sources = ["payments"]
freshness = "1d"
latest = ["country", "score"]

[views.spending.features]
spent_7d = { sum = "amount", window = "7d" }
payments_7d = { count = "*", window = "7d" }

[views.spending.features.country]
profile_values = true

[services.scoring]
features = ["spending:*"]
"""


def payments(numbers: range, end: datetime, *, times: float = 1.0, countries: str = "DE FR IT", nulls: float = 0.02) -> list[Any]:
    """Payments of each account in the week before ``end``."""
    drawn = random.Random(f"{SEED} {numbers} {end}")
    made = []
    for number in numbers:
        for _ in range(drawn.randint(1, 5)):
            made.append(
                {
                    "account_id": f"a{number}",
                    "paid_at": end - timedelta(minutes=drawn.randint(1, 7 * 24 * 60)),
                    "amount": round(times * drawn.lognormvariate(3, 1), 2),
                    "country": drawn.choice(countries.split()),
                    "score": None if drawn.random() < nulls else round(drawn.gauss(0, 1), 4),
                }
            )
    return sorted(made, key=lambda payment: payment["paid_at"])


def ask(store: onepath.FeatureStore, as_of: datetime) -> None:
    store.get_online_features("scoring", [{"account_id": f"a{number}"} for number in ASKED], as_of=as_of)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[onepath.FeatureStore]:
    """What was served on three days: as trained, after a sale with a new country, and after a burst of nulls."""
    project = tmp_path_factory.mktemp("payments")
    (project / "onepath.toml").write_text(PROJECT)
    pandas.DataFrame(payments(range(ACCOUNTS), START)).to_csv(project / "payments.csv", index=False)
    with onepath.FeatureStore(project) as store:
        store.materialize(up_to=START)
        ask(store, START + timedelta(hours=1))
        sale = START + timedelta(days=1)
        store.push("payments", payments(ASKED, sale, times=5, countries="DE FR IT XX"), arrived_at="event-time")
        ask(store, sale + timedelta(hours=1))
        burst = START + timedelta(days=9)
        store.push("payments", payments(ASKED, burst, nulls=0.9), arrived_at="event-time")
        ask(store, burst + timedelta(hours=1))
        yield store


@pytest.fixture(scope="module")
def job(store: onepath.FeatureStore) -> onepath.RetrievalJob:
    labels = pandas.DataFrame({"account_id": [f"a{number}" for number in TRAINED], "as_of": START})
    return store.get_historical_features(labels, features="scoring")


def day(number: int) -> dict[str, datetime]:
    return {"since": START + timedelta(days=number), "until": START + timedelta(days=number + 1)}


def test_a_quiet_day_is_no_alert(store: onepath.FeatureStore, job: onepath.RetrievalJob) -> None:
    drift = store.drift(against=job, **day(0))
    assert (drift.verdict, drift.is_alert, drift.findings) == ("ok", False, []), drift
    assert [feature.name.partition(":")[2] for feature in drift.features] == job.feature_names
    spent = drift.feature("spent_7d")
    assert spent.n == len(ASKED) and spent.psi is not None and spent.psi < 0.1
    assert spent.ks is not None and spent.ks[0] < 0.1 < spent.ks[1]
    assert drift.feature("spending:spent_7d") == drift.feature("spending@v1:spent_7d") == spent


def test_a_shift_is_told_with_its_figures(store: onepath.FeatureStore, job: onepath.RetrievalJob) -> None:
    drift = store.drift(against=job, **day(1))
    assert drift.verdict == "unstable" and drift.is_alert
    spent = drift.feature("spent_7d")
    assert spent.verdict == "unstable" and spent.psi is not None and spent.psi > 0.2
    assert (spent.findings[0]["kind"], spent.findings[0]["cause"]) == ("shift", "inputs")
    assert spent.mean_shift is not None and spent.mean_shift > 1
    country = drift.feature("country")
    assert country.new_categories == ["XX"] and "new_category" in [finding["kind"] for finding in country.findings]
    assert "unstable: spending@v1:spent_7d: shift (inputs)" in repr(drift)
    assert "shift: PSI" in drift._repr_html_()

    # The bins are those that the index is of.
    assert sum(bin["observed"] for bin in spent.bins) == len(ASKED)
    assert [bin["upper"] for bin in spent.bins][-1] is None
    assert [bin["category"] for bin in country.bins] == [*sorted(["DE", "FR", "IT"], key=lambda name: -rows(country, name)), None]


def rows(feature: Any, category: str) -> int:
    (bin,) = [bin for bin in feature.bins if bin["category"] == category]
    return int(bin["reference"])


def test_a_burst_of_nulls_is_told(store: onepath.FeatureStore, job: onepath.RetrievalJob) -> None:
    score = store.drift(against=job, **day(9)).feature("score")
    before, now = score.nulls
    assert before < 0.1 and now > 0.8 and score.verdict == "unstable"
    assert "nulls" in [finding["kind"] for finding in score.findings]


def test_the_command_says_the_same(store: onepath.FeatureStore, job: onepath.RetrievalJob) -> None:
    drift = store.drift(against=job, **day(1))
    span = ["--since", START + timedelta(days=1), "--until", START + timedelta(days=2)]
    words = ["--against", job.report["manifest"], *(str(word).replace(" ", "T") for word in span)]
    printed = json.loads(command(Path(store.path), "--format", "json", "monitor", "drift", *words, code=1))
    assert drift.to_dict() == printed


def test_sides_may_be_times_and_training_sets(store: onepath.FeatureStore, job: onepath.RetrievalJob, tmp_path: Path) -> None:
    usual = ("2024-02-01", "2024-02-02")
    assert store.drift(baseline=usual, **day(0)).verdict == "ok"
    assert store.drift(baseline=usual, since="2024-02-02", until="2024-02-03").verdict == "unstable"
    # Nothing was served lately.
    assert store.drift(against=job, since="24h").verdict == "too_few"
    assert store.drift(against=job, since=timedelta(hours=24), service="scoring").verdict == "too_few"
    # A training set by its job, its path, and its manifest; what is written twice has its profile both times.
    paths = [job.to_parquet(tmp_path / name) for name in ("one.parquet", "two.parquet")]
    for with_ in (job, paths[0], f"{paths[1]}.manifest.json"):
        assert store.drift(against=paths[0], with_=with_).verdict == "ok"
    with pytest.raises(onepath.RequestError, match="one of against .* and baseline"):
        store.drift()
    with pytest.raises(onepath.RequestError, match="leave one out"):
        store.drift(against=job, with_=job, since="24h")
    with pytest.raises(onepath.RequestError, match="less than nothing"):
        store.drift(against=job, since=timedelta(hours=-1))
    with pytest.raises(onepath.RequestError, match="nor a length of time such as 24h"):
        store.drift(against=job, since="yesterday")
    with pytest.raises(onepath.InputError, match="has no zone"):
        store.drift(against=job, since=datetime(2024, 2, 1))


def test_a_job_that_was_written_first_keeps_its_profile(store: onepath.FeatureStore, tmp_path: Path) -> None:
    labels = [{"account_id": "a1", "as_of": START}]
    job = store.get_historical_features(labels, features="scoring")
    job.to_parquet(tmp_path / "first.parquet")
    assert job.profile().rows == 1
    assert store.drift(against=job, with_=job).verdict == "too_few"


def test_a_profile_is_that_of_the_rows(job: onepath.RetrievalJob) -> None:
    profile, train = job.profile(), job.to_df()
    assert profile.rows == len(train) and profile.to_dict()["rows"] == len(train)
    frame = profile.to_df().set_index("feature")
    assert frame.loc["spending@v1:spent_7d", "mean"] == pytest.approx(train.spent_7d.mean(), rel=1e-12)
    assert frame.loc["spending@v1:score", "nulls"] == train.score.isna().sum() > 0
    counts = {category["value"]: category["count"] for category in profile.feature("country")["categories"]["listed"]}
    assert counts == train.country.value_counts().to_dict()
    assert "spending@v1:spent_7d" in profile._repr_html_() and "500 rows" in repr(profile)
    with pytest.raises(onepath.RequestError, match="none of the features, which are spending@v1"):
        profile.feature("spent")


def test_freshness_is_broken_and_kept(store: onepath.FeatureStore) -> None:
    broken = store.freshness()
    assert broken.is_broken and broken.broken[0].view == "spending@v1" and "BROKEN" in repr(broken)
    assert broken[0].promised_s == 86_400 and broken[0].age_s is not None and broken[0].age_s > 86_400
    assert "NO" in broken._repr_html_() and list(broken.to_df()["is_kept"]) == [False]

    now = datetime.now(timezone.utc)
    store.push("payments", [{"account_id": "a1", "paid_at": now, "amount": 1.0, "country": "DE", "score": None}])
    kept = store.freshness()
    assert not kept.is_broken and kept.broken == [] and kept[0].is_kept
    # Entities as they are stored: all but that one are stale.
    store.close()
    of_entities = store.freshness(entities=True, most=3)
    assert of_entities.is_broken and of_entities.broken == []
    assert of_entities[0]["entities"]["stale"] == ACCOUNTS - 1 and len(of_entities[0]["entities"]["oldest"]) == 3


def test_materializations_that_are_late(tmp_path: Path) -> None:
    (tmp_path / "onepath.toml").write_text(PROJECT)
    (tmp_path / "payments.csv").write_text("account_id,paid_at,amount,country,score\na1,2024-01-01T00:00:00Z,1.0,DE,\n")
    with onepath.FeatureStore(tmp_path) as store:
        unknown = store.materializations()
        assert not unknown.is_late and unknown[0].is_late is None
    text = PROJECT.replace('event_time = "paid_at"', 'event_time = "paid_at"\nmaterialize_every = "1d"')
    (tmp_path / "onepath.toml").write_text(text)
    with onepath.FeatureStore(tmp_path) as store:
        never = store.materializations()
        assert never.is_late and never.late[0].source == "payments" and never[0].age_s is None and "LATE" in repr(never)
        store.materialize()
        done = store.materializations()
        assert not done.is_late and done[0].is_late is False and done.late == []
        assert list(done.to_df()["every_s"]) == [86_400.0] and "none is late" in done._repr_html_()


def test_what_was_set_aside_is_counted(store: onepath.FeatureStore) -> None:
    now = datetime.now(timezone.utc)
    good = {"account_id": "b1", "paid_at": now, "amount": 1.0, "country": "DE", "score": 0.5}
    assert store.push("payments", [good]).dead_letters == 0
    pushed = store.push("payments", [good, {**good, "amount": -1.0}])
    assert (pushed.appended, pushed.dead_letters) == (1, 1) and "dead_letters=1" in repr(pushed)
    with store.serve(port=0) as server:
        client = server.client()
        assert client.push("payments", [good]).dead_letters == 0
        assert client.push("payments", [{**good, "amount": -2.0}]).dead_letters == 1


def test_plots(store: onepath.FeatureStore, job: onepath.RetrievalJob) -> None:
    drift = store.drift(against=job, **day(1))
    axes = drift.plot("spent_7d")
    spent = drift.feature("spent_7d")
    heights = [bar.get_height() for bar in axes.patches]
    assert heights[: len(spent.bins)] == [bin["reference"] / len(TRAINED) for bin in spent.bins]
    assert heights[len(spent.bins) :] == [bin["observed"] / len(ASKED) for bin in spent.bins]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["training", "served"]
    assert f"PSI {spent.psi:.3f}" in axes.get_title()
    (training, served) = drift.plot("spent_7d", cumulative=True).lines
    assert training.get_ydata()[-1] == pytest.approx(1) == served.get_ydata()[-1]
    labels = [label.get_text() for label in drift.plot("country").get_xticklabels()]
    assert labels == [bin["category"] for bin in drift.feature("country").bins[:-1]]
    labels = [label.get_text() for label in drift.plot("payments_7d").get_xticklabels()]
    assert labels == ["≤ 1", "= 2", "= 3", "= 4", "≤ 5", "> 5"]
    assert len(drift.plot()) == len(drift.features) == len(job.profile().plot())
    assert job.profile().plot("spent_7d").get_xlabel() == "value"
    matplotlib.pyplot.close("all")


def test_matplotlib_is_imported_by_plots_alone(job: onepath.RetrievalJob, monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import sys, onepath; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(onepath.MissingPackageError, match=r"plot\(\) needs matplotlib: pip install 'onepath\[plot\]'"):
        job.profile().plot("spent_7d")
