"""The churn features in other engines: `plans.py PLAN DATASET THREADS OUT` reads data/DATASET/{events,spine}.parquet in the
current folder, writes OUT, and prints wall and CPU seconds of the work (imports excluded) as JSON.

Semantics: events up to and including the cut-off; windows closed at both ends; a mean of nothing is null; a rate of nothing is 0.
"""
import json, os, resource, sys, time

plan, data, threads, out = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
os.environ["POLARS_MAX_THREADS"] = str(threads)
EVENTS, SPINE = f"data/{data}/events.parquet", f"data/{data}/spine.parquet"
DAY = 86_400_000_000

DUCK_EVENTS = f"""SELECT customer_id AS c, epoch_us(event_timestamp) AS ts, event_type = 'purchase' AS bought, amount
    FROM read_parquet('{EVENTS}') WHERE event_type IN ('purchase', 'return')"""
DUCK = {
    # Events that some window may hold, joined by customer; what each window holds is counted by filters.
    "join": f"""
        WITH e AS ({DUCK_EVENTS}),
        s AS MATERIALIZED (SELECT customer_id AS c, epoch_us(label_date) AS t, row_number() OVER () AS n FROM read_parquet('{SPINE}')),
        j AS (SELECT n, count(*) FILTER (WHERE bought AND ts >= t - {30 * DAY}) AS bought_30,
                avg(amount) FILTER (WHERE bought AND ts >= t - {90 * DAY}) AS mean_90, max(ts) FILTER (WHERE bought) AS newest,
                count(*) FILTER (WHERE ts >= t - {180 * DAY}) AS all_180,
                count(*) FILTER (WHERE NOT bought AND ts >= t - {180 * DAY}) AS back_180
              FROM s JOIN e ON s.c = e.c AND e.ts <= s.t GROUP BY n)
        SELECT s.c AS customer_id, make_timestamptz(t) AS label_date, coalesce(bought_30, 0) AS purchase_count_30d,
          mean_90 AS avg_purchase_value_90d, (t - newest) // {DAY} AS days_since_last_purchase,
          CASE WHEN all_180 > 0 THEN back_180::DOUBLE / all_180 ELSE 0 END AS return_rate_180d
        FROM s LEFT JOIN j USING (n)""",
    # Events and questions in one sequence per customer; each question reads frames that end at itself.
    "window": f"""
        WITH e AS ({DUCK_EVENTS}),
        u AS (SELECT c, ts, bought::INT AS b, (NOT bought)::INT AS r, CASE WHEN bought THEN amount END AS a,
                CASE WHEN bought THEN ts END AS l, false AS q FROM e
              UNION ALL SELECT customer_id, epoch_us(label_date), 0, 0, NULL, NULL, true FROM read_parquet('{SPINE}')),
        w AS (SELECT c, ts, q, sum(b) OVER w30 AS bought_30, avg(a) OVER w90 AS mean_90, max(l) OVER ever AS newest,
                sum(b) OVER w180 AS bought_180, sum(r) OVER w180 AS back_180 FROM u
              WINDOW w30 AS (PARTITION BY c ORDER BY ts RANGE BETWEEN {30 * DAY} PRECEDING AND CURRENT ROW),
                w90 AS (PARTITION BY c ORDER BY ts RANGE BETWEEN {90 * DAY} PRECEDING AND CURRENT ROW),
                w180 AS (PARTITION BY c ORDER BY ts RANGE BETWEEN {180 * DAY} PRECEDING AND CURRENT ROW),
                ever AS (PARTITION BY c ORDER BY ts RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW))
        SELECT c AS customer_id, make_timestamptz(ts) AS label_date, bought_30::BIGINT AS purchase_count_30d,
          mean_90 AS avg_purchase_value_90d, (ts - newest) // {DAY} AS days_since_last_purchase,
          CASE WHEN bought_180 + back_180 > 0 THEN back_180::DOUBLE / (bought_180 + back_180) ELSE 0 END AS return_rate_180d
        FROM w WHERE q""",
}


def duck(name):
    import duckdb

    def work():
        connection = duckdb.connect()
        connection.execute(f"SET threads = {threads}; SET preserve_insertion_order = false")
        connection.execute(f"COPY ({DUCK[name]}) TO '{out}' (FORMAT parquet)")
    return work


def polars(name):
    import polars as pl
    bought, back = pl.col("event_type") == "purchase", pl.col("event_type") == "return"
    events = pl.scan_parquet(EVENTS).filter(bought | back)
    spine = pl.scan_parquet(SPINE).with_row_index("n")

    def join():
        since = lambda days: pl.col("event_timestamp") >= pl.col("label_date") - pl.duration(days=days)
        joined = spine.join(events, on="customer_id").filter(pl.col("event_timestamp") <= pl.col("label_date"))
        found = joined.group_by("n").agg(
            (bought & since(30)).sum().cast(pl.Int64).alias("purchase_count_30d"),
            pl.col("amount").filter(bought & since(90)).mean().alias("avg_purchase_value_90d"),
            pl.col("event_timestamp").filter(bought).max().alias("newest"),
            since(180).sum().alias("all_180"), (since(180) & back).sum().alias("back_180"))
        return spine.join(found, on="n", how="left").select(
            "customer_id", "label_date", pl.col("purchase_count_30d").fill_null(0), "avg_purchase_value_90d",
            (pl.col("label_date") - pl.col("newest")).dt.total_days().alias("days_since_last_purchase"),
            pl.when(pl.col("all_180") > 0).then(pl.col("back_180") / pl.col("all_180")).otherwise(0.0).fill_null(0.0).alias("return_rate_180d"))

    def rolling():
        e = events.select("customer_id", pl.col("event_timestamp").alias("at"), bought.cast(pl.Int64).alias("b"), back.cast(pl.Int64).alias("r"),
                          pl.when(bought).then("amount").alias("a"), pl.when(bought).then("event_timestamp").alias("l"), pl.lit(False).alias("q"))
        s = spine.select("customer_id", pl.col("label_date").alias("at"), pl.lit(0, pl.Int64).alias("b"), pl.lit(0, pl.Int64).alias("r"),
                         pl.lit(None, pl.Float64).alias("a"), pl.lit(None, pl.Datetime("us", "UTC")).alias("l"), pl.lit(True).alias("q"))
        both = pl.concat([e, s]).sort("customer_id", "at", "q")
        over = lambda c, days, f="sum": getattr(pl.col(c), f"rolling_{f}_by")("at", window_size=f"{days}d", closed="both").over("customer_id")
        asked = both.with_columns(over("b", 30).alias("b30"), over("a", 90, "mean").alias("m90"), over("b", 180).alias("b180"),
                                  over("r", 180).alias("r180"), pl.col("l").forward_fill().over("customer_id").alias("newest")).filter("q")
        total = pl.col("b180") + pl.col("r180")
        return asked.select("customer_id", pl.col("at").alias("label_date"), pl.col("b30").alias("purchase_count_30d"),
                            pl.col("m90").alias("avg_purchase_value_90d"), (pl.col("at") - pl.col("newest")).dt.total_days().alias("days_since_last_purchase"),
                            pl.when(total > 0).then(pl.col("r180") / total).otherwise(0.0).alias("return_rate_180d"))

    form, _, engine = name.partition("_")
    return lambda: {"join": join, "rolling": rolling}[form]().collect(engine=engine or "in-memory").write_parquet(out)


engine, _, name = plan.partition(".")
work = {"duck": duck, "polars": polars}[engine](name)
usage = resource.getrusage(resource.RUSAGE_SELF)
wall, cpu = time.perf_counter(), usage.ru_utime + usage.ru_stime
work()
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"wall": time.perf_counter() - wall, "cpu": usage.ru_utime + usage.ru_stime - cpu}))
