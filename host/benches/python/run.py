"""Measures the wheel: what Python costs beside the command, and how long the first steps take. See host/benches/README.md.

    python host/benches/python/run.py --wheel onepath-*.whl --data DIR/L --component churn.wasm

It makes a fresh environment with the wheel, pandas, polars and pyarrow in --folder, or goes on with the one that is there, and prints
tables of medians. Each way of making a training set runs in a process of its own, in turns; what is counted begins when its tables are
in memory, and for the command with its process. Linux only.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PACKAGES = ("pandas", "pyarrow", "polars")
EXAMPLE = Path(__file__).resolve().parents[3] / "examples/churn"

#: Ways of making a training set, and how many times the command's time each may take.
WAYS = {
    "command, files to Parquet": 1.0,
    "Python, paths to Parquet": 1.1,
    "pandas, labels and events, to Parquet": 1.5,
    "pandas, labels and events, to_df()": 1.5,
    "pandas, labels, to_df()": 1.5,
    "polars, labels and events, to_polars()": 1.5,
}

#: Run with: the project, the data, the way. Prints wall and processor seconds, and the digest.
TRAINING = """
import json, sys, time
import onepath
project, data, way, out = sys.argv[1:]
library = way.partition(",")[0]
labels, events = f"{data}/spine.parquet", f"{data}/events.parquet"
if library == "pandas":
    import pandas
    labels = pandas.read_parquet(labels)
    events = pandas.read_parquet(events) if "events" in way else events
if library == "polars":
    import polars
    labels, events = polars.read_parquet(labels), polars.read_parquet(events)
import pyarrow
store = onepath.FeatureStore(project)
# What the libraries do in the background when they have read is not counted.
time.sleep(0.5)
wall, processor = time.perf_counter(), time.process_time()
job = store.get_historical_features(labels, "churn_v1", as_of="label_date", events={"events": events})
if way.endswith("to_df()"):
    made = job.to_df()
elif way.endswith("to_polars()"):
    made = job.to_polars()
else:
    made = job.to_parquet(out)
wall, processor = time.perf_counter() - wall, time.process_time() - processor
print(json.dumps({"wall": wall, "processor": processor, "rows": job.report["rows"]}))
"""

#: Run with: the project. One question after the other in this process, and of each its wall time.
ONLINE = """
import json, sys, time
import onepath
store = onepath.FeatureStore(sys.argv[1])
store.materialize(up_to="2024-12-31")
rows = [{"customer_id": "c207"}]
def measure(ask, rounds=20_000):
    for _ in range(2_000):
        ask()
    taken = []
    processor = time.process_time()
    for _ in range(rounds):
        began = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - began)
    processor = time.process_time() - processor
    taken.sort()
    return {"p50": taken[rounds // 2], "p99": taken[rounds * 99 // 100], "processor": processor / rounds}
ask = lambda: store.get_online_features("churn_v1", rows)
print(json.dumps({"answer": measure(ask), "answer, to_dict()": measure(lambda: ask().to_dict())}))
"""

IMPORT = "import time; w, p = time.perf_counter(), time.process_time(); import onepath; print(time.perf_counter() - w, time.process_time() - p)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, required=True, help="the wheel to measure")
    parser.add_argument("--data", type=Path, help="a folder with events.parquet and spine.parquet, of bench-data; without, no training sets")
    parser.add_argument("--component", type=Path, help="the churn component; without, training sets are made by churn declared")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the environment and the projects lie [default: a temporary folder]")
    parser.add_argument("--only", default="first,import,online,training", help="of first, import, online and training, with commas")
    given = parser.parse_args()
    only = given.only.split(",")
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if "first" in only:
            first_steps(folder, given.wheel.resolve())
        python = environment(folder / "environment", given.wheel.resolve())
        if "import" in only:
            imports(python)
        if "online" in only:
            online(folder, python)
        if "training" in only and given.data:
            training(folder, python, given.data.resolve(), given.component, given.rounds)


def run(*command: object, **options: object) -> str:
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def environment(folder: Path, wheel: Path) -> Path:
    python = folder / "bin/python"
    if not python.exists():
        run(sys.executable, "-m", "venv", folder)
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES)
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--force-reinstall", wheel)
    return python


def first_steps(folder: Path, wheel: Path) -> None:
    """From a wheel to churn's first training set, in an environment that has nothing and without cargo on the path."""
    shutil.rmtree(folder / "first", ignore_errors=True)
    bare = folder / "first"
    run(sys.executable, "-m", "venv", bare / "environment")
    project, labels = bare / "churn", bare / "churn/data/labels.csv"
    command = bare / "environment/bin/onepath"
    # No caches of this user, no compiler.
    alone = {"HOME": str(bare), "PATH": "/usr/bin:/bin", "XDG_CACHE_HOME": str(bare / "cache")}
    steps = {
        "pip install": (bare / "environment/bin/pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", wheel),
        "onepath new": (command, "new", project, "--template", "declared"),
        "onepath build": (command, "--project", project, "build"),
        "get_historical_features": (bare / "environment/bin/python", "-c", FIRST, project, labels, bare / "training.parquet"),
    }
    rows, total = [], 0.0
    for name, step in steps.items():
        began = time.perf_counter()
        run(*step, env=alone, cwd=bare)
        rows.append((name, f"{time.perf_counter() - began:.2f} s"))
        total += time.perf_counter() - began
    table("from a wheel to the first training set", ("step", "wall"), [*rows, ("in all (goal 10 s)", f"{total:.2f} s")])


FIRST = """
import sys, onepath
project, labels, out = sys.argv[1:]
onepath.FeatureStore(project, naive="utc").get_historical_features(labels, "churn_v1", as_of="label_date").to_parquet(out)
"""


def imports(python: Path) -> None:
    found = [[float(text) for text in run(python, "-c", IMPORT).split()] for _ in range(15)]
    walls, processors = zip(*found, strict=True)
    cells = [f"{1000 * statistics.median(of):.0f} ms (least {1000 * min(of):.0f})" for of in (walls, processors)]
    table("import onepath, goal 60 ms", ("wall", "processor"), [cells])


def online(folder: Path, python: Path) -> None:
    project = folder / "online"
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns(".onepath", "out", "declared", "tools"))
    declared(project)
    run(python.with_name("onepath"), "--project", project, "build")
    found = json.loads(run(python, "-c", ONLINE, project))
    rows = [
        (name, *(f"{1e6 * of[figure]:.1f} µs" for figure in ("p50", "p99", "processor"))) for name, of in found.items()
    ]
    table("one entity, in process, goal 15 µs", ("what", "p50", "p99", "processor"), rows)


def declared(project: Path) -> None:
    """Makes a copy of the example the one that is declared."""
    shutil.copy(EXAMPLE / "declared/onepath.toml", project / "onepath.toml")
    text = (project / "onepath.toml").read_text()
    (project / "onepath.toml").write_text(text.replace("../data/", "data/"))


def training(folder: Path, python: Path, data: Path, component: Path | None, rounds: int) -> None:
    project = folder / "training"
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir()
    text = (EXAMPLE / "onepath.toml").read_text()
    if component is None:
        declared(project)
    else:
        (project / "onepath.toml").write_text(text.replace("../../transforms/churn", str(component.resolve())))
    out = project / "training.parquet"
    command = [
        python.with_name("onepath"), "--project", project, "backfill", "--service", "churn_v1", "--spine", data / "spine.parquet",
        "--source", f"events={data}/events.parquet", "--as-of-column", "label_date", "--out", out, "--format", "json",
    ]  # fmt: skip
    if component is None:
        run(python.with_name("onepath"), "--project", project, "build")
    # Admits the component, and notes the digests of the inputs.
    run(*command)
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    names = list(WAYS)
    for turn in range(rounds):
        for way in names if turn % 2 == 0 else reversed(names):
            if way.startswith("command"):
                before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
                run(*command)
                wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
                processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            else:
                of = json.loads(run(python, "-c", TRAINING, project, data, way, out))
                wall, processor = of["wall"], of["processor"]
            found[way].append((wall, processor))
            print(f"  round {turn + 1}, {way}: {wall:.2f} s, {processor:.2f} s of processor time", file=sys.stderr)
    # Against the command of the same round: what others do on the machine changes from minute to minute.
    first = found[names[0]]
    rows = []
    for way, goal in WAYS.items():
        walls, processors = zip(*found[way], strict=True)
        ratios = [statistics.median(of[at] / base[at] for of, base in zip(found[way], first, strict=True)) for at in (0, 1)]
        rows.append(
            (way, f"{statistics.median(walls):.2f} s", f"{statistics.median(processors):.2f} s", f"{ratios[0]:.2f}", f"{ratios[1]:.2f}", f"{goal:.1f}")
        )
    load = ", ".join(f"{of:.1f}" for of in os.getloadavg())
    table(f"training sets of {data.name}, medians of {rounds} rounds in turns (load {load})", ("way", "wall", "processor", "ratio, wall", "ratio, processor", "goal"), rows)


def table(title: str, header: tuple[str, ...], rows: list) -> None:
    print(f"\n{title}\n\n| {' | '.join(header)} |\n|{'---|' * len(header)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
