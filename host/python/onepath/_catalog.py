"""What a project has: features, views, services, sources, entities and training sets, and what is made of what."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

from . import _html, _onepath
from ._facts import Facts
from ._frames import needed
from ._progress import warn


class Description(Facts):
    """What is known of one thing, by name, as ``onepath describe --format json`` prints it; ``kind`` says what it is."""

    def __eq__(self, other: object) -> bool:
        return dict(self) == dict(other) if isinstance(other, Mapping) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    @property
    def name(self) -> str:
        """Its name: of a feature its reference, such as ``activity@v1:purchase_count_30d``."""
        kind = str(self._facts["kind"])
        return str(self._facts["path" if kind == "training_set" else kind])

    def _rows(self) -> list[tuple[str, str]]:
        return [(name, _text(value)) for name, value in self._facts.items() if name != "kind" and value not in (None, [], {}, "")]

    def __repr__(self) -> str:
        rows = self._rows()
        width = max((len(name) for name, _ in rows), default=0)
        lines = [f"  {name:{width}}  {text}" for name, text in rows]
        return "\n".join([f"{str(self._facts['kind']).replace('_', ' ')} {self.name}", *lines])

    def _repr_html_(self) -> str:
        return _html.table(f"{str(self._facts['kind']).replace('_', ' ')} {self.name}", ["what", ""], self._rows())


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_text(item)}" for name, item in value.items() if item not in (None, [], {}, ""))
    return str(value)


#: By kind: the member that names an entry, and the columns of its table.
_TABLES = {
    "features": ("feature", ("feature", "type", "owner", "description", "documentation", "made")),
    "views": ("view", ("view", "entity", "owner", "freshness", "newest_event", "is_stale", "description")),
    "services": ("service", ("service", "selects", "owner", "description")),
    "sources": ("source", ("source", "entities", "owner", "description")),
    "entities": ("entity", ("entity", "keys", "description")),
    "training-sets": ("training_set", ("path", "service", "rows", "made_at", "is_there")),
}


class Listing(Sequence[Description]):
    """The entries of one kind, as ``onepath list --format json`` prints them."""

    def __init__(self, kind: str, entries: Sequence[Mapping[str, Any]]) -> None:
        self._kind = kind
        self._entries = [Description({"kind": _TABLES[kind][0], **entry}) for entry in entries]

    @overload
    def __getitem__(self, at: int) -> Description: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Description]: ...
    def __getitem__(self, at: int | slice) -> Description | Sequence[Description]:
        return self._entries[at]

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def names(self) -> list[str]:
        """The name of each."""
        return [entry.name for entry in self._entries]

    def to_df(self) -> Any:
        """A DataFrame of pandas: a row for each, a column for each fact."""
        return needed("pandas", "to_df()", "pandas").DataFrame([dict(entry) for entry in self._entries])

    def __repr__(self) -> str:
        what = self._kind.replace("-", " ")
        return f"<{len(self)} {what}: {', '.join(self.names)}>" if self._entries else f"<no {what}>"

    def _repr_html_(self) -> str:
        columns = _TABLES[self._kind][1]
        rows = [[_text("" if entry[name] is None else entry[name]) for name in columns] for entry in self._entries]
        return _html.table(f"{len(self)} {self._kind.replace('-', ' ')}", [name.replace("_", " ") for name in columns], rows)


class Lineage(Mapping[str, Any]):
    """What something is made of, and what is made of it, as ``onepath lineage --format json`` prints it."""

    def __init__(self, graph: Mapping[str, Any], dot: str) -> None:
        self._graph = graph
        self._dot = dot

    def __getitem__(self, name: str) -> Any:
        return self._graph[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._graph)

    def __len__(self) -> int:
        return len(self._graph)

    @property
    def nodes(self) -> list[dict[str, Any]]:
        """Columns and request fields, features, services and training sets: ``id``, ``kind``, ``name``, ``group``, ``owner``."""
        return list(self._graph["nodes"])

    @property
    def edges(self) -> list[dict[str, Any]]:
        """What is made of what: ``from`` and ``to`` by their ids, and whether that is known exactly."""
        return list(self._graph["edges"])

    def to_dot(self) -> str:
        """It as Graphviz reads it."""
        return self._dot

    def _rows(self) -> list[tuple[str, str]]:
        names = {node["id"]: node["name"] for node in self.nodes}
        return [(names[edge["from"]], names[edge["to"]] + ("" if edge["is_exact"] else " *")) for edge in self.edges]

    def __repr__(self) -> str:
        rows = self._rows()
        width = max((len(name) for name, _ in rows), default=0)
        return "\n".join([f"lineage of {self['name']}", *(f"  {name:{width}} -> {to}" for name, to in rows)])

    def _repr_html_(self) -> str:
        note = "" if all(edge["is_exact"] for edge in self.edges) else "* read by the component of its view, of which it may use a part"
        return _html.table(f"lineage of {self['name']}", ["of", "is made"], self._rows(), note)


class CatalogMethods:
    """What a project has: methods of :class:`FeatureStore`."""

    _native: _onepath.Store

    def list_features(
        self, *, search: str | None = None, owner: str | None = None, tag: str | None = None, stale: bool = False
    ) -> Listing:
        """The features: what each means, whose it is, and who reads it.

        ``search`` is words that each stand somewhere in what is said of it, in whatever case; ``tag`` is ``"model"`` or
        ``"model=churn"``; ``stale`` wants those whose newest event is older than the promised freshness, or that never had one.
        """
        return self._list("features", search=search, owner=owner, tag=tag, stale=stale)

    def list_views(
        self, *, search: str | None = None, owner: str | None = None, tag: str | None = None, stale: bool = False
    ) -> Listing:
        """The feature views, each version by itself: see :meth:`list_features`."""
        return self._list("views", search=search, owner=owner, tag=tag, stale=stale)

    def list_services(
        self, *, search: str | None = None, owner: str | None = None, tag: str | None = None, stale: bool = False
    ) -> Listing:
        """The feature services: see :meth:`list_features`."""
        return self._list("services", search=search, owner=owner, tag=tag, stale=stale)

    def list_sources(self, *, search: str | None = None, owner: str | None = None, tag: str | None = None) -> Listing:
        """The sources of events, with their columns and the views that read them."""
        return self._list("sources", search=search, owner=owner, tag=tag)

    def list_entities(self, *, search: str | None = None) -> Listing:
        """What features describe."""
        return self._list("entities", search=search)

    def list_training_sets(self, *, search: str | None = None) -> Listing:
        """The training sets that were written of the project, the newest first."""
        return self._list("training-sets", search=search)

    def describe(self, name: str) -> Description:
        """A feature, view, service, source, entity or training set, by its name; ``"view:activity"`` where several have it."""
        text, warnings = _onepath.catalog_describe(self._native, name)
        warn(warnings)
        return Description(json.loads(text))

    def lineage(self, name: str) -> Lineage:
        """What something is made of and what is made of it, from columns of sources (``"events.amount"``) to training sets."""
        text, dot, warnings = _onepath.catalog_lineage(self._native, name)
        warn(warnings)
        return Lineage(json.loads(text), dot)

    def _list(self, kind: str, **wanted: Any) -> Listing:
        text, warnings = _onepath.catalog_list(self._native, kind, **wanted)
        warn(warnings)
        (entries,) = json.loads(text).values()
        return Listing(kind, entries)
