"""Events of one time: with a created timestamp, and without."""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.types import Int64

driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)

scores = FeatureView(
    name="scores",
    entities=[driver],
    schema=[Field(name="score", dtype=Int64)],
    source=FileSource(
        name="scores", path="data/scores.parquet", timestamp_field="event_timestamp", created_timestamp_column="created"
    ),
    ttl=timedelta(hours=36),
)
unordered = FeatureView(
    name="unordered",
    entities=[driver],
    schema=[Field(name="score", dtype=Int64)],
    source=FileSource(name="unordered", path="data/unordered.parquet", timestamp_field="event_timestamp"),
)
both = FeatureService(name="both", features=[scores, unordered])
