#!/usr/bin/env bash
# The same training set, in bits, from a machine of another architecture: onepath is cross-compiled for aarch64 and run under
# user-mode emulation, over the churn example and any further data given.
#
#   tests/another_machine.sh [EVENTS SPINE AS_OF_COLUMN]...
#
# On Debian it installs the cross compiler and the emulator (as root): gcc-aarch64-linux-gnu, qemu-user. Takes some minutes
# and is not part of the tests. Code is compiled for aarch64 by the same Cranelift, so this compares its two backends, the
# byte order and alignment of the host's own code, and the arithmetic of an emulated processor.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
target=aarch64-unknown-linux-gnu

if ! command -v aarch64-linux-gnu-gcc >/dev/null || ! command -v qemu-aarch64 >/dev/null; then
    echo "installing the cross compiler and the emulator"
    apt-get update -q
    apt-get install -qy gcc-aarch64-linux-gnu g++-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
fi
rustup target add "$target"
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
cargo build --release --locked -p onepath
# A folder of its own, so that this never waits for another build.
cargo build --release --locked -p onepath --target "$target" --target-dir target/another
here=("$root/target/release/onepath")
there=(qemu-aarch64 -L /usr/aarch64-linux-gnu "$root/target/another/$target/release/onepath")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${here[@]}" build --project examples/churn >/dev/null
digest() { sed -n 's/.*"sha256": "\([0-9a-f]*\)".*/\1/p' "$1" | head -n 1; }

# compare NAME BACKFILL_ARGUMENTS...: both write under one name, because the manifest inside the file names its inputs.
compare() {
    local name=$1 a b
    shift
    for machine in here there; do
        local -n command=$machine
        mkdir -p "$work/$machine"
        "${command[@]}" backfill --project examples/churn --service churn_v1 "$@" \
            --out "$work/$machine/training.parquet" --format json >"$work/$machine.json"
    done
    a=$(digest "$work/here.json") b=$(digest "$work/there.json")
    if [ "$a" != "$b" ]; then
        echo "$name: DIFFERENT: $a here, $b on $target" >&2
        exit 1
    fi
    echo "$name: the same digest here and on $target: $a"
}

compare "churn example" --spine examples/churn/data/labels.csv --as-of-column label_date
while [ $# -ge 3 ]; do
    compare "$1" --source "events=$1" --spine "$2" --as-of-column "$3"
    shift 3
done
