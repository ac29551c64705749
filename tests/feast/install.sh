# Sourced by the scripts beside it: Feast, and the onepath command.
source ./environment.sh
cargo build --release --quiet -p onepath
onepath="$target/release/onepath"
