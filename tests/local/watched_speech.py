"""Listening to recordings with the local engine, and looking after its child process."""

import asyncio
import os
import signal
import threading
import time
from asyncio.subprocess import Process
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests import media
from therapy.adapters.local.speech.engine import WhisperSpeech
from therapy.domain.transcript import Utterance
from therapy.ports.speech import SpeechDone, SpeechEvent, SpeechOptions

PATIENCE = 60.0
"""Seconds after which a process is killed: whoever still waits for it has blocked the event loop."""

BEGINNING = 41.5
"""Seconds of the demo in which the therapist and the patient have spoken three times each: two segments."""

ENGLISH = SpeechOptions(("he-IL", "en-US"))


class WatchedSpeech(WhisperSpeech):
    """Tells which child it started."""

    child: Process

    def __init__(self, *, cache: Path, threads: int = 2) -> None:
        super().__init__(cache=cache, threads=threads)
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


def utterances(events: Sequence[SpeechEvent]) -> list[Utterance]:
    return [each for each in events if isinstance(each, Utterance)]


def text(events: Sequence[SpeechEvent]) -> str:
    return " ".join(each.text for each in utterances(events))


def done(events: Sequence[SpeechEvent]) -> SpeechDone:
    last = events[-1]
    assert isinstance(last, SpeechDone)
    return last


@contextmanager
def stderr_in(path: Path) -> Iterator[None]:
    """Have this process and those that it starts write to a file what they write to stderr."""
    kept = os.dup(2)
    with path.open("wb") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def state_of(pid: int) -> str:
    """Return the letter that Linux has for the state of a process; "X" if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return "X"
    return stat.rpartition(")")[2].split()[0]


def running(pid: int) -> bool:
    """Tell whether a process does anything; a zombie that nobody reaps does not."""
    return state_of(pid) not in "ZX"


@contextmanager
def killed_in_the_end(pid: int) -> Iterator[None]:
    """Kill a process if the body does not end within PATIENCE, whatever the event loop does."""
    guard = threading.Timer(PATIENCE, os.kill, (pid, signal.SIGKILL))
    guard.start()
    try:
        yield
    finally:
        guard.cancel()


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """Stop a process (SIGSTOP) while the body runs."""
    os.kill(pid, signal.SIGSTOP)
    try:
        while state_of(pid) not in "TZX":
            time.sleep(0.001)
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def many_turns() -> None:
    """Let the event loop go round often: all that it has to read is read then."""
    for _ in range(1_000):
        await asyncio.sleep(0)


def gone(pid: int, within: float = PATIENCE) -> bool:
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
