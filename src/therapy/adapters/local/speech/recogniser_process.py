"""The child process that recognises speech, and says how it failed; `engine` starts it with `python -m`.

Settings and samples come in over stdin, messages go out over stdout (`process_protocol`). It is a separate
process because a native library that crashes, or uses too much memory, must not take the API down with it.
It has a lower priority than the API (nice 10) and ends when its parent ends. Nothing that was said is ever
written to stderr: of an unexpected error only its type and place.
"""

import os
import sys
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

from therapy.adapters.child_process.child_side import end_after, prepare, private_streams
from therapy.adapters.child_process.limits import Allowance
from therapy.adapters.local.speech import process_protocol
from therapy.adapters.local.speech.diarization import voiced
from therapy.adapters.local.speech.recording_words import RecordingWords
from therapy.adapters.local.speech.segment_checkpoints import Found, SegmentCheckpoints
from therapy.adapters.local.speech.segment_words import segment_words
from therapy.adapters.local.speech.speech_segments import Segmenter, SpeechSegment
from therapy.adapters.local.speech.voice_windows import VoiceListener, VoiceWindows
from therapy.adapters.local.speech.whisper import Whisper, no_memory, out_of_memory
from therapy.adapters.local.speech.whisper_weights import chosen_model
from therapy.domain.errors import EngineDied, ErrorClass, WorkFailed
from therapy.domain.transcript import join_words
from therapy.ports.audio import BYTES_PER_MS, SAMPLE_RATE

NICE = 10
REPORT_EVERY_MS = 10_000
"""Progress is reported at least this often, in silence too."""

LOOK_EVERY_SECONDS = 0.5
"""So often it is looked, while segments are recognised, what of them is done."""

WORDS_SHARE = 0.75
"""The part of the work on a segment that its words take; the rest is for its voices."""


class Recogniser:
    """Runs one recording through Whisper and the networks for voices, `threads` segments at a time."""

    def __init__(
        self, settings: process_protocol.ChildSettings, checkpoints: Sequence[bytes] = ()
    ) -> None:
        model = chosen_model(settings.model, settings.languages)
        self._whisper = Whisper(model, Path(settings.cache), settings.threads)
        self._languages = self._whisper.known(settings.languages)
        self._listener, self._people = VoiceListener(), settings.people
        how = self._whisper.name, *settings.languages
        self._checkpoints = SegmentCheckpoints(checkpoints, how, settings.checkpoint_ms)
        self._segmenter = Segmenter()
        self._threads = settings.threads
        self._running: deque[tuple[SpeechSegment, Future[Found]]] = deque()
        self._words = RecordingWords(self._languages)
        self._windows: list[VoiceWindows] = []
        self._reported_ms = self._finished_ms = 0
        self._with_words: set[int] = set()

    def recognise(self, chunks: Iterator[bytes]) -> Iterator[process_protocol.Message]:
        """Yield progress while the samples arrive, then all utterances, then `Done`."""
        with ThreadPoolExecutor(self._threads) as pool:
            for chunk in chunks:
                for segment in self._segmenter.take(chunk):
                    yield from self._begin(pool, segment)
                yield from self._silent_progress()
            for segment in self._segmenter.finish():
                yield from self._begin(pool, segment)
            yield from self._finished(0)
        self._words.refuse_if_not_understood()
        duration = self._segmenter.taken * 1000 // SAMPLE_RATE
        windows = VoiceWindows.concatenated(self._windows)
        words = voiced(self._words.plain(), windows, self._people)
        utterances = join_words(self._words.flagged(words))
        yield from (process_protocol.Recognised(each) for each in utterances)
        yield process_protocol.Done(
            self._whisper.name,
            self._words.language,
            duration,
            self._words.coverage,
            self._checkpoints.resumed_ms,
        )

    def _begin(
        self, pool: ThreadPoolExecutor, segment: SpeechSegment
    ) -> Iterator[process_protocol.Message]:
        """Hand a segment to the threads, waiting in between so that few are in memory."""
        if earlier := self._checkpoints.earlier(segment):
            work: Future[Found] = Future()
            work.set_result(earlier)
        else:
            work = pool.submit(self._recognise, segment)
        self._running.append((segment, work))
        yield from self._finished(self._threads)

    def _recognise(self, segment: SpeechSegment) -> Found:
        words = segment_words(self._whisper, segment, self._languages)
        self._with_words.add(segment.start)
        return words, self._listener.windows(segment)

    def _finished(self, leave: int) -> Iterator[process_protocol.Message]:
        """Collect finished segments in order; wait for them while more than `leave` are running."""
        while self._running and (len(self._running) > leave or self._running[0][1].done()):
            while wait([self._running[0][1]], LOOK_EVERY_SECONDS).not_done:
                yield from self._partial_progress()
            segment, work = self._running.popleft()
            self._collect(segment, work.result())
            yield from self._partial_progress()
            if state := self._checkpoints.complete(self._finished_ms):
                yield process_protocol.Checkpoint(state)

    def _collect(self, segment: SpeechSegment, found: Found) -> None:
        words, windows = found
        self._words.add(words)
        self._windows.append(windows)
        self._finished_ms = segment.end * 1000 // SAMPLE_RATE
        if segment.start in self._with_words:  # recognised now, not by an earlier try
            self._checkpoints.add(segment, found)

    def _partial_progress(self) -> Iterator[process_protocol.Message]:
        """Report what is finished, and of the segments under way the part of the work that is done."""
        done = self._finished_ms + sum(
            len(segment.samples) * 1000 / SAMPLE_RATE * self._share(segment, work)
            for segment, work in self._running
        )
        if done > self._reported_ms:
            self._reported_ms = int(done)
            yield process_protocol.Progress(self._reported_ms)

    def _share(self, segment: SpeechSegment, work: Future[Found]) -> float:
        if work.done():
            return 1.0
        return WORDS_SHARE if segment.start in self._with_words else 0.0

    def _silent_progress(self) -> Iterator[process_protocol.Message]:
        yield from self._finished(self._threads)
        now = self._segmenter.taken * 1000 // SAMPLE_RATE
        yield from self._partial_progress()
        idle = not (self._running or self._segmenter.waiting)
        if idle and now - self._reported_ms >= REPORT_EVERY_MS:
            self._reported_ms = self._finished_ms = now
            yield process_protocol.Progress(now)


def main() -> int:
    """Recognise one recording; return 0, also after a `Failed` message, or 1 if the parent has gone."""
    incoming, outgoing = private_streams()

    allowance: Allowance | None = None

    def send(message: process_protocol.Message) -> None:
        outgoing.write(process_protocol.line(message))
        outgoing.flush()

    try:
        line = incoming.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        settings = process_protocol.decode_settings(line)
        prepare(settings.parent)
        os.nice(NICE)
        earlier = [process_protocol.one_frame(incoming) for _ in range(settings.checkpoints)]
        recogniser = Recogniser(settings, earlier)
        del earlier
        allowance = Allowance(
            settings.limits
        )  # its model is loaded, nothing of the recording is read
        for message in recogniser.recognise(_allowed(process_protocol.frames(incoming), allowance)):
            send(message)
    except (EOFError, BrokenPipeError):
        return 1
    except WorkFailed as error:
        transient = error.error_class is ErrorClass.TRANSIENT
        send(process_protocol.Failed(error.code, transient, dict(error.details)))
    except Exception as error:  # noqa: BLE001 - whatever it was, the parent must be told
        send(_unexpected(error, allowance))
    return 0


def _allowed(chunks: Iterator[bytes], allowance: Allowance) -> Iterator[bytes]:
    """Yield the chunks; allow the CPU time for each."""
    taken = 0
    for chunk in chunks:
        taken += len(chunk)
        allowance.more(taken / BYTES_PER_MS / 1000)
        yield chunk


def _unexpected(error: Exception, allowance: Allowance | None) -> process_protocol.Failed:
    """Return what the parent is told of an error; its place goes to stderr, its text nowhere."""
    if out_of_memory(error):
        if allowance is not None and allowance.memory_is_the_recordings_fault():
            return process_protocol.Failed(EngineDied.code, transient=True)
        return process_protocol.Failed(no_memory().code, transient=True)
    place = traceback.extract_tb(error.__traceback__)[-1]
    kind = type(error).__name__
    report = f"recogniser: {kind} in {place.name}:{place.lineno}"
    print(report, file=sys.stderr)  # noqa: T201 - a child's stderr is its log
    return process_protocol.Failed("engine_failed", transient=True, details={"reason": kind})


if __name__ == "__main__":
    end_after(main)
