"""A server of OpenAI's kind on this machine: answers with therapy's own recogniser, or as a test tells it.

It is no more than the tests need: chunked bodies, one form, one answer for each connection. By hand:
`python tests/local_server.py` says where it listens, until Ctrl-C.
"""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from therapy.adapters.local.speech.engine import WhisperSpeech
from therapy.domain.transcript import Utterance
from therapy.ports.speech import SpeechDone, SpeechOptions

HEADER = 44
"""Bytes before the samples in the WAV that the adapter sends."""


@dataclass
class Asked:
    """A request: its path, its headers in small letters, the form's fields and its file."""

    path: str
    headers: dict[str, str]
    fields: dict[str, list[str]]
    file: bytes


@dataclass
class LocalServer:
    """Answers with `answer` or, if that is None, with what the recogniser hears.

    `status` is the answer's, which comes before the body is read if `early`. After `stop_after` bytes it
    reads no further and never answers. After `stop()` nothing listens any more.
    """

    url: str = ""
    answer: Any = None
    status: int = 200
    stop_after: int | None = None
    early: bool = False
    read_bytes: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[Asked] = field(default_factory=list)
    tasks: set[asyncio.Task[None] | None] = field(default_factory=set)
    stop: Callable[[], None] = lambda: None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request."""
        self.tasks.add(asyncio.current_task())
        try:
            path, headers = await _head(reader)
            if self.early:
                await _send(writer, self.status, self.answer)
                await reader.read(-1)  # as servers do, so that the answer is not lost by a reset
                return
            body = await self._body(reader, headers)
            asked = Asked(path, headers, *_form(headers, body))
            self.asked.append(asked)
            answer = self.answer
            if answer is None and asked.file:
                answer = await recognised(asked)
            await _send(writer, self.status, answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.gone.set()
        finally:
            writer.close()

    async def _body(self, reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return b""
        body = io.BytesIO()
        while size := int(await reader.readline() or b"0", 16):
            body.write((await reader.readexactly(size + 2))[:-2])
            self.read_bytes = body.tell()
            if self.stop_after is not None and body.tell() >= self.stop_after:
                await self.gone.wait()
                raise ConnectionError
        await reader.readexactly(2)
        return body.getvalue()


@asynccontextmanager
async def local_server() -> AsyncIterator[LocalServer]:
    """Listen on a free port of this machine."""
    local = LocalServer()
    server = await asyncio.start_server(local.serve, "127.0.0.1", 0, limit=1 << 16)
    local.stop = server.close
    local.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield local
    finally:
        server.close()
        for task in filter(None, local.tasks):
            task.cancel()
        await asyncio.gather(*filter(None, local.tasks), return_exceptions=True)
        await server.wait_closed()


_HEARD: dict[bytes, dict[str, Any]] = {}


async def recognised(asked: Asked) -> dict[str, Any]:
    """Return `verbose_json` with voices, as our own recogniser hears the file; it hears each file once."""
    if asked.file not in _HEARD:
        _HEARD[asked.file] = await _recognised(asked)
    return _HEARD[asked.file]


async def _recognised(asked: Asked) -> dict[str, Any]:
    engine = WhisperSpeech(cache=Path("/nowhere"))

    async def pcm() -> AsyncIterator[bytes]:
        for start in range(HEADER, len(asked.file), 64_000):
            yield asked.file[start : start + 64_000]

    said, language = [], ""
    async for event in engine.transcribe("-", pcm(), SpeechOptions(("en",))):
        match event:
            case Utterance():
                said.append(event)
            case SpeechDone():
                language = event.language
    return {
        "task": "transcribe",
        "language": "english" if language.startswith("en") else language,
        "duration": len(asked.file) / 32_000,
        "text": " ".join(each.text for each in said),
        "segments": [_segment(number, each) for number, each in enumerate(said)],
        "words": [
            {"word": word.text, "start": word.start_ms / 1000, "end": word.end_ms / 1000}
            for each in said
            for word in each.words
        ],
    }


def _segment(number: int, said: Utterance) -> dict[str, Any]:
    times = {"start": said.start_ms / 1000, "end": said.end_ms / 1000}
    return {"id": number, "text": said.text, "speaker": said.voice or None, **times}


async def _head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
    pairs = (line.partition(":") for line in lines[1:] if line)
    headers = {name.strip().lower(): text.strip() for name, _, text in pairs}
    return lines[0].split()[1], headers


def _form(headers: dict[str, str], body: bytes) -> tuple[dict[str, list[str]], bytes]:
    fields: dict[str, list[str]] = {}
    file = b""
    _, _, boundary = headers.get("content-type", "").partition("boundary=")
    for part in body.split(f"--{boundary}".encode())[1:-1] if boundary else ():
        head, _, content = part.partition(b"\r\n\r\n")
        name = head.decode().partition('name="')[2].partition('"')[0]
        if name == "file":
            file = content[:-2]
        else:
            fields.setdefault(name, []).append(content[:-2].decode())
    return fields, file


async def _send(writer: asyncio.StreamWriter, status: int, answer: Any) -> None:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    head = f"HTTP/1.1 {status} -\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


async def _run() -> None:
    async with local_server() as server:
        print(server.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_run())
