"""A training set in the making."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _html, _onepath
from ._errors import InputError, RequestError
from ._frames import Staged, Staging, existing, like_given, needed, to_pandas
from ._progress import running, warn

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from pathlib import Path

    from ._monitor import Profile


class Every(NamedTuple):
    """Regular moments: the step, the first and the last of them, and whether times without a zone are in UTC."""

    step: int | str
    start: str | date
    end: str | date
    utc: bool


class Asked(NamedTuple):
    """What a job asks for."""

    features: str | Sequence[str]
    as_of: str | None
    as_of_unit: str | None
    full_feature_names: bool
    on_error: str
    strict: bool
    memory: int | str | None
    threads: int | None
    progress: bool | None
    #: Of feature history at regular moments.
    every: Every | None = None


class RetrievalJob:
    """A training set that is made when it is first wanted, once, and then read as often as it is wanted.

    What gives Arrow streams takes a job itself: ``polars.DataFrame(job)``, ``pyarrow.table(job)``, ``arro3.core.Table(job)``, and
    ``duckdb.sql("FROM job")``. The rows are those of the labels, in their order; of feature history, they are by moment, then by key.
    """

    def __init__(
        self,
        store: _onepath.Store,
        asked: Asked,
        spine: Staged | None,
        sources: Sequence[tuple[str, Sequence[str]]],
        staging: Staging,
        describe: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._store = store
        self._asked = asked
        self._spine = spine
        self._sources = sources
        self._staging = staging
        self._describe = describe
        self._made: tuple[str, dict[str, Any]] | None = None

    def _run(self, out: str, resume: bool = False) -> dict[str, Any]:
        asked = self._asked
        shows = running("backfill", memory=asked.memory, threads=asked.threads, progress=asked.progress)
        with self._staging.told(), shows as options:
            wanted = {
                "spine": self._spine.path if self._spine else None,
                "out": out,
                "sources": self._sources,
                "as_of_column": asked.as_of,
                "as_of_unit": asked.as_of_unit,
                "every": asked.every,
                "full_feature_names": asked.full_feature_names,
                "strict": asked.strict,
                "on_error": asked.on_error,
                "resume": resume,
            }
            report, warnings = self._store.backfill(asked.features, wanted, options)
        warn(self._staging.renamed(text) for text in warnings)
        made: dict[str, Any] = json.loads(report)
        return made

    def _result(self) -> tuple[str, dict[str, Any]]:
        if self._made is None:
            out = self._staging.out("training.parquet")
            self._made = out, self._run(out)
        return self._made

    @property
    def report(self) -> dict[str, Any]:
        """What the run did: rows, entities, events, the digest of the training set, and where the time went."""
        return self._result()[1]

    @property
    def summary(self) -> dict[str, Any]:
        """What the run saw of the events, and what it did not: per source and view, and the nulls of each feature."""
        summary: dict[str, Any] = self.report["summary"]
        return summary

    @property
    def manifest(self) -> dict[str, Any]:
        """What the training set was made of: the inputs with their digests, the components, the features.

        A table that was no file is named by the file that it was written to for the run, within the project's ``.onepath``; its digest
        is that of the same rows.
        """
        with open(self.report["manifest"], encoding="utf-8") as file:
            manifest: dict[str, Any] = json.load(file)
        return manifest

    def profile(self) -> Profile:
        """The profile of its features: nulls, extremes, mean, deciles, a sample. What :meth:`FeatureStore.drift` compares with."""
        from ._monitor import profile_of

        return profile_of(self.report["manifest"])

    @property
    def feature_names(self) -> list[str]:
        """The names of the feature columns."""
        return [feature["name"] for feature in self._describe()["features"]]

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """An Arrow stream of the training set, batch by batch from the disk."""
        return _onepath.ParquetStream(self._result()[0]).__arrow_c_stream__(requested_schema)

    def to_df(self) -> Any:
        """A DataFrame of pandas, with the index of the labels.

        Columns of the labels keep their dtypes, but for an as-of without a zone, which is in UTC now. Whole numbers and truth values
        with nulls are of pandas' nullable types, never floats.
        """
        return like_given(to_pandas(self, "to_df()"), self._spine, self._asked.as_of)

    def to_polars(self) -> Any:
        """A DataFrame of polars."""
        return needed("polars", "to_polars()", "polars").DataFrame(self)

    def to_arrow(self) -> Any:
        """A table of pyarrow."""
        return needed("pyarrow", "to_arrow()", "arrow").table(self)

    def to_file(self, path: str | os.PathLike[str], *, resume: bool = False) -> Path:
        """Writes ``path`` (.parquet, .csv or .ndjson) and ``path.manifest.json`` beside it, byte for byte as ``onepath backfill`` does.

        The file appears whole or not at all; an interrupt leaves nothing. With ``resume``, what is done stays in ``path.partial`` when
        the process dies or is interrupted, and the same call goes on with it; the bytes are the same. Labels and events must then
        be files, and what was made already is not made again.
        """
        path = existing(path)
        if resume:
            self._check_resumable()
        if self._made is None or path.suffix.lower() not in (".parquet", ".pq"):
            report = self._run(str(path), resume)
            # The file may be replaced, and what was made stays as it is: this job reads its own.
            if self._made is None and path.suffix.lower() in (".parquet", ".pq"):
                self._keep(path, report)
            return path
        import shutil

        made, _ = self._made
        manifest = self.manifest
        manifest["output"]["path"] = str(path)
        shutil.copyfile(made, path)
        if manifest.get("profile"):
            shutil.copyfile(os.path.join(os.path.dirname(made), manifest["profile"]["file"]), f"{path}.profile.json")
            manifest["profile"]["file"] = f"{path.name}.profile.json"
        with open(f"{path}.manifest.json", "w", encoding="utf-8") as file:
            file.write(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
        warn(_onepath.note_training_set(self._store, os.path.abspath(path)))
        return path

    def to_parquet(self, path: str | os.PathLike[str], *, resume: bool = False) -> Path:
        """Writes a Parquet file and its manifest: see :meth:`to_file`."""
        return self.to_file(_of_kind("to_parquet()", path, ".parquet", ".pq"), resume=resume)

    def to_csv(self, path: str | os.PathLike[str], *, resume: bool = False) -> Path:
        """Writes a CSV file and its manifest: see :meth:`to_file`."""
        return self.to_file(_of_kind("to_csv()", path, ".csv"), resume=resume)

    def _check_resumable(self) -> None:
        """A run goes on only over the same inputs, and a table in memory is another file each time."""
        if self._spine is None:
            raise RequestError("feature history is made in one go: leave resume out")
        if self._staging.is_used:
            raise InputError(
                "only a run over files can be gone on with: write labels and events to Parquet files, give their paths, or leave "
                "resume out"
            )

    def _keep(self, path: Path, report: dict[str, Any]) -> None:
        import shutil

        out = self._staging.out("training.parquet")
        files = [(str(path), out), (report["manifest"], f"{out}.manifest.json")]
        profile = f"{path}.profile.json"
        if os.path.exists(profile):
            # The manifest names it so.
            files.append((profile, self._staging.out(os.path.basename(profile))))
        for file, kept in files:
            try:
                os.link(file, kept)
            except OSError:
                shutil.copyfile(file, kept)
        self._made = out, report | {"manifest": f"{out}.manifest.json"}

    def log_to_mlflow(self, *, artifact_path: str = "onepath", dataset: bool = True) -> None:
        """Logs to the active run of MLflow what the training set was made of.

        Parameters: the features, the rows, and the digests of the training set and of each component. Artifact: the manifest, by
        which ``onepath serve --pin runs:/RUN_ID`` and ``FeatureStore(pin="runs:/RUN_ID")`` refuse to serve what differs from it. With
        ``dataset``, the training set is an input of the run too; for that it is read into memory.

        A second training set of one run needs an ``artifact_path`` of its own, by which its parameters are called too.
        """
        from . import _mlflow

        asked = self._asked.features
        _mlflow.log(self, asked if isinstance(asked, str) else ",".join(asked), artifact_path, dataset)

    def __repr__(self) -> str:
        features = self._asked.features if isinstance(self._asked.features, str) else ", ".join(self._asked.features)
        if self._made is None:
            return f"<RetrievalJob {features}: not run yet>"
        report = self._made[1]
        return f"<RetrievalJob {features}: {report['rows']:,} rows, {report['features']} features, sha256 {report['sha256'][:12]}>"

    def _repr_html_(self) -> str:
        if self._made is None:
            rows = [(feature["name"], feature["type"]) for feature in self._describe()["features"]]
            return _html.table(repr(self).strip("<>"), ["feature", "type"], rows)
        report = self._made[1]
        nulls = {found["feature"]: found["nulls"] for found in report["summary"]["nulls"]}
        rows = [(name, f"{count:,}") for name, count in nulls.items()]
        note = f"{report['entities']:,} entities, {report['events']:,} events; sha256 {report['sha256']}"
        return _html.table(repr(self).strip("<>"), ["feature", "nulls"], rows, note)


def _of_kind(what: str, path: str | os.PathLike[str], *ends: str) -> str | os.PathLike[str]:
    if not os.fspath(path).lower().endswith(ends):
        raise RequestError(f"{what} writes a file that ends in {ends[0]}, and {os.fspath(path)} does not: to_file() goes by the name")
    return path
