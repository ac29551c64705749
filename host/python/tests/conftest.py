"""Projects for tests: copies of the examples, with components that were built once."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import onepath

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
COMMAND = Path(sys.executable).with_name("onepath")

#: By example: its service, the column of the cut-off, and what else its backfill is given.
TRAINING = {
    "churn": ("churn_v1", "label_date", []),
    "fraud": ("fraud_v1", "asked_at", []),
    "recommend": ("recommend_v1", "asked_at", ["--full-feature-names"]),
}


def command(project: Path, *arguments: str | Path, code: int = 0) -> str:
    """Runs the command line of the wheel."""
    done = subprocess.run([COMMAND, "--project", project, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def components() -> Callable[[str], dict[str, str]]:
    """By transform of an example, its component, which is built where the example lies, as its run.sh does."""
    built: dict[str, dict[str, str]] = {}

    def of(example: str) -> dict[str, str]:
        if example not in built:
            folder = EXAMPLES / example
            lock = folder / "onepath.lock"
            before = lock.read_bytes() if lock.exists() else None
            views = json.loads(command(folder, "--format", "json", "build"))
            if before is None:
                lock.unlink(missing_ok=True)
            text = (folder / "onepath.toml").read_text()
            tables = re.findall(r"^\[views\.(\w+)\]\n(.*?)(?=^\[)", text + "[", re.M | re.S)
            transforms = {name: re.search(r'^transform = "(.*)"', body, re.M).group(1) for name, body in tables}  # type: ignore[union-attr]
            paths = {view["view"].partition("@")[0]: view["path"] for view in views}
            built[example] = {transforms[name]: str((folder / path).resolve()) for name, path in paths.items()}
        return built[example]

    return of


@pytest.fixture
def project(tmp_path: Path, components: Callable[[str], dict[str, str]]) -> Callable[[str], Path]:
    """A copy of an example that nothing was pushed to, by its name."""

    def of(example: str) -> Path:
        copy = tmp_path / example
        ignored = shutil.ignore_patterns(".onepath", "out", "transforms", "tools", "onepath.lock")
        shutil.copytree(EXAMPLES / example, copy, ignore=ignored)
        text = (copy / "onepath.toml").read_text()
        for transform, component in components(example).items():
            text = text.replace(f'transform = "{transform}"', f'transform = "{component}"')
        (copy / "onepath.toml").write_text(text)
        return copy

    return of


@pytest.fixture
def churn(project: Callable[[str], Path]) -> Iterator[onepath.FeatureStore]:
    """The churn example, open."""
    with onepath.FeatureStore(project("churn")) as store:
        yield store


@pytest.fixture
def served(churn: onepath.FeatureStore) -> onepath.FeatureStore:
    """The same, materialized."""
    churn.materialize(up_to="2024-12-31")
    return churn
