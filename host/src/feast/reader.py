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

        contents = parse_repo(root)
        self.entities = [entity for entity in contents.entities if entity.name != DUMMY_ENTITY]
        self.views = contents.feature_views + contents.stream_feature_views
        self.on_demand = contents.on_demand_feature_views
        self.labels = list(getattr(contents, "label_views", []))
        self.services = contents.feature_services
        self.permissions = contents.permissions
        self.projects = contents.projects
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
            self.permissions = known.list_permissions(self.project)
            if hasattr(known, "list_label_views"):
                self.labels = known.list_label_views(self.project)
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
        "version": projection.version_tag,
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
    """The entity rows as onepath read them: keys, as-of and the number of each row."""
    import pyarrow.parquet

    columns = question["keys"] + [question["as_of"]]
    rows = pyarrow.parquet.read_table(question["rows"], columns=columns).to_pandas()
    rows = rows.rename(columns={question["as_of"]: "event_timestamp"})
    import pandas

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
            view = view.with_name(one["alias"]) if one["alias"] else view
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


def table_of(repository, one):
    """The rows of a view's source for some keys: a list of dictionaries for each key, times in nanoseconds."""
    import pyarrow
    import pyarrow.compute
    import pyarrow.dataset

    view = repository.view(one["view"])
    source = view.batch_source
    raw_of = {name: raw for raw, name in (source.field_mapping or {}).items()}
    time, created = source.timestamp_field, source.created_timestamp_column
    wanted = dict.fromkeys([*one["own_keys"], time, *([created] if created else []), *one["features"]])
    path = repository.root / source.file_options.uri.removeprefix("file://")
    columns = {name: pyarrow.dataset.field(raw_of.get(name, name)) for name in wanted}
    table = pyarrow.dataset.dataset(path, format="parquet").to_table(columns=columns)
    values = {}
    for name in wanted:
        column = table.column(name)
        if pyarrow.types.is_timestamp(column.type):
            column = column.cast(pyarrow.timestamp("ns", column.type.tz)).cast(pyarrow.int64())
        elif pyarrow.types.is_date(column.type):
            column = column.cast(pyarrow.timestamp("ns")).cast(pyarrow.int64())
        values[name] = column.to_pylist()
    return values, time, created, view.ttl


def facts(repository, question):
    """For some rows of some views: which events of the entity there are, and which of them is the newest."""
    rows = entity_rows(question)
    told = []
    for one in question["views"]:
        values, time, created, ttl = table_of(repository, one)
        by_key, wanted = {}, set()
        keys_of = list(zip(*[rows[key].tolist() for key in one["keys"]]))
        as_ofs = rows["event_timestamp"].astype("int64").tolist()
        for row in one["rows"]:
            wanted.add(keys_of[row])
        for at, key in enumerate(zip(*[values[key] for key in one["own_keys"]])):
            if key in wanted:
                by_key.setdefault(key, []).append(at)
        ttl_ns = ttl // timedelta(microseconds=1) * 1000 if ttl else 0
        seen_of = {}
        for row in one["rows"]:
            events = by_key.get(keys_of[row], [])
            as_of = as_ofs[row]
            exactly = candidates(values, events, time, created, one, as_of, lambda ns: ns)
            # onepath knows microseconds: events are rounded up, as-ofs down.
            rounded = candidates(values, events, time, created, one, as_of // 1000, lambda ns: -(-ns // 1000))
            oldest = as_of - ttl_ns if ttl_ns else None
            times = [values[time][at] for at in events if values[time][at] is not None]
            seen_of[row] = {
                "row": row,
                "events": len(events),
                "in_ttl": sum(1 for ns in times if ns <= as_of and (oldest is None or ns >= oldest)),
                "as_of_ns": as_of,
                "newest": exactly,
                "newest_of_micros": rounded,
            }
        told.append(list(seen_of.values()))
    return told


def candidates(values, events, time, created, one, as_of, rounded):
    """The rows at the newest time that is not after the as-of, in the order of the file; the first hundred."""
    visible = [at for at in events if values[time][at] is not None and rounded(values[time][at]) <= as_of]
    newest = max((rounded(values[time][at]) for at in visible), default=None)
    found = [at for at in visible if rounded(values[time][at]) == newest]
    return [
        {
            "time_ns": values[time][at],
            "created_ns": values[created][at] if created else None,
            "values": [exact(values[feature][at]) for feature in one["features"]],
        }
        for at in found[:100]
    ]


def main():
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
            at = f" ({last[0].filename}:{last[0].lineno})" if last and last[0].filename != "<string>" else ""
            answer = {"problem": f"{type(error).__name__}: {error}{at}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


main()
