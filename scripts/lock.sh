#!/usr/bin/env bash
# Resolves every requirements/*.txt again: all platforms, Python 3.11 and up, hashes, no index and no
# host (docs/adr/002-locks.md). UPGRADE=1 takes the newest versions; without it pins stay where they may.
set -euo pipefail
cd "$(dirname "$0")/.."

compile() { # compile NAME ARGS...: requirements/NAME.txt
    compile_to "requirements/$1.txt" "${@:2}"
}

compile_to() { # compile_to FILE ARGS...
    local out="$1"
    shift
    # --no-config and the unset names: a mirror or a wheel folder of this machine must not reach the locks.
    env -u UV_INDEX -u UV_DEFAULT_INDEX -u UV_INDEX_URL -u UV_EXTRA_INDEX_URL -u UV_FIND_LINKS \
        "$UV" --no-config pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --custom-compile-command 'make lock' ${UPGRADE:+--upgrade} \
        "$@" -o "$out" >/dev/null
    echo "$out: $(grep -c '==' "$out") pins"
}

compile dev pyproject.toml --extra all --group dev
# The smaller sets follow the first, so that what is tested is what is shipped.
compile all pyproject.toml --extra all -c requirements/dev.txt
compile build --group pyproject.toml:build -c requirements/dev.txt
compile embedded pyproject.toml --extra http --extra worker --extra local --group build -c requirements/dev.txt
compile outside pyproject.toml --extra http --extra worker --extra local --extra testing -c requirements/dev.txt
compile hebrew pyproject.toml --extra hebrew -c requirements/dev.txt
compile uv requirements/uv.in
# The same SDKs as ours, so that the comparison is of programs (docs/adr/039-reference.md).
compile_to benchmarks/reference/requirements.lock benchmarks/reference/requirements.in -c requirements/dev.txt

if grep -nE '://|^--(index|extra|find)|file:|(^|[ "])/[a-z]+/' requirements/*.txt benchmarks/reference/requirements.lock; then
    echo "make lock: a host or a path of this machine got into a lock (above)" >&2
    exit 1
fi
