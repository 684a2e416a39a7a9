"""Small files made to cost much, sent to a running embedded server: what comes of each, and what it cost.

`python -m benchmarks.hostile_recordings [part of a name ...]` uploads the files of `tests/audio/bombs.py` one
after another and waits until each is a transcript, refused or failed, while /health/live is asked twenty
times a second. Prints a line for each: the answer or the end, seconds, and how much memory all processes had
beyond what they had idle (RSS, sampled every 50 ms) - without the recogniser, and the recogniser beyond what
it has for two seconds of ordinary speech. Exits with 1 if a sum of both reaches 300 MB, a file has no named
end, or an answer of /health/live takes 100 ms. That depends on the machine: before and after, what it takes
when there is nothing to do is printed. Linux only.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.embedded_server import MB, PASSWORD, THERAPIST, family, rss, seeded_server
from tests import media
from tests.audio.bombs import BOMBS
from tests.audio.decoding import wav
from therapy.domain.messages import TEXTS

BOUND_MB = 300
LIVE_MS = 100
PATIENCE_S = 240.0
IDLE_S = 10.0
RECOGNISER = b"recogniser_process"
ORDINARY = "two seconds of ordinary speech"


@dataclass
class Watch:
    """The greatest memory in bytes of all processes but the recogniser, and of that; the slowest answer."""

    server: int
    url: str
    rest: int = 0
    recogniser: int = 0
    slowest_ms: float = 0.0
    over: threading.Event = field(default_factory=threading.Event)

    def begin(self) -> None:
        self.rest = self.recogniser = 0
        self.slowest_ms = 0.0

    def memory(self) -> None:
        while not self.over.wait(0.05):
            rest = recogniser = 0
            for pid in family(self.server):
                if RECOGNISER in command(pid):
                    recogniser += rss(pid)
                else:
                    rest += rss(pid)
            self.rest = max(self.rest, rest)
            self.recogniser = max(self.recogniser, recogniser)

    def answers(self) -> None:
        with httpx.Client(base_url=self.url, timeout=30) as client:
            client.get("/health/live").raise_for_status()
            while not self.over.wait(0.05):
                began = time.perf_counter()
                client.get("/health/live").raise_for_status()
                self.slowest_ms = max(self.slowest_ms, (time.perf_counter() - began) * 1000)


def command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


class Therapist:
    """Signed in; sends recordings and waits for what comes of them."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        answer = client.post("/auth/login", json={"email": THERAPIST, "password": PASSWORD})
        self._headers = {"Authorization": f"Bearer {answer.raise_for_status().json()['token']}"}

    def end_of(self, data: bytes) -> str:
        """Send a recording; return the code with which it ended, or "awaiting_review"."""
        metadata = {
            "patient": json.dumps({"id": "987654321", "name": "Bench Patient"}),
            "session_date": "21-11-2026",
            "summary": "-",
        }
        parts = {
            "audio_file": ("recording", data, "audio/wav"),
            "metadata": ("metadata", json.dumps(metadata), "application/json"),
        }
        answer = self._client.post("/sessions/upload", files=parts, headers=self._headers)
        if answer.status_code != httpx.codes.ACCEPTED:
            return f"{answer.status_code} {answer.json()['code']}"
        session = f"/sessions/{answer.json()['session_id']}"
        latest = time.monotonic() + PATIENCE_S
        state = ""
        while time.monotonic() < latest:
            time.sleep(0.2)
            found = self._client.get(session, headers=self._headers).raise_for_status().json()
            state = found["state"]
            if state == "failed":
                return str(found["failure"]["code"])
            if state == "awaiting_review":
                return str(state)
        self._client.delete(session, headers=self._headers)
        return f"still {state}"


def main() -> int:
    wanted = [name for name in BOMBS if any(each in name for each in sys.argv[1:] or [""])]
    with seeded_server() as server:
        return run(wanted, Watch(server.pid, server.url))


def run(names: list[str], watch: Watch) -> int:
    threads = [threading.Thread(target=each, daemon=True) for each in (watch.memory, watch.answers)]
    missed = 0
    with httpx.Client(base_url=watch.url, timeout=300) as client:
        therapist = Therapist(client)
        therapist.end_of(wav(media.excerpt(1, 3)))  # whatever is loaded once is loaded
        for each in threads:
            each.start()
        time.sleep(IDLE_S)
        idle, quiet = watch.rest, watch.slowest_ms
        print(f"nothing to do for {IDLE_S:.0f} s: live {quiet:.0f} ms")
        watch.begin()
        therapist.end_of(wav(media.excerpt(0, 2)))
        ordinary = watch.recogniser
        print(
            f"{ORDINARY}: {(watch.rest - idle) / MB:.0f} MB beyond {idle / MB:.0f} MB idle, and the"
            f" recogniser {ordinary / MB:.0f} MB; live {watch.slowest_ms:.0f} ms"
        )
        for name in names:
            missed += not one(name, therapist, watch, idle, ordinary)
    watch.begin()
    time.sleep(IDLE_S)
    print(f"nothing to do for {IDLE_S:.0f} s: live {watch.slowest_ms:.0f} ms")
    watch.over.set()
    for each in threads:
        each.join()
    print(f"{len(names) - missed} of {len(names)} within their bounds")
    return min(missed, 1)


def one(name: str, therapist: Therapist, watch: Watch, idle: int, ordinary: int) -> bool:
    data = BOMBS[name]()
    watch.begin()
    began = time.monotonic()
    end = therapist.end_of(data)
    seconds = time.monotonic() - began
    rest, recogniser = watch.rest - idle, max(0, watch.recogniser - ordinary)
    named = end == "awaiting_review" or end.split()[-1] in TEXTS
    good = named and rest + recogniser < BOUND_MB * MB and watch.slowest_ms < LIVE_MS
    print(
        f"{name:<42} {len(data) / 1024:7.0f} kB {end:<28} {seconds:6.1f} s {rest / MB:5.0f}"
        f" + {recogniser / MB:4.0f} MB  live {watch.slowest_ms:4.0f} ms {'ok' if good else 'MISSED'}",
        flush=True,
    )
    return good


if __name__ == "__main__":
    sys.exit(main())
