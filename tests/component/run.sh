#!/usr/bin/env bash
# Builds the component of this folder anew with cargo-component, and compares it with the committed one: the bytes, and where these
# differ, what it keeps to and its values. Nothing here is changed. The tool is compiled into target/cargo-component the first time,
# a quarter of an hour and more on two cores.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
version=0.21.1
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
tools=$target/cargo-component
# What would be compiled into the component.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTFLAGS

if [ "$("$tools/bin/cargo-component" --version 2>/dev/null)" != "cargo-component $version" ]; then
    started=$SECONDS
    nice -n 19 cargo install cargo-component --locked --version "$version" --root "$tools" --force --quiet
    echo "installed cargo-component $version in $((SECONDS - started)) s"
fi
rustup --quiet target add wasm32-wasip1
PATH=$tools/bin:$PATH CARGO_TARGET_DIR=$tools cargo component build --release --locked --quiet
built=$tools/wasm32-wasip1/release/spending.wasm
digest() { sha256sum "$1" | cut -d ' ' -f 1; }

# The bindings were generated anew, too.
sha256sum --check --quiet sha256sums
if [ "$(digest "$built")" = "$(digest spending.wasm)" ]; then
    echo "cargo-component $version builds the committed component: $(digest "$built")"
    exit 0
fi

echo "cargo-component $version builds other bytes here: $(digest "$built"), committed is $(digest spending.wasm)"
cargo build --release --quiet -p onepath
onepath=$target/release/onepath
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$built" "$work/built.wasm"
cp spending.wasm "$work/committed.wasm"
cp ../../examples/churn/data/events.csv ../../examples/churn/data/labels.csv "$work"
cd "$work"
cat > onepath.toml << 'END'
[project]
name = "component"
[entities.customer]
keys = { customer_id = "text" }
[sources.events]
entity = "customer"
files = ["events.csv"]
event_time = "event_timestamp"
[views.built]
sources = ["events"]
transform = "built.wasm"
[views.committed]
sources = ["events"]
transform = "committed.wasm"
[services.built]
features = ["built:*"]
[services.committed]
features = ["committed:*"]
END
"$onepath" check built
for service in built committed; do
    "$onepath" backfill --service "$service" --spine labels.csv --as-of-column label_date --out "$service.csv"
done
cmp built.csv committed.csv
echo "it keeps the laws, and gives the values of the committed component: $(digest built.csv)"
