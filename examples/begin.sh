# What every run.sh begins with; it is sourced, in the folder of the example. Builds onepath and the packages that are named,
# puts them on the path, and forgets what an earlier run wrote, pushed and served.
# Needs cargo and a C compiler. Writes to out/ and .onepath/ of the folder, and to cargo's target folder.

heading() { printf '\n== %s\n' "$1"; }
shown() { printf '$ %s\n' "$*"; "$@"; }

begin() {
    heading "Build onepath; forget what an earlier run wrote, pushed and served"
    cargo build --release -p onepath "${@/#/--package=}"
    local metadata
    metadata=$(cargo metadata --format-version 1 --no-deps)
    PATH="$(sed 's/.*"target_directory":"\([^"]*\)".*/\1/' <<<"$metadata")/release:$PATH"
    rm -rf out
    onepath reset --yes > /dev/null
    mkdir out
}
