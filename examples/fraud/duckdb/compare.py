#!/usr/bin/env python3
"""Compares a training set of the fraud example with the same features computed by DuckDB (features.sql).

    pip install duckdb
    python3 examples/fraud/duckdb/compare.py DATA TRAINING

DATA is the folder of payments.csv and labels.csv; TRAINING is what `onepath backfill` made of them, as .parquet or .csv. Integers and
nulls must be equal, floats to 1e-12 relative. Exits with 1 where they are not.
"""

import pathlib
import sys

import duckdb

INTEGERS = ["payment_count_10m", "payment_count_24h", "merchant_count_24h"]
FLOATS = [
    "payment_sum_10m",
    "payment_sum_24h",
    "mean_amount",
    "newest_amount_ratio",
    "amount_ratio",
    "amount_share_24h",
]
RELATIVE = 1e-12


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    data, training = sys.argv[1:]
    database = duckdb.connect()
    database.execute("SET VARIABLE data = ?", [data])
    database.execute(pathlib.Path(__file__).with_name("features.sql").read_text())
    # Both keep the order of the questions.
    database.execute(f"CREATE TABLE training AS SELECT row_number() OVER () AS question, * FROM '{training}'")
    rows, asked = (database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("training", "features"))
    if rows != asked:
        print(f"{training} has {rows} rows, and there are {asked} questions")
        return 1

    bad = 0
    for feature in INTEGERS + FLOATS:
        ours, theirs = f"t.{feature}", f"f.{feature}"
        error = f"abs({ours} - {theirs}) / greatest(abs({ours}), abs({theirs}))"
        # Equal values have no error; where both are 0 the quotient has no meaning.
        error = f"CASE WHEN {ours} IS NOT DISTINCT FROM {theirs} THEN 0 ELSE coalesce({error}, 'infinity'::DOUBLE) END"
        limit = 0 if feature in INTEGERS else RELATIVE
        different, largest, nulls, exact = database.execute(
            f"SELECT count(*) FILTER (e > {limit}), max(e), count(*) FILTER (n), count(*) FILTER (e = 0) "
            f"FROM (SELECT {error} AS e, {ours} IS NULL AS n FROM training t JOIN features f USING (question))"
        ).fetchone()
        bad += different
        print(
            f"{feature:20} {different:>8} differ  largest relative error {largest:8.1e}  "
            f"{exact:>9,} equal  {nulls:>7,} nulls"
        )
    print(f"{rows:,} rows of {len(INTEGERS + FLOATS)} features: {bad} values differ from DuckDB {duckdb.__version__}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
