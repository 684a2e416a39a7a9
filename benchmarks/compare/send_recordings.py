"""Uploads recordings as the app does, in a process: `python -m benchmarks.compare.send_recordings`.

It reads a job as JSON from standard input: where to, and for each recording its token, number and minutes.
Each goes over a connection and in a thread of its own, in chunks of 256 kB; sending costs little CPU, because
the sound is made once and sent over and over. Prints JSON: for each when it began, when it was answered, how.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

from benchmarks.hour import CHUNK, SAMPLE_RATE, demo_pcm, wav_header

PATIENCE = 600.0
BOUNDARY = "5a2f8f0e-9d0c-4b58-8f6e-1f3f0c7a9b21"
"""Between the parts of a form, as long as a phone or a browser makes it (36 to 70 characters)."""


def bytes_of(minutes: float) -> int:
    """Return how many bytes of sound a recording has."""
    return int(minutes * 60 * SAMPLE_RATE) * 2


def sound() -> bytes:
    """Return the demo recording as chunks of a body, one after the other."""
    pcm = demo_pcm()
    return b"".join(chunk(pcm[at : at + CHUNK]) for at in range(0, len(pcm) - CHUNK, CHUNK))


def metadata(number: int, user: str) -> str:
    """Return what the app says of a recording; each is of another patient."""
    said = {
        "therapist": json.dumps({"id": user, "name": "Olivia Hayes"}),
        "patient": json.dumps({"id": f"{300_000_000 + number}", "name": f"Bench Patient {number}"}),
        "session_date": "21-11-2026",
        "summary": "An hour.",
    }
    return json.dumps(said)


def chunk(data: bytes) -> bytes:
    """Return a chunk of a body as it is sent."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def send(
    job: dict[str, Any],
    each: dict[str, Any],
    pcm: bytes,
    start: Barrier,
    found: list[dict[str, Any]],
) -> None:
    """Send one recording and note its answer. Its first chunk has its number, so that no two are the same."""
    size = bytes_of(each["minutes"])
    head = (
        f"POST /sessions/upload HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {each['token']}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()
    part = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="audio_file"; filename="hour.wav"\r\n'
        "Content-Type: audio/wav\r\n\r\n"
    ).encode() + wav_header(size)
    end = (
        f'\r\n--{BOUNDARY}\r\nContent-Disposition: form-data; name="metadata"\r\n'
        "Content-Type: application/json\r\n\r\n"
        f"{metadata(each['number'], each['user'])}\r\n--{BOUNDARY}--\r\n"
    ).encode()
    view, length = memoryview(pcm), len(chunk(bytes(CHUNK)))
    with socket.create_connection((job["host"], job["port"]), timeout=PATIENCE) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        start.wait()
        began = time.time()
        line.sendall(head + chunk(part) + chunk(each["number"].to_bytes(4, "little") * 64))
        for number in range(size // CHUNK):
            place = number * length % len(pcm)
            line.sendall(view[place : place + length])
        line.sendall(chunk(end) + b"0\r\n\r\n")
        sent = time.time()
        status, body = answer(line)
    found.append(
        {
            "number": each["number"],
            "began": began,
            "sent": sent,
            "answered": time.time(),
            "status": status,
            "body": body,
        }
    )


def answer(line: socket.socket) -> tuple[int, Any]:
    """Return the status and the JSON of an answer."""
    with line.makefile("rb") as said:
        status = int(said.readline().split()[1])
        length = 0
        while (header := said.readline().strip()) != b"":
            if header.lower().startswith(b"content-length:"):
                length = int(header.partition(b":")[2])
        body = said.read(length)
    try:
        return status, json.loads(body)
    except ValueError:
        return status, body.decode(errors="replace")[:300]


def send_all(job: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what came of the recordings of a job, sent all at once by a process of its own.

    Raises:
        CalledProcessError: it ended with an error, e.g. because a connection was cut.
    """
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.compare.send_recordings"],
        input=json.dumps(job).encode(),
        cwd=Path(__file__).resolve().parents[2],
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


def main() -> int:
    job = json.load(sys.stdin)
    pcm, start = sound(), Barrier(len(job["recordings"]))
    found: list[dict[str, Any]] = []
    threads = [
        Thread(target=send, args=(job, each, pcm, start, found)) for each in job["recordings"]
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    print(json.dumps(found))
    return int(len(found) < len(threads))


if __name__ == "__main__":
    sys.exit(main())
