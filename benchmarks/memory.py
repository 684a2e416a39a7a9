"""What each process takes: memory (PSS) at rest and after 1,000 requests and 200 sign-ins, and its start.

Over the embedded family, or over the settings in the environment:

    python -m tests.emulators --write FILE       # in another terminal; Ctrl-C ends it
    source FILE && python benchmarks/memory.py

Of pages that several processes share, each counts its part. Prints one table per command.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from benchmarks.embedded_server import (  # noqa: E402 - the path comes first
    MB,
    PASSWORD,
    THERAPIST,
    THERAPY,
    Server,
    cpu_seconds,
    data_directory,
    environment_of,
    family,
    program,
    pss,
    running_server,
    seed,
)

GETS, SIGN_INS = 1_000, 200
CONNECTIONS, SIGN_INS_AT_ONCE = 16, 4
READ = ("/profiles/me", "/sessions/me", "/data/pending")


def main() -> None:
    """Measure the commands that were named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("commands", nargs="*", default=["serve", "serve --no-worker", "all"])
    parser.add_argument("--processes", default="2", help="API processes, and sessions at once")
    parser.add_argument("--rest", type=float, default=8.0, help="seconds before it is at rest")
    said = parser.parse_args()
    settings = {"GUNICORN_WORKERS": said.processes, "CELERY_CONCURRENCY": said.processes}
    with data_directory() as data:
        subprocess.run(
            [*THERAPY, "migrate"], env=environment_of(data), check=True, stdout=subprocess.DEVNULL
        )
        seed(data)
        for command in said.commands:
            measure(data, command, settings, said.rest)


def measure(data: Path, command: str, settings: Mapping[str, str], rest: float) -> None:
    """Print the processes of one command, at rest and after requests."""
    name, *options = command.split()
    began = time.perf_counter()
    with running_server(data, *options, command=name, environment=settings) as server:
        listens = time.perf_counter() - began
        _answer(server.url)
        live = time.perf_counter() - began
        until = sum(map(cpu_seconds, family(server.pid)))
        time.sleep(rest)
        print(
            f"therapy {command}: listens after {listens:.2f} s, live {live:.2f} s, CPU {until:.2f} s"
        )
        _print_sizes("at rest", server)
        _load(server.url)
        _print_sizes(f"just after {GETS} GETs and {SIGN_INS} sign-ins", server)
        time.sleep(rest)
        _print_sizes(f"{rest:.0f} s later", server)


def _print_sizes(when: str, server: Server) -> None:
    sizes = [(pss(pid), pid) for pid in family(server.pid)]
    print(f"  {when}: {sum(size for size, _ in sizes) / MB:.0f} MB PSS")
    for size, pid in sizes:
        print(f"    {size / MB:6.1f}  {program(pid)}")


def _answer(url: str) -> None:
    while httpx.get(f"{url}/health/live").status_code != httpx.codes.OK:
        time.sleep(0.01)


def _load(url: str) -> None:
    limits = httpx.Limits(max_connections=CONNECTIONS)
    with httpx.Client(base_url=url, timeout=60, limits=limits) as client:
        token = _sign_in(client)
        headers = {"Authorization": f"Bearer {token}"}

        def get(number: int) -> None:
            client.get(READ[number % len(READ)], headers=headers).raise_for_status()

        with ThreadPoolExecutor(CONNECTIONS) as threads:
            list(threads.map(get, range(GETS)))
        with ThreadPoolExecutor(SIGN_INS_AT_ONCE) as threads:
            list(threads.map(lambda _: _sign_in(client), range(SIGN_INS)))


def _sign_in(client: httpx.Client) -> str:
    """Sign in and return the token; again where too many wait for their turn."""
    while True:
        said = client.post("/auth/login", json={"email": THERAPIST, "password": PASSWORD})
        if said.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            return str(said.raise_for_status().json()["token"])


if __name__ == "__main__":
    main()
