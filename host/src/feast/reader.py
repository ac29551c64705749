"""Answers questions about a Feast repository: a line of JSON each, on standard input and output.

onepath runs it with the Python that has Feast, for `onepath import-feast` and `onepath compare-feast`. It writes nothing into the
repository: what Feast needs a registry and an online store for lies in a temporary folder.
"""

import json
import os
import re
import struct
import sys
import tempfile
import traceback
import warnings
from datetime import timedelta
from pathlib import Path

DUMMY_ENTITY = "__dummy"


class Repository:
    """A repository: its settings, and the objects that its Python files or its registry define."""

    def __init__(self, folder):
        root = Path(folder).resolve()
        if not (root / "feature_store.yaml").is_file():
            raise FileNotFoundError(f"{root} has no feature_store.yaml: name the folder that has it")
        import yaml

        self.root = root
        # As Feast does: variables of the environment may stand in it.
        text = os.path.expandvars((root / "feature_store.yaml").read_text(encoding="utf-8"))
        self.settings = yaml.safe_load(text) or {}
        self.project = self.settings.get("project") or "feast"
        os.chdir(root)
        sys.path.insert(0, str(root))
        sys.dont_write_bytecode = True
        from feast.repo_operations import parse_repo

        # Feast shows what its own classes deprecate; it is not what was asked.
        warnings.simplefilter("ignore")
        contents = parse_repo(root)
        self.entities = [entity for entity in contents.entities if entity.name != DUMMY_ENTITY]
        self.views = contents.feature_views + contents.stream_feature_views
        self.on_demand = contents.on_demand_feature_views
        self.labels = list(getattr(contents, "label_views", []))
        self.services = contents.feature_services
        # What earlier versions of Feast do not have.
        self.permissions = list(getattr(contents, "permissions", []))
        self.projects = list(getattr(contents, "projects", []))
        self.came_from = "definitions"
        if not self.views:
            self.from_registry()

    def config(self, registry, folder):
        """Settings with the offline store of the repository, and nothing else that it writes to."""
        from feast.repo_config import RepoConfig

        offline = self.settings.get("offline_store") or {"type": "dask"}
        config = RepoConfig(
            project=self.project,
            registry=registry,
            provider="local",
            offline_store=offline,
            online_store={"type": "sqlite", "path": str(Path(folder) / "online.db")},
            entity_key_serialization_version=3,
        )
        config.repo_path = self.root
        return config

    def from_registry(self):
        """Where no Python file defines a view, what was applied to the registry."""
        registry = self.settings.get("registry")
        path = registry.get("path") if isinstance(registry, dict) else registry
        is_local = isinstance(path, str) and "://" not in path
        if registry is None or (is_local and not (self.root / path).exists()):
            return
        from feast import FeatureStore

        with tempfile.TemporaryDirectory() as folder:
            store = FeatureStore(config=self.config(registry, folder))
            known = store.registry
            self.entities = [entity for entity in known.list_entities(self.project) if entity.name != DUMMY_ENTITY]
            self.views = known.list_feature_views(self.project) + known.list_stream_feature_views(self.project)
            self.on_demand = known.list_on_demand_feature_views(self.project)
            self.services = known.list_feature_services(self.project)
            if hasattr(known, "list_permissions"):
                self.permissions = known.list_permissions(self.project)
            if hasattr(known, "list_label_views"):
                self.labels = known.list_label_views(self.project)
        # The order of a registry is another each time.
        for found in (self.entities, self.views, self.on_demand, self.services, self.permissions, self.labels):
            found.sort(key=lambda one: one.name)
        self.came_from = "registry"

    def view(self, name):
        return next(view for view in self.views if view.name == name)


def facts_of(thing):
    """What people say about it."""
    return {
        "description": getattr(thing, "description", "") or "",
        "owner": getattr(thing, "owner", "") or "",
        "tags": dict(getattr(thing, "tags", None) or {}),
    }


def file_of(source, root):
    """Where a source's file lies, and its columns."""
    uri = source.file_options.uri
    found = {"uri": uri, "path": None, "folder": False, "columns": None, "problem": None}
    file_format = type(source.file_format).__name__ if source.file_format else "ParquetFormat"
    found["format"] = re.sub("Format$", "", file_format).lower()
    if "://" in uri and not uri.startswith("file://"):
        return found
    path = root / uri.removeprefix("file://")
    found["path"] = os.path.normpath(path)
    found["folder"] = path.is_dir()
    try:
        import pyarrow.parquet

        # By the first file of a folder: what a partition adds is no column of the files.
        first = next(iter(sorted(path.glob("**/*.parquet"))), path) if path.is_dir() else path
        schema = pyarrow.parquet.read_schema(first)
        found["columns"] = [[field.name, str(field.type)] for field in schema]
    except Exception as error:
        found["problem"] = f"{type(error).__name__}: {error}".split("\n")[0]
    return found


def source_of(source, root):
    told = {
        "name": source.name,
        "kind": type(source).__name__,
        "timestamp_field": source.timestamp_field or "",
        "created_timestamp_column": source.created_timestamp_column or "",
        "field_mapping": dict(source.field_mapping or {}),
        "file": None,
        **facts_of(source),
    }
    if hasattr(source, "file_options"):
        told["file"] = file_of(source, root)
    return told


def field_of(field):
    return {
        "name": field.name,
        "type": str(field.dtype),
        "description": field.description or "",
        "tags": dict(field.tags or {}),
        "vector_index": bool(getattr(field, "vector_index", False)),
    }


def python_of(view):
    """The source text of a view's transformation, where it has one."""
    transformation = getattr(view, "feature_transformation", None)
    for holder in (transformation, view):
        text = getattr(holder, "udf_string", None)
        if text:
            return text
    if getattr(view, "udf", None) is not None:
        return repr(view.udf)
    return None


def view_of(view, kind, root):
    stream, batch = getattr(view, "stream_source", None), getattr(view, "batch_source", None)
    ttl = getattr(view, "ttl", None) or timedelta(0)
    version = getattr(view, "version", None)
    return {
        "name": view.name,
        "kind": kind,
        "entities": [name for name in view.entities if name != DUMMY_ENTITY],
        "features": [field_of(field) for field in view.features],
        "schema": [field_of(field) for field in (getattr(view, "schema", None) or [])],
        "entity_columns": [field_of(field) for field in (getattr(view, "entity_columns", None) or [])],
        "ttl_us": ttl // timedelta(microseconds=1),
        "batch": source_of(batch, root) if batch is not None else None,
        "stream": source_of(stream, root) if stream is not None else None,
        "online": bool(getattr(view, "online", True)),
        "python": python_of(view),
        "aggregations": len(getattr(view, "aggregations", None) or []),
        "of_views": [other.name for other in getattr(view, "source_views", None) or []],
        "version": version or "",
        **facts_of(view),
    }


def on_demand_of(view):
    return {
        "name": view.name,
        "features": [field_of(field) for field in view.features],
        "views": sorted(projection.name_to_use() for projection in view.source_feature_view_projections.values()),
        "request": [field_of(field) for source in view.source_request_sources.values() for field in source.schema],
        "mode": str(getattr(view, "mode", "") or "").removeprefix("TransformationMode.").lower(),
        "python": python_of(view),
        **facts_of(view),
    }


def projection_of(projection):
    return {
        "view": projection.name,
        "alias": projection.name_alias,
        "join_key_map": dict(projection.join_key_map or {}),
        # None of them where all are meant that Feast will infer.
        "features": [field.name for field in projection.features] or list(projection.desired_features or []),
        "version": getattr(projection, "version_tag", None),
    }


def service_of(service):
    return {
        "name": service.name,
        "projections": [projection_of(projection) for projection in service.feature_view_projections],
        "references": [text for text in getattr(service, "_pending_feature_refs", None) or []],
        **facts_of(service),
    }


def read(repository, _question):
    import feast

    own = next((project for project in repository.projects if project.name == repository.project), None)
    offline = repository.settings.get("offline_store")
    return {
        "feast": feast.__version__,
        "root": str(repository.root),
        "project": repository.project,
        "came_from": repository.came_from,
        "offline_store": (offline.get("type") if isinstance(offline, dict) else offline) or "dask",
        **facts_of(own),
        "entities": [
            {"name": entity.name, "join_key": entity.join_key, "type": entity.value_type.name, **facts_of(entity)}
            for entity in repository.entities
        ],
        "views": [view_of(view, type(view).__name__, repository.root) for view in repository.views],
        "labels": [view.name for view in repository.labels],
        "on_demand": [on_demand_of(view) for view in repository.on_demand],
        "services": [service_of(service) for service in repository.services],
        "permissions": [permission.name for permission in repository.permissions],
    }


def entity_rows(question):
    """The entity rows as onepath read them, by the names of Feast: keys, as-of and the number of each row."""
    import pandas
    import pyarrow.parquet

    columns = list(question["keys"]) + [question["as_of"]]
    rows = pyarrow.parquet.read_table(question["rows"], columns=columns).to_pandas()
    rows = rows.rename(columns={**question["keys"], question["as_of"]: "event_timestamp"})
    rows["event_timestamp"] = pandas.to_datetime(rows["event_timestamp"], utc=True).astype("datetime64[ns, UTC]")
    rows["onepath_row"] = range(len(rows))
    return rows


def history(repository, question):
    """What Feast's get_historical_features gives to the entity rows, as a Parquet file."""
    from feast import FeatureService, FeatureStore

    with tempfile.TemporaryDirectory() as folder:
        store = FeatureStore(config=repository.config(str(Path(folder) / "registry.db"), folder))
        views = {one["view"]: repository.view(one["view"]) for one in question["projections"]}
        store.apply(repository.entities + list(views.values()))
        chosen, names = [], ["onepath_row"]
        for one in question["projections"]:
            view = store.get_feature_view(one["view"])[one["features"]]
            # Always by name: Feast cannot order projections of one view with and without.
            view = view.with_name(one["alias"] or one["view"])
            view = view.with_join_key_map(one["join_key_map"]) if one["join_key_map"] else view
            chosen.append(view)
            names += [f"{one['alias'] or one['view']}__{feature}" for feature in one["features"]]
        service = FeatureService(name="onepath_compares", features=chosen)
        store.apply([service])
        asked = store.get_historical_features(
            entity_df=entity_rows(question), features=service, full_feature_names=True
        )
        given = asked.to_arrow()
    import pyarrow.parquet

    given = given.select(names)
    pyarrow.parquet.write_table(given, question["out"])
    return {"rows": given.num_rows}


def exact(value):
    """A value in JSON, with every bit of it."""
    import numpy

    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (numpy.bool_,)):
        return bool(value)
    if isinstance(value, (int, numpy.integer)):
        return int(value)
    if isinstance(value, (float, numpy.floating)):
        return {"bits": struct.unpack("<Q", struct.pack("<d", float(value)))[0]}
    if isinstance(value, (list, tuple, numpy.ndarray)):
        return [exact(item) for item in value]
    return {"other": str(value)}


class Events:
    """The events of a view's source, as they lie in its files; times are in nanoseconds."""

    def __init__(self, repository, one):
        import pyarrow
        import pyarrow.dataset

        view = repository.view(one["view"])
        source = view.batch_source
        raw_of = {name: raw for raw, name in (source.field_mapping or {}).items()}
        self.features, self.times = one["features"], set()
        self.keys, self.time, self.created = one["own_keys"], one["time"], source.created_timestamp_column
        self.ttl = view.ttl // timedelta(microseconds=1) * 1000 if view.ttl else 0
        self.arrival = one["arrival"]
        wanted = dict.fromkeys([*self.keys, self.time, *filter(None, [self.created]), *self.features])
        path = repository.root / source.file_options.uri.removeprefix("file://")
        columns = {name: pyarrow.dataset.field(raw_of.get(name, name)) for name in wanted}
        table = pyarrow.dataset.dataset(path, format="parquet").to_table(columns=columns)
        self.values = {}
        for name in wanted:
            column = table.column(name)
            if pyarrow.types.is_temporal(column.type):
                self.times.add(name)
                zone = getattr(column.type, "tz", None)
                column = column.cast(pyarrow.timestamp("ns", zone)).cast(pyarrow.int64())
            self.values[name] = column.to_pylist()

    def by_key(self, wanted):
        found = {}
        for at, key in enumerate(zip(*[self.values[key] for key in self.keys])):
            if key in wanted and self.values[self.time][at] is not None:
                found.setdefault(key, []).append(at)
        return found

    def newest(self, visible, rounded):
        """The events at the newest of these times, in the order of the file: the last hundred."""
        times = self.values[self.time]
        newest = max((rounded(times[at]) for at in visible), default=None)
        return [self.told(at) for at in visible if rounded(times[at]) == newest][-100:]

    def told(self, at):
        created = self.values[self.created][at] if self.created else None
        values = []
        for feature in self.features:
            value = self.values[feature][at]
            values.append({"ns": value} if feature in self.times and value is not None else exact(value))
        return {"time_ns": self.values[self.time][at], "created": exact(created), "values": values}

    def fact(self, row, events, as_of):
        """What there is to know of one entity row: what Feast may take, and what onepath must."""
        times = self.values[self.time]
        # onepath knows microseconds: events are rounded up, as-ofs down.
        up = lambda ns: -(-ns // 1000)
        available = self.values[self.created] if self.arrival else times
        seen = [at for at in events if times[at] <= as_of]
        seen_here = [at for at in events if available[at] is not None and up(available[at]) <= as_of // 1000]
        oldest = as_of - self.ttl if self.ttl else None
        return {
            "row": row,
            "events": len(events),
            "in_ttl": sum(1 for at in seen if oldest is None or times[at] >= oldest),
            "as_of_ns": as_of,
            "there": self.newest(seen, lambda ns: ns),
            "here": self.newest(seen_here, up),
        }


def facts(repository, question):
    """For some rows of some views: which events of the entity there are, and which of them are the newest."""
    rows = entity_rows(question)
    as_ofs = rows["event_timestamp"].astype("int64").tolist()
    told = []
    for one in question["views"]:
        events = Events(repository, one)
        keys = list(zip(*[rows[key].tolist() for key in one["keys"]]))
        by_key = events.by_key({keys[row] for row in one["rows"]})
        told.append([events.fact(row, by_key.get(keys[row], []), as_ofs[row]) for row in one["rows"]])
    return told


def main():
    # The modules beside a program are not for the repository's files to import.
    sys.path[:] = [place for place in sys.path if place != str(Path(__file__).parent)]
    # What the repository's own files print is for people, and must not stand between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    os.environ.setdefault("FEAST_USAGE", "False")
    asked = {"read": read, "history": history, "facts": facts}
    repository = None
    for line in sys.stdin:
        question = json.loads(line)
        try:
            repository = repository or Repository(question["repository"])
            answer = {"answer": asked[question["ask"]](repository, question)}
        except BaseException as error:
            # A file of the repository may end the process, too.
            last = traceback.extract_tb(error.__traceback__)[-1:]
            at = f" ({last[0].filename}:{last[0].lineno})" if last and last[0].filename != __file__ else ""
            answer = {"problem": f"{type(error).__name__}: {error}{at}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


main()
