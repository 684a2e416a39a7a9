"""20 phones upload at once over bad lines: how many recordings arrive, and how long the last answer takes.

Each phone sends a recording of `--megabytes` by tus at `--mbit` Mbit/s, in requests of up to 8 MiB, through a
proxy that lets 1 % of the writes stand still for 0.2 to 1 s and resets a connection after 20 MB. One that is
cut asks how far it is and goes on. It takes two minutes. Prints the share that arrived byte for byte as one
session each, the times from the last byte to the answer, and how busy the machine was, on which these depend;
exits with 1 if not all arrived, or if the 99th percentile is 3 s or more.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import sys
import threading
import time
import wave
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from random import Random

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from benchmarks.embedded_server import (  # noqa: E402 - the path comes first
    MB,
    PASSWORD,
    THERAPIST,
    seeded_server,
)
from tests.clients.cutting_proxy import Line, cutting  # noqa: E402 - as above

THERAPISTS = (THERAPIST, "alex.lebed2@example.health")
RATE = 44_100
PIECE = 16 * 1024
PART = 8 * MB
"""Bytes of a request: so that it stays under what front ends allow."""

WITHIN = 3.0
PATIENCE = 120.0
"""Seconds after the last answer by which the recording must be a session."""

ABOUT = {"session_date": "2026-03-04"}


def a_recording(number: int, size: int) -> bytes:
    """Return noise as WAV, another one for each number."""
    written = BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(Random(number).randbytes(size))  # noqa: S311 - only noise
    return written.getvalue()


@dataclass
class Phone:
    """One phone: what it sends, to where, how fast, and what became of it."""

    number: int
    port: int
    token: str
    rate: float
    audio: bytes
    cuts: int = 0
    answered_after: list[float] = field(default_factory=list)
    upload: str = ""
    _line: http.client.HTTPConnection | None = None

    def run(self) -> None:
        """Upload, however often the line is cut."""
        patient = {"id": f"{self.number + 1:09}", "name": "Noa Bar"}
        metadata = json.dumps(ABOUT | {"patient": patient}).encode()
        while not self.upload:
            self._try(partial(self._begin, metadata))
        offset: int | None = 0
        while offset is None or offset < len(self.audio):
            offset = self._try(self._ask if offset is None else partial(self._send, offset))

    def _try(self, call: Callable[[], int]) -> int | None:
        """Return what a call returns; None if the line was cut meanwhile, and end the connection then."""
        try:
            return call()
        except (OSError, http.client.HTTPException):
            self.cuts += 1
            if self._line:
                self._line.close()
            self._line = None
            time.sleep(0.2)
            return None

    def _request(self, method: str, path: str, **headers: str) -> http.client.HTTPConnection:
        """Send a request's head over the connection that there is, or a new one."""
        line = self._line or http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self._line = line
        line.putrequest(method, path)
        said = {"Tus-Resumable": "1.0.0", "Authorization": f"Bearer {self.token}"} | headers
        for name, value in said.items():
            line.putheader(name.replace("_", "-"), value)
        line.endheaders()
        return line

    def _begin(self, metadata: bytes) -> int:
        said = {
            "Upload-Length": str(len(self.audio)),
            "Upload-Metadata": f"metadata {b64encode(metadata).decode()}",
            "Content-Length": "0",
        }
        answer = self._request("POST", "/uploads", **said).getresponse()
        answer.read()
        if answer.status == 201:
            self.upload = "/uploads/" + answer.headers["Location"].rpartition("/")[2]
        return answer.status

    def _ask(self) -> int:
        answer = self._request("HEAD", self.upload).getresponse()
        answer.read()
        return int(answer.headers["Upload-Offset"])

    def _send(self, offset: int) -> int:
        """Send a part from here on at the pace of this line; return how far the upload is."""
        part = self.audio[offset : offset + PART]
        said = {
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(len(part)),
        }
        connection = self._request("PATCH", self.upload, **said)
        began = time.monotonic()
        for start in range(0, len(part), PIECE):
            connection.send(part[start : start + PIECE])
            time.sleep(max(0.0, began + (start + PIECE) / self.rate - time.monotonic()))
        sent = time.monotonic()
        answer = connection.getresponse()
        if offset + len(part) == len(self.audio) and answer.status == 204:
            self.answered_after.append(time.monotonic() - sent)
        answer.read()
        if answer.status != 204:
            raise OSError(answer.status)
        return int(answer.headers["Upload-Offset"])


def arrived(caller: httpx.Client, phone: Phone, until: float) -> bool:
    """Return whether what the phone sent is a session, byte for byte."""
    headers = {"Authorization": f"Bearer {phone.token}"}
    while not (found := caller.get(phone.upload, headers=headers).json().get("session_id")):
        if time.monotonic() > until:
            return False
        time.sleep(0.5)
    received = hashlib.sha256()
    with caller.stream("GET", f"/sessions/{found}/recording", headers=headers) as played:
        for chunk in played.iter_bytes():
            received.update(chunk)
    return received.digest() == hashlib.sha256(phone.audio).digest()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phones", type=int, default=20)
    parser.add_argument("--megabytes", type=int, default=50)
    parser.add_argument("--mbit", type=float, default=5.0)
    options = parser.parse_args()
    line = Line(20 * MB, stalls=0.01, resets=True)
    with seeded_server("--no-worker") as server, httpx.Client(base_url=server.url) as caller:
        ports = [httpx.URL(server.url).port or 0]
        logins = [{"email": each, "password": PASSWORD} for each in THERAPISTS]
        tokens = [caller.post("/auth/login", json=each).json()["token"] for each in logins]
        with cutting(ports, line) as proxy:
            phones = [
                Phone(
                    number,
                    proxy.port,
                    tokens[number % len(tokens)],
                    options.mbit * 1e6 / 8,
                    a_recording(number, options.megabytes * 1_000_000),
                )
                for number in range(options.phones)
            ]
            before, began = os.getloadavg()[0], time.monotonic()
            threads = [threading.Thread(target=each.run) for each in phones]
            for each in threads:
                each.start()
            for each in threads:
                each.join()
            took = time.monotonic() - began
        until = time.monotonic() + PATIENCE
        well = sum(arrived(caller, each, until) for each in phones)
    return report(
        phones, well, f"{took:.0f} s, {proxy.cuts} resets, {proxy.stalled} stalls", before
    )


def report(phones: list[Phone], well: int, what: str, load: float) -> int:
    """Print what came of it; return 1 if it was not good enough."""
    times = sorted(each for phone in phones for each in phone.answered_after)
    worst = times[min(len(times) - 1, int(len(times) * 0.99))] if times else float("inf")
    middle = times[len(times) // 2] if times else float("inf")
    print(f"{len(phones)} phones, {len(phones[0].audio) / 1e6:.0f} MB each: {what}")
    print(f"load of the machine before and after: {load:.1f}, {os.getloadavg()[0]:.1f}")
    print(f"arrived byte for byte as one session each: {well} of {len(phones)}")
    print(f"last byte to answer: median {middle:.2f} s, p99 {worst:.2f} s")
    return 0 if well == len(phones) and worst < WITHIN else 1


if __name__ == "__main__":
    sys.exit(main())
