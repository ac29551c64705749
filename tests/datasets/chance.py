"""Declares features by chance, over events by chance: `chance.py PROJECT DATA SEED`.

Times lie on a coarse grid, so that ties and the edges of windows are common; some events come late, some very late.
"""

import random
import sys
from pathlib import Path

from make import DAY, datetime, write

START = datetime.datetime(2024, 2, 25)
VALUES = {"x": "float64", "n": "int64", "s": "text", "b": "bool", "t": "time"}
CONDITIONS = ["x > 2", "n % 2 = 0", "s = 'a'", "b", "NOT b", "x IS NULL", "s IN ('a', 'ü') OR n = 3", "t > event_time", "coalesce(n, 0) BETWEEN 1 AND 4",
              "CASE WHEN b THEN x > 0 ELSE n > 2 END", "length(s) = 1 AND x < 100", "extract(hour FROM event_time) >= 12"]
NUMBERS = ["x", "n", "x * 2 - 1", "n // 3", "coalesce(x, n)", "abs(x)", "x / nullif(n, 0)", "length(s)", "greatest(n, 3)"]
KEYS = ["s", "n", "b", "upper(s)", "n % 3", "s || '!'", "x > 1"]
ANY = ["x", "n", "s", "b", "t", "n + 1", "lower(s)"]
LENGTHS = ["1h", "6h", "10h", "12h", "1d", "2d", "3d", "7d", "10d"]


def quoted(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(quoted, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def feature(chance):
    """One feature: the entries of its table."""
    function = chance.choice(["count", "sum", "mean", "min", "max", "variance", "sample_variance", "std_dev", "sample_std_dev", "first", "last", "first_n",
                              "last_n", "distinct", "top_k", "percentile", "share", "hits", "since", "decayed", "lag", "sessions", "session_length"])
    made = {}
    if function == "since":
        unit, end = chance.choice(["days", "hours", "minutes", "seconds"]), chance.choice(["first", "last"])
        made[f"{unit}_since_{end}"] = chance.choice(["*"] + CONDITIONS)
    elif function == "decayed":
        made[chance.choice(["decayed_sum", "decayed_mean"])] = chance.choice(["abs(x)", "n", "length(s)"])
        made["half_life"] = chance.choice(["1h", "1d", "3d"])
    elif function == "session_length":
        made[f"session_length_{chance.choice(['days', 'hours', 'minutes', 'seconds'])}"] = chance.choice(["*"] + CONDITIONS)
    elif function == "sessions":
        made["sessions"] = chance.choice(["*"] + CONDITIONS)
    else:
        among = {"count": ANY + ["*"], "first": ANY, "last": ANY, "first_n": ANY, "last_n": ANY, "lag": ANY, "distinct": KEYS, "top_k": KEYS,
                 "share": CONDITIONS, "hits": CONDITIONS, "min": NUMBERS + ["t"], "max": NUMBERS + ["t"]}
        made[function] = chance.choice(among.get(function, NUMBERS))
    if chance.random() < 0.4:
        made["where"] = chance.choice(CONDITIONS)
    if function == "percentile":
        made["q"] = chance.choice([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0])
    if function == "top_k":
        made["k"] = chance.randint(1, 4)
    if function in ("first_n", "last_n"):
        made["n"] = chance.randint(1, 4)
    if chance.random() < 0.15:
        made |= chance.choice([{"by": "s", "values": ["a", "b"]}, {"by": "n", "values": [1, 2, 3]}, {"by": "b", "values": [True, False]}])
    return made | windows(chance, function)


def windows(chance, function):
    if function in ("sessions", "session_length"):
        rule = chance.choice([{"gap": chance.choice(["1h", "3h", "12h"])}, {"fixed": chance.choice(["2h", "12h", "1d"])}])
        which = {} if function == "sessions" else {"session": chance.choice(["last", "open"])}
        return {**rule, **which, "window": chance.choice(["3d", "10d"]) if function == "sessions" else "60d"}
    if function == "lag":
        return {"ago": chance.choice(LENGTHS)}
    if function == "decayed":
        return {}
    exact = {"window": chance.choice(LENGTHS)} if chance.random() < 0.8 else {"windows": chance.sample(LENGTHS, 2)}
    if chance.random() < 0.5:
        exact["edge"] = chance.choice(["closed", "half_open"])
    if function == "since":
        return exact if chance.random() < 0.6 else {}
    ago = {"ago": chance.choice(LENGTHS)} if chance.random() < 0.4 else {}
    if function in ("first_n", "last_n"):
        return exact | ago if chance.random() < 0.6 else {}
    if function == "percentile":
        return chance.choice([exact | ago, {"last_events": chance.randint(1, 12)}])
    hop = {"window": chance.choice(LENGTHS), "hop": chance.choice(["1h", "3h", "5h", "1d"])} | ago
    session = {**chance.choice([{"gap": chance.choice(["1h", "3h", "12h"])}, {"fixed": chance.choice(["2h", "12h", "1d"])}]), "session": chance.choice(["last", "open"]), "window": "60d"}
    tumbling = {"tumbling": chance.choice(["6h", "1d", "7d"])} | ({"previous": True} if chance.random() < 0.5 else {})
    return chance.choice([exact, exact | ago, {}, {"last_events": chance.randint(1, 12)}, hop, tumbling, session])


def events(chance):
    rows = []
    for entity in range(40):
        grid = chance.choice([1, 60, 3600, 6 * 3600])
        for _ in range(chance.randint(0, 160)):
            at = START + datetime.timedelta(seconds=chance.randrange(0, 25 * 86400, grid))
            late = chance.choice([0, 0, 0, 0, 1, 3600, 12 * 3600, 5 * 86400, 20 * 86400])
            odd = chance.choice(["5e-324", "1e300", "-1e300", "1e16", "-1e16", "0.1", "1e-310"])
            x = chance.choice(["", "-0.0", odd, chance.randint(-8, 40) / 4, chance.randint(-2, 6), chance.uniform(-1, 1) * 10 ** chance.randint(-3, 12)])
            t = chance.choice(["", f"{(at + datetime.timedelta(seconds=chance.randint(-9, 9) * 3600)).isoformat()}Z"])
            row = [entity, f"{at.isoformat()}Z", f"{(at + datetime.timedelta(seconds=late)).isoformat()}Z", x, chance.choice(["", *range(-2, 8), 2**40]),
                   chance.choice(["a", "a", "b", "ü", "bc", "zzz"]), chance.choice(["", "true", "false"]), t]
            rows.append(row)
    chance.shuffle(rows)
    return rows


def spine(chance, rows):
    questions = []
    for row in rows[:: max(1, len(rows) // 600)]:
        base = datetime.datetime.fromisoformat(row[chance.choice([1, 2])].rstrip("Z"))
        after = chance.choice([0, 0, 1, 3600, 6 * 3600, 10 * 3600, 12 * 3600, 86400, 2 * 86400, 3 * 86400, 7 * 86400, 10 * 86400, chance.randrange(20 * 86400)])
        questions.append((row[0], f"{(base + datetime.timedelta(seconds=after)).isoformat()}Z"))
    return questions


HEAD = """# Features by chance, of seed {seed}.
[project]
name = "chance"

[entities.thing]
keys = {{ thing = "int64" }}

[sources.events]
entity = "thing"
event_time = "happened_at"
arrival_time = "known_at"

[sources.events.fields]
{fields}

[services.declared]
features = ["chance:*"]

[limits]
admission_ms_max = 120_000

[views.chance]
sources = ["events"]

[views.chance.features]
"""


def main(project, data, seed, number=60):
    chance, project, data = random.Random(seed), Path(project), Path(data)
    fields = "\n".join(f'{name} = "{kind}"' for name, kind in VALUES.items())
    lines = [f"f{at} = {{ {', '.join(f'{key} = {quoted(value)}' for key, value in feature(chance).items())} }}" for at in range(number)]
    project.mkdir(parents=True, exist_ok=True)
    (project / "onepath.toml").write_text(HEAD.format(seed=seed, fields=fields) + "\n".join(lines) + "\n", encoding="utf-8")
    rows = events(chance)
    write(data / "events.csv", ["thing", "happened_at", "known_at", "x", "n", "s", "b", "t"], rows)
    write(data / "spine.csv", ["thing", "as_of"], spine(chance, rows))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
