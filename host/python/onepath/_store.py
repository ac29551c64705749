"""A project from Python."""

from __future__ import annotations

import atexit
import json
import os
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from . import _html, _onepath
from ._catalog import CatalogMethods, Description
from ._cli import own_command
from ._errors import BusyError, ComponentError, ForkError, InputError, RequestError
from ._frames import Staging, Table, columns_of, json_of, json_of_rows
from ._job import Asked, Every, RetrievalJob
from ._mlflow import pinned
from ._monitor import MonitorMethods
from ._online import OnlineResponse, PushResult
from ._progress import running, warn
from ._times import Naive, is_utc, to_step

if TYPE_CHECKING:
    from ._client import Client


#: Whether Python's own handler of crashes was there when onepath was first used; ``None`` before.
_crashes_told_first: bool | None = None


def _look_at_crashes() -> None:
    """Warns where a transform that traps would end this process: its trap is a signal, which whoever came last is given."""
    global _crashes_told_first
    handler = sys.modules.get("faulthandler")
    is_enabled = bool(handler is not None and handler.is_enabled())
    if _crashes_told_first is None:
        _crashes_told_first = is_enabled
    elif is_enabled and not _crashes_told_first:
        _crashes_told_first = True
        warn(
            [
                "faulthandler was enabled after onepath was first used: a transform that traps would end this process. Enable it "
                "before (python -X faulthandler), or call faulthandler.disable()"
            ]
        )


class Report(Mapping[str, Any]):
    """What a run did, by name, as ``--format json`` prints it."""

    def __init__(self, text: str) -> None:
        self._of: dict[str, Any] = json.loads(text)

    def __getitem__(self, name: str) -> Any:
        return self._of[name]

    def __iter__(self) -> Any:
        return iter(self._of)

    def __len__(self) -> int:
        return len(self._of)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({json.dumps(self._of, indent=2)})"


class MaterializeReport(Report):
    """What :meth:`FeatureStore.materialize` did."""


class VerifyReport(Report):
    """What :meth:`FeatureStore.verify` found."""

    def __init__(self, text: str, is_equal: bool) -> None:
        super().__init__(text)
        #: Whether all was replayed, and all is equal.
        self.is_equal = is_equal

    @property
    def vectors(self) -> int:
        """Served vectors that were replayed."""
        return int(self["vectors"])

    @property
    def differences(self) -> int:
        """Values, statuses, offsets and states that differ."""
        return int(self["differences"]) + int(self["state_differences"])

    def __bool__(self) -> bool:
        return self.is_equal

    def _repr_html_(self) -> str:
        names = ("vectors", "values", "differences", "states", "state_differences", "unproved", "expired")
        return _html.table("equal" if self.is_equal else "NOT equal", ["what", "count"], [(name, self[name]) for name in names])


class View:
    """A feature view of a project."""

    def __init__(self, store: FeatureStore, about: Mapping[str, Any]) -> None:
        self._store = store
        self._about = about
        self._explained: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return str(self._about["name"])

    @property
    def version(self) -> int:
        """Its version."""
        return int(self._about["version"])

    @property
    def label(self) -> str:
        """Its name and version, such as ``activity@v1``."""
        return f"{self.name}@v{self.version}"

    @property
    def entity(self) -> str | None:
        """What its features describe; ``None`` where it only reads requests, or joins several entities."""
        entity: str | None = self._about["entity"]
        return entity

    @property
    def sources(self) -> list[str]:
        """The sources whose events it reads."""
        return list(self._about["sources"])

    @property
    def description(self) -> str | None:
        """What it is, for people."""
        description: str | None = self._about["description"]
        return description

    @property
    def owner(self) -> str | None:
        """Who answers for it."""
        owner: str | None = self._about["owner"]
        return owner

    @property
    def tags(self) -> dict[str, str]:
        """Its free labels."""
        return dict(self._about["tags"])

    @property
    def freshness(self) -> str | None:
        """How old its newest event may be before people are told."""
        freshness: str | None = self._about["freshness"]
        return freshness

    def describe(self) -> Description:
        """All that is known of it: see :meth:`FeatureStore.describe`."""
        return self._store.describe(f"view:{self.label}")

    @property
    def store(self) -> FeatureStore:
        """The store that it is of."""
        return self._store

    def explain(self) -> dict[str, Any]:
        """What it gives and keeps: its features in words, what is kept of each entity, how large that grows, its component."""
        if self._explained is None:
            explained = json.loads(self._store._native.explain(self.label))
            self._explained = explained.pop("explained") | explained
        return self._explained

    @property
    def features(self) -> dict[str, str]:
        """The type of each feature, by name."""
        return {feature["name"]: feature["type"] for feature in self.explain()["features"]}

    def replay(
        self,
        keys: Mapping[str, object],
        *,
        as_of: str | datetime | None = None,
        request: Mapping[str, object] | None = None,
        events: Table | Mapping[str, Table] | None = None,
        naive: Naive = None,
    ) -> list[dict[str, Any]]:
        """One entity, step by step: its events in the order in which they count, the state after each, and the features as of then.

        The last step is the question at ``as_of`` (now). With ``events`` these are replayed, instead of those of files and log.
        """
        staging = self._store._staging()
        sources = self._store._sources(staging, self._events(events), is_utc(self._store._naive(naive)))
        with staging.told():
            return self._steps(keys, as_of, request or {}, sources, naive)

    def _events(self, events: Table | Mapping[str, Table] | None) -> Mapping[str, Table]:
        if events is None:
            return {}
        if isinstance(events, Mapping):
            return events
        if len(self.sources) != 1:
            raise RequestError(f"view {self.name} reads {', '.join(self.sources) or 'no source'}: give events as a dict by source")
        return {self.sources[0]: events}

    def _steps(
        self,
        keys: Mapping[str, object],
        as_of: str | datetime | None,
        request: Mapping[str, object],
        sources: Sequence[tuple[str, Sequence[str]]],
        naive: Naive,
    ) -> list[dict[str, Any]]:
        utc = is_utc(self._store._naive(naive))
        asked = [(name, _text(value, utc)) for name, value in keys.items()]
        fields = [(name, _text(value, utc)) for name, value in request.items() if value is not None]
        entity = {"keys": asked, "request_fields": fields, "as_of": as_of, "sources": sources, "naive": utc}
        return self._store._native.steps(self.label, entity)

    def __repr__(self) -> str:
        return f"<View {self.label}, of {self.entity or 'requests'}>"

    def _repr_html_(self) -> str:
        explained = self.explain()
        rows = [(feature["name"], feature["type"], feature["words"]) for feature in explained["features"]]
        note = f"component {explained['component'][:12]}"
        return _html.table(repr(self).strip("<>"), ["feature", "type", "what it is"], rows, note)


class RunningServer:
    """A project that is served over HTTP from this process, until it is stopped. Use it as ``with store.serve() as server``."""

    def __init__(self, native: _onepath.HttpServer, token: str | None) -> None:
        self._native = native
        self._token = token
        self._stopped = False

    @property
    def host(self) -> str:
        """The address that it listens on."""
        return self._native.address[0]

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._native.address[1]

    @property
    def url(self) -> str:
        """Where it is reached."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def is_running(self) -> bool:
        """Whether it was not stopped yet."""
        return not self._stopped

    def client(self) -> Client:
        """A client of it."""
        from ._client import Client

        return Client(self.url, token=self._token)

    def stop(self) -> None:
        """Lets the requests in flight finish, and ends it."""
        if not self._stopped:
            self._stopped = True
            self._native.stop()

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<RunningServer {self.url}{' (stopped)' if self._stopped else ''}>"


class FeatureStore(CatalogMethods, MonitorMethods):
    """A project: the folder that holds ``onepath.toml``.

    Training sets, proofs and what views are only read the project. The first question or push opens its online half, which makes this
    process the one that writes the project's stores, until :meth:`close` (or the end of a ``with`` block); other processes are
    refused meanwhile with :class:`BusyError`, and ask through :meth:`serve` and :class:`Client`.

    All methods may be called from any thread. After a fork, a store whose online half is open raises :class:`ForkError` in the child.

    ``naive`` says how times without a zone are taken: ``None`` refuses them, ``"utc"`` takes them as UTC; each method has it too.
    ``locked`` refuses components other than those that ``onepath.lock`` pins; ``stale`` goes on, with a warning, with a component whose
    source has changed since it was built. ``allow_unmaterialized`` answers from what was pushed alone where sources have files of which
    nothing was materialized. ``pin`` is the manifest of a training set: what differs from what made it is not served. ``"runs:/RUN_ID"`` and
    ``"models:/NAME@ALIAS"`` are that of a run of MLflow, which :meth:`RetrievalJob.log_to_mlflow` logged to.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] = ".",
        *,
        naive: Naive = None,
        locked: bool = False,
        stale: bool = False,
        allow_unmaterialized: bool = False,
        pin: str | os.PathLike[str] | None = None,
        progress: bool | None = None,
    ) -> None:
        program, before = own_command()
        is_utc(naive)
        self._options: dict[str, Any] = {
            "naive": naive,
            "locked": locked,
            "stale": stale,
            "allow_unmaterialized": allow_unmaterialized,
            "pin": pin,
            "progress": progress,
        }
        self._default_naive = naive
        self._progress = progress
        self._native = _onepath.Store(os.path.abspath(path), program, before, locked=locked, stale=stale)
        self._allow_unmaterialized = allow_unmaterialized
        self._pin = pin
        _look_at_crashes()
        self._about: dict[str, Any] = json.loads(self._native.project())
        self._lock = threading.RLock()
        self._server: _onepath.Server | None = None
        self._running: RunningServer | None = None
        self._process = os.getpid()
        _stores.add(self)

    # What the project is.

    @property
    def name(self) -> str:
        """The project's name."""
        return str(self._about["name"])

    @property
    def path(self) -> str:
        """The project's folder."""
        return str(self._about["root"])

    @property
    def services(self) -> dict[str, list[str]]:
        """The features of each service, as the project file has them."""
        return {service["name"]: service["features"] for service in self._about["services"]}

    @property
    def views(self) -> list[View]:
        """The feature views."""
        return [View(self, about) for about in self._about["views"]]

    @property
    def sources(self) -> list[str]:
        """The sources of events."""
        return [source["name"] for source in self._about["sources"]]

    def view(self, name: str) -> View:
        """A view by its name, or name and version (``activity@v1``); of several versions the highest."""
        versions = [about for about in self._about["views"] if name in (about["name"], f"{about['name']}@v{about['version']}")]
        if not versions:
            # The library says which there are.
            self._native.explain(name)
            raise RequestError(f"no view {name}")
        return View(self, max(versions, key=lambda about: about["version"]))

    # Training sets.

    def get_historical_features(
        self,
        entity_df: Table | None = None,
        features: str | Sequence[str] | None = None,
        *,
        as_of: str | None = None,
        as_of_unit: str | None = None,
        at: Literal["events"] | None = None,
        every: str | timedelta | None = None,
        start_date: str | date | None = None,
        end_date: str | date | None = None,
        events: Mapping[str, Table] | None = None,
        naive: Naive = None,
        full_feature_names: bool = False,
        on_error: str = "stop",
        strict: bool = False,
        memory: int | str | None = None,
        threads: int | None = None,
        progress: bool | None = None,
    ) -> RetrievalJob:
        """The features of each row of ``entity_df`` as of its own moment: a training set, made when it is first wanted.

        ``entity_df`` is a table of any library that gives Arrow streams (pandas, polars, DuckDB, pyarrow, arro3, ...), a list of dicts, or
        the path of a .parquet, .csv or .ndjson file. It has the entities' keys, the column ``as_of`` (by default ``as_of`` or
        ``event_timestamp``), the request fields that the views read, and whatever else, which passes through.
        ``features`` is the name of a service, or a list of ``view:feature``.

        Without ``entity_df``, it is the history of the features themselves: ``at="events"`` has a row for each event, as of when it was
        available; ``every="1d"`` (or a ``timedelta``) has one for every entity seen by then, at each step from ``start_date`` to
        ``end_date``, which counts too. Their moments are in the column ``as_of``.

        ``events`` stands for sources, by name, instead of their files and of what was pushed to them.

        A table that is no file is written to a temporary Parquet file within the project's ``.onepath`` when this is called, with its
        types and in its order, and later changes of it change nothing; the file goes with the job. In pandas, NaN of a column of floats
        is a null, as in ``DataFrame.to_parquet``.

        ``memory`` (such as ``"4GiB"``) is what the run may take; what does not fit goes through the disk, and no value changes.
        With ``on_error="null"``, rows without an answer are null and counted, instead of ending the run. ``strict`` ends it where
        entities have states that serving would refuse as too large.
        """
        utc = is_utc(self._naive(naive))
        if features is None:
            raise RequestError('no features are asked for: name a service, or features as ["view:feature"]')
        moments = _moments(entity_df, as_of or as_of_unit, at, every, start_date, end_date, utc)
        staging = self._staging()

        def describe() -> Mapping[str, Any]:
            plan: dict[str, Any] = json.loads(self._native.plan(features, full_feature_names))
            return plan

        is_path = isinstance(entity_df, (str, os.PathLike))
        times: list[str] | None = None
        if entity_df is not None and not is_path and not utc:
            # Other columns pass through, as they are.
            fields = [field["name"] for field in describe()["request_fields"]]
            times = [as_of, *fields] if as_of else ["as_of", "event_timestamp", *fields]
        spine = None if entity_df is None else staging.stage("labels", entity_df, called="entity_df", naive=utc, times=times)
        sources = self._sources(staging, {} if events is None else events, utc)
        if as_of is None and spine is not None and spine.dtypes is not None:
            known = [name for name in ("as_of", "event_timestamp") if name in spine.dtypes]
            as_of = known[0] if len(known) == 1 else None
        shows = self._progress if progress is None else progress
        asked = Asked(features, as_of, as_of_unit, full_feature_names, on_error, strict, memory, threads, shows, moments)
        return RetrievalJob(self._native, asked, spine, sources, staging, describe)

    # Online.

    def get_online_features(
        self,
        features: str | Sequence[str],
        entity_rows: Any,
        *,
        as_of: str | datetime | None = None,
        full_feature_names: bool = False,
        naive: Naive = None,
    ) -> OnlineResponse:
        """The features of some entities now, or as of a moment.

        ``entity_rows`` is a list of dicts, a dict of lists, or a table; request fields are given beside the keys. The answer is recorded,
        so that :meth:`verify` proves it.
        """
        server = self._server or self._open()
        rows = entity_rows if isinstance(entity_rows, list) else columns_of(entity_rows)
        utc = is_utc(naive or self._default_naive)
        answer = server.get_online_features(
            features, rows, as_of=as_of, full_feature_names=full_feature_names, naive=utc
        )
        return OnlineResponse(answer)

    def push(
        self, push_source_name: str, df: Table, *, arrived_at: str = "now", naive: Naive = None
    ) -> PushResult:
        """Takes events of a source: when it returns they are on disk, and later answers include them. All are taken or none.

        ``df`` is a table, the path of a file, a dict or a list of dicts. An event whose id its source has already is
        acknowledged and applied once: events with ids may be pushed again whatever came of it.
        ``arrived_at`` is when they arrived: ``"now"``, ``"event-time"`` (history is replayed), or the name of a column.
        """
        server = self._server or self._open()
        _look_at_crashes()
        utc = is_utc(self._naive(naive))
        if isinstance(df, Mapping):
            df = [df]
        if isinstance(df, list) and arrived_at == "now":
            applied = server.push_json(push_source_name, json_of_rows(df, utc))
        else:
            staging = self._staging()
            pushed = staging.stage("pushed", df, called="df", naive=utc)
            with staging.told():
                applied = server.ingest(push_source_name, pushed.path, arrived_at)
        warn(server.warnings())
        return PushResult(*applied)

    def materialize(
        self,
        up_to: str | datetime | None = None,
        *,
        events: Mapping[str, Table] | None = None,
        naive: Naive = None,
        memory: int | str | None = None,
        threads: int | None = None,
        progress: bool | None = None,
    ) -> MaterializeReport:
        """Folds history and log into online states, as of ``up_to`` (now). Until it is done, and if it fails, the old states are served."""
        utc = is_utc(self._naive(naive))
        sources: Sequence[tuple[str, Sequence[str]]] = []
        if events is not None:
            paths = {name: events[name] for name in events}
            if not all(isinstance(path, (str, os.PathLike)) for path in paths.values()):
                raise InputError("events to materialize are files, which verify reads again: write the table to one, and give its path")
            sources = self._sources(self._staging(), paths, utc)
        with self._lock:
            self._refuse_while_serving("materialize")
            self._close()
            shows = self._progress if progress is None else progress
            with running("materialize", memory=memory, threads=threads, progress=shows) as options:
                report, warnings = self._native.materialize(up_to, sources, options, utc)
        warn(warnings)
        return MaterializeReport(report)

    def verify(
        self, since: str | datetime | None = None, *, naive: Naive = None, progress: bool | None = None
    ) -> VerifyReport:
        """Replays every vector that was served (since a moment), and compares the bits; compares every online state with a replay."""
        utc = is_utc(self._naive(naive))
        with self._lock:
            if self._server is not None:
                # What was answered is recorded off the path of requests.
                self._server.flush()
        shows = self._progress if progress is None else progress
        with running("verify", progress=shows) as options:
            report, is_equal, warnings = self._native.verify(since, options, utc)
        warn(warnings)
        return VerifyReport(report, is_equal)

    def serve(self, host: str = "127.0.0.1", port: int = 6566, *, token: str | None = None) -> RunningServer:
        """Serves over HTTP from threads of this process, as ``onepath serve`` does: Feast's routes, and a typed API under ``/v1``.

        Port 0 takes a free one. Questions and pushes through this store go to the same server. Use it as a context manager, or
        call :meth:`RunningServer.stop`; signals are left to the program.
        """
        with self._lock:
            self._refuse_while_serving("serve")
            server = self._server or self._open()
            listen = f"[{host}]:{port}" if ":" in host else f"{'127.0.0.1' if host == 'localhost' else host}:{port}"
            self._running = RunningServer(server.serve(listen, token), token)
            return self._running

    # Building.

    def build(self) -> None:
        """Builds and pins every component, as ``onepath build`` does. Declared views need no Rust."""
        import subprocess

        with self._lock:
            self._refuse_while_serving("build")
            self._close()
        command = [sys.executable, "-m", "onepath", "--project", self.path, "build"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ComponentError(done.stderr.strip().removeprefix("error: "))
        self._about = json.loads(self._native.project())

    # How it is open.

    def close(self) -> None:
        """Ends serving, waits until all that was taken is written, and gives the project back to other processes.

        The next question or push opens it again.
        """
        if self._process != os.getpid():
            return
        with self._lock:
            if self._running is not None:
                self._running.stop()
                self._running = None
            self._close()

    def __reduce__(self) -> tuple[Any, ...]:
        # It is opened anew where it comes.
        return _opened, (self.path, self._options)

    def __enter__(self) -> FeatureStore:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _open(self) -> _onepath.Server:
        if self._process != os.getpid():
            # The lock may have been held at the fork, by a thread that is not here.
            if self._server is not None:
                raise ForkError("this feature store was opened in another process: open it again in this one")
            self._lock = threading.RLock()
            self._process = os.getpid()
        with self._lock:
            if self._server is None:
                with pinned(self._pin) as pin:
                    self._server = self._native.server(allow_unmaterialized=self._allow_unmaterialized, pin=pin)
                warn(self._server.warnings())
            return self._server

    def _close(self) -> None:
        if self._server is not None:
            server, self._server = self._server, None
            server.close()

    def _refuse_while_serving(self, what: str) -> None:
        if self._running is not None and self._running.is_running:
            raise BusyError(f"cannot {what} while {self._running.url} is served: stop it first")

    def _naive(self, naive: Naive) -> Naive:
        return self._default_naive if naive is None else naive

    def _staging(self) -> Staging:
        _look_at_crashes()
        return Staging(self._about["data_dir"])

    def _sources(
        self, staging: Staging, events: Mapping[str, Table], utc: bool
    ) -> list[tuple[str, Sequence[str]]]:
        if not isinstance(events, Mapping):
            raise RequestError(f'events is a dict of tables by source, such as {{"events": table}}, and no {type(events).__name__}')
        sources: list[tuple[str, Sequence[str]]] = []
        for name, table in events.items():
            staged = staging.stage(f"events-{name}", table, called=f'events["{name}"]', naive=utc)
            sources.append((name, [staged.path]))
        return sources

    def __repr__(self) -> str:
        return f"<FeatureStore {self.name} in {self.path}>"

    def _repr_html_(self) -> str:
        rows = [(view.label, view.entity or "", ", ".join(view.sources), view.description or "") for view in self.views]
        note = "services: " + "; ".join(f"{name} ({', '.join(features)})" for name, features in self.services.items())
        return _html.table(f"{self.name} ({self.path})", ["view", "entity", "sources", "description"], rows, note)


#: Those that are there: at the end of the process, what they took is written.
_stores: weakref.WeakSet[FeatureStore] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for store in list(_stores):
        store.close()


def _opened(path: str, options: Mapping[str, Any]) -> FeatureStore:
    return FeatureStore(path, **options)


def _moments(
    entity_df: Table | None,
    column: str | None,
    at: str | None,
    every: str | timedelta | None,
    start: str | date | None,
    end: str | date | None,
    utc: bool,
) -> Every | None:
    """The regular moments that are asked for, if they are; refuses what does not go together."""
    given = [name for name, value in (("entity_df", entity_df), ("at", at), ("every", every)) if value is not None]
    if len(given) != 1:
        wrong = f"{' and '.join(given)} do not go together" if given else "nothing says for which rows"
        raise RequestError(f'{wrong}: give one of entity_df (a training set), at="events" and every="1d" (feature history)')
    if entity_df is None and column is not None:
        raise RequestError(f"as_of and as_of_unit are of entity_df, and {given[0]} is given: its moments are in the column as_of")
    if at not in (None, "events"):
        raise RequestError(f'at is "events", and not {at!r}')
    if every is None:
        if start is not None or end is not None:
            raise RequestError('start_date and end_date are of every: give it too, such as every="1d"')
        return None
    if start is None or end is None:
        raise RequestError("every needs start_date and end_date, the first and the last moment")
    step = to_step(every)
    if isinstance(step, int) and step <= 0:
        raise RequestError(f"every is {every}: give what is longer than nothing, such as timedelta(days=1)")
    return Every(step, start, end, utc)


def _text(value: object, utc: bool) -> str:
    """A key or a request field as a text that the library reads."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return repr(float(value))
    text: Any = json.loads(json_of(value, utc))
    return text if isinstance(text, str) else json.dumps(text)

