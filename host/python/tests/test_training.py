"""Training sets from Python are those of the command line, whatever library the tables are of."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import arro3.core
import duckdb
import numpy
import pandas
import polars
import pyarrow
import pyarrow.csv
import pyarrow.parquet
import pytest

import onepath
from conftest import EXAMPLES, TRAINING, command

LABELS = EXAMPLES / "churn/data/labels.csv"
EVENTS = EXAMPLES / "churn/data/events.csv"


def arrow_labels() -> pyarrow.Table:
    """The labels of churn, with the cut-off as a moment in UTC."""
    table = pyarrow.csv.read_csv(LABELS)
    at = table.schema.get_field_index("label_date")
    moment = table.column(at).cast(pyarrow.timestamp("us")).cast(pyarrow.timestamp("us", "UTC"))
    return table.set_column(at, "label_date", moment)


def arrow_events() -> pyarrow.Table:
    """The events of churn."""
    types = {"event_timestamp": pyarrow.timestamp("us", "UTC")}
    return pyarrow.csv.read_csv(EVENTS, convert_options=pyarrow.csv.ConvertOptions(column_types=types))


def relation(table: pyarrow.Table) -> Any:
    """A table as a relation of DuckDB, which it is asked for."""
    connection = duckdb.connect()
    connection.register("given", table)
    return connection.sql("FROM given")


LIBRARIES: dict[str, Callable[[pyarrow.Table], Any]] = {
    "pandas": lambda table: table.to_pandas(),
    "polars": polars.from_arrow,
    "polars lazy": lambda table: polars.from_arrow(table).lazy(),  # type: ignore[union-attr]
    "duckdb": relation,
    "pyarrow": lambda table: table,
    "pyarrow reader": lambda table: table.to_reader(max_chunksize=97),
    "arro3": arro3.core.Table.from_arrow,
    "rows": lambda table: table.to_pylist(),
}


@pytest.mark.parametrize("example", TRAINING)
def test_the_same_bytes_as_the_command(example: str, project: Callable[[str], Path], tmp_path: Path) -> None:
    folder = project(example)
    service, as_of, more = TRAINING[example]
    labels = folder / "data/labels.csv"
    store = onepath.FeatureStore(folder)
    full = bool(more)
    for kind in ("csv", "parquet", "ndjson"):
        by_command = tmp_path / f"command.{kind}"
        command(
            folder, "backfill", "--service", service, "--spine", labels, "--as-of-column", as_of, "--out", by_command, *more
        )
        job = store.get_historical_features(labels, service, as_of=as_of, full_feature_names=full)
        by_python = job.to_file(tmp_path / f"python.{kind}")
        manifests = [json.loads(Path(f"{path}.manifest.json").read_text()) for path in (by_command, by_python)]
        assert by_python.read_bytes() == by_command.read_bytes() or kind == "parquet"
        assert [manifest["output"]["rows"] if "rows" in manifest["output"] else 0 for manifest in manifests][0] >= 0
        if kind == "csv":
            assert by_python.read_bytes() == (EXAMPLES / example / "expected/training.csv").read_bytes()
        if kind == "parquet":
            # The manifest within is that of another run.
            assert pyarrow.parquet.read_table(by_command).equals(pyarrow.parquet.read_table(by_python))


@pytest.mark.parametrize("library", LIBRARIES)
def test_tables_of_every_library_give_the_same(library: str, churn: onepath.FeatureStore, tmp_path: Path) -> None:
    expected_path = tmp_path / "expected.parquet"
    command(
        Path(churn.path), "backfill", "--service", "churn_v1", "--spine", LABELS, "--as-of-column", "label_date", "--out", expected_path
    )
    expected = pyarrow.parquet.read_table(expected_path)
    make = LIBRARIES[library]
    job = churn.get_historical_features(
        make(arrow_labels()), "churn_v1", as_of="label_date", events={"events": make(arrow_events())}
    )
    made = job.to_arrow()
    assert made.column_names == expected.column_names
    for name in expected.column_names:
        assert made.column(name).cast(expected.schema.field(name).type).equals(expected.column(name)), name
    assert job.report["rows"] == len(expected)


def test_results_go_to_every_library(churn: onepath.FeatureStore) -> None:
    job = churn.get_historical_features(LABELS, "churn_v1", as_of="label_date")
    arrow = job.to_arrow()
    assert pyarrow.table(arro3.core.Table.from_arrow(job)).equals(arrow)
    assert job.to_polars().equals(polars.from_arrow(arrow))
    assert duckdb.sql("SELECT count(*), sum(purchase_count_30d) FROM job").fetchall()[0] == (
        len(arrow),
        sum(arrow.column("purchase_count_30d").to_pylist()),
    )
    frame = job.to_df()
    assert list(frame.columns) == arrow.column_names
    assert len(pyarrow.RecordBatchReader.from_stream(job).read_all()) == len(arrow)


def test_pandas_keeps_index_order_and_dtypes(churn: onepath.FeatureStore) -> None:
    labels = arrow_labels().to_pandas().sample(frac=1.0, random_state=7)
    labels["segment"] = pandas.Categorical(["new", "old"] * (len(labels) // 2) + ["new"] * (len(labels) % 2))
    labels["visits"] = pandas.array([None if at % 3 else at for at in range(len(labels))], dtype="Int64")
    labels["small"] = numpy.arange(len(labels), dtype="int8")[: len(labels)]
    labels["naive"] = pandas.Timestamp("2024-01-01")
    labels["note"] = None
    labels.index = pandas.MultiIndex.from_arrays([labels.index, labels["customer_id"]], names=["row", "customer"])
    before = labels.copy(deep=True)
    job = churn.get_historical_features(labels, "churn_v1", as_of="label_date")
    # What is changed after the call changes nothing.
    labels["customer_id"] = "c1"
    frame = job.to_df()
    assert frame.index.equals(before.index)
    for name in ("customer_id", "segment", "visits", "small", "naive", "churned"):
        assert frame[name].dtype == before[name].dtype, name
        pandas.testing.assert_series_equal(frame[name], before[name])
    by_path = churn.get_historical_features(LABELS, "churn_v1", as_of="label_date").to_df()
    ordered = frame.sort_index(level="row").reset_index(drop=True)
    for name in job.feature_names:
        pandas.testing.assert_series_equal(ordered[name], by_path[name])


def test_whole_numbers_with_nulls_stay_whole(churn: onepath.FeatureStore) -> None:
    frame = churn.get_historical_features(LABELS, "churn_v1", as_of="label_date").to_df()
    kinds = {name: str(frame[name].dtype) for name in frame.columns}
    view = churn.view("activity").features
    for name, kind in view.items():
        if kind == "int64":
            assert kinds[name] in ("int64", "Int64"), (name, kinds[name])
    numbers = pandas.DataFrame({"customer_id": ["c1", "c2"], "label_date": pandas.to_datetime(["2024-01-01"] * 2, utc=True)})
    numbers["big"] = pandas.array([9007199254740993, None], dtype="Int64")
    big = churn.get_historical_features(numbers, "churn_v1", as_of="label_date").to_df()["big"]
    assert str(big.dtype) == "Int64" and big[0] == 9007199254740993 and big.isna()[1]


def test_times_without_a_zone(churn: onepath.FeatureStore) -> None:
    labels = pandas.DataFrame({"customer_id": ["c1", "c2"], "label_date": pandas.to_datetime(["2024-03-01", "2024-06-01"])})
    with pytest.raises(onepath.InputError, match='label_date has times without a zone.*naive="utc"'):
        churn.get_historical_features(labels, "churn_v1", as_of="label_date")
    naive = churn.get_historical_features(labels, "churn_v1", as_of="label_date", naive="utc").to_df()
    zoned = labels.assign(label_date=labels["label_date"].dt.tz_localize("UTC"))
    aware = churn.get_historical_features(zoned, "churn_v1", as_of="label_date").to_df()
    pandas.testing.assert_frame_equal(naive.drop(columns="label_date"), aware.drop(columns="label_date"))
    assert str(naive["label_date"].dt.tz) == "UTC"
    # The same moments elsewhere.
    berlin = zoned.assign(label_date=zoned["label_date"].dt.tz_convert("Europe/Berlin"))
    there = churn.get_historical_features(berlin, "churn_v1", as_of="label_date").to_df()
    pandas.testing.assert_frame_equal(there.drop(columns="label_date"), aware.drop(columns="label_date"))
    events = polars.DataFrame(
        {"customer_id": ["c1"], "event_timestamp": [datetime(2024, 2, 1)], "event_type": ["purchase"], "amount": [1.0]}
    )
    with pytest.raises(onepath.InputError, match="event_timestamp has times without a zone"):
        churn.get_historical_features(zoned, "churn_v1", as_of="label_date", events={"events": events})


@pytest.mark.parametrize("texts", [pyarrow.large_string(), pyarrow.string_view(), pyarrow.dictionary(pyarrow.int32(), pyarrow.string())])
def test_layouts_of_text(texts: pyarrow.DataType, churn: onepath.FeatureStore) -> None:
    labels = arrow_labels()
    given = labels.set_column(0, "customer_id", labels.column("customer_id").cast(texts))
    plain = churn.get_historical_features(labels, "churn_v1", as_of="label_date").to_arrow()
    assert churn.get_historical_features(given, "churn_v1", as_of="label_date").to_arrow().equals(plain)


def test_a_job_runs_once(churn: onepath.FeatureStore, tmp_path: Path) -> None:
    job = churn.get_historical_features(LABELS, "churn_v1", as_of="label_date")
    assert "not run yet" in repr(job) and "purchase_count_30d" in job._repr_html_()
    path = job.to_parquet(tmp_path / "train.parquet")
    first = job.report["sha256"]
    assert job.to_arrow().equals(pyarrow.parquet.read_table(path))
    copy = job.to_parquet(tmp_path / "copy.parquet")
    assert copy.read_bytes() == path.read_bytes() and job.report["sha256"] == first
    manifest = json.loads(Path(f"{copy}.manifest.json").read_text())
    assert manifest["output"]["path"] == str(copy) and manifest["output"]["sha256"] == first == job.manifest["output"]["sha256"]
    assert job.summary["nulls"] and f"{len(job.to_arrow()):,} rows" in job._repr_html_()
    assert "activity" in churn._repr_html_() and "purchase_count_30d" in churn.view("activity")._repr_html_()


def test_memory_changes_nothing(churn: onepath.FeatureStore) -> None:
    little = churn.get_historical_features(LABELS, "churn_v1", as_of="label_date", memory="64MiB", threads=1).to_arrow()
    assert little.equals(churn.get_historical_features(LABELS, "churn_v1", as_of="label_date").to_arrow())
    with pytest.raises(onepath.RequestError, match="give it as 512MiB"):
        churn.get_historical_features(LABELS, "churn_v1", as_of="label_date", memory="much").to_arrow()


def test_progress_is_shown_where_it_is_wanted(churn: onepath.FeatureStore, capsys: pytest.CaptureFixture[str]) -> None:
    churn.get_historical_features(LABELS, "churn_v1", as_of="label_date").to_arrow()
    assert capsys.readouterr().err == ""
    churn.get_historical_features(LABELS, "churn_v1", as_of="label_date", progress=True).to_arrow()
    told = capsys.readouterr().err
    assert "\rbackfill: " in told and "rows evaluated" in told and told.endswith("\r\x1b[K")


def test_references_and_names(churn: onepath.FeatureStore) -> None:
    names = ["activity:purchase_count_30d", "activity:days_since_last_purchase"]
    job = churn.get_historical_features(LABELS, names, as_of="label_date", full_feature_names=True)
    assert job.feature_names == ["activity__purchase_count_30d", "activity__days_since_last_purchase"]
    assert job.to_arrow().column_names[-2:] == job.feature_names


def test_what_goes_wrong_says_so(churn: onepath.FeatureStore, tmp_path: Path) -> None:
    with pytest.raises(onepath.UnknownNameError, match="churn_v2"):
        churn.get_historical_features(LABELS, "churn_v2", as_of="label_date").to_arrow()
    with pytest.raises(onepath.UnknownNameError, match="nothing"):
        churn.view("nothing")
    with pytest.raises(onepath.InputError, match="no such|No such|cannot"):
        churn.get_historical_features(tmp_path / "none.parquet", "churn_v1", as_of="label_date").to_arrow()
    with pytest.raises(onepath.InputError, match="is no table"):
        churn.get_historical_features(7, "churn_v1")
    with pytest.raises(onepath.ProjectError):
        onepath.FeatureStore(tmp_path)
    floats = pandas.DataFrame({"customer_id": [1.5], "label_date": [datetime(2024, 1, 1, tzinfo=timezone.utc)]})
    with pytest.raises(onepath.Error, match="customer_id"):
        churn.get_historical_features(floats, "churn_v1", as_of="label_date").to_arrow()
    assert issubclass(onepath.InputError, onepath.Error) and issubclass(onepath.InputError, ValueError)
    with pytest.raises(onepath.InputError, match="is no folder"):
        churn.get_historical_features(LABELS, "churn_v1", as_of="label_date").to_csv(tmp_path / "none/train.csv")


def test_errors_name_what_was_given(churn: onepath.FeatureStore, tmp_path: Path) -> None:
    """Not the files that tables are written to, nor options of the command."""
    labels = arrow_labels()
    ask = lambda given=labels, **more: churn.get_historical_features(given, "churn_v1", **more).to_arrow()  # noqa: E731
    with pytest.raises(onepath.RequestError, match=r'^entity_df has neither .* name the column of the cut-off with as_of="..."; it has: cust'):
        ask()
    with pytest.raises(onepath.InputError, match='^entity_df: no column "when"; it has: customer_id, label_date'):
        ask(as_of="when")
    with pytest.raises(onepath.InputError, match="^entity_df, column customer_id: is of type Int64 where text is expected"):
        ask(labels.set_column(0, "customer_id", pyarrow.array([1] * len(labels))), as_of="label_date")
    with pytest.raises(onepath.RequestError, match="entity_df already has a column purchase_count_30d: give full_feature_names=True"):
        ask(labels.append_column("purchase_count_30d", labels.column(0)), as_of="label_date")
    with pytest.raises(onepath.InputError, match=r'^events\["events"\]: no column "event_timestamp"'):
        ask(as_of="label_date", events={"events": labels})
    with pytest.raises(onepath.RequestError, match='events is a dict of tables by source, such as {"events": table}, and no DataFrame'):
        ask(as_of="label_date", events=polars.from_arrow(labels))
    for series in (labels.to_pandas()["customer_id"], polars.from_arrow(labels)["customer_id"]):  # type: ignore[index]
        with pytest.raises(onepath.InputError, match="a Series is one column, and no table"):
            ask(series)
    with pytest.raises(onepath.RequestError, match=r"to_csv\(\) writes a file that ends in .csv, and .*train.parquet does not"):
        churn.get_historical_features(labels, "churn_v1", as_of="label_date").to_csv(tmp_path / "train.parquet")
    with pytest.raises(onepath.RequestError, match=r"to_parquet\(\) writes a file that ends in .parquet"):
        churn.get_historical_features(labels, "churn_v1", as_of="label_date").to_parquet(tmp_path / "train.csv")
    with pytest.raises(onepath.InputError, match=r'^events\["events"\], row 1, column event_timestamp: is missing'):
        onepath.testing.replay(churn.view("activity"), [{"customer_id": "a"}], [{"customer_id": "a", "as_of": "2024-01-01"}])
    with pytest.raises(onepath.ProjectError, match=r"give the folder of a project: FeatureStore\("):
        onepath.FeatureStore(tmp_path)


def test_a_table_in_many_chunks(churn: onepath.FeatureStore) -> None:
    """More rows than a row group has, in batches that end elsewhere; texts as views and in dictionaries; nulls and lists beside."""
    rows = 300_000
    table = pyarrow.table(
        {
            "customer_id": [f"c{row % 1_000}" for row in range(rows)],
            "label_date": pyarrow.array([1_700_000_000_000_000 + row for row in range(rows)], pyarrow.timestamp("us", "UTC")),
            "few": pyarrow.array([("x", "y", None)[row % 3] for row in range(rows)]).dictionary_encode(),
            "seen": pyarrow.array([f"a text of more than twelve bytes {row}" if row % 5 else None for row in range(rows)], pyarrow.string_view()),
            "list": pyarrow.array([[float(row)] * (row % 3) for row in range(rows)]),
            "row": range(rows),
        }
    )
    whole = churn.get_historical_features(table, "churn_v1", as_of="label_date").to_arrow()
    assert whole.column("row").to_pylist() == list(range(rows)) and len(whole) == rows
    for name in ("few", "seen", "list"):
        assert whole.column(name).to_pylist() == table.column(name).to_pylist(), name
    for size in (7_001, 122_880, 250_000):
        chunked = table.to_reader(max_chunksize=size)
        assert churn.get_historical_features(chunked, "churn_v1", as_of="label_date").to_arrow().equals(whole)
    empty = churn.get_historical_features(table.slice(0, 0), "churn_v1", as_of="label_date").to_arrow()
    assert len(empty) == 0 and empty.column_names == whole.column_names


def test_a_stream_that_fails_says_so(churn: onepath.FeatureStore) -> None:
    table = arrow_labels()

    def batches() -> Any:
        yield from table.to_batches()
        raise RuntimeError("the line went dead")

    reader = pyarrow.RecordBatchReader.from_batches(table.schema, batches())
    with pytest.raises(onepath.InputError, match="the table's stream failed: .*the line went dead"):
        churn.get_historical_features(reader, "churn_v1", as_of="label_date")
    assert not list(Path(churn.path, ".onepath").glob(".onepath-*"))


def test_nothing_is_left_behind(churn: onepath.FeatureStore) -> None:
    data = Path(churn.path, ".onepath")
    job = churn.get_historical_features(arrow_labels(), "churn_v1", as_of="label_date", events={"events": arrow_events()})
    job.to_arrow()
    assert list(data.glob(".onepath-*.spill"))
    del job
    assert not list(data.glob(".onepath-*"))
