#!/usr/bin/env bash
# Installs locked packages into the environment beside the Makefile, and says what it does while it does it:
# install.sh WHAT REQUIREMENTS [OPTIONS OF UV]. Each download is named with its size as it begins and ends.
set -euo pipefail
cd "$(dirname "$0")/.."
what="$1" lock="$2"
shift 2
python="$BIN/python"

echo "installing $what into ${BIN%/bin}: up to $(grep -c '==' "$lock") packages ($lock)"
# Through a pipe uv prints lines instead of a bar that is drawn anew; the list of all packages is left out.
"$UV" pip install --python "$python" --require-hashes "$@" -r "$lock" 2>&1 |
    { grep --line-buffered -vE '^ [-+~] |^Using Python' || true; }
size=$(du -sh "${BIN%/bin}" | cut -f1)
echo "installed $what in ${SECONDS} s; ${BIN%/bin} takes $size"
