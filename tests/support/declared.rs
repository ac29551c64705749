//! Declared views that several tests share, so that their components are compiled once.

/// A view without code beside those with it: the four features of churn, which must be its own in bits, and others.
pub const DECLARED: &str = r#"
latest = ["event_type", "amount"]
[views.declared.features]
count_30d = { count = "*", where = "event_type = 'purchase'", window = "30d" }
mean_90d = { mean = "amount", where = "event_type = 'purchase'", window = "90d" }
days_since = { days_since_last = "event_type = 'purchase'" }
return_rate = { share = "event_type = 'return'", where = "event_type IN ('purchase', 'return')", window = "180d", default = 0.0 }
spent = { sum = "amount", by = "event_type", values = ["purchase", "return"], window = "30d", edge = "half_open" }
most = { max = "amount", where = "event_type <> 'view'" }
mean_before = { mean = "amount", window = "60d", ago = "30d" }
kinds = { distinct = "event_type", window = "90d" }
third = { last_n = "amount", n = 3 }
per_purchase = { expr = "spent_purchase / NULLIF(count_30d, 0)" }
"#;

/// The fields and the features of churn, declared: events that never lack one.
pub const DECLARED_CHURN: (&str, &str) = (
    r#"event_type = { type = "text", nullable = false }
amount = { type = "float64", nullable = false }
"#,
    r#"purchase_count_30d = { count = "*", where = "event_type = 'purchase'", window = "30d" }
avg_purchase_value_90d = { mean = "amount", where = "event_type = 'purchase'", window = "90d" }
days_since_last_purchase = { days_since_last = "event_type = 'purchase'" }
return_rate_180d = { share = "event_type = 'return'", where = "event_type IN ('purchase', 'return')", window = "180d", default = 0.0 }
"#,
);
