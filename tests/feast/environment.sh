# Sourced by the scripts beside it and by the notebooks': Feast in target/feast/venv, installed the first time (about a minute).
version=0.67.0
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
venv="$target/feast/venv"

if [ "$("$venv/bin/pip" show feast 2>/dev/null | sed -n 's/^Version: //p')" != "$version" ]; then
    started=$SECONDS
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "feast==$version"
    echo "installed feast $version in $((SECONDS - started)) s"
fi
