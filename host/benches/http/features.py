"""The features of the benchmark as Feast has them: computed beforehand, and materialized into its SQLite store."""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.types import Float64, Int64, String

customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.STRING)
activity = FeatureView(
    name="activity",
    entities=[customer],
    ttl=timedelta(days=3650),
    schema=[
        Field(name="customer_id", dtype=String),
        Field(name="purchase_count_30d", dtype=Int64),
        Field(name="avg_purchase_value_90d", dtype=Float64),
        Field(name="days_since_last_purchase", dtype=Int64),
        Field(name="return_rate_180d", dtype=Float64),
    ],
    source=FileSource(path="features.parquet", timestamp_field="as_of"),
)
churn_v1 = FeatureService(name="churn_v1", features=[activity])
