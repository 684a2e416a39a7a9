# The whole program: API, worker and every command, for Azure and for one machine. `make image` builds it.
#
#   docker run IMAGE                            API and worker in one container (therapy all)
#   docker run IMAGE therapy serve --no-worker  the API only
#   docker run IMAGE therapy worker             a worker only
#
# Runs with a read-only root: docker run --read-only --tmpfs /tmp -v therapy:/var/lib/therapy IMAGE
# While Azure hears a recording it is in /tmp, too: up to 190 MB, for each of CELERY_CONCURRENCY.

# Any Debian or Ubuntu with python3 3.11 to 3.13, its venv and ca-certificates. Both stages take the same one: the
# environment made in the first links to its interpreter.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS build
# Where packages come from, if not from pip's default; it does not reach the image.
ARG PIP_INDEX_URL=""
# What is installed, of requirements/: LOCKS="all hebrew" adds the multilingual recogniser (148 MB).
ARG LOCKS=all
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements requirements
# pip and the build backend stay behind in /build. Only wheels: nothing is compiled, so no compiler is needed.
RUN python3 -m venv tools \
    && tools/bin/pip install -q --require-hashes --only-binary :all: -r requirements/build.txt \
    && python3 -m venv --without-pip /opt/therapy \
    && tools/bin/pip --python /opt/therapy/bin/python install -q --no-compile --require-hashes --only-binary :all: \
        $(for lock in ${LOCKS}; do echo "-r requirements/${lock}.txt"; done)
COPY pyproject.toml README.md LICENSE ./
COPY examples examples
COPY src src
RUN tools/bin/pip wheel -q --no-deps --no-build-isolation -w dist . \
    && tools/bin/pip --python /opt/therapy/bin/python install -q --no-compile --no-deps --no-index dist/*.whl
# Bytecode that is not checked against its source's time: builders round that time when they copy, and then half of
# it would be compiled anew at every start.
RUN tools/bin/python -m compileall -q -f -j 0 --invalidation-mode unchecked-hash /opt/therapy/lib

FROM ${BASE}
# A number, so that an orchestrator can see that it is not root's; fixed, so that volumes keep their owner.
RUN groupadd --gid 10001 therapy \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/therapy --no-create-home --shell /usr/sbin/nologin therapy \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/therapy
COPY --from=build /opt/therapy /opt/therapy
ENV PATH=/opt/therapy/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    THERAPY_ENV=production \
    THERAPY_HOST=0.0.0.0 \
    THERAPY_DATA_DIR=/var/lib/therapy \
    PORT=8000
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# A worker listens nowhere: that its container runs is all there is to ask. Whoever changes the port by --port
# instead of PORT, or listens elsewhere, needs --health-cmd or --no-healthcheck.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["python", "-I", "-c", "\
import http.client, os, sys; \
'worker' in open('/proc/1/cmdline').read().replace('\\0', ' ').split() and sys.exit(); \
there = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=5); \
there.request('GET', '/health/live'); \
sys.exit(there.getresponse().status != 200)"]
# No entry point: a start-up command, as of App Service, is a whole one.
CMD ["therapy", "all"]
# Last, so that a new number builds nothing anew.
ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.title="therapy" \
    org.opencontainers.image.description="Back end of a therapy practice: recordings in, reviewed transcripts out" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
