"""Writes the data of the repositories beside this file into a folder: the same each time."""

import random
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

START = datetime(2024, 1, 1, tzinfo=timezone.utc)
HOUR, DAY, MICRO = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)
UTC = pa.timestamp("us", tz="UTC")


def write(path, columns):
    """Columns as a name, a type and the values."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({name: pa.array(values, type=of) for name, (of, values) in columns.items()})
    pq.write_table(table, path)


def trips(folder):
    """Several entities: places by two roles, a view of two entities, columns that are mapped."""
    chance = random.Random(1)
    # No two events of one place at one time: which of them Feast takes would be for its sort to say.
    rows = [(place, START + hour * HOUR) for place in range(1, 9) for hour in chance.sample(range(240), 12)]
    write(
        folder / "data/weather.parquet",
        {
            "loc": (pa.int32(), [place for place, _ in rows]),
            "at": (UTC, [at for _, at in rows]),
            "temp": (pa.float32(), [round(chance.uniform(-10, 35), 1) for _ in rows]),
            "rain-mm": (pa.float64(), [chance.choice([None, 0.0, 1.5, 12.25]) for _ in rows]),
        },
    )
    pairs = [(driver, customer) for driver in ("d1", "d2", "d3") for customer in range(4)]
    rows = [(pair, START + hour * HOUR) for pair in pairs for hour in chance.sample(range(240), 6)]
    write(
        folder / "data/pairs/part-0.parquet",
        {
            "driver_id": (pa.string(), [pair[0] for pair, _ in rows[:40]]),
            "customer_id": (pa.int64(), [pair[1] for pair, _ in rows[:40]]),
            "event_timestamp": (UTC, [at for _, at in rows[:40]]),
            "trips": (pa.int64(), [chance.randrange(50) for _ in rows[:40]]),
        },
    )
    write(
        folder / "data/pairs/part-1.parquet",
        {
            "driver_id": (pa.string(), [pair[0] for pair, _ in rows[40:]]),
            "customer_id": (pa.int64(), [pair[1] for pair, _ in rows[40:]]),
            "event_timestamp": (UTC, [at for _, at in rows[40:]]),
            "trips": (pa.int64(), [chance.randrange(50) for _ in rows[40:]]),
        },
    )
    spine = [(chance.randrange(1, 10), chance.randrange(1, 10), *chance.choice(pairs), 11 + chance.randrange(5)) for _ in range(60)]
    write(
        folder / "spine.parquet",
        {
            "origin_id": (pa.int64(), [row[0] for row in spine]),
            "destination_id": (pa.int64(), [row[1] for row in spine]),
            "location_id": (pa.int64(), [row[0] for row in spine]),
            "driver_id": (pa.string(), [row[2] for row in spine]),
            "customer_id": (pa.int64(), [row[3] for row in spine]),
            # No two rows at one time: Feast would make one of rows that share the keys of its first view.
            "event_timestamp": (UTC, [START + row[4] * DAY + at * MICRO for at, row in enumerate(spine)]),
        },
    )
    # Rows of one driver, customer and time, whose places differ.
    crossed = [(1, "d1", 0), (2, "d1", 0), (3, "d2", 0), (3, "d2", 0)]
    write(
        folder / "crossed.parquet",
        {
            "location_id": (pa.int64(), [row[0] for row in crossed]),
            "driver_id": (pa.string(), [row[1] for row in crossed]),
            "customer_id": (pa.int64(), [row[2] for row in crossed]),
            "event_timestamp": (UTC, [START + 20 * DAY for _ in crossed]),
        },
    )


def ties(folder):
    """Events of one time: by created timestamps, of which some are null, and without them; entity rows that are equal."""
    chance = random.Random(2)
    rows = []
    for driver in range(60):
        for at in range(3):
            time = START + at * DAY + (driver % 7) * HOUR
            for copy in range(chance.choice([1, 2, 3])):
                created = None if copy == 1 and driver % 5 == 0 else time + HOUR + chance.randrange(500) * MICRO
                rows.append((driver, time, created, chance.randrange(1_000)))
    chance.shuffle(rows)
    columns = {
        "driver_id": (pa.int64(), [row[0] for row in rows]),
        "event_timestamp": (UTC, [row[1] for row in rows]),
        "created": (UTC, [row[2] for row in rows]),
        "score": (pa.int64(), [row[3] for row in rows]),
    }
    write(folder / "data/scores.parquet", columns)
    write(folder / "data/unordered.parquet", {name: column for name, column in columns.items() if name != "created"})
    spine = [(driver, START + at * DAY + 12 * HOUR) for driver in range(60) for at in range(3)]
    spine += spine[:5]
    lines = [f"{driver},{at.isoformat()},label {driver}" for driver, at in spine]
    (folder / "spine.csv").write_text("\n".join(["driver_id,as_of,note", *lines]) + "\n", encoding="utf-8")


def kinds(folder):
    """Types, nulls, numbers that pandas changes, and the edges of a time to live."""
    at = [START + day * DAY for day in range(4)]
    write(
        folder / "data/kinds.parquet",
        {
            "user": (pa.string(), ["a", "a", "b", "c"]),
            "ts": (UTC, [at[0], at[1], at[1], at[2]]),
            "small": (pa.int32(), [1, 2, None, 4]),
            "large": (pa.int64(), [1, None, 2**53 + 1, None]),
            "single": (pa.float32(), [0.1, 0.2, None, float("nan")]),
            "double": (pa.float64(), [0.1, None, float("nan"), 1e300]),
            "flag": (pa.bool_(), [True, False, None, True]),
            "word": (pa.string(), ["x", 'quote " and \\', None, "größer"]),
            "moment": (pa.timestamp("ns", tz="UTC"), [1_700_000_000_000_000_001, None, 1_700_000_000_000_000_000, 0]),
            "vector": (pa.list_(pa.float32()), [[0.1, 0.2], [1.0], None, [3.5, -1.0]]),
            "words": (pa.list_(pa.string()), [["x"], ["y"], None, []]),
            "blob": (pa.binary(), [b"1", b"2", None, b""]),
            "group": (pa.string(), ["g1", "g2", None, "g4"]),
            "conv.rate": (pa.float64(), [0.5, 0.25, None, 1.0]),
            "größe": (pa.int64(), [1, 2, 3, 4]),
            "nullable": (pa.float64(), [1.0, None, 3.0, 4.0]),
            'a "b" c': (pa.int64(), [1, 2, 3, 4]),
        },
    )
    nanos = [int((START - datetime(1970, 1, 1, tzinfo=timezone.utc)).total_seconds()) * 10**9 + extra for extra in (0, 600, 300, 1_000)]
    write(
        folder / "data/fine.parquet",
        {
            "user": (pa.string(), ["a", "a", "a", "b"]),
            "ts": (pa.timestamp("ns", tz="UTC"), nanos),
            "step": (pa.int64(), [1, 2, 3, 4]),
        },
    )
    spine = [
        ("a", at[0]),
        ("a", at[0] + MICRO),
        ("a", at[0] - MICRO),
        ("a", at[1]),
        ("a", at[1] + 2 * DAY),
        ("a", at[1] + 2 * DAY + MICRO),
        ("b", at[1]),
        ("b", at[2]),
        ("c", at[2] + HOUR),
        ("nobody", at[2]),
    ]
    write(folder / "spine.parquet", {"user": (pa.string(), [row[0] for row in spine]), "as_of": (UTC, [row[1] for row in spine])})
    write(
        folder / "data/late.parquet",
        {
            "user": (pa.string(), ["a", "a", "b"]),
            "ts": (UTC, [at[0], at[1], at[1]]),
            "made": (UTC, [at[0] + HOUR, at[3], at[1]]),
            "visits": (pa.int64(), [1, 2, 3]),
        },
    )


def spine(folder):
    """Entity rows for the data of a template of `feast init`: its keys, as of moments about its events."""
    for path in sorted(folder.glob("*.parquet")):
        table = pq.read_table(path)
        keys = [name for name in ("driver_id", "text_id", "user_id", "city_id") if name in table.column_names]
        if not table.num_rows:
            continue
        print(",".join([*keys, "as_of"]))
        rows = table.select([*keys, "event_timestamp"]).to_pandas().iloc[:: 1 + table.num_rows // 200]
        for at, row in enumerate(rows.to_dict("records")):
            as_of = row["event_timestamp"].to_pydatetime().replace(tzinfo=timezone.utc)
            # No two at one time, some before the event, some beyond a day.
            as_of += timedelta(minutes=[5, -5, 0, 60 * 30][at % 4], microseconds=at)
            print(",".join([*(str(row[key]) for key in keys), as_of.isoformat()]))


if __name__ == "__main__":
    made = {"trips": trips, "ties": ties, "kinds": kinds, "spine": spine}
    made[sys.argv[1]](Path(sys.argv[2]))
