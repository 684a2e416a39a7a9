#!/usr/bin/env bash
# Puts uv into .tools/bin when PATH has none: from a private venv, or with pip alone where Python came
# without ensurepip (Debian's python3 without python3-venv).
set -euo pipefail
cd "$(dirname "$0")/.."
python="${PYTHON:-python3}"
lock=requirements/uv.txt

echo "fetching uv, which installs the rest, into .tools/uv (about 20 MB)"
rm -rf .tools/uv && mkdir -p .tools/bin
if "$python" -c 'import ensurepip' 2>/dev/null && "$python" -m venv .tools/uv >/dev/null 2>&1; then
    .tools/uv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r "$lock"
elif "$python" -m pip --version >/dev/null 2>&1; then
    rm -rf .tools/uv
    "$python" -m pip install -q --disable-pip-version-check --require-hashes --target .tools/uv -r "$lock"
else
    cat >&2 <<MESSAGE
make: $python has neither venv nor pip, and there is no uv on PATH. One of these is enough:
    apt-get install python3-venv        (Debian, Ubuntu)
    apt-get install python3-pip
    or install uv by any other way
MESSAGE
    exit 1
fi
ln -sf ../uv/bin/uv .tools/bin/uv
touch .tools/bin/uv
