#!/usr/bin/env bash
# The load test for as long as one likes: several connections push and ask at random over HTTP, then every vector that was
# served is replayed. Prints the line that README.md shows.
#
#   bash tests/http/load.sh [SECONDS] [SEED]       # 300 seconds, seed 1
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
ONEPATH_LOAD_SECONDS=${1:-300} ONEPATH_SEED=${2:-1} cargo test --release --quiet -p onepath --test integration -- \
    --nocapture every_vector_served_under_load_is_what_a_backfill_gives
