#!/usr/bin/env bash
# Fills .tools/wheels with what a test installs into a fresh environment, so that no test needs an index.
set -euo pipefail
cd "$(dirname "$0")/.."
lock=requirements/outside.txt

for python in .tools/uv/bin/python "${PYTHON:-python3}"; do
    if "$python" -m pip --version >/dev/null 2>&1; then
        rm -rf .tools/wheels
        "$python" -m pip --python "$BIN/python" download -q --disable-pip-version-check \
            --no-deps --only-binary :all: --require-hashes -r "$lock" -d .tools/wheels
        touch .tools/wheels/.complete
        exit 0
    fi
done
echo "there is no pip to fetch wheels with, so tests of a fresh environment will be skipped" >&2
