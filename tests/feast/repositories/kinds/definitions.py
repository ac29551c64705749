"""Every kind of type, view and source."""

from datetime import timedelta

import pandas as pd
from feast import Entity, FeatureService, FeatureView, Field, FileSource, KafkaSource, PushSource, RequestSource, ValueType
from feast.data_format import JsonFormat
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Array, Bool, Bytes, Float32, Float64, Int32, Int64, String, UnixTimestamp

user = Entity(name="user", join_keys=["user"], value_type=ValueType.STRING, tags={"pii": "yes"})

history = FileSource(name="history", path="data/kinds.parquet", timestamp_field="ts")
kinds = FeatureView(
    name="kinds",
    entities=[user],
    schema=[
        Field(name="small", dtype=Int32),
        Field(name="large", dtype=Int64),
        Field(name="single", dtype=Float32),
        Field(name="double", dtype=Float64),
        Field(name="flag", dtype=Bool),
        Field(name="word", dtype=String),
        Field(name="moment", dtype=UnixTimestamp),
        Field(name="vector", dtype=Array(Float32)),
        Field(name="words", dtype=Array(String)),
        Field(name="blob", dtype=Bytes),
        Field(name="group", dtype=String),
        Field(name="conv.rate", dtype=Float64),
        Field(name="größe", dtype=Int64),
        Field(name="nullable", dtype=Int64),
        Field(name='a "b" c', dtype=Int64),
        Field(name="nowhere", dtype=Int64),
    ],
    source=history,
    ttl=timedelta(days=2),
)
fine = FeatureView(
    name="fine",
    entities=[user],
    schema=[Field(name="step", dtype=Int64)],
    source=FileSource(name="fine", path="data/fine.parquet", timestamp_field="ts"),
)
late = FeatureView(
    name="late",
    entities=[user],
    schema=[Field(name="visits", dtype=Int64)],
    source=FileSource(
        name="late", path="data/late.parquet", timestamp_field="ts", created_timestamp_column="made"
    ),
)
fresh = FeatureView(
    name="fresh",
    entities=[user],
    schema=[Field(name="small", dtype=Int32)],
    source=PushSource(name="pushed", batch_source=history),
    online=False,
)
streamed = FeatureView(
    name="streamed",
    entities=[user],
    schema=[Field(name="small", dtype=Int32)],
    source=KafkaSource(
        name="clicks",
        kafka_bootstrap_servers="localhost:9092",
        topic="clicks",
        timestamp_field="ts",
        message_format=JsonFormat(schema_json="user string, ts timestamp, small int"),
        batch_source=history,
    ),
)
everybody = FeatureView(
    name="everybody", entities=[], schema=[Field(name="small", dtype=Int32)], source=history
)
bytes_alone = FeatureView(
    name="bytes_alone", entities=[user], schema=[Field(name="blob", dtype=Bytes)], source=history
)
elsewhere = FeatureView(
    name="elsewhere",
    entities=[user],
    schema=[Field(name="visits", dtype=Int64)],
    source=FileSource(name="elsewhere", path="s3://bucket/visits.parquet", timestamp_field="ts"),
)


@on_demand_feature_view(
    sources=[kinds, RequestSource(name="asked", schema=[Field(name="factor", dtype=Float64)])],
    schema=[Field(name="scaled", dtype=Float64)],
)
def scaled(inputs: pd.DataFrame) -> pd.DataFrame:
    """Scales, by what the request says."""
    return pd.DataFrame({"scaled": inputs["double"] * inputs["factor"]})


lately = FeatureService(name="lately", features=[late])
everything = FeatureService(name="everything", features=[kinds, fresh, scaled])
only_python = FeatureService(name="only_python", features=[scaled])
