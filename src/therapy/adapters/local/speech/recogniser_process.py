"""The recogniser's own process, started by `engine` with `python -m`.

Settings and samples come in over stdin, messages go out over stdout (`process_protocol`). It is a process
of its own because a native library that crashes, or eats memory, must not take the API along; it is nicer
than the API (nice 10), and it ends when its parent ends. Nothing that was said is ever written to
stderr: of an unexpected error only its type and place.
"""

import ctypes
import os
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO

from therapy.adapters.local.speech import process_protocol
from therapy.adapters.local.speech.diarization import Heard, hear, voiced
from therapy.adapters.local.speech.speaker_encoder import VoiceEncoder
from therapy.adapters.local.speech.speech_segments import Cutter, Piece
from therapy.adapters.local.speech.whisper import Whisper
from therapy.domain.errors import ErrorClass, WorkFailed
from therapy.domain.transcript import Word, join_words
from therapy.ports.audio import SAMPLE_RATE

NICE = 10
PR_SET_PDEATHSIG = 1
DETECT_SAMPLES = 20 * SAMPLE_RATE
"""Which language it is, is told from the first pieces that together are this long."""

TELL_EVERY_MS = 10_000
"""In silence, too, progress is told this often."""


class Recogniser:
    """One recording through Whisper and the voice encoder, `threads` pieces side by side."""

    def __init__(self, settings: process_protocol.ChildSettings) -> None:
        self._whisper = Whisper(settings.model, Path(settings.cache), settings.threads)
        self._languages = self._whisper.known(settings.languages)
        self._encoder = VoiceEncoder()
        self._cutter = Cutter()
        self._threads = settings.threads
        self._language = self._languages[0] if len(self._languages) == 1 else ""
        self._held: list[Piece] = []
        self._running: deque[tuple[Piece, Future[tuple[list[Word], Heard]]]] = deque()
        self._words: list[Word] = []
        self._heard: list[Heard] = []
        self._told_ms = 0

    def listen(self, chunks: Iterator[bytes]) -> Iterator[process_protocol.Message]:
        """Give progress while the samples come, then all utterances, then `Done`."""
        with ThreadPoolExecutor(self._threads) as pool:
            for chunk in chunks:
                for piece in self._cutter.take(chunk):
                    yield from self._begin(pool, piece)
                yield from self._quiet()
            for piece in self._cutter.finish():
                yield from self._begin(pool, piece)
            yield from self._release(pool)
            yield from self._finished(0)
        duration = self._cutter.taken * 1000 // SAMPLE_RATE
        utterances = join_words(voiced(self._words, Heard.together(self._heard)))
        yield from (process_protocol.Said(each) for each in utterances)
        yield process_protocol.Done(
            self._whisper.name, self._language if utterances else "", duration
        )

    def _begin(self, pool: ThreadPoolExecutor, piece: Piece) -> Iterator[process_protocol.Message]:
        self._held.append(piece)
        if self._language or sum(len(each.samples) for each in self._held) >= DETECT_SAMPLES:
            yield from self._release(pool)

    def _release(self, pool: ThreadPoolExecutor) -> Iterator[process_protocol.Message]:
        """Hand the held pieces to the threads; in between wait, so that few lie in memory."""
        if self._held and not self._language:
            self._language = self._whisper.likeliest(self._held, self._languages)
        for piece in self._held:
            self._running.append((piece, pool.submit(self._recognise, piece)))
            yield from self._finished(self._threads)
        self._held = []

    def _recognise(self, piece: Piece) -> tuple[list[Word], Heard]:
        return self._whisper.words(piece, self._language), hear(self._encoder, piece)

    def _finished(self, leave: int) -> Iterator[process_protocol.Message]:
        """Take finished pieces in order; wait for them while more than `leave` are running."""
        while self._running and (len(self._running) > leave or self._running[0][1].done()):
            piece, work = self._running.popleft()
            words, heard = work.result()
            self._words += words
            if len(heard.spans_ms):
                self._heard.append(heard)
            self._told_ms = piece.end * 1000 // SAMPLE_RATE
            yield process_protocol.Heard(self._told_ms)

    def _quiet(self) -> Iterator[process_protocol.Message]:
        yield from self._finished(self._threads)
        now = self._cutter.taken * 1000 // SAMPLE_RATE
        idle = not (self._running or self._held or self._cutter.waiting)
        if idle and now - self._told_ms >= TELL_EVERY_MS:
            self._told_ms = now
            yield process_protocol.Heard(now)


def main() -> int:
    """Do one recording; 0 also where it ends in a `Failed` message, 1 if nobody listens any more."""
    incoming, outgoing = _private_streams()

    def tell(message: process_protocol.Message) -> None:
        outgoing.write(process_protocol.line(message))
        outgoing.flush()

    try:
        settings = process_protocol.decode_settings(incoming.readline())
        _end_with(settings.parent)
        os.nice(NICE)
        for message in Recogniser(settings).listen(process_protocol.frames(incoming)):
            tell(message)
    except (EOFError, BrokenPipeError):
        return 1
    except WorkFailed as error:
        transient = error.error_class is ErrorClass.TRANSIENT
        tell(process_protocol.Failed(error.code, transient, dict(error.details)))
    except Exception as error:  # noqa: BLE001 - whatever it was, the parent must hear of it
        place = traceback.extract_tb(error.__traceback__)[-1]
        kind = type(error).__name__
        said = f"recogniser: {kind} in {place.name}:{place.lineno}"
        print(said, file=sys.stderr)  # noqa: T201 - a child's stderr is its log
        tell(process_protocol.Failed("engine_failed", transient=True, details={"reason": kind}))
    return 0


def _private_streams() -> tuple[IO[bytes], IO[bytes]]:
    """Our ends of the pipes; what a library prints must not mix with the messages."""
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return sys.stdin.buffer, outgoing


def _end_with(parent: int) -> None:
    """End when the parent ends, however it ends: by the kernel on Linux, else by looking."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    except AttributeError:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it ended before the kernel knew
        os._exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # threads that are still busy for nobody must not hold the process
