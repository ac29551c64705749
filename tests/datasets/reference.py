"""Holds a training set to a third computation, which shares no code with onepath: `reference.py PROJECT DATA NAME=FILE...`.

Expressions are DuckDB's. Aggregates are plain Python over the events of an entity, with exact sums in fractions. It reads declared views
from `PROJECT/onepath.toml`, computes every feature for some rows of `DATA/spine.csv`, and compares with `DATA/declared.parquet`: float64
by their bits, except for standard deviations (one unit in the last place) and what fades (1e-12). Estimates are not compared.
"""

import math
import re
import sys
import tomllib
from collections import Counter
from fractions import Fraction
from pathlib import Path

import duckdb
import numpy
import pyarrow
import pyarrow.parquet

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
NAMED = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
ARROW = {"BIGINT": pyarrow.int64(), "DOUBLE": pyarrow.float64(), "VARCHAR": pyarrow.string(), "BOOLEAN": pyarrow.bool_(), "TIMESTAMP": pyarrow.timestamp("us")}
ARROW["DOUBLE[]"] = pyarrow.list_(pyarrow.float64())
SQL = {"int64": "BIGINT", "float64": "DOUBLE", "text": "VARCHAR", "bool": "BOOLEAN", "time": "TIMESTAMP"}
EVENTS_OF_ROWS = 6_000_000


def length(text):
    number, unit = re.fullmatch(r"(\d+)([smhdw])", text).groups()
    return int(number) * UNITS[unit] * 1_000_000


class Column:
    """The values of an expression, one of each event: null where `known` is false."""

    def __init__(self, column):
        column = column.combine_chunks() if hasattr(column, "combine_chunks") else column
        self.known = ~column.is_null().to_numpy(zero_copy_only=False)
        self.is_time = str(column.type).startswith("timestamp")
        if self.is_time:
            column = column.cast("timestamp[us]").cast("int64")
        kind = str(column.type)
        if kind == "double":
            self.values = column.fill_null(0.0).to_numpy()
        elif kind == "int64":
            self.values = column.fill_null(0).to_numpy()
        else:
            self.values = numpy.array(column.to_pylist(), dtype=object)
        self.found = {}

    def equals(self, wanted):
        """Which events have a value."""
        if wanted not in self.found:
            self.found[wanted] = self.known & (self.values == wanted).astype(bool)
        return self.found[wanted]


class View:
    """A declared view: its features, and its events in the order in which they are applied."""

    def __init__(self, project, name, database, files):
        self.declared, self.name = project["views"][name], name
        sources = self.declared["sources"]
        entities = [project["sources"][source].get("entity") or project["sources"][source]["entities"] for source in sources]
        entity = self.declared.get("entity") or entities[0]
        self.keys = sorted(project["entities"][entity]["keys"])
        self.features = list(self.expanded())
        texts = set()
        for _, made in self.features:
            texts.update(made[part] for part in ("where", "value", "by") if made.get(part))
        texts.update(self.declared.get("latest", []))
        texts.update([self.declared["tie_break"]] if "tie_break" in self.declared else [])
        self.texts = sorted(texts)
        self.read(project, database, files)

    def expanded(self):
        """Each feature by its name, with what it is of."""
        for column in self.declared.get("latest", []):
            facts = self.declared.get("features", {}).get(column, {})
            yield column, {"function": "latest", "column": column, **{fact: facts[fact] for fact in ("ttl", "default") if fact in facts}}
        for name, made in self.declared.get("features", {}).items():
            if name in self.declared.get("latest", []):
                continue
            function = next(key for key in made if key in FUNCTIONS or re.fullmatch(SINCE, key) or key.startswith("session_length"))
            one = {key: value for key, value in made.items() if key not in ("windows", "values", function)}
            text = made[function]
            is_condition = re.fullmatch(SINCE, function) or function.startswith("session")
            condition = " AND ".join(f"({part})" for part in (made.get("where"), text if is_condition and text != "*" else None) if part)
            one |= {"function": function, "text": text, "where": condition or None, "value": None if is_condition or text == "*" or function == "expr" else text}
            places = made.get("k") or (made.get("n") if not made.get("list") else None)
            for value in made.get("values", [None]):
                for window in made.get("windows", [made.get("window")]):
                    for place in range(places) if places else [None]:
                        shown = str(value).lower() if isinstance(value, bool) else value
                        ends = [shown, window if "windows" in made else None, None if place is None else place + 1]
                        of = {**one, "is": value, "place": place} | ({"window": window} if window else {})
                        yield "_".join([name] + [str(end) for end in ends if end is not None]), of

    def read(self, project, database, files):
        parts = []
        for order, source in enumerate(self.declared["sources"]):
            made, every = project["sources"][source], {}
            for other in self.declared["sources"]:
                every |= {name: field if isinstance(field, str) else field["type"] for name, field in project["sources"][other]["fields"].items()}
            path = files[source]
            table = f"read_parquet('{path}', file_row_number = true)" if str(path).endswith("parquet") else f"read_csv('{path}', all_varchar = true)"
            names = {row[0] for row in database.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()}
            entities = made["entities"] if "entities" in made else [made["entity"]]
            keys = {key: kind for entity in entities for key, kind in project["entities"][entity]["keys"].items()}
            event, arrival = made["event_time"], made.get("arrival_time", made["event_time"])
            columns = {**every, **keys}
            shown = [f"CAST({name} AS {SQL[kind]}) AS {name}" if name in names else f"CAST(NULL AS {SQL[kind]}) AS {name}" for name, kind in sorted(columns.items())]
            time = lambda name: f"CAST(CAST({name} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS TIMESTAMP)"
            times = [f"{time(event)} AS event_time", f"{time(arrival)} AS known_at_", f"{order} AS source_"]
            own = [f"{time(event)} AS {event}"] if event not in columns else []
            row = "file_row_number" if "parquet" in table else "row_number() OVER ()"
            selected = f"SELECT {', '.join(shown + own + times)}, {row} AS place_ FROM {table}"
            derived = made.get("derived", {})
            selected = f"SELECT *, {', '.join(f'({text}) AS {name}' for name, text in derived.items())} FROM ({selected})" if derived else selected
            of = [f"({text}) AS c{at}" for at, text in enumerate(self.texts)]
            parts.append(f"SELECT {', '.join(self.keys + of)}, event_time, known_at_, source_, place_ FROM ({selected})")
        query = " UNION ALL ".join(parts) + " ORDER BY known_at_, source_, place_"
        table = database.sql(query).to_arrow_table()
        micros = lambda name: table[name].cast("timestamp[us]").cast("int64").combine_chunks().to_numpy()
        self.at, self.known_at = micros("event_time"), micros("known_at_")
        self.columns = {text: Column(table[f"c{at}"]) for at, text in enumerate(self.texts)}
        self.entities = {}
        for place, key in enumerate(zip(*[table[key].to_pylist() for key in self.keys])):
            self.entities.setdefault(key, []).append(place)
        self.entities = {key: numpy.array(places) for key, places in self.entities.items()}

    def of_question(self, key, as_of):
        """The value of each feature that is of events, by its name."""
        places = self.entities.get(key, numpy.array([], dtype=int))
        arrived = places[self.known_at[places] <= as_of]
        ordered = arrived[numpy.argsort(self.at[arrived], kind="stable")]
        return {name: self.value(made, arrived, ordered, as_of) for name, made in self.features if made["function"] != "expr"}

    def taken(self, made, places):
        """The events that count for an aggregate."""
        for text, wanted in [(made.get("where"), True), (made.get("by"), made.get("is"))]:
            places = places[self.columns[text].equals(wanted)[places]] if text else places
        if made.get("value"):
            places = places[self.columns[made["value"]].known[places]]
        return places

    def value(self, made, arrived, ordered, as_of):
        if made["function"] == "latest":
            return self.latest(made, ordered, as_of)
        arrived, ordered = self.taken(made, arrived), self.taken(made, ordered)
        if made["function"] == "lag":
            held = ordered[self.at[ordered] <= as_of - length(made["ago"])]
            return self.plain(made, held[-1:])[-1] if len(held) else None
        if "gap" in made or "fixed" in made:
            return self.of_sessions(made, arrived, as_of)
        if made["function"].startswith("decayed"):
            return self.faded(made, ordered, as_of)
        return self.aggregate(made, self.window(made, ordered, as_of), as_of)

    def latest(self, made, ordered, as_of):
        if not len(ordered):
            return None
        newest = ordered[self.at[ordered] == self.at[ordered[-1]]]
        breaks = self.declared.get("tie_break")
        if breaks:
            column = self.columns[breaks]
            rank = [(bool(column.known[place]), column.values[place], at) for at, place in enumerate(newest)]
            newest = newest[[max(range(len(newest)), key=lambda at: rank[at])]]
        column, place = self.columns[made["column"]], newest[-1]
        return self.one(column, place)

    def one(self, column, place):
        if not column.known[place]:
            return None
        value = column.values[place]
        return value.item() if hasattr(value, "item") else value

    def window(self, made, ordered, as_of):
        at = self.at[ordered]
        if "last_events" in made:
            return ordered[-made["last_events"] :]
        if "tumbling" in made:
            stretch = length(made["tumbling"])
            return ordered[at // stretch == as_of // stretch - (1 if made.get("previous") else 0)]
        if "window" not in made:
            return ordered
        long, ago = length(made["window"]), length(made["ago"]) if "ago" in made else 0
        if "hop" in made:
            hop = length(made["hop"])
            if "ago" not in made:
                return ordered[at // hop >= (as_of - long) // hop]
            end = (as_of - ago) // hop * hop
            return ordered[(at >= end - -(-long // hop) * hop) & (at < end)]
        age = as_of - ago - at
        return ordered[(age >= 0) & (age < long if made.get("edge") == "half_open" else age <= long)]

    def plain(self, made, places):
        """The values of events that have one."""
        return self.columns[made["value"]].values[places].tolist()

    def sessions(self, made, arrived):
        """Sessions as events came: each a list of events."""
        sessions, gap = [], length(made["gap"]) if "gap" in made else None
        if gap is not None:
            for place in arrived[numpy.argsort(self.at[arrived], kind="stable")]:
                if sessions and self.at[place] - self.at[sessions[-1][-1]] <= gap:
                    sessions[-1].append(place)
                else:
                    sessions.append([place])
            return sessions
        fixed = length(made["fixed"])
        for place in arrived:
            at = self.at[place]
            before = [session for session in sessions if self.at[session[0]] <= at]
            if before and (at - self.at[before[-1][0]] <= fixed or at <= max(self.at[other] for other in before[-1])):
                before[-1].append(place)
            else:
                sessions.insert(len(before), [place])
        return sessions

    def of_sessions(self, made, arrived, as_of):
        sessions = self.sessions(made, arrived)
        if made["function"] == "sessions":
            return sum(0 <= as_of - int(self.at[session[0]]) <= length(made["window"]) for session in sessions)
        session = sorted(sessions[-1], key=lambda place: self.at[place]) if sessions else []
        if session and made["session"] == "open":
            since = self.at[session[-1]] if "gap" in made else self.at[session[0]]
            session = session if as_of - since <= length(made.get("gap") or made["fixed"]) else []
        if made["function"].startswith("session_length"):
            unit = NAMED[made["function"].rsplit("_", 1)[1]] * 1_000_000
            return int(self.at[session[-1]] - self.at[session[0]]) // unit if session else None
        return self.aggregate(made, numpy.array(session, dtype=int), as_of)

    def faded(self, made, ordered, as_of):
        if not len(ordered):
            return None
        values, half_life = self.plain(made, ordered), length(made["half_life"])
        weights = [2.0 ** (-(as_of - int(at)) / half_life) for at in self.at[ordered]]
        mean_weights = [2.0 ** (-(int(self.at[ordered[-1]]) - int(at)) / half_life) for at in self.at[ordered]]
        if made["function"] == "decayed_sum":
            return math.fsum(value * weight for value, weight in zip(values, weights))
        return math.fsum(value * weight for value, weight in zip(values, mean_weights)) / math.fsum(mean_weights)

    def aggregate(self, made, places, as_of):
        function = made["function"]
        since = re.fullmatch(SINCE, function)
        if since:
            if not len(places):
                return None
            place = places[-1] if since[2] == "last" else places[0]
            return (as_of - int(self.at[place])) // (NAMED[since[1]] * 1_000_000)
        if function == "count":
            return len(places)
        return FUNCTIONS[function](self.plain(made, places), made)


def exact(values):
    return sum(map(Fraction, values), Fraction(0))


def variance(values, less):
    if len(values) <= less:
        return None
    spread = exact(Fraction(value) ** 2 for value in values) * len(values) - exact(values) ** 2
    return spread / (len(values) * (len(values) - less))


def root(fraction):
    if not fraction:
        return fraction if fraction is None else 0.0
    shift = 1 << 1300
    return float(Fraction(math.isqrt(fraction.numerator * shift * shift // fraction.denominator), shift))


def fsum(values):
    """The float64 nearest to the sum, also where a part of it is beyond float64."""
    try:
        return math.fsum(values)
    except OverflowError:
        return float(sum(map(Fraction, values)))


def mean(values, made):
    if not values:
        return None
    return (float(sum(values)) if isinstance(values[0], int) else fsum(values)) / len(values)


def ranked(value):
    """Of the zeros, -0.0 is the lesser."""
    return value, math.copysign(1, value) if isinstance(value, float) else 0


def percentile(values, made):
    if not values:
        return None
    values = sorted(map(float, values), key=ranked)
    place = made["q"] * (len(values) - 1)
    low, high, part = values[int(place)], values[min(int(place) + 1, len(values) - 1)], place - int(place)
    if part == 0.0 or low == high:
        return low
    return min(max(low * (1.0 - part) + high * part, low), high)


def top(values, made):
    ranked = sorted((-count, value) for value, count in Counter(values).items())
    return ranked[made["place"]][1] if made["place"] < len(ranked) else None


def nth(values, made, latest):
    count = made["n"]
    values = [float(value) for value in values] if made.get("list") else values
    if made.get("list"):
        return values[-count:] if latest else values[:count]
    values = values[::-1] if latest else values
    return values[made["place"]] if made["place"] < len(values) else None


def number(fraction):
    """The float64 nearest to a fraction that is not negative."""
    try:
        return None if fraction is None else float(fraction)
    except OverflowError:
        return math.inf
SINCE = r"(days|hours|minutes|seconds)_since_(last|first)"
FUNCTIONS = {
    "expr": None,
    "lag": None,
    "sessions": None,
    "decayed_sum": None,
    "decayed_mean": None,
    "count": None,
    "sum": lambda values, made: None if not values else sum(values) if isinstance(values[0], int) else fsum(values),
    "mean": mean,
    "min": lambda values, made: min(values, default=None, key=ranked),
    "max": lambda values, made: max(values, default=None, key=ranked),
    "variance": lambda values, made: number(variance(values, 0)),
    "sample_variance": lambda values, made: number(variance(values, 1)),
    "std_dev": lambda values, made: root(variance(values, 0)),
    "sample_std_dev": lambda values, made: root(variance(values, 1)),
    "first": lambda values, made: values[0] if values else None,
    "last": lambda values, made: values[-1] if values else None,
    "first_n": lambda values, made: nth(values, made, False),
    "last_n": lambda values, made: nth(values, made, True),
    "distinct": lambda values, made: len(set(values)),
    "top_k": top,
    "percentile": percentile,
    "share": lambda values, made: sum(values) / len(values) if values else None,
    "hits": lambda values, made: sum(values),
}


def expressions(view, database, rows, types):
    """Adds what `expr` features are, which DuckDB computes of the others, and of each other."""
    left = {name: made for name, made in view.features if made["function"] == "expr"}
    names = [name for name, made in view.features if name not in left]
    while left:
        columns = {name: pyarrow.array([row[name] for row in rows], ARROW[types[name]]) for name in [*names, "as_of"]}
        database.register("questions", pyarrow.table({"row_": range(len(rows)), **columns}))
        done = []
        for name, made in left.items():
            try:
                found = database.execute(f"SELECT ({made['text']})::{types[name]} FROM questions ORDER BY row_").fetchall()
            except duckdb.BinderException:
                continue
            for row, (value,) in zip(rows, found):
                row[name] = value
            done.append(name)
        assert done, f"{sorted(left)} are of what there is not"
        names += done
        left = {name: made for name, made in left.items() if name not in done}


def with_default(row, view, newest, as_of):
    """As the host gives it: what is too old is null, and a default stands in place of a null."""
    for name, made in view.features:
        if "ttl" in made and (newest is None or as_of - newest > length(made["ttl"])):
            row[name] = None
        if row[name] is None and "default" in made:
            row[name] = made["default"]


def is_same(made, expected, found):
    if expected is None or found is None:
        return expected is found
    if isinstance(expected, list):
        return len(expected) == len(found) and all(is_same(made, one, other) for one, other in zip(expected, found))
    if isinstance(found, float):
        expected = float(expected)
        within = 2.3e-16 if made["function"].endswith("std_dev") else 1e-12 if made["function"].startswith("decayed") else 0
        return numpy.float64(expected).view(numpy.int64) == numpy.float64(found).view(numpy.int64) or 0 < abs(expected - found) <= within * abs(expected)
    return expected == found


def main(project_folder, data, *sources):
    data, project = Path(data), tomllib.loads((Path(project_folder) / "onepath.toml").read_text())
    files = {source: data / file for source, file in (given.split("=") for given in sources)}
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    given = pyarrow.parquet.read_table(data / "declared.parquet")
    as_ofs = given["as_of"].cast("timestamp[us]").cast("int64").to_pylist() if str(given["as_of"].type).startswith("timestamp") else None
    assert as_ofs, f"as_of is {given['as_of'].type}"
    values = features = differ = 0
    for name, declared in project["views"].items():
        if "transform" in declared:
            continue
        view = View(project, name, database, files)
        keys = list(zip(*[given[key].to_pylist() for key in view.keys]))
        # Fewer rows where entities have more events.
        events = sum(len(view.entities.get(key, ())) for key in keys) / len(keys)
        step = max(1, len(keys) // max(20, min(300, int(EVENTS_OF_ROWS / events / len(view.features)))))
        chosen = range(len(keys) // 7 % step, len(keys), step)
        rows, newest = [], []
        for place in chosen:
            row = view.of_question(keys[place], as_ofs[place])
            seen = view.entities.get(keys[place], numpy.array([], dtype=int))
            seen = view.at[seen[view.known_at[seen] <= as_ofs[place]]]
            newest.append(int(seen.max()) if len(seen) else None)
            # Expressions see defaults, and no time to live.
            rows.append({**row, "as_of": as_ofs[place]})
        types = {"as_of": "TIMESTAMP"}
        for feature, _ in view.features:
            kind = str(given[feature].type)
            types[feature] = {"int64": "BIGINT", "double": "DOUBLE", "string": "VARCHAR", "bool": "BOOLEAN"}.get(kind, "DOUBLE[]" if "list" in kind else "TIMESTAMP")
        seen_by_expressions = [dict(row) for row in rows]
        for row in seen_by_expressions:
            for feature, made in view.features:
                if made["function"] != "expr" and row[feature] is None and "default" in made:
                    row[feature] = made["default"]
        expressions(view, database, seen_by_expressions, types)
        compared = [(feature, made) for feature, made in view.features if not made.get("approximate")]
        for row, seen, place, last in zip(rows, seen_by_expressions, chosen, newest):
            for feature, made in view.features:
                if made["function"] == "expr":
                    row[feature] = seen[feature]
            with_default(row, view, last, as_ofs[place])
        for feature, made in compared:
            of_times = types[feature] == "TIMESTAMP"
            column = given[feature].cast("timestamp[us]").cast("int64") if of_times else given[feature]
            wrong = []
            for row, place in zip(rows, chosen):
                found, expected = column[place].as_py(), row[feature]
                values += 1
                if not is_same(made, expected, found):
                    wrong.append((place, expected, found))
            differ += len(wrong)
            for place, expected, found in wrong[:3]:
                print(f"{view.name}: {feature} is {found!r}, and {expected!r} by the reference, in row {place}, {keys[place]}; {len(wrong)} rows differ")
        features += len(compared)
    print(f"{Path(project_folder).name}: {values:,} values of {features} features by the reference: {differ:,} differ")
    return differ


if __name__ == "__main__":
    sys.exit(1 if main(*sys.argv[1:]) else 0)
