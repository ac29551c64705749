"""200 features over 20 windows: a declared view against DuckDB on the same files, in the same run, taking turns.

    python wide.py --data DIR [--onepath ../../../target/release/onepath] [--sets M] [--threads 2,1] [--rounds 5]

DIR is that of `run.py`. Ten aggregates over each of twenty windows of 1 to 180 days. DuckDB joins the events that the longest window
may hold with the spine and aggregates by filters, by a join on ranges, or reads frames over the union of both; the fastest counts.
Prints medians of wall and CPU seconds, whole processes, what onepath takes as a part of each plan, and how many values differ.
"""
import argparse, json, os, statistics, sys, tempfile, time

from run import ROOT, child

DAY = 86_400_000_000
WINDOWS = [1, 2, 3, 5, 7, 10, 14, 21, 28, 30, 45, 60, 75, 90, 105, 120, 135, 150, 165, 180]
BUY, BACK = "event_type = 'purchase'", "event_type = 'return'"
# Name: the declaration, and the same in SQL over the events of the window.
KINDS = {
    "buys": (f'count = "*", where = "{BUY}"', "count(*)", "p = 1"),
    "buy_sum": (f'sum = "amount", where = "{BUY}"', "sum(amount)", "p = 1"),
    "buy_mean": (f'mean = "amount", where = "{BUY}"', "avg(amount)", "p = 1"),
    "buy_min": (f'min = "amount", where = "{BUY}"', "min(amount)", "p = 1"),
    "buy_max": (f'max = "amount", where = "{BUY}"', "max(amount)", "p = 1"),
    "backs": (f'count = "*", where = "{BACK}"', "count(*)", "p = 2"),
    "back_sum": (f'sum = "amount", where = "{BACK}"', "sum(amount)", "p = 2"),
    "back_mean": (f'mean = "amount", where = "{BACK}"', "avg(amount)", "p = 2"),
    "all": ('count = "*"', "count(*)", "true"),
    "all_sum": ('sum = "amount"', "sum(amount)", "true"),
}


def project(folder):
    os.makedirs(folder, exist_ok=True)
    windows = ", ".join(f'"{days}d"' for days in WINDOWS)
    features = "\n".join(f"{name} = {{ {kind}, windows = [{windows}] }}" for name, (kind, _, _) in KINDS.items())
    with open(os.path.join(folder, "onepath.toml"), "w") as file:
        file.write(f"""[project]
name = "wide"
[entities.customer]
keys = {{ customer_id = "text" }}
[sources.events]
entity = "customer"
event_time = "event_timestamp"
[sources.events.fields]
event_type = "text"
amount = {{ type = "float64", nullable = false }}
[views.wide]
sources = ["events"]
[views.wide.features]
{features}
[services.wide]
features = ["wide:*"]
""")


def duck(plan, events, spine):
    """A plan as SQL, with the features in the order of the declaration."""
    e = f"""SELECT customer_id AS c, epoch_us(event_timestamp) AS ts, amount,
        CASE event_type WHEN 'purchase' THEN 1 WHEN 'return' THEN 2 ELSE 0 END AS p FROM read_parquet('{events}')"""
    s = f"SELECT customer_id AS c, epoch_us(label_date) AS t, row_number() OVER () AS n FROM read_parquet('{spine}')"
    columns = [(f"{name}_{days}d", call, where, days) for name, (_, call, where) in KINDS.items() for days in WINDOWS]
    if plan == "frames":
        frames = ", ".join(
            f"w{days} AS (PARTITION BY c ORDER BY ts RANGE BETWEEN {days * DAY} PRECEDING AND CURRENT ROW)" for days in WINDOWS)
        reads = ", ".join(f"{call} FILTER (WHERE NOT q AND {where}) OVER w{days} AS {name}" for name, call, where, days in columns)
        names = ", ".join(name for name, *_ in columns)
        return f"""WITH u AS (SELECT *, false AS q FROM ({e}) UNION ALL
            SELECT customer_id, epoch_us(label_date), NULL, NULL, true FROM read_parquet('{spine}')),
            w AS (SELECT c, ts, q, {reads} FROM u WINDOW {frames})
            SELECT c AS customer_id, make_timestamptz(ts) AS label_date, {names} FROM w WHERE q"""
    near = f"e.ts BETWEEN s.t - {180 * DAY} AND s.t" if plan == "range" else f"e.ts <= s.t"
    reads = ", ".join(
        f"{call} FILTER (WHERE {where} AND ts >= t - {days * DAY}) AS {name}" for name, call, where, days in columns)
    out = ", ".join(f"coalesce({name}, 0) AS {name}" if call == "count(*)" else name for name, call, *_ in columns)
    return f"""WITH e AS ({e}), s AS MATERIALIZED ({s}),
        j AS (SELECT n, {reads} FROM s JOIN e ON s.c = e.c AND {near} GROUP BY n)
        SELECT s.c AS customer_id, make_timestamptz(t) AS label_date, {out} FROM s LEFT JOIN j USING (n)"""


def work(plan, folder, threads, out):
    """What the program does when it is its own child."""
    import resource
    import duckdb
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}; SET preserve_insertion_order = false")
    connection.execute(f"COPY ({duck(plan, folder + '/events.parquet', folder + '/spine.parquet')}) TO '{out}' (FORMAT parquet)")
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"wall": time.perf_counter() - began, "cpu": cpu}))


def differences(one, other):
    """How many values of two files differ: counts at all, others by more than a part in 10^9."""
    import duckdb
    query = lambda path: duckdb.sql(f"SELECT * FROM read_parquet('{path}') ORDER BY customer_id, label_date").fetchnumpy()
    import numpy as np
    a, b, wrong = query(one), query(other), 0
    for name in b:
        if name in ("customer_id", "label_date"):
            continue
        x, y = np.ma.asarray(a[name]), np.ma.asarray(b[name])
        nulls = np.ma.getmaskarray(x) != np.ma.getmaskarray(y)
        x, y = x.filled(0).astype(float), y.filled(0).astype(float)
        wrong += int((nulls | (np.abs(x - y) > 1e-9 * np.maximum(np.abs(x), np.abs(y)))).sum())
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--onepath", default=os.path.join(ROOT, "target", "release", "onepath"))
    parser.add_argument("--data", required=True)
    parser.add_argument("--sets", default="M")
    parser.add_argument("--threads", default="2,1")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--plans", default="join,range,frames")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.data) as folder:
        declared = os.path.join(folder, "project")
        project(declared)
        child([arguments.onepath, "--project", declared, "build"])
        print("| data | threads | contender | wall s | CPU s | peak MB | onepath is of it, wall | CPU | its work alone: wall | CPU | differ |")
        print("|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|")
        for data in arguments.sets.split(","):
            inputs = os.path.join(arguments.data, data)
            for threads in map(int, arguments.threads.split(",")):
                out = lambda name: os.path.join(folder, f"{name}.parquet")
                commands = {"onepath": [
                    arguments.onepath, "--project", declared, "backfill", "--service", "wide", "--source",
                    f"events={inputs}/events.parquet", "--spine", f"{inputs}/spine.parquet", "--as-of-column", "label_date",
                    "--out", out("onepath"), "--threads", str(threads)]}
                for plan in arguments.plans.split(","):
                    commands[plan] = [sys.executable, __file__, "--work", plan, inputs, str(threads), out(plan)]
                runs = {name: [] for name in commands}
                for _ in range(arguments.rounds):
                    for name, command in commands.items():
                        told, wall, cpu, memory = child(command)
                        said = json.loads(told) if name != "onepath" else {"wall": wall, "cpu": cpu}
                        runs[name].append((wall, cpu, memory, said["wall"], said["cpu"]))
                middle = {name: [statistics.median(values) for values in zip(*ran)] for name, ran in runs.items()}
                ours = middle["onepath"]
                for name, (wall, cpu, memory, alone, alone_cpu) in middle.items():
                    differ = "" if name == "onepath" else differences(out("onepath"), out(name))
                    ratios = [ours[0] / wall, ours[1] / cpu, ours[0] / alone, ours[1] / alone_cpu]
                    told = " | ".join(f"{ratio:.2f}" for ratio in ratios)
                    print(f"| {data} | {threads} | {name} | {wall:.2f} | {cpu:.2f} | {memory:.0f} | {told} | {differ} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        plan, inputs, threads, out = sys.argv[2:6]
        work(plan, inputs, int(threads), out)
    else:
        main()
