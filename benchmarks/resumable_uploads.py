"""An hour's recording (317 MB) by tuspy and tus-js-client over a line that breaks off, with a server killed.

Two servers over one directory; before them a proxy that takes them in turn, and cuts each connection after
20 MB and each request after 230 s. In the middle of an upload one server is ended by kill -9 and started
again. Then `--slow-megabytes` over a line so slow that it is the time which cuts requests: the 230 s are
shortened to `--longest` s, and the line is faster by as much, so that each request gets as far as in 230 s at
0.5 Mbit/s. It prints how long each client took, how often the line was cut, and how much the servers' memory
grew; it exits with 1 unless the recording arrived byte for byte as one session, within the bound. Linux only:
figures are read from /proc.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import wave
from contextlib import ExitStack
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from benchmarks.embedded_server import (  # noqa: E402 - the path comes first
    MB,
    PASSWORD,
    THERAPIST,
    Server,
    data_directory,
    rss,
    running_server,
    seed,
)
from tests.clients.cutting_proxy import CuttingProxy, Line, cutting  # noqa: E402 - as above

RATE = 44_100
SECONDS = 3_600
CUT_AFTER = 20 * MB
LONGEST_REQUEST = 230.0
BAD_LINE = Line(CUT_AFTER, LONGEST_REQUEST)
SLOW_RATE = 0.5e6 / 8
"""Bytes a second of a line on which no request of 20 MB is done in 230 s."""

GROWTH_MB = 60
CLIENTS = ROOT / "tests" / "clients"
MODULES = ROOT / ".tools" / "clients" / "node_modules"
PROGRAMS = {
    "tuspy": ([sys.executable, str(CLIENTS / "tus_python.py")], str(1024 * MB)),
    "tus-js-client": (["node", "tus.mjs"], "all"),
}
METADATA = {
    "patient": {"id": "200000017", "name": "Jordan White"},
    "session_date": "2026-03-04",
}


def recording(path: Path, seed_of_noise: int, size: int) -> str:
    """Write so many bytes of quiet noise; return its SHA-256."""
    noise = random.Random(seed_of_noise).randbytes(RATE * 2)  # noqa: S311 - only noise
    with wave.open(str(path), "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(RATE)
        for _ in range(size // len(noise)):
            written.writeframesraw(noise)
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Pair:
    """Two servers over one directory, and the most memory that one of them took beyond what it began with."""

    def __init__(self, stack: ExitStack, data: Path) -> None:
        self._stack, self._data = stack, data
        self.ports: list[int] = []
        self.servers: list[Server] = []
        self.growth = 0
        self._first: dict[int, int] = {}
        for _ in range(2):
            self.start()

    def start(self) -> None:
        server = self._stack.enter_context(running_server(self._data, "--no-worker"))
        httpx.get(f"{server.url}/health/ready").raise_for_status()
        self.servers.append(server)
        self.ports.append(httpx.URL(server.url).port or 0)
        self._first[server.pid] = rss(server.pid)

    def kill_first(self) -> None:
        """End one by kill -9; another one takes its place."""
        del self.ports[0]
        os.kill(self.servers.pop(0).pid, signal.SIGKILL)
        self.start()

    def look(self) -> None:
        for each in self.servers:
            self.growth = max(self.growth, rss(each.pid) - self._first[each.pid])


def watch(pair: Pair, proxy: CuttingProxy, size: int, ended: threading.Event) -> None:
    """Look at the memory until the upload has ended; in the middle of it kill a server."""
    killed = False
    while not ended.wait(0.05):
        pair.look()
        if not killed and proxy.passed > size // 2:
            killed = True
            pair.kill_first()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=RATE * 2 * SECONDS // 1_000_000)
    parser.add_argument("--slow-megabytes", type=int, default=60)
    parser.add_argument("--longest", type=float, default=2.0)
    options = parser.parse_args()
    slow = Line(CUT_AFTER, options.longest, SLOW_RATE * LONGEST_REQUEST / options.longest)
    sizes = (BAD_LINE, options.megabytes), (slow, options.slow_megabytes)
    todo = [(line, size, client) for line, size in sizes if size for client in PROGRAMS]
    worst = 0
    with data_directory() as data, tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        seed(data)
        work = Path(folder)
        shutil.copy(CLIENTS / "node" / "tus.mjs", work)
        (work / "node_modules").symlink_to(MODULES, target_is_directory=True)
        for number, (line, size, client) in enumerate(todo):
            pair = Pair(stack, data)
            source = work / f"{number}.wav"
            digest = recording(source, number, size * 1_000_000)
            right = upload(client, source, digest, pair, line)
            print(f"{client}: memory of a server grew by {pair.growth / MB:.0f} MB at most")
            worst = max(worst, not right, pair.growth > GROWTH_MB * MB)
    return worst


def upload(client: str, source: Path, digest: str, pair: Pair, line: Line) -> bool:
    """Upload a recording of its own with a client; return whether it arrived as it was, as one session."""
    work, size = source.parent, source.stat().st_size
    login = {"email": THERAPIST, "password": PASSWORD}
    token = httpx.post(f"{pair.servers[0].url}/auth/login", json=login).json()["token"]
    program, part = PROGRAMS[client]
    ended = threading.Event()
    with cutting(pair.ports, line) as proxy:
        watching = threading.Thread(target=watch, args=(pair, proxy, size, ended))
        watching.start()
        told = [f"http://127.0.0.1:{proxy.port}", token, str(source), json.dumps(METADATA), part]
        began = time.monotonic()
        ran = subprocess.run(
            [*program, *told], cwd=work, capture_output=True, text=True, check=False
        )
        took = time.monotonic() - began
        ended.set()
        watching.join()
    print(
        f"{client}: {size / 1e6:.0f} MB in {took:.1f} s, {proxy.passed / 1e6:.0f} MB sent,"
        f" the line cut {proxy.cuts} times, {proxy.late} of them after {line.longest:.0f} s,"
        f" {len(proxy.served)} servers, one killed"
    )
    if ran.returncode:
        print(ran.stderr[-2_000:])
        return False
    return arrived(pair.servers[0].url, token, ran.stdout.strip().rpartition("/")[2], digest)


def arrived(url: str, token: str, upload_id: str, digest: str) -> bool:
    """Return whether the upload is a session whose recording has this SHA-256."""
    received = hashlib.sha256()
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}) as caller:
        session = caller.get(f"/uploads/{upload_id}").json().get("session_id")
        with caller.stream("GET", f"/sessions/{session}/recording") as played:
            for chunk in played.iter_bytes():
                received.update(chunk)
    right = received.hexdigest() == digest
    print("byte for byte what was sent, one session" if right else "NOT what was sent")
    return right


if __name__ == "__main__":
    sys.exit(main())
