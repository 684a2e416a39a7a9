"""What long transcripts cost the API in memory: many that never end, and many whole ones at once.

A running embedded server without worker, and 25 therapists. First each begins 4 reviewed transcripts of
7.9 MB and sends all but the last byte; then 12 therapists, one each, submit a whole one of 20,000 lines at
the same moment (some are more than the store takes: 413), or something hostile. Prints the answers and the
greatest PSS of the API, sampled every 20 ms, beyond what it had idle. Exits with 1 if that is more than the
bound, 300 MB. Linux only: memory is read from /proc.

    .venv/bin/python benchmarks/long_bodies.py
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from benchmarks.embedded_server import (  # noqa: E402 - the path comes first
    MB,
    PASSWORD,
    data_directory,
    pss,
    running_server,
    seed,
)

PEOPLE, OF_ONE = 25, 4
WHOLE = 12
BODY_BYTES = 7_900_000
STORED_BYTES = 3_500_000
MOST_LINES = 20_000
BOUND_MB = 300
SETTLE_SECONDS = 2.0


def email_of(number: int) -> str:
    return f"therapist{number}@example.health"


def fat(size: int) -> bytes:
    """A transcript of as many lines as allowed, so large."""
    text = "a" * (size // MOST_LINES - 62)
    lines = [
        {"speaker": "Patient", "text": text, "timestamp": f"{number // 60:02}:{number % 60:02}"}
        for number in range(MOST_LINES)
    ]
    return json.dumps(lines).encode()


def hebrew(size: int) -> bytes:
    """The same with a sign in each line that needs the widest form in memory."""
    text = "😀" + "ש" * ((size // MOST_LINES - 66) // 2)
    lines = [
        {"speaker": "Patient", "text": text, "timestamp": f"{number // 60:02}:{number % 60:02}"}
        for number in range(MOST_LINES)
    ]
    return json.dumps(lines, ensure_ascii=False).encode()


@dataclass
class Watch:
    """The greatest PSS of the API in bytes."""

    pid: int
    most: int = 0

    async def memory(self) -> None:
        while True:
            self.most = max(self.most, pss(self.pid))
            await asyncio.sleep(0.02)

    async def during(self, name: str, work: Awaitable[Counter[str]]) -> bool:
        """Print what came of some work and what it cost; return whether that is within the bound."""
        await asyncio.sleep(SETTLE_SECONDS)
        self.most, idle = 0, pss(self.pid)
        watching = asyncio.create_task(self.memory())
        said = await work
        watching.cancel()
        growth = (self.most - idle) / MB
        good = growth < BOUND_MB
        print(
            f"{name:<32} {growth:6.0f} MB beyond {idle / MB:4.0f}, {self.most / MB:5.0f} at most;"
            f" {dict(said)} {'ok' if good else 'MISSED'}",
            flush=True,
        )
        return good


async def token_of(client: httpx.AsyncClient, number: int) -> str:
    body = {"email": email_of(number), "password": PASSWORD}
    answer = await client.post("/auth/login", json=body)
    return str(answer.raise_for_status().json()["token"])


def head(token: str, size: int) -> bytes:
    return (
        f"PUT /data/transcript/none HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
    ).encode()


async def unfinished(url: str, tokens: list[str], body: bytes) -> Counter[str]:
    """Send all bodies but for their last bytes, wait, and say what was answered."""
    at = urlsplit(url)

    async def one(token: str) -> tuple[str, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        try:
            writer.write(head(token, len(body)))
            for start in range(0, len(body) - 1, 1 << 18):
                writer.write(body[start : min(start + (1 << 18), len(body) - 1)])
                await writer.drain()
            async with asyncio.timeout(3):
                return (await reader.readline()).split()[1].decode(), writer
        except TimeoutError:
            return "waits", writer
        except (ConnectionError, IndexError):
            return "closed", writer

    begun = await asyncio.gather(*(one(token) for token in tokens for _ in range(OF_ONE)))
    await asyncio.sleep(1)
    for _, writer in begun:
        writer.close()
    return Counter(said for said, _ in begun)


async def whole(url: str, tokens: list[str], body: bytes) -> Counter[str]:
    """Send a body as each one's review of the session that awaits it; say what was answered."""
    async with httpx.AsyncClient(base_url=url, timeout=120) as client:

        async def one(token: str) -> str:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            pending = (await client.get("/data/pending", headers=headers)).json()
            path = f"/data/transcript/{pending[0]['id'] if pending else 'none'}"
            answer = await client.put(path, content=body, headers=headers)
            return str(answer.status_code)

        return Counter(await asyncio.gather(*map(one, tokens)))


async def run(url: str, pid: int) -> bool:
    watch = Watch(pid)
    async with httpx.AsyncClient(base_url=url, timeout=120) as client:
        tokens = [await token_of(client, number) for number in range(PEOPLE)]
    lines, wide, taken = fat(BODY_BYTES), hebrew(BODY_BYTES), hebrew(STORED_BYTES)
    numbers, objects = b"[" + b"0," * 3_950_000 + b"0]", b"[" + b"{}," * 2_600_000 + b"{}]"
    held = [
        await watch.during("100 that do not end", unfinished(url, tokens, lines)),
        await watch.during("12 whole ones", whole(url, tokens[:WHOLE], lines)),
        await watch.during("12 whole ones, wide letters", whole(url, tokens[:WHOLE], wide)),
        await watch.during("12 that are stored", whole(url, tokens[WHOLE:][:WHOLE], taken)),
        await watch.during("12 of [[[[", whole(url, tokens[:WHOLE], b"[" * BODY_BYTES)),
        await watch.during("12 of [0,0,0", whole(url, tokens[:WHOLE], numbers)),
        await watch.during("12 of [{},{}", whole(url, tokens[:WHOLE], objects)),
        await watch.during("100 that do not end, again", unfinished(url, tokens, lines)),
    ]
    return all(held)


def main() -> int:
    people: list[dict[str, Any]] = [
        {"role": "THERAPIST", "email": email_of(number), "full_name": f"Thea {number}"}
        for number in range(PEOPLE)
    ]
    line = {"speaker": "Patient", "text": "I slept better."}
    sessions = [
        {
            "therapist": email_of(number),
            "patient": f"{number + 1:09}",
            "patient_name": "P",
            "lines": [line],
            "state": "awaiting_review",
        }
        for number in range(PEOPLE)
    ]
    with data_directory() as data:
        practice = data.with_name("practice.json")
        seeded = {"practice": "Long", "language": "en", "people": people, "sessions": sessions}
        practice.write_text(json.dumps(seeded))
        seed(data, practice=practice)
        with running_server(data, "--no-worker") as server:
            return int(not asyncio.run(run(server.url, server.pid)))


if __name__ == "__main__":
    sys.exit(main())
