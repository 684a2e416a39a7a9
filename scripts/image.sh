#!/usr/bin/env bash
# Builds the image with docker, podman or buildah, whichever works here, and says how large it is.
#
#   scripts/image.sh              builds $TAG (therapy:latest) on $BASE (else the Dockerfile's)
#   scripts/image.sh base NAME    makes a base by debootstrap, where none can be pulled; for root
#
# ENGINE chooses the builder, LOCKS what is installed ("all hebrew" for Hebrew on one machine), OPTIONS go to
# the builder as they are. Behind a private certificate authority podman and buildah want
#   OPTIONS="-v /etc/ssl/certs:/etc/ssl/certs:ro"
# and where no container may be started, BUILDAH_ISOLATION=chroot.
set -euo pipefail
cd "$(dirname "$0")/.."

works() { # docker's command alone is no engine
    command -v "$1" >/dev/null && { [ "$1" != docker ] || docker info >/dev/null 2>&1; }
}

engine="${ENGINE:-}"
for each in docker podman buildah; do
    if [ -z "$engine" ] && works "$each"; then engine="$each"; fi
done
if [ -z "$engine" ]; then
    echo "image: neither docker (with its daemon), podman nor buildah is here; one of them is enough" >&2
    exit 1
fi

build() {
    local tag="${TAG:-therapy:latest}" format=()
    # The other format has no health check.
    [ "$engine" = docker ] || format=(--format docker)
    # shellcheck disable=SC2086 # several options are meant to be several words
    "$engine" build "${format[@]}" --tag "$tag" ${BASE:+--build-arg BASE="$BASE"} ${LOCKS:+--build-arg LOCKS="$LOCKS"} \
        --build-arg VERSION="$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)" \
        --build-arg REVISION="$(git describe --always --dirty --abbrev=40 2>/dev/null || true)" \
        ${OPTIONS:-} .
    echo "$tag: $("$engine" images --format '{{.Size}}' "$tag")"
}

base() { # Debian's own Python; the mirror is debootstrap's, or $MIRROR
    local name="${1:-localhost/python:3.11-slim}" container
    root="$(mktemp -d)" # not local: the trap runs when this function is over
    trap 'rm -rf "$root"' EXIT
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv bookworm "$root" ${MIRROR:+"$MIRROR"}
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    if [ "$engine" = buildah ]; then
        container="$(buildah from scratch)"
        buildah copy --quiet "$container" "$root" /
        buildah commit --quiet "$container" "$name"
        buildah rm "$container"
    else
        tar -C "$root" -c . | "$engine" import - "$name"
    fi
    echo "$name is there: make image BASE=$name"
}

case "${1:-build}" in
build) build ;;
base) base "${2:-}" ;;
*)
    echo "usage: scripts/image.sh [base NAME]" >&2
    exit 2
    ;;
esac
