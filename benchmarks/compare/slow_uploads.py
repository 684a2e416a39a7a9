"""200 uploads that send 2 kB a second stay open; meanwhile, 50 GETs a second of somebody else.

The GETs begin when the uploads are open: those are begun within a second. What an upload leaves that was cut
off is cleared up before anything else is measured.
"""

from __future__ import annotations

from msgspec.structs import replace

from benchmarks.compare.client import get, sign_in
from benchmarks.compare.measuring import Line, Scale, under_load
from benchmarks.compare.practice import PATIENT, THERAPIST
from benchmarks.compare.processes import until_idle
from benchmarks.compare.results import Sample
from benchmarks.compare.systems import AZURE, EMBEDDED_ONE, EMBEDDED_TWO, System
from benchmarks.hour import wav_header

UPLOADS, BYTES_A_SECOND = 200, 2_000
GETS_A_SECOND = 50
OPENING = 0.3
"""The share of the line's seconds in which the uploads are opened."""


def beginning(token: str) -> str:
    """Return the head and the first part of an upload, as the app sends them."""
    part = (
        b'--app\r\nContent-Disposition: form-data; name="audio_file"; filename="a.wav"\r\n'
        b"Content-Type: audio/wav\r\n\r\n" + wav_header(317_000_000)
    )
    head = (
        f"POST /sessions/upload HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: multipart/form-data; boundary=app\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    return head + (b"%x\r\n%s\r\n" % (len(part), part)).decode("latin-1")


def measure(system: System, scale: Scale) -> list[Sample]:
    """Return the times of GETs while the uploads are open; an upload that the system ends has failed."""
    seconds = scale.seconds * 3
    slow, other = sign_in(system, THERAPIST).token, sign_in(system, PATIENT).token
    streams = [
        {
            "name": "slow uploads",
            "requests": [beginning(slow)],
            "connections": UPLOADS,
            "trickle": BYTES_A_SECOND,
        },
        {
            "name": "GETs during slow uploads",
            "requests": [get("/profiles/me", other)],
            "connections": 16,
            "rate": GETS_A_SECOND,
            "after": seconds * OPENING,
        },
    ]
    found = under_load("slow uploads", system, streams, seconds)
    open_ones = found["slow uploads"]
    numbers = {
        "uploads open": float(open_ones.requests),
        "s until idle again": until_idle(system.pid),
    }
    kept = replace(open_ones, numbers=numbers)
    return [kept, replace(found["GETs during slow uploads"], line="GETs during slow uploads")]


LINES = [
    Line(
        "slow-uploads",
        f"{UPLOADS} uploads at {BYTES_A_SECOND / 1000:g} kB/s, and GETs meanwhile",
        (EMBEDDED_ONE, EMBEDDED_TWO, AZURE),
        measure,
    )
]
