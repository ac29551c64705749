#!/usr/bin/env bash
# The same training set, in bits, from other machines: from onepath cross-compiled for aarch64 and run under user-mode
# emulation, and from the interpreter on this one; over the churn example and any further data given.
#
#   tests/another_machine.sh [EVENTS SPINE AS_OF_COLUMN]...
#
# On Debian it installs the cross compiler and the emulator (as root): gcc-aarch64-linux-gnu, qemu-user. The first build for the
# other machine takes twenty minutes on two cores, so this is not part of the tests; the comparison with the interpreter is.
# Code is compiled for aarch64 by the same Cranelift, so this compares its two backends, the alignment of the host's own code, and
# the arithmetic of an emulated processor; the interpreter leaves out both backends and every optimisation. The emulator needs
# the address space that components reserve: a limit on it (ulimit -v) ends it.
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
interpreted=("${here[@]}")
there=(qemu-aarch64 -L /usr/aarch64-linux-gnu "$root/target/another/$target/release/onepath")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${here[@]}" build --project examples/churn >/dev/null
digest() { sed -n 's/.*"sha256": "\([0-9a-f]*\)".*/\1/p' "$1" | head -n 1; }

# compare NAME BACKFILL_ARGUMENTS...: all write under one name, because the manifest inside the file names its inputs.
compare() {
    local name=$1 machine expected="" found started
    shift
    for machine in here interpreted there; do
        local -n command=$machine
        local more=()
        [ "$machine" = interpreted ] && more=(--interpret)
        mkdir -p "$work/$machine"
        started=$SECONDS
        "${command[@]}" backfill --project examples/churn --service churn_v1 "$@" "${more[@]}" \
            --out "$work/$machine/training.parquet" --format json >"$work/$machine.json"
        found=$(digest "$work/$machine.json")
        expected=${expected:-$found}
        if [ -z "$found" ] || [ "$found" != "$expected" ]; then
            echo "$name: DIFFERENT: $expected here, $found $machine" >&2
            exit 1
        fi
        echo "$name: $found $machine ($((SECONDS - started)) s)"
    done
}

compare "churn example" --spine examples/churn/data/labels.csv --as-of-column label_date
while [ $# -ge 3 ]; do
    compare "$1" --source "events=$1" --spine "$2" --as-of-column "$3"
    shift 3
done
