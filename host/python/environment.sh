# Sourced by the scripts that use the wheel: an environment of pinned packages with it.

# wheel_environment FOLDER REQUIREMENTS: installs what the file of requirements names into an environment in the folder, the first time and
# whenever the file has changed, and then the wheel that host/python/test.sh built in $target/python/wheels.
wheel_environment() {
    local environment=$1 requirements=$2 started=$SECONDS
    local wheels=("$target"/python/wheels/*.whl)
    if [ "${#wheels[@]}" != 1 ] || [ ! -e "${wheels[0]}" ]; then
        echo "there is no wheel in $target/python/wheels: build it with host/python/test.sh" >&2
        return 1
    fi
    if ! cmp -s "$requirements" "$environment/requirements.txt"; then
        rm -rf "$environment"
        python3 -m venv "$environment"
        "$environment/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
        cp "$requirements" "$environment/requirements.txt"
        echo "installed $environment in $((SECONDS - started)) s"
    fi
    "$environment/bin/pip" install --quiet --disable-pip-version-check --no-index --no-deps --force-reinstall "${wheels[0]}"
}
