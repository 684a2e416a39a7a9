"""kill -9 of the real server at ten random moments of its work: every session reaches review, once.

Two moments are before it listens: those servers start from nothing, the others are forked (tests/forked.py).
"""

import asyncio
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests import forked, media
from tests.file_search import files_below
from tests.http.clinic import BOUNDARY, OLIVIA, form, metadata_of, populate, settings_in
from therapy.adapters.local.push import sent_pushes
from therapy.adapters.tokens import JwtTokens
from therapy.domain.access import Actor
from therapy.repositories.sessions import session_partition
from therapy.wiring import open_therapy
from therapy.workflows.devices import register_device

pytestmark = pytest.mark.slow

KILLS = 10
SECONDS = 10.0
"""Of speech in each recording: enough work to be killed in."""

LONGEST = 2.0
"""Seconds from a start to the kill; a moment before it listens is one too."""

BEFORE_IT_LISTENS = 4
"""The kill of each five that comes while the program is still imported."""

AT_WORK = {1, 3}
"""Kills of each five that come once a recogniser works, however long that takes here."""

PATIENCE = 90.0
SECRET = "a signing secret of the tests, which is long enough"


class RealServer:
    """`therapy serve` as a process of its own: a fork, or `from_scratch` a Python that imports it all."""

    def __init__(self, directory: Path, *, from_scratch: bool) -> None:
        environment = {
            "THERAPY_DATA_DIR": str(directory),
            "THERAPY_DISK_RESERVE_BYTES": "0",
            "THERAPY_LEASE_SECONDS": "1",
            "THERAPY_SWEEP_SECONDS": "0.3",
            "SPEECH_LANGUAGE": "en-US",
            "JWT_SECRET_KEY": SECRET,
            "PORT": "0",
        }
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        start = self._program if from_scratch else self._fork
        self.process = start(directory, kept | environment)

    @staticmethod
    def _program(directory: Path, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
        with (directory / "stdout").open("ab") as out, (directory / "stderr").open("ab") as errors:
            return subprocess.Popen(
                [sys.executable, "-m", "therapy.entrypoints.cli", "serve"],
                env=environment,
                cwd=directory,
                stdout=out,
                stderr=errors,
            )

    @staticmethod
    def _fork(directory: Path, environment: dict[str, str]) -> forked.Therapy:
        return forked.Therapy("serve", environment=environment, folder=directory)

    def address(self) -> str:
        """Wait until it says where it listens."""
        assert isinstance(self.process, forked.Therapy)
        return self.process.await_text(forked.URL)

    def children(self) -> list[int]:
        """Processes that it has started, as the kernel knows them."""
        found = []
        for each in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            with suppress(OSError):
                found += [int(pid) for pid in each.read_text().split()]
        return found

    def kill(self) -> list[int]:
        """Kill it and nothing else; give the children it leaves."""
        left = self.children()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        return left

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)


def alive(pid: int) -> bool:
    """Whether it runs a recogniser; a pid that somebody else has by now does not count."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"recogniser" in command


def wait_for_work(server: RealServer) -> None:
    end = time.monotonic() + PATIENCE
    while not any(map(alive, server.children())) and time.monotonic() < end:
        time.sleep(0.02)


def wait_for_end(pids: list[int]) -> None:
    end = time.monotonic() + 60
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.02)
    assert not [pid for pid in pids if alive(pid)], "a child outlived its server"


def token() -> str:
    from datetime import UTC, datetime

    actor = Actor(OLIVIA.id, OLIVIA.role, OLIVIA.practice_id, "login-1")
    return JwtTokens(SECRET).issue(actor, now=datetime.now(UTC))[0]


def send(address: str, recording: bytes) -> str:
    body = form(recording, metadata_of())
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    headers = {"Content-Type": kind, "Authorization": f"Bearer {token()}"}
    answer = httpx.post(f"{address}/sessions/upload", content=body, headers=headers, timeout=30)
    assert answer.status_code == 202, answer.text
    return answer.json()["session_id"]


def states(address: str) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {token()}"}
    listed = httpx.get(f"{address}/sessions", headers=headers, timeout=30).json()["sessions"]
    return {each["id"]: each["state"] for each in listed}


async def a_practice_in(directory: Path) -> None:
    async with open_therapy(settings_in(directory)) as therapy:
        records = therapy.installation.records
        await populate(records)
        actor = Actor(OLIVIA.id, OLIVIA.role, OLIVIA.practice_id, "login-1")
        told = {"platform": "ANDROID", "user_id": OLIVIA.id}
        await register_device(actor, "fcm-1", **told, records=records)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are read from /proc")
def test_ten_kills_at_random_moments_lose_no_session_and_leave_no_child(tmp_path):
    chance = random.Random(20260304)
    asyncio.run(a_practice_in(tmp_path))
    sent, children, working_at_kill = [], [], 0
    server = RealServer(tmp_path, from_scratch=False)
    try:
        for number in range(KILLS):
            if number % 5 == BEFORE_IT_LISTENS:
                time.sleep(chance.uniform(0.05, 0.5))
            else:
                address = server.address()
                if not {"awaiting_transcript", "transcribing"} & set(states(address).values()):
                    sent.append(send(address, media.recording("wav", SECONDS, start=number)))
                if number % 5 in AT_WORK:
                    wait_for_work(server)
                    time.sleep(chance.uniform(0.0, 0.3))
                else:
                    time.sleep(chance.uniform(0.05, LONGEST))
            left = server.kill()
            working_at_kill += bool(left)
            children += left
            next_one = (number + 1) % 5
            server = RealServer(tmp_path, from_scratch=next_one == BEFORE_IT_LISTENS)
        address = server.address()
        end = time.monotonic() + PATIENCE
        while set(states(address).values()) != {"awaiting_review"} and time.monotonic() < end:
            time.sleep(0.1)
        assert states(address) == dict.fromkeys(sent, "awaiting_review")
        headers = {"Authorization": f"Bearer {token()}"}

        def beside() -> set[str]:
            urls = (f"{address}/sessions/{session_id}" for session_id in sent)
            shown = [httpx.get(url, headers=headers).json() for url in urls]
            return {each[name] for each in shown for name in ("insights", "playback")}

        while beside() != {"ready"} and time.monotonic() < end:
            time.sleep(0.1)
        assert beside() == {"ready"}
        for session_id in sent:
            answer = httpx.get(
                f"{address}/data/transcript/{session_id}", headers=headers, timeout=30
            )
            assert answer.json()["transcript"]
    finally:
        server.stop()
    assert working_at_kill >= 3, "hardly a kill met a recogniser at work"
    wait_for_end(children)
    check_stores(tmp_path, sent)


def check_stores(directory: Path, sent: list[str]) -> None:
    """One version and a finished run of each kind for each session, one notification, and nothing staged.

    Beside each recording are the two files for players.
    """
    connection = sqlite3.connect(directory / "therapy.sqlite3")
    try:
        of_kind = "SELECT partition, id, body FROM items WHERE kind = ?"
        versions, runs, left = (
            connection.execute(of_kind, (kind,)).fetchall() for kind in ("version", "run", "outbox")
        )
        runs = [json.loads(body) for _, _, body in runs]
    finally:
        connection.close()
    assert sorted((partition, name) for partition, name, _ in versions) == sorted(
        (session_partition(OLIVIA.practice_id, session_id), "version-000001") for session_id in sent
    )
    assert sorted((run["session_id"], run["kind"]) for run in runs) == sorted(
        (session_id, kind) for session_id in sent for kind in ("transcribe", "insights", "playback")
    )
    assert {run["state"] for run in runs} == {"done"}
    assert left == []
    pushes = {
        (each.message.session_id, each.message.id) for each in sent_pushes(directory / "mailbox")
    }
    assert Counter(session_id for session_id, _ in pushes) == Counter(sent)
    assert not files_below(directory / "recordings" / "staging")
    assert len(list((directory / "recordings" / "kept").rglob("*.audio"))) == 3 * len(sent)
    written = (directory / "stderr").read_text()
    for word in ("Traceback", "Jordan", "White", "203948571", "first talk", "sister"):
        assert word not in written
