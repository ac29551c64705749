"""What the wheel does with no other package installed, and no cargo: run by test.sh with the environment's folder."""

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMAND = Path(sys.argv[1], "bin", "onepath")


def run(*arguments: str, project: Path) -> str:
    done = subprocess.run([COMMAND, "--project", project, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "within this process" not in done.stderr, done.stderr
    return done.stdout


def main() -> None:
    for package in ("numpy", "pandas", "pyarrow", "polars"):
        assert importlib.util.find_spec(package) is None, f"{package} is installed"
    assert subprocess.run(["sh", "-c", "command -v cargo"], capture_output=True, check=False).returncode != 0, "cargo is there"
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "features")
        began = time.monotonic()
        run("new", str(project), "--template", "declared", project=Path("."))
        run("build", project=project)
        out = Path(folder, "training.parquet")
        labels = next(project.glob("data/label*"))
        as_of = "label_date" if "label_date" in labels.read_text().splitlines()[0] else "as_of"
        service = "churn_v1"
        run("backfill", "--service", service, "--spine", str(labels), "--as-of-column", as_of, "--out", str(out), project=project)
        print(f"a declared project from nothing to its first training set, without cargo: {time.monotonic() - began:.2f} s")

        import onepath

        store = onepath.FeatureStore(project)
        again = store.get_historical_features(labels, features=service, as_of=as_of).to_parquet(Path(folder, "again.parquet"))
        assert again.read_bytes()[:4] == b"PAR1"
        store.materialize()
        answer = store.get_online_features(service, [{"customer_id": "c1"}]).to_dict()
        assert answer["customer_id"] == ["c1"], answer
        assert store.verify().vectors == 1
        store.close()
        try:
            store.get_historical_features(labels, features=service, as_of=as_of).to_df()
        except onepath.MissingPackageError as error:
            assert "pip install 'onepath[pandas]'" in str(error), error
        else:
            raise AssertionError("there is no pandas")
    measure()


def measure() -> None:
    """The least of nine, of processor time: what others do on the machine counts little."""
    program = "import time; t = time.process_time(); import onepath; print(time.process_time() - t)"
    seconds = min(float(subprocess.check_output([sys.executable, "-c", program])) for _ in range(9))
    print(f"import onepath: {1000 * seconds:.0f} ms of processor time")
    assert seconds < 0.1, "importing takes long"


if __name__ == "__main__":
    os.environ.pop("PYTHONPATH", None)
    main()
