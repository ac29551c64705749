"""MLflow: what a run is told of a training set, and where ``--pin runs:/...`` finds it again."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._errors import Error, RequestError
from ._frames import needed

if TYPE_CHECKING:
    from ._job import RetrievalJob

#: The manifest among a run's artifacts, and the folder that it lies in by default.
MANIFEST = "training.manifest.json"
FOLDER = "onepath"

Pin = str | os.PathLike[str] | None

# Reads a manifest in a process of its own: the one that serves has no MLflow in its memory.
_CHILD = (
    "import json, sys\n"
    "sys.path[:] = json.loads(sys.argv[1])\n"
    "from onepath._mlflow import _fetch_for_parent\n"
    "sys.exit(_fetch_for_parent(*sys.argv[2:]))\n"
)
_REFUSED = 65


def log(job: RetrievalJob, name: str, artifact_path: str, dataset: bool) -> None:
    """Logs parameters, the manifest and, with ``dataset``, the training set as an input to the active run."""
    mlflow = needed("mlflow", "log_to_mlflow()", "mlflow")
    report, manifest = job.report, job.manifest
    # A run may have several training sets, and a parameter has one value.
    prefix = artifact_path.strip("/").replace("/", ".")
    parameters = {"features": name, "rows": report["rows"], "sha256": report["sha256"]}
    for view in manifest["views"]:
        # MLflow takes no @ in the name of a parameter.
        parameters[f"component.{view['view'].replace('@', '.')}"] = view["component"]
    mlflow.log_params({f"{prefix}.{key}": value for key, value in parameters.items()})
    mlflow.log_dict(manifest, f"{artifact_path}/{MANIFEST}")
    if dataset:
        made = mlflow.data.from_pandas(job.to_df(), name=name[:500], digest=report["sha256"][:12])
        with warnings.catch_warnings():
            # That whole numbers with nulls become floats: they are of pandas' Int64 here.
            warnings.filterwarnings("ignore", "Hint: Inferred schema contains integer", UserWarning)
            mlflow.log_input(made, context="training")


@contextmanager
def pinned(pin: Pin, read: Callable[[str, str], None] | None = None) -> Iterator[Pin]:
    """The file of a pin: its own, or one with the manifest that it names, for as long as this lasts."""
    if not isinstance(pin, str) or not pin.startswith(("runs:/", "models:/")):
        yield pin
        return
    with tempfile.TemporaryDirectory(prefix="onepath-") as folder:
        # It ends as the pin does, so that whoever is refused reads which one it was.
        path = Path(folder, *(part for part in pin.split("/") if part not in ("", ".", "..")), MANIFEST)
        path.parent.mkdir(parents=True)
        (read or fetch)(pin, str(path))
        yield str(path)


@contextmanager
def pinned_arguments(arguments: Sequence[str]) -> Iterator[list[str]]:
    """The arguments of a command, with a file in place of what ``--pin`` names of MLflow."""
    given = list(arguments)
    with ExitStack() as files:
        for at, argument in enumerate(given):
            if argument.startswith("--pin="):
                given[at] = f"--pin={files.enter_context(pinned(argument.removeprefix('--pin='), fetch_apart))}"
            elif at > 0 and given[at - 1] == "--pin":
                given[at] = str(files.enter_context(pinned(argument, fetch_apart)))
        yield given


def fetch_apart(reference: str, path: str) -> None:
    """Does what :func:`fetch` does, in a process of its own."""
    if not sys.executable:
        # An interpreter within another program.
        fetch(reference, path)
        return
    import subprocess

    child = [sys.executable, "-c", _CHILD, json.dumps(sys.path), reference, path]
    done = subprocess.run(child, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode == _REFUSED:
        raise RequestError(Path(path).read_text(encoding="utf-8"))
    if done.returncode != 0:
        raise RequestError(f"cannot read the manifest of {reference}: {done.stderr.strip()}")


def _fetch_for_parent(reference: str, path: str) -> int:
    try:
        fetch(reference, path)
    except Error as error:
        # Standard error has what MLflow logs too.
        Path(path).write_text(str(error), encoding="utf-8")
        return _REFUSED
    return 0


def fetch(reference: str, path: str) -> None:
    """Writes the manifest that a reference names to a file."""
    mlflow = needed("mlflow", f"--pin {reference}", "mlflow")
    try:
        run, artifact = _run_of(mlflow, reference)
        text: str = mlflow.artifacts.load_text(f"runs:/{run}/{artifact}")
    except (mlflow.exceptions.MlflowException, OSError) as error:
        raise RequestError(
            f"cannot read the manifest of {reference} from MLflow at {mlflow.get_tracking_uri()}: {error}; MLFLOW_TRACKING_URI says "
            "which MLflow is asked, and job.log_to_mlflow() logs the manifest"
        ) from error
    Path(path).write_text(text, encoding="utf-8")


def _run_of(mlflow: Any, reference: str) -> tuple[str, str]:
    """The run of a reference, and the manifest among its artifacts."""
    if reference.startswith("runs:/"):
        run, _, artifact = reference.removeprefix("runs:/").strip("/").partition("/")
        if not run:
            raise RequestError(f"{reference} names no run: write runs:/RUN_ID, or runs:/RUN_ID/PATH of an artifact")
        return run, _artifact(artifact)
    name, _, version = reference.removeprefix("models:/").strip("/").partition("/")
    name, _, alias = name.partition("@")
    if not name or bool(alias) == bool(version):
        raise RequestError(f"{reference} names no version of a model: write models:/NAME/VERSION or models:/NAME@ALIAS")
    client = mlflow.MlflowClient()
    found = client.get_model_version_by_alias(name, alias) if alias else client.get_model_version(name, version)
    if not found.run_id:
        raise RequestError(f"{reference} was registered without a run, so nothing says what it was trained with: pin a manifest")
    return found.run_id, _artifact("")


def _artifact(path: str) -> str:
    if not path:
        return f"{FOLDER}/{MANIFEST}"
    return path if path.endswith(".json") else f"{path.rstrip('/')}/{MANIFEST}"
