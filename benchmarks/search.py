"""Searches of a therapist with thousands of closed sessions, and what they cost a colleague meanwhile.

Invents the sessions in a data directory of its own, starts `therapy serve` over it and asks it. What counts
is how often the colleague's profile takes longer while searches run than without them.

    .venv/bin/python benchmarks/search.py                     fill, serve and ask
    .venv/bin/python benchmarks/search.py --fill DIRECTORY    only fill a seeded, stopped data directory
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from therapy.adapters.local.sqlite.database import FILE_NAME, Database  # noqa: E402 - the path comes first
from therapy.adapters.local.sqlite.session_index import SqliteSessionIndex  # noqa: E402 - the path comes first
from therapy.adapters.local.sqlite.store import SqliteStore  # noqa: E402 - the path comes first
from therapy.domain.session_entry import SessionEntry  # noqa: E402 - the path comes first
from therapy.domain.session_status import SessionStatus  # noqa: E402 - the path comes first
from therapy.repositories.people import People  # noqa: E402 - the path comes first

PASSWORD = "a password to try with 9"  # noqa: S105 - of invented accounts
OLIVIA, ALEX = "olivia.hayes1@example.health", "alex.lebed2@example.health"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
QUERIES = {
    "nothing": "zzzzqqqq",
    "one letter": "a",
    "26 letters": " ".join(LETTERS),
    "beginnings": "ab cd",
}
AT_ONCE = 8
"""Searches that run while the colleague asks."""


async def fill(directory: Path, sessions: int) -> None:
    """Add so many closed sessions of Olivia, each with a long summary and 1,500 words."""
    async with Database.open(directory / FILE_NAME, synchronous="OFF") as database:
        people = People(SqliteStore(database, lambda: datetime.now(UTC)))
        olivia = await people.by_email(OLIVIA)
        if olivia is None:
            raise SystemExit("first: therapy seed")
        index = SqliteSessionIndex(database)
        chance = random.Random(1)  # noqa: S311 - no secret
        known = ["".join(chance.choices(LETTERS, k=chance.randint(3, 9))) for _ in range(20_000)]
        for number in range(sessions):
            day = date(2020, 1, 1) + timedelta(days=number % 2_000)
            entry = SessionEntry(
                session_id=f"invented-{number}",
                practice_id=olivia.practice_id,
                therapist_id=olivia.id,
                therapist_name=olivia.full_name,
                patient_number="300000015",
                patient_name="Dana Example",
                date=day,
                created_at=datetime(day.year, day.month, day.day, tzinfo=UTC),
                state=SessionStatus.CLOSED,
                sequence=1,
                summary=" ".join(chance.choices(known, k=2_800))[:20_000],
                words=tuple(sorted(set(chance.sample(known, 1_500)))),
            )
            await index.put(olivia.practice_id, entry)


@contextmanager
def server(directory: Path) -> Iterator[str]:
    """Yield the address of a server over this data directory."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "THERAPY_DATA_DIR": str(directory), "PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "therapy.entrypoints.cli", "serve"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        base = f"http://127.0.0.1:{port}"
        for _ in range(100):
            try:
                httpx.get(f"{base}/health/live")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield base
    finally:
        process.terminate()
        process.wait()


def signed_in(base: str, email: str) -> httpx.Client:
    """Return a client with the account's token."""
    answer = httpx.post(f"{base}/auth/login", json={"email": email, "password": PASSWORD})
    headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    return httpx.Client(base_url=base, headers=headers, timeout=60)


def timed(client: httpx.Client, path: str, **params: str) -> tuple[float, httpx.Response]:
    """Return how many ms a GET takes, and its answer."""
    begin = time.perf_counter()
    answer = client.get(path, params=params)
    return (time.perf_counter() - begin) * 1e3, answer


def ask(base: str) -> None:
    """Print what each search takes, and a colleague's profile without searches and beside them."""
    olivia, alex = signed_in(base, OLIVIA), signed_in(base, ALEX)
    for name, query in QUERIES.items():
        took, answer = timed(olivia, "/sessions/search", query=query)
        rows = len(answer.json()) if answer.is_success else answer.json()["code"]
        print(f"{name:12} {answer.status_code} {rows!s:>18} {took:7.0f} ms")
    alone = [timed(alex, "/profiles/me")[0] for _ in range(20)]
    over = threading.Event()

    def search() -> None:
        with signed_in(base, OLIVIA) as client:
            while not over.is_set():
                timed(client, "/sessions/search", query=QUERIES["26 letters"])

    threads = [threading.Thread(target=search) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    beside = [timed(alex, "/profiles/me")[0] for _ in range(20)]
    over.set()
    for thread in threads:
        thread.join()
    usual, slower = statistics.median(alone), statistics.median(beside)
    print(f"a colleague's profile alone: {usual:.1f} ms, longest {max(alone):.1f} ms")
    print(f"beside {AT_ONCE} searches: {slower:.1f} ms, longest {max(beside):.1f} ms")
    print(f"ratio of the medians: {slower / usual:.1f}")


def seeded(directory: Path) -> Path:
    """Return the directory with the seeded practice in it."""
    command = [sys.executable, "-m", "therapy.entrypoints.cli", "seed", "--password-stdin"]
    environment = {**os.environ, "THERAPY_DATA_DIR": str(directory)}
    subprocess.run(
        command, env=environment, check=True, stdout=subprocess.DEVNULL, input=PASSWORD.encode()
    )
    return directory


def main() -> None:
    """Read the arguments, then fill, serve and ask."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sessions", type=int, default=5_000)
    parser.add_argument("--fill", type=Path, help="only fill this data directory")
    chosen = parser.parse_args()
    if chosen.fill:
        asyncio.run(fill(chosen.fill, chosen.sessions))
        return
    with tempfile.TemporaryDirectory() as made:
        directory = seeded(Path(made))
        asyncio.run(fill(directory, chosen.sessions))
        with server(directory) as base:
            ask(base)


if __name__ == "__main__":
    main()
