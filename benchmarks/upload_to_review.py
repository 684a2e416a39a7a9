"""From a recording's last byte to review: seconds, CPU and memory of the service, one version beside another.

Uploads recordings of `--minutes` (WAV, 88 kB a second) all at once, to `therapy all` over the emulators or,
with `--embedded`, with files and SQLite but the same engine, which answers after `--pace` of a recording's
length. With `--against TREE` every round measures that checkout first, then this one. A row is: the tree,
seconds until the last 202, and from there until the last session is in review (the slowest from its own
202 in brackets, at most); CPU seconds of all processes of the service until the last 202, from there to
review, from there until the playback is made; of the emulators from 202 to review; and the largest PSS of
the whole tree. Linux only: CPU and memory are from /proc.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from benchmarks.embedded_server import (  # noqa: E402 - the path comes first
    MB,
    PASSWORD,
    THERAPIST,
    family,
    program,
    pss,
)
from benchmarks.hour import CHUNK, SAMPLE_RATE, demo_pcm, wav_header  # noqa: E402 - as above

LOCAL = ("STORES", "RECORDINGS", "DOORBELL", "NOTICES")
RAISED = {
    "CELERY_CONCURRENCY": "4",
    "GUNICORN_WORKERS": "2",
    "SPEECH_LANGUAGE": "en-US",
    "THERAPY_OPEN_UPLOADS": "20",
    "THERAPY_UPLOAD_BYTES_A_DAY": str(1 << 40),
    "THERAPY_SUMMARIES": "off",
    "THERAPY_WAITING_SESSIONS": "100",
}
"""The limits of one therapist, so that eight recordings may come from one."""


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process, of everything it started, and of what of that has ended."""
    ticks = 0
    for each in family(pid):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


@dataclass
class Row:
    """What one run took: seconds, CPU seconds, bytes."""

    upload: float = 0.0
    review: float = 0.0
    slowest: float = 0.0
    cpu_upload: float = 0.0
    cpu_review: float = 0.0
    cpu_playback: float = 0.0
    cpu_emulators: float = 0.0
    pss: int = 0
    largest: tuple[tuple[str, int], ...] = ()

    def show(self, name: str) -> str:
        return (
            f"{name:12} {self.upload:7.1f} {self.review:7.1f} ({self.slowest:6.1f}) "
            f"{self.cpu_upload:8.2f} {self.cpu_review:8.2f} {self.cpu_playback:8.2f} "
            f"{self.cpu_emulators:8.2f} {self.pss / MB:6.0f}"
        )


HEADING = "tree          upload  review  (slow.)   CPU up   review playback    emul.    PSS"


@contextlib.contextmanager
def emulators(names: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Run emulators in a process of their own; yield its id and the settings that lead there."""
    command = [sys.executable, "-m", "tests.emulators", *names, "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.pid, json.loads(next(iter(process.stdout or ())))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


@contextlib.contextmanager
def service(tree: Path, environment: dict[str, str]) -> Iterator[tuple[int, str]]:
    """Seed a practice and run `therapy all` of a checkout; yield its process id and address."""
    program = [sys.executable, "-m", "therapy.entrypoints.cli"]
    variables = os.environ | environment | {"PYTHONPATH": str(tree / "src"), "PORT": "0"}
    for command in (["migrate"], ["seed", "--password-stdin"]):
        subprocess.run(
            [*program, *command], input=PASSWORD, text=True, env=variables, cwd=tree, check=True,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
    with (
        Path(environment["THERAPY_DATA_DIR"]).with_name("server.log").open("w") as log,
        subprocess.Popen(
            [*program, "all"],
            env=variables,
            cwd=tree,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        try:
            words = (word for line in process.stdout or () for word in line.split())
            yield process.pid, next(each.rstrip(".,") for each in words if each[:7] == "http://")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


async def body(pcm: bytes, number: int, minutes: float, therapist: str) -> AsyncIterator[bytes]:
    """Yield a multipart body; each number has a recording of its own."""
    whole, start = int(minutes * 60 * SAMPLE_RATE) * 2, 4_410 * 2 * number
    yield (
        b'--app\r\nContent-Disposition: form-data; name="audio_file"; filename="hour.wav"\r\n'
        b"Content-Type: audio/wav\r\n\r\n" + wav_header(whole)
    )
    sent = 0
    while sent < whole:
        at = (start + sent) % len(pcm)
        piece = pcm[at : at + min(CHUNK, whole - sent)]
        sent += len(piece)
        yield piece
    metadata = {
        "therapist": json.dumps({"id": therapist, "name": "T", "email": THERAPIST}),
        "patient": json.dumps({"id": f"98765432{number}", "name": f"Bench Patient {number}"}),
        "session_date": "21-11-2026",
        "summary": "An hour.",
    }
    yield (
        b'\r\n--app\r\nContent-Disposition: form-data; name="metadata"\r\n'
        b"Content-Type: application/json\r\n\r\n"
        + json.dumps(metadata).encode()
        + b"\r\n--app--\r\n"
    )


class Trial:
    """Recordings on their way through one running service."""

    def __init__(self, client: httpx.AsyncClient, minutes: float) -> None:
        self._client, self._minutes, self._pcm = client, minutes, demo_pcm()
        self._therapist = ""

    async def sign_in(self) -> None:
        answer = await self._client.post(
            "/auth/login", json={"email": THERAPIST, "password": PASSWORD}
        )
        signed_in = answer.raise_for_status().json()
        self._therapist = signed_in["userId"]
        self._client.headers["Authorization"] = f"Bearer {signed_in['token']}"

    async def upload(self, number: int) -> tuple[str, float]:
        """Send a recording; return its session and when it was taken in."""
        answer = await self._client.post(
            "/sessions/upload",
            content=body(self._pcm, number, self._minutes, self._therapist),
            headers={"Content-Type": "multipart/form-data; boundary=app"},
        )
        return answer.raise_for_status().json()["session_id"], time.monotonic()

    async def until(self, session: str, *, played: bool = False) -> float:
        """Wait until a session is in review, or has its playback; return when that was."""
        while True:
            answer = await self._client.get(f"/sessions/{session}")
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                await self.sign_in()
                continue
            state = answer.raise_for_status().json()
            if state["state"] == "failed":
                raise SystemExit(f"the session failed: {state['failure']}")
            done = state["playback"] == "ready" if played else state["state"] == "awaiting_review"
            if done:
                return time.monotonic()
            await asyncio.sleep(0.5)


async def watch(pid: int, row: Row) -> None:
    while True:
        shares = tuple((program(each), pss(each)) for each in family(pid))
        if (whole := sum(share for _, share in shares)) > row.pss:
            row.pss, row.largest = whole, shares
        await asyncio.sleep(0.25)


async def trial(
    pid: int, url: str, emulator: int, minutes: float, count: int, *, play: bool
) -> Row:
    row = Row()
    async with httpx.AsyncClient(base_url=url, timeout=600) as client:
        run = Trial(client, minutes)
        await run.sign_in()
        watching = asyncio.create_task(watch(pid, row))
        began, cpu = time.monotonic(), cpu_seconds(pid)
        taken = await asyncio.gather(*(run.upload(number) for number in range(count)))
        row.upload, row.cpu_upload = time.monotonic() - began, cpu_seconds(pid) - cpu
        accepted, cpu, others = time.monotonic(), cpu_seconds(pid), cpu_seconds(emulator)
        # One is asked for at a time: each question costs the service CPU, too.
        ends = [await run.until(session) for session, _ in taken]
        row.review, row.cpu_review = max(ends) - accepted, cpu_seconds(pid) - cpu
        row.slowest = max(end - at for end, (_, at) in zip(ends, taken, strict=True))
        row.cpu_emulators = cpu_seconds(emulator) - others
        cpu = cpu_seconds(pid)
        if play:
            for session, _ in taken:
                await run.until(session, played=True)
            row.cpu_playback = cpu_seconds(pid) - cpu
        watching.cancel()
    return row


def measured(tree: Path, said: argparse.Namespace) -> Row:
    names = ("speech", "fast", "language")
    names += () if said.embedded else ("azurite", "cosmos", "valkey", "fcm")
    with (
        tempfile.TemporaryDirectory(prefix="therapy-bench-") as folder,
        emulators(names) as (emulator, settings),
    ):
        local = {f"THERAPY_{each}": "local" for each in LOCAL} if said.embedded else {}
        fast = settings["THERAPY_FAST_TRANSCRIPTION_ENDPOINT"]
        script = {"works_for": said.pace * said.minutes * 60}
        httpx.post(f"{fast}/_script", json=script).raise_for_status()
        environment = settings | RAISED | local | {"THERAPY_DATA_DIR": f"{folder}/data"}
        with service(tree, environment) as (pid, url):
            if said.pid:
                print(f"therapy all is {pid}", file=sys.stderr, flush=True)
            return asyncio.run(
                trial(pid, url, emulator, said.minutes, said.at_once, play=said.play)
            )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--at-once", type=int, default=1, help="recordings")
    parser.add_argument("--pace", type=float, default=0.0, help="the engine's share of the length")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--against", type=Path, action="append", default=[], help="a checkout")
    parser.add_argument("--embedded", action="store_true")
    parser.add_argument("--play", action="store_true", help="wait for the playback, too")
    parser.add_argument("--pid", action="store_true", help="print the service's process id")
    parser.add_argument("--processes", action="store_true", help="print the PSS of each process")
    said = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print(f"{said.at_once} at once, {said.minutes:g} minutes each, load {os.getloadavg()[0]:.1f}")
    print(HEADING, flush=True)
    for _ in range(said.rounds):
        for tree in (*said.against, ROOT):
            row = measured(tree.resolve(), said)
            print(row.show(tree.resolve().name), flush=True)
            for name, share in row.largest if said.processes else ():
                print(f"  {share / MB:5.0f} MB {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
