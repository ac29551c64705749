"""What a project has is the same from Python as from the command line, fact by fact."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import pytest

import onepath
from conftest import command

#: Every fact that a project can set, each with a text of its own; tests/catalog/markers.rs holds the command line to show them.
MARKED = Path(__file__).resolve().parents[3] / "tests/catalog/project.toml"

KINDS = ["features", "views", "services", "sources", "entities", "training-sets"]


def without_ages(value: Any) -> Any:
    """An age is another one a second later."""
    if isinstance(value, dict):
        return {name: without_ages(item) for name, item in value.items() if name != "newest_event_age_s"}
    return [without_ages(item) for item in value] if isinstance(value, list) else value


def printed(project: Path, *words: str) -> Any:
    return without_ages(json.loads(command(project, *words, "--format", "json")))


@pytest.fixture
def marked(tmp_path: Path) -> Path:
    (tmp_path / "onepath.toml").write_text(MARKED.read_text())
    return tmp_path


@pytest.mark.parametrize("example", ["marked", "churn", "fraud", "recommend"])
def test_every_fact_is_shown(example: str, marked: Path, project: Callable[[str], Path]) -> None:
    folder = marked if example == "marked" else project(example)
    store = onepath.FeatureStore(folder)
    things = 0
    for kind in KINDS:
        (listed,) = printed(folder, "list", kind).values()
        listing = getattr(store, f"list_{kind.replace('-', '_')}")()
        assert [without_ages({name: entry[name] for name in entry if name != "kind"}) for entry in listing] == listed
        assert len(listing._repr_html_().split("<tr>")) == len(listing) + 2
        for entry in listing:
            prefix = entry["kind"].replace("_", "-")
            name = entry.name if prefix == "feature" else f"{prefix}:{entry.name}"
            described = store.describe(name)
            assert without_ages(dict(described)) == printed(folder, "describe", name)
            assert without_ages(dict(store.lineage(name))) == printed(folder, "lineage", name)
            things += 1
    assert things >= 8
    if example == "marked":
        # What is looked for most stands in what a notebook and a terminal show.
        for name, texts in {
            "entity:person": ["m_entity_description"],
            "source:visits": ["m_source_description", "m_source_owner", "m_source_tag_value", "m_field_description"],
            "view:spending": ["m_view_description", "m_view_owner", "m_view_tag_value", "7004us"],
            "spending:total": ["m_feature_description", "m_feature_owner", "m_feature_tag_value", "7007us", "7005.5"],
            "view:offer": ["m_request_description", "m_own_request_description"],
            "service:model": ["m_service_description", "m_service_owner", "m_service_tag_value"],
        }.items():
            described = store.describe(name)
            for text in texts:
                assert text in repr(described) and text in described._repr_html_(), (name, text)


def test_what_is_looked_for_is_found(churn: onepath.FeatureStore, tmp_path: Path) -> None:
    names = churn.list_features(owner="risk-team").names
    assert names == ["activity@v1:return_rate_180d"]
    assert churn.list_features(search="SINCE last").names == ["activity@v1:days_since_last_purchase"]
    assert len(churn.list_features(tag="model=churn")) == 4 and len(churn.list_features(tag="model=fraud")) == 0
    assert churn.list_views(stale=True).names == ["activity@v1"]
    assert list(churn.list_features().to_df()["owner"]) == ["growth-team"] * 3 + ["risk-team"]
    with pytest.raises(onepath.UnknownNameError, match="did you mean \"activity\""):
        churn.describe("activty")
    view = churn.view("activity")
    assert (view.owner, view.tags, view.freshness) == ("growth-team", {"model": "churn"}, "1d")
    assert view.describe()["view"] == "activity@v1"

    # Who has trained on it: what was written, and not what was only looked at.
    labels = pandas.read_csv(Path(churn.path) / "data/labels.csv").head(20)
    job = churn.get_historical_features(labels, "churn_v1", as_of="label_date", naive="utc")
    job.to_df()
    assert churn.list_training_sets().names == []
    job.to_parquet(tmp_path / "train.parquet")
    churn.get_historical_features(labels, "churn_v1", as_of="label_date", naive="utc").to_csv(tmp_path / "train.csv")
    sets = sorted(churn.list_training_sets().names)
    assert [Path(name).name for name in sets] == ["train.csv", "train.parquet"]
    assert sorted(churn.describe("purchase_count_30d")["readers"]["training_sets"]) == sets
    lineage = churn.lineage("events.amount")
    assert {node["name"] for node in lineage.nodes} >= {"events.amount", "activity@v1:avg_purchase_value_90d", "churn_v1", sets[0]}
    assert all({"from", "to", "is_exact"} <= edge.keys() for edge in lineage.edges)
    assert lineage.to_dot().startswith("digraph") and "lineage of events.amount" in repr(lineage)
