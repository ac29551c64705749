"""Writes what DuckDB answers to expressions: `answers.jsonl`, which tests hold onepath's expressions to.

    python answers.py answers.jsonl
    python answers.py --compare answers.jsonl others.jsonl
    python answers.py more.jsonl 10000 8

The last one asks more: so many random trees, of another seed. `ONEPATH_DUCKDB_ANSWERS=more.jsonl` has the test read them.

The first line has the columns of a table. Each other line is [expression, type, answers], an answer per row: null, a boolean, an integer (of a
time: microseconds), a number or "nan", "inf", "-inf", a text after "'", and "!" where DuckDB fails. "?" is not compared: DuckDB
fails where it computes both sides of AND and OR, every item of IN, though one decides. A type with "~" is that of a nested expression: DuckDB may or
may not compute what stands beside a null, by what the rows around it are, so that a failure of onepath is no difference where DuckDB has null;
with "?" some row of it fails, and a failure of onepath is no difference at all.

An expression is written twice: as in onepath, where 5 is int64 and 0.5 is float64, and as in DuckDB, where these are INTEGER and DECIMAL and
need a cast.
"""

import json
import math
import random
import sys

import duckdb

ROWS = 40
TREES = 2000
INT_MAX, INT_MIN = 2**63 - 1, -(2**63)

INTS = [None, 0, 1, -1, 2, 3, 7, -7, 10, 12, 100, -100, 365, 1000, 86_400, 4_294_967_296, -4_294_967_297, 9_007_199_254_740_993,
        3_037_000_500, INT_MAX, INT_MIN, INT_MAX - 1, INT_MIN + 1]
FLOATS = [None, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 0.1, 0.2, 0.3, 1e-5, 123.456, -123.456, 1e15, 1e16, 123456789.125, 1e300, -1e300,
          5e-324, 1.7976931348623157e308, 9.223372036854775e18, 9.223372036854776e18, math.nan, math.inf, -math.inf, 3.0, 100.0, 1e22, 2.0 / 3.0]
TEXTS = [None, "", "a", "A", "abc", "ABC", "purchase", "return", " padded ", "äöü", "ÄÖÜ", "straße", "日本語", "👍🏽 yes", "a,b,c", ",", "a%b_c", "%", "_",
         "12", "-7", "1.5", "12.5", "-12.5", "1e3", " 42 ", "true", "F", "yes", "nan", "inf", "x'y", "line\nbreak", "2024-02-29",
         "2024-02-29 12:34:56.789", "1_000", "9223372036854775807", "9223372036854775808", "zzzz", "aXbXc"]
TIMES = [None, 0, -1, 1, 500, -500, 1_500, -1_500, 1_709_210_096_789_012, 1_709_164_800_000_000, 951_782_400_000_000, -2_208_988_800_000_000, -62_135_596_800_000_000,
         -62_135_596_800_000_001, -62_167_219_200_000_000, 253_402_300_799_999_999, 1_735_689_599_999_999, 1_735_689_600_000_000,
         1_704_067_199_000_000, 1_704_672_000_000_000, 1_546_214_400_000_000, 1_546_300_800_000_000, 1_483_228_799_500_000, -1_500_000,
         1_711_843_200_000_000, 1_706_659_200_000_000, 4_102_444_800_000_000, -210_866_803_200_000_000, 9_223_372_036_854_775_806,
         9_000_000_000_000_000_000, -9_000_000_000_000_000_000]
BOOLS = [None, True, False]
LISTS = [None, [], [1.0], [0.0], [1.0, 2.0], [3.0, -4.0], [0.0, 0.0], [0.5, 0.25, 2.0], [1e200, 1.0], [-1.0, -2.0]]

COLUMNS = {"i": ("int64", INTS), "j": ("int64", INTS), "k": ("int64", [0, 1, 2, 3, 5, 10, -1, -4]),
           "f": ("float64", FLOATS), "g": ("float64", FLOATS), "h": ("float64", [0.5, 1.0, 2.0, -3.0, 10.0, 0.25]),
           "s": ("text", TEXTS), "t": ("text", TEXTS), "u": ("text", ["a", "b", ",", "X", "", "purchase", "ü"]),
           "b": ("bool", BOOLS), "c": ("bool", BOOLS), "ts": ("time", TIMES), "till": ("time", TIMES),
           "v": ("list<float64>", LISTS), "w": ("list<float64>", LISTS)}
SQL_TYPES = {"int64": "BIGINT", "float64": "DOUBLE", "text": "VARCHAR", "bool": "BOOLEAN", "time": "TIMESTAMP", "list<float64>": "DOUBLE[]"}


def table():
    """Each value of a column occurs, in an order of its own."""
    chance = random.Random(1)
    columns = {}
    for name, (_, values) in COLUMNS.items():
        filled = (values * (ROWS // len(values) + 1))[:ROWS]
        if len(values) <= ROWS:
            assert all(any(repr(value) == repr(other) for other in filled) for value in values)
        chance.shuffle(filled)
        columns[name] = filled
    return columns


class Both:
    """An expression as onepath writes it, and as DuckDB does."""

    def __init__(self, ours, duck=None):
        self.ours, self.duck = ours, ours if duck is None else duck


def form(template, *parts):
    parts = [part if isinstance(part, Both) else Both(str(part)) for part in parts]
    return Both(template.format(*(part.ours for part in parts)), template.format(*(part.duck for part in parts)))


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def integer(value):
    return Both(str(value), f"({value})::BIGINT")


def number(value):
    if math.isnan(value) or math.isinf(value):
        return Both(f"CAST('{value}' AS DOUBLE)")
    text = repr(value) if "e" in repr(value) or "." in repr(value) else repr(value) + ".0"
    return Both(text, f"({text})::DOUBLE")


def time(micros):
    stamp = duckdb.sql(f"SELECT make_timestamp({micros}::BIGINT)::VARCHAR").fetchone()[0]
    return Both(f"TIMESTAMP '{stamp}'")


def numbers(values):
    parts = [number(value) for value in values]
    return Both("[" + ", ".join(p.ours for p in parts) + "]", "[" + ", ".join(p.duck for p in parts) + "]::DOUBLE[]")


# What is exact, so that answers have the same bits and may be computed with.
EXACT_FLOAT = ["abs({})", "floor({})", "ceil({})", "trunc({})", "round({})", "sqrt({})", "-({})"]
LIBRARY = ["cbrt({})", "exp({})", "ln({})", "log2({})", "log10({})", "log({})", "sin({})", "cos({})", "tan({})", "asin({})", "acos({})", "atan({})",
           "degrees({})", "radians({})", "cot({})"]
PARTS = ["microsecond", "millisecond", "second", "minute", "hour", "day", "dow", "isodow", "doy", "week", "month", "quarter", "year", "isoyear"]
PART_FUNCTIONS = ["microsecond", "millisecond", "second", "minute", "hour", "day", "dayofmonth", "dayofweek", "weekday", "isodow", "dayofyear",
                  "week", "weekofyear", "month", "quarter", "year", "isoyear"]
INTERVALS = ["INTERVAL '1 day'", "INTERVAL '1 month'", "INTERVAL 90 MINUTE", "INTERVAL '1 year 2 months 3 days'", "INTERVAL '36 hours'", "INTERVAL 1 QUARTER",
             "INTERVAL '13 months'", "INTERVAL '1 week'"]
COMPARISONS = ["=", "<>", "<", "<=", ">", ">="]
PATTERNS = ["a%", "%c", "%b%", "a_c", "%", "_", "", "%a%b%", "__", "p%e", "%ü", "a%b_c", "%,%,%"]


def cases():
    """Each function with each edge."""
    column = Both
    for function in EXACT_FLOAT + LIBRARY:
        for name in "fgh":
            yield form(function, column(name))
    for function in ["abs({})", "sign({})", "floor({})", "ceil({})", "ceiling({})", "trunc({})", "round({})", "sqrt({})", "ln({})", "-({})", "+({})"]:
        yield form(function, column("i"))
    for function in ["sign({})", "isnan({})", "isfinite({})", "isinf({})", "ceiling({})"]:
        yield form(function, column("f"))
    for op in ["+", "-", "*", "/"]:
        for left, right in ["fg", "ij", "if", "hk", "ik", "fh"]:
            yield form("{} " + op + " {}", column(left), column(right))
    for op in ["//", "%"]:
        for left, right in ["ij", "ik", "ki"]:
            yield form("{} " + op + " {}", column(left), column(right))
    for left, right in ["fg", "fh", "ih"]:
        yield form("{} % {}", column(left), column(right))
        yield form("mod({}, {})", column(left), column(right))
    yield form("mod(i, k)")
    for function in ["pow({}, {})", "power({}, {})", "atan2({}, {})", "log({}, {})"]:
        for left, right in ["fg", "fh", "hf", "ik"]:
            yield form(function, column(left), column(right))
    for places in [0, 1, 2, 5, 15, -1, -2, 300, -300]:
        yield Both(f"round(f, {places})")
        yield Both(f"round(g, {places})")
    for op in COMPARISONS:
        for left, right in ["fg", "ij", "if", "st", "bc", ("ts", "till"), "kh"]:
            yield form("{} " + op + " {}", column(left), column(right))
        yield form("s " + op + " 'purchase'")
        yield form("'abc' " + op + " t")
        yield form("ts " + op + " '2024-02-29'")
        yield form("'2024-02-29 12:34:56.789012' " + op + " ts")
        yield form("f " + op + " {}", number(0.3))
        yield form("i " + op + " {}", integer(7))
    yield Both("v = w")
    yield Both("v <> w")
    yield form("v = {}", numbers([1.0, 2.0]))
    for left, right in ["fg", "ij", "st", "bc", ("ts", "till"), "vw"]:
        yield form("{} IS DISTINCT FROM {}", left, right)
        yield form("{} IS NOT DISTINCT FROM {}", left, right)
        yield form("nullif({}, {})", left, right)
        yield form("coalesce({}, {})", left, right)
        yield form("ifnull({}, {})", left, right)
    for left, right in ["fg", "ij", "st", "bc", ("ts", "till")]:
        yield form("least({}, {})", left, right)
        yield form("greatest({}, {})", left, right)
    yield form("greatest(f, g, {})", number(1.5))
    yield form("least(s, t, u)")
    yield form("nullif(f, {})", number(0.0))
    yield form("f / nullif(g, 0)")
    yield form("nullif(i, f)")
    yield form("coalesce(i, f)")
    yield form("coalesce(ts, '2024-01-01')")
    for left, right in ["bc"]:
        for op in ["AND", "OR", "=", "<>"]:
            yield form("{} " + op + " {}", left, right)
    for test in ["IS NULL", "IS NOT NULL", "IS TRUE", "IS FALSE", "IS NOT TRUE", "IS NOT FALSE", "IS UNKNOWN", "IS NOT UNKNOWN"]:
        yield form("b " + test)
    for name in ["i", "f", "s", "ts", "v"]:
        yield form("{} IS NULL", name)
        yield form("{} IS NOT NULL", name)
    yield Both("i NOTNULL")
    yield Both("NOT b")
    yield Both("NOT b AND c")
    yield Both("NOT (b OR c)")
    yield form("i IN ({}, {}, NULL)", integer(0), integer(7))
    yield form("i NOT IN ({}, {})", integer(0), integer(7))
    yield form("f IN ({}, {}, {})", number(0.5), number(math.nan), number(-0.0))
    yield form("f IN (g, h)")
    yield form("i IN (j, k)")
    yield form("s IN ('purchase', 'return')")
    yield form("s NOT IN ('purchase', 'return', NULL)")
    yield form("s IN (t, 'abc')")
    yield form("s IN ('a', 'A', 'abc', 'ABC', 'purchase', 'return', '', 'äöü', '日本語', 'zzzz', '12')")
    yield form("ts IN ('2024-02-29', '1970-01-01')")
    yield form("f BETWEEN g AND h")
    yield form("i NOT BETWEEN k AND j")
    yield form("s BETWEEN 'a' AND 'b'")
    yield form("ts BETWEEN '1970-01-01' AND '2024-12-31'")
    yield form("CASE WHEN b THEN i WHEN c THEN j ELSE k END")
    yield form("CASE WHEN b THEN f WHEN c THEN i END")
    yield form("CASE s WHEN 'abc' THEN 'x' WHEN 'purchase' THEN t ELSE u END")
    yield form("CASE i WHEN k THEN {} WHEN NULL THEN {} ELSE {} END", integer(1), integer(2), integer(3))
    yield form("CASE WHEN k <> 0 THEN i // k END")
    yield form("CASE WHEN b THEN v ELSE w END")
    yield form("coalesce(k, i + j)")
    yield form("if(b, s, t)")
    yield form("if(b, i, NULL)")
    # Conversions.
    for target in ["BIGINT", "DOUBLE", "BOOLEAN"]:
        for name in ["s", "t", "f", "g", "i", "b"]:
            yield form("CAST({} AS " + target + ")", name)
            yield form("TRY_CAST({} AS " + target + ")", name)
    for name in ["f", "g", "i", "b", "ts", "till"]:
        yield form("CAST({} AS VARCHAR)", name)
        yield form("{} || 'x'", name)
    yield form("f::BIGINT")
    yield form("TRY_CAST(s AS TIMESTAMP)")
    yield form("CAST(s AS TIMESTAMP)")
    yield form("CAST({} AS BIGINT)", number(2.5))
    yield form("TRY(i + j)")
    yield form("TRY(i // k)")
    yield form("TRY(CAST(s AS BIGINT))")
    # Texts.
    for function in ["lower", "lcase", "upper", "ucase", "length", "len", "char_length", "character_length", "trim", "ltrim", "rtrim", "reverse"]:
        yield form(function + "(s)")
        yield form(function + "(t)")
    for function in ["trim", "ltrim", "rtrim", "starts_with", "prefix", "ends_with", "suffix", "contains", "strpos", "instr"]:
        yield form(function + "(s, u)")
        yield form(function + "(s, t)")
        yield form(function + "(t, 'a')")
    yield form("position(u IN s)")
    yield form("trim(BOTH 'a' FROM s)")
    yield form("trim(LEADING 'a' FROM s)")
    yield form("trim(TRAILING 'c' FROM s)")
    for function in ["left", "right"]:
        yield form(function + "(s, k)")
        yield form(function + "(t, {})", integer(-2))
    for start in [-10, -3, -1, 0, 1, 2, 5]:
        yield form("substring(s, {})", integer(start))
        for length in [-2, 0, 1, 3, 100]:
            yield form("substring(s, {}, {})", integer(start), integer(length))
    yield form("substr(s, k, 2)")
    yield form("substring(t FROM 2 FOR 3)")
    yield form("split_part(s, u, k)")
    yield form("split_part(s, ',', 2)")
    yield form("split_part(s, ',', -1)")
    yield form("replace(s, u, t)")
    yield form("replace(s, 'a', 'äx')")
    yield form("concat(s, t, u)")
    yield form("concat(s, i, b)")
    for separator in ["','", "''", "'äb'", "u", "NULL"]:
        yield form("concat_ws(" + separator + ", s, t, u)")
        yield form("concat_ws(" + separator + ", nullif(u, 'a'), i, nullif(s, 'abc'), b)")
    for count in [-1, 0, 1, 3, 8]:
        yield form("repeat(s, {})", integer(count))
        # INTEGER in DuckDB.
        for padding in ["'0'", "'äx'"]:
            yield form(f"lpad(s, {count}, {padding})")
            yield form(f"rpad(t, {count}, {padding})")
    yield form("lpad(CAST(k AS VARCHAR), 5, '0')")
    yield form("s || t || u")
    for pattern in PATTERNS:
        yield form("s LIKE " + quoted(pattern))
        yield form("t NOT LIKE " + quoted(pattern))
        yield form("s ILIKE " + quoted(pattern.upper()))
    yield form("s LIKE t")
    yield form("s LIKE u")
    yield form("t ILIKE s")
    # Times.
    for part in PARTS:
        yield form("extract(" + part + " FROM ts)")
        yield form("date_part('" + part + "', till)")
        yield form("date_trunc('" + part + "', ts)")
        yield form("date_diff('" + part + "', ts, till)")
        yield form("datediff('" + part + "', '2024-02-29 12:00:00', ts)")
    for part in ["microsecond", "millisecond", "second", "minute", "hour", "day", "week"]:
        yield form("date_sub('" + part + "', '2024-02-29 12:00:00', least(greatest(ts, '1900-01-01'), '2100-01-01'))")
        yield form("datesub('" + part + "', least(greatest(ts, '1900-01-01'), '2100-01-01'), '1969-12-31 23:00:00')")
    for function in PART_FUNCTIONS:
        yield form(function + "(ts)")
    for interval in INTERVALS:
        yield form("ts + " + interval)
        yield form("till - " + interval)
        yield form(interval + " + ts")
        yield form("date_add(ts, " + interval + ")")
    yield form("ts + INTERVAL (k) DAY")
    yield form("ts - INTERVAL (k) MONTH")
    for function in ["to_days", "to_months", "to_years", "to_weeks", "to_quarters"]:
        yield Both("ts + " + function + "(k)", "ts + " + function + "(k::INTEGER)")
    for function in ["to_hours", "to_minutes", "to_milliseconds", "to_microseconds"]:
        yield Both("ts + " + function + "(k)", "ts + " + function + "(k)")
    yield Both("ts + to_seconds(k)", "ts + to_seconds(k::DOUBLE)")
    yield form("ts - till > INTERVAL '7 days'")
    yield form("ts - till <= INTERVAL '0 days'")
    yield form("epoch(ts - till)")
    yield form("extract(epoch FROM ts)")
    yield form("extract(epoch FROM ts + INTERVAL '1 day' - ts)")
    yield form("'2024-02-29'::TIMESTAMP <= ts")
    yield form("epoch(ts)")
    yield form("epoch_ms(ts)")
    yield form("epoch_us(ts)")
    yield form("epoch_ms(k)")
    yield form("make_timestamp(i)")
    yield Both("to_timestamp(h)", "to_timestamp(h)::TIMESTAMP")
    yield Both("to_timestamp(h / 3)", "to_timestamp(h / 3)::TIMESTAMP")
    yield Both("last_day(ts)", "last_day(ts)::TIMESTAMP")
    yield form("hour(ts) + day(ts)")
    # Lists.
    for function in ["list_dot_product", "list_inner_product", "list_distance"]:
        yield form(function + "(v, w)")
    for function in ["list_cosine_similarity", "list_cosine_distance"]:
        yield form(function + "(v, {})", numbers([1.0, 2.0]))
    yield form("len(v)")
    yield form("array_length(v)")
    yield form("list_extract(v, k)")
    yield form("list_element(v, {})", integer(-1))
    yield form("v[{}]", integer(1))
    yield form("pi()")
    # What belongs together without parentheses.
    for text in ["1 + 2 * 3 - 4", "k - 1 - 2", "10 - 4 / 2", "k * 2 % 3", "-k * 2", "NOT b = c", "b AND c OR NOT b", "b OR c AND b", "k + 1 < 3 AND b", "k + 1 = 2",
                 "NOT k < 2", "s || u = t", "-k + 1", "k BETWEEN 0 AND 2 AND b", "k + 1 BETWEEN 0 AND 2", "NOT k BETWEEN 0 AND 2", "NOT s LIKE 'a%'",
                 "NOT b IS NULL", "k IN (1, 2) AND b", "s LIKE u || '%'", "k // 2 * 3", "k % 3 * 2", "- - k", "k::DOUBLE / 4", "-k::DOUBLE",
                 "NOT NOT b", "k = 1 OR k = 2 AND b", "CASE WHEN b THEN 1 ELSE 2 END + 1", "s IS NULL OR s = 'a'", "k + 1 IS NOT NULL", "b = c IS NULL", "k > 0 IS TRUE", "NOT k > 0 IS TRUE", "b AND c IS NULL",
                 "k + 1 < h * 2 IS FALSE", "s LIKE u IS NULL", "k IN (1, 2) IS NULL", "k BETWEEN 0 AND 2 IS NULL", "s || u LIKE t", "k + 1 IN (1, 2)", "-k IN (1, 2)",
                 "NOT k IN (1, 2)", "b IS NOT DISTINCT FROM c", "k + 1 IS NOT DISTINCT FROM 2", "b AND k IS DISTINCT FROM 1", "2 * k::DOUBLE", "k * 2 || s", "s || CAST(k * 2 AS VARCHAR)", "k - -1", "- k - k", "NOT b OR c", "NOT b AND NOT c", "k = 1 AND b IS TRUE"]:
        yield Both(text)


def leaf(kind, chance):
    names = {"int64": "ijk", "float64": "fgh", "text": "stu", "bool": "bc", "time": ["ts", "till"]}[kind]
    if chance.random() < 0.72:
        return Both(chance.choice(names))
    if kind == "int64":
        return integer(chance.choice([0, 1, 2, 3, 5, 10, 100, INT_MAX]))
    if kind == "float64":
        return number(chance.choice([0.0, 0.1, 0.5, 1.0, 1.5, 2.0, 10.0, 1e300]))
    if kind == "text":
        return Both(quoted(chance.choice(["", "a", "abc", "purchase", "ä", ",", "12"])))
    if kind == "bool":
        return Both(chance.choice(["true", "false"]))
    return Both(chance.choice(["TIMESTAMP '2024-02-29 00:00:00'", "TIMESTAMP '1969-12-31 23:59:59'"]))


def tree(kind, depth, chance):
    """A random expression of a type."""
    if depth == 0 or chance.random() < 0.08:
        return leaf(kind, chance)

    def of(inner):
        return tree(inner, depth - 1, chance)

    shared = [lambda: form("coalesce({}, {})", of(kind), of(kind)), lambda: form("nullif({}, {})", of(kind), of(kind)),
              lambda: form("CASE WHEN {} THEN {} ELSE {} END", of("bool"), of(kind), of(kind)),
              lambda: form("greatest({}, {})", of(kind), of(kind)), lambda: form("least({}, {})", of(kind), of(kind)),
              lambda: form("if({}, {}, NULL)", of("bool"), of(kind))]
    any_kind = chance.choice(["int64", "float64", "text", "bool", "time"])
    own = {
        "int64": [lambda: form("({} + {})", of(kind), of(kind)), lambda: form("({} - {})", of(kind), of(kind)), lambda: form("({} * {})", of(kind), of(kind)),
                  lambda: form("({} // {})", of(kind), of(kind)), lambda: form("({} % {})", of(kind), of(kind)), lambda: form("abs({})", of(kind)),
                  lambda: form("length({})", of("text")), lambda: form("extract({} FROM {})", chance.choice(PARTS), of("time")),
                  lambda: form("CAST({} AS BIGINT)", of("float64")), lambda: form("CAST({} AS BIGINT)", of("bool")),
                  lambda: form("strpos({}, {})", of("text"), of("text")), lambda: form("date_diff('{}', {}, {})", chance.choice(PARTS), of("time"), of("time"))],
        "float64": [lambda: form("({} + {})", of(kind), of(kind)), lambda: form("({} - {})", of(kind), of(kind)), lambda: form("({} * {})", of(kind), of(kind)),
                    lambda: form("({} / {})", of(kind), of(kind)), lambda: form("({} / {})", of("int64"), of("int64")),
                    lambda: form("({} + {})", of("int64"), of(kind)), lambda: form(chance.choice(EXACT_FLOAT), of(kind)),
                    lambda: form("({} % {})", of(kind), of(kind)), lambda: form("CAST({} AS DOUBLE)", of("int64"))],
        "text": [lambda: form("({} || {})", of(kind), of(kind)), lambda: form("lower({})", of(kind)), lambda: form("upper({})", of(kind)),
                 lambda: form("trim({})", of(kind)), lambda: form("left({}, {})", of(kind), integer(chance.choice([-1, 0, 1, 3]))),
                 lambda: form("substring({}, {}, {})", of(kind), integer(chance.choice([-2, 0, 1, 2])), integer(chance.choice([1, 2, 5]))),
                 lambda: form("replace({}, {}, {})", of(kind), Both(quoted(chance.choice("abX,"))), of(kind)), lambda: form("CAST({} AS VARCHAR)", Both(chance.choice("fgh"))),
                 lambda: form("split_part({}, {}, {})", of(kind), of(kind), integer(chance.choice([1, 2, -1]))),
                 lambda: form("CAST({} AS VARCHAR)", of(chance.choice(["int64", "bool", "time"]))), lambda: form("concat({}, {})", of(kind), of("int64"))],
        "bool": [lambda: form("({} {} {})", of(any_kind), chance.choice(COMPARISONS), of(any_kind)), lambda: form("({} AND {})", of(kind), of(kind)),
                 lambda: form("({} OR {})", of(kind), of(kind)), lambda: form("(NOT {})", of(kind)), lambda: form("({} IS NULL)", of(any_kind)),
                 lambda: form("({} BETWEEN {} AND {})", of(any_kind), of(any_kind), of(any_kind)),
                 lambda: form("({} IN ({}, {}))", of(any_kind), of(any_kind), of(any_kind)),
                 lambda: form("({} IS NOT DISTINCT FROM {})", of(any_kind), of(any_kind)),
                 lambda: form("({} LIKE {})", of("text"), Both(quoted(chance.choice(PATTERNS)))), lambda: form("starts_with({}, {})", of("text"), of("text")),
                 lambda: form("({} IS {})", of(kind), chance.choice(["TRUE", "NOT FALSE", "NOT TRUE"])), lambda: form("isnan({})", of("float64"))],
        "time": [lambda: form("date_trunc('{}', {})", chance.choice(PARTS), of(kind)), lambda: form("({} + {})", of(kind), chance.choice(INTERVALS)),
                 lambda: form("({} - {})", of(kind), chance.choice(INTERVALS)), lambda: form("({} + INTERVAL ({}) HOUR)", of(kind), Both("k"))],
    }[kind]
    return chance.choice(own + own + shared)()


def trees(number, seed):
    chance = random.Random(seed)
    for _ in range(number):
        kind = chance.choice(["int64", "float64", "float64", "text", "bool", "bool", "time"])
        made = tree(kind, chance.choice([2, 2, 3, 3, 4]), chance)
        # Logarithms and circles differ in their last bits: nothing is computed of them.
        yield form(chance.choice(LIBRARY), made) if kind == "float64" and chance.random() < 0.15 else made


def shown(value, sql_type):
    if value is None:
        return None
    if sql_type == "DOUBLE":
        if math.isnan(value):
            return "nan"
        return value if math.isfinite(value) else ("inf" if value > 0 else "-inf")
    if sql_type == "VARCHAR":
        return "'" + value
    return value


TYPES = {"BIGINT": "int64", "TINYINT": "int64", "INTEGER": "int64", "DOUBLE": "float64", "VARCHAR": "text", "BOOLEAN": "bool", "TIMESTAMP": "time",
         "DOUBLE[]": "list<float64>"}


def answer(connection, both, is_nested):
    """The type and an answer per row."""
    sql_type = connection.execute(f"SELECT typeof({both.duck}) FROM data LIMIT 1").fetchone()[0]
    wanted = f"epoch_us({both.duck})" if sql_type == "TIMESTAMP" else both.duck
    if sql_type == "DOUBLE[]":
        wanted = f"({both.duck})::VARCHAR"
    try:
        found = [row[0] for row in connection.execute(f"SELECT {wanted} FROM data ORDER BY id").fetchall()]
        return TYPES[sql_type] + ("~" if is_nested else ""), [shown(value, sql_type) for value in found]
    except duckdb.Error:
        pass
    lost = any(word in both.duck for word in [" AND ", " OR ", " IN (", "BETWEEN"])
    answers = []
    for row in range(ROWS):
        try:
            value = connection.execute(f"SELECT {wanted} FROM data WHERE id = {row}").fetchone()[0]
            answers.append(shown(value, sql_type))
        except duckdb.Error:
            answers.append("?" if lost else "!")
    return TYPES[sql_type] + ("?" if is_nested else ""), answers


def main(path, number=TREES, seed=7):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    # As written: each row by itself, nothing computed before.
    connection.execute("PRAGMA disable_optimizer")
    columns = table()
    declared = ", ".join(f'"{name}" {"BIGINT" if kind == "time" else SQL_TYPES[kind]}' for name, (kind, _) in COLUMNS.items())
    connection.execute(f"CREATE TABLE raw (id BIGINT, {declared})")
    for row in range(ROWS):
        values = [row] + [columns[name][row] for name in COLUMNS]
        connection.execute(f"INSERT INTO raw VALUES ({', '.join('?' * len(values))})", values)
    times = ", ".join(f"make_timestamp({name}) AS {name}" for name, (kind, _) in COLUMNS.items() if kind == "time")
    connection.execute(f"CREATE TABLE data AS SELECT * REPLACE ({times}) FROM raw")

    def cell(value):
        return "nan" if value != value else value if value not in (math.inf, -math.inf) else ("inf" if value > 0 else "-inf")

    def plain(value):
        return cell(value) if isinstance(value, float) else value

    with open(path, "w", encoding="utf-8") as file:
        header = {name: [kind, [plain(value) for value in columns[name]]] for name, (kind, _) in COLUMNS.items()}
        file.write(json.dumps({"duckdb": duckdb.__version__, "columns": header}, ensure_ascii=False, separators=(",", ":")) + "\n")
        seen = set()
        for both, is_nested in [(case, False) for case in cases()] + [(made, True) for made in trees(number, seed)]:
            if both is None or both.ours in seen:
                continue
            seen.add(both.ours)
            try:
                kind, answers = answer(connection, both, is_nested)
            except duckdb.Error as error:
                print("skipped", both.duck, str(error).splitlines()[0], file=sys.stderr)
                continue
            if len(both.ours) > 400 or sum(len(str(value)) for value in answers) > 2_500:
                continue
            file.write(json.dumps([both.ours, kind, answers], ensure_ascii=False, separators=(",", ":")) + "\n")


def same(kept, found):
    """Whether two answers are the same: numbers within 1e-12, since DuckDB's are those of the platform."""
    if isinstance(kept, list) and isinstance(found, list):
        return len(kept) == len(found) and all(map(same, kept, found))
    if isinstance(kept, float) and isinstance(found, float):
        return kept == found or abs(kept - found) <= 1e-12 * abs(kept)
    return type(kept) is type(found) and kept == found


def compare(kept, found):
    """Ends with 1 where two files have other answers."""
    with open(kept, encoding="utf-8") as kept, open(found, encoding="utf-8") as found:
        kept, found = [json.loads(line) for line in kept], [json.loads(line) for line in found]
    wrong = [f"kept  {one}\nfound {other}" for one, other in zip(kept, found) if not same(one, other)]
    if len(kept) != len(found):
        wrong.append(f"{len(kept)} lines are kept, {len(found)} are found")
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(kept) - 1} expressions have the answers that are kept")


if __name__ == "__main__":
    if sys.argv[1] == "--compare":
        compare(sys.argv[2], sys.argv[3])
    else:
        main(sys.argv[1], *map(int, sys.argv[2:]))
