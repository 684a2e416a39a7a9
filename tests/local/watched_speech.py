"""Listening to recordings with the local engine, and looking after its child process."""

import asyncio
import time
from asyncio.subprocess import Process
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

from tests import media
from therapy.adapters.audio import PyAvAudioDecoder
from therapy.adapters.local.speech.engine import WhisperSpeech
from therapy.domain.transcript import Utterance
from therapy.ports.speech import SpeechDone, SpeechEvent, SpeechOptions

ENGLISH = SpeechOptions(("he-IL", "en-US"))


class WatchedSpeech(WhisperSpeech):
    """Tells which child it started."""

    child: Process

    def __init__(self, *, cache: Path) -> None:
        super().__init__(cache=cache)
        self.started = asyncio.Event()

    async def _start(self) -> Process:
        self.child = await super()._start()
        self.started.set()
        return self.child


async def heard(
    samples: bytes, cache: Path, options: SpeechOptions = ENGLISH, model: str = "tiny.en"
) -> list[SpeechEvent]:
    """All events of one recording."""
    engine = WhisperSpeech(cache=cache, model=model)
    return [each async for each in engine.transcribe("p", media.in_chunks(samples), options)]


async def decoded(data: bytes) -> bytes:
    """All samples of a recording, as the decoder gives them."""

    async def read(start: int, end: int) -> bytes:
        return data[start:end]

    async with aclosing(PyAvAudioDecoder().decode("p", read, len(data))) as chunks:
        return b"".join([each async for each in chunks])


def utterances(events: Sequence[SpeechEvent]) -> list[Utterance]:
    return [each for each in events if isinstance(each, Utterance)]


def text(events: Sequence[SpeechEvent]) -> str:
    return " ".join(each.text for each in utterances(events))


def done(events: Sequence[SpeechEvent]) -> SpeechDone:
    last = events[-1]
    assert isinstance(last, SpeechDone)
    return last


def running(pid: int) -> bool:
    """Tell whether a process does anything; a zombie that nobody reaps does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def gone(pid: int, within: float = 10) -> bool:
    """Wait for a process to end."""
    end = time.monotonic() + within
    while running(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not running(pid)


async def endless(chunk: bytes):
    """Samples for as long as somebody takes them."""
    while True:
        yield chunk
        await asyncio.sleep(0)
