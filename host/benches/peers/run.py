"""onepath and other engines on the same files, in the same run, taking turns.

    python run.py --onepath ../../../target/release/onepath --data DIR [--plans FILE] [--sets M,L,MZ,LZ] [--threads 1,2] [--rounds 3]

DIR holds one folder per data set with events.parquet (customer_id, event_type, amount, event_timestamp; in no order) and
spine.parquet (customer_id, label_date). Every contender reads those two files and writes one Parquet file with the four
features of the churn example. Of onepath, the whole process is measured, from its start to its end. Of a plan, its own account of
its work, without the start of Python and its imports, and the whole process, which counts them: two ratios each.

FILE is a program of plans, run as `FILE PLAN DATASET THREADS OUT` in the folder above DIR; it prints one JSON object with
`wall`, `cpu` and `rss_mb`. Without it, the plans below are run: a hash join with the window bounds as filters, and windows
over the union of events and spine, in DuckDB; and a join in Polars. The onepath side is `onepath backfill`; its component is built
and compiled before the first round, as it is on a machine that has served once.
"""
import argparse, json, os, resource, statistics, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", "..", ".."))


def child(command, cwd=None):
    """Runs a command; gives its output, wall and CPU seconds, and peak memory in MB."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=cwd)
    out = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    if status:
        sys.exit(f"{command} failed")
    return out, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def onepath(arguments, data, threads, out, extra=()):
    folder = os.path.join(arguments.data, data)
    command = [arguments.onepath, "--project", os.path.join(ROOT, "examples", "churn"), "--format", "json", "backfill",
               "--service", "churn_v1", "--source", f"events={folder}/events.parquet", "--spine", f"{folder}/spine.parquet",
               "--as-of-column", "label_date", "--out", out, "--threads", str(threads), *extra]
    told, wall, cpu, memory = child(command)
    return {"wall": wall, "cpu": cpu, "rss_mb": memory, "whole_wall": wall, "whole_cpu": cpu, "told": json.loads(told)}


def plan(arguments, name, data, threads, out):
    program = [sys.executable, arguments.plans or os.path.join(HERE, "plans.py"), name, data, str(threads), out]
    told, wall, cpu, memory = child(program, cwd=os.path.dirname(os.path.abspath(arguments.data)))
    said = json.loads(told.strip().splitlines()[-1])
    return {"wall": said["wall"], "cpu": said["cpu"], "rss_mb": memory, "whole_wall": wall, "whole_cpu": cpu}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--onepath", default=os.path.join(ROOT, "target", "release", "onepath"))
    parser.add_argument("--data", required=True)
    parser.add_argument("--plans")
    parser.add_argument("--names", default="duck.join,duck.window,polars.join_streaming,polars.rolling_streaming")
    parser.add_argument("--skip", default="MZ:duck.join,MZ:polars.join_streaming,LZ:duck.join,LZ:polars.join_streaming",
                        help="SET:PLAN pairs that do not end on a machine of this size")
    parser.add_argument("--sets", default="M,L,MZ,LZ")
    parser.add_argument("--threads", default="2,1")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    skipped = set(arguments.skip.split(","))
    print("| data | threads | contender | wall s | CPU s | peak MB | wall / onepath | CPU / onepath | whole wall | whole CPU |")
    print("|---|---|---|---:|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory(dir=arguments.data) as folder:
        out = os.path.join(folder, "out.parquet")
        for data in arguments.sets.split(","):
            for threads in map(int, arguments.threads.split(",")):
                names = ["onepath"] + [name for name in arguments.names.split(",") if f"{data}:{name}" not in skipped]
                runs = {name: [] for name in names}
                for _ in range(arguments.rounds):
                    for name in names:
                        ran = onepath(arguments, data, threads, out) if name == "onepath" else plan(arguments, name, data, threads, out)
                        runs[name].append(ran)
                middle = lambda name, what: statistics.median(run[what] for run in runs[name])
                for name in names:
                    wall, cpu, memory = (middle(name, what) for what in ("wall", "cpu", "rss_mb"))
                    ratios = [middle(name, what) / middle("onepath", what) for what in ("wall", "cpu", "whole_wall", "whole_cpu")]
                    ratios = " | ".join(f"{ratio:.2f}" for ratio in ratios)
                    print(f"| {data} | {threads} | {name} | {wall:.2f} | {cpu:.2f} | {memory:.0f} | {ratios} |", flush=True)
                times = runs["onepath"][-1]["told"]["times"]
                print(f"<!-- {data}, {threads} threads: " + ", ".join(f"{name} {value:.3f}" for name, value in times.items()) + " -->")


if __name__ == "__main__":
    main()
