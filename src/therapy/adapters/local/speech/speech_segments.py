"""Cuts a stream of samples into segments of speech, at pauses, while it arrives.

Silero VAD (MIT, the network that ships inside faster-whisper) gives the probability of speech for each
32 ms. A segment is a stretch of the recording that fits the recogniser's window of 30 s. Segments touch
where the pause between them is short, because the network may have missed speech there; longer silences
belong to none. Only the current segment, or the one before, is kept in memory.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from therapy.ports.audio import SAMPLE_RATE

FRAME = 512
"""Samples that the network judges at a time (32 ms)."""

CONTEXT = 64
"""Samples before each frame that the network also gets."""

SPEECH, QUIET = 0.4, 0.2
"""Speech begins at a probability of `SPEECH`; it ends once it stays below `QUIET`.

With the network's usual 0.5 and 0.35, only two thirds of the speech on a telephone line are found."""


def _frames(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE / FRAME)


PAUSE = _frames(0.2)
"""A shorter silence does not separate speech."""

SHORTEST = _frames(0.1)
"""Shorter speech is a click."""

LONGEST = _frames(28)
"""A segment must fit Whisper's window of 30 s with its padding."""

CUT_AFTER = _frames(12)
"""A shorter segment is cut only at a `LONG_SILENCE`, because each one costs a full window."""

CLEAR_PAUSE = _frames(2)
JOINED = _frames(4)
"""A pause between segments that is no longer than this belongs to the first of them."""

LONG_SILENCE = _frames(6)
PADDING = _frames(0.25)
"""Kept around speech, for beginnings and endings that the network misses."""

WINDOW = _frames(30)
"""What the recogniser hears at once."""

Spans = list[tuple[int, int]]


@dataclass(frozen=True)
class SpeechSegment:
    """A stretch of the recording: the number of its first sample, its samples (-1..1), the speech inside.

    `spans` are the first and last+1 sample of each stretch of speech, counted from the segment's start.
    """

    start: int
    samples: NDArray[np.float32]
    spans: Spans

    @property
    def end(self) -> int:
        return self.start + len(self.samples)


class Segmenter:
    """Takes samples as they arrive and yields segments as they are complete."""

    def __init__(self) -> None:
        self._network = _Silero()
        self._rest = b""
        self._kept = np.empty(0, dtype=np.int16)
        self._kept_from = 0  # frame number of the first kept sample
        self._now = 0  # frames judged so far
        self._spans: Spans = []  # finished speech of the current segment, in frames
        self._speech_from = -1
        self._quiet_from = -1
        self._cut: tuple[int, int, Spans] | None = None  # a segment whose end may still move
        self._end = 0  # where the segment before ended
        self._recent: deque[float] = deque(maxlen=_frames(5))
        self.taken = 0
        """Samples taken so far."""

    @property
    def waiting(self) -> bool:
        """Whether there is speech that is not in a segment yet."""
        return bool(self._spans or self._cut) or self._speech_from >= 0

    def take(self, pcm: bytes) -> Iterator[SpeechSegment]:
        """Take s16 samples; yield the segments that they complete."""
        pcm = self._rest + pcm
        whole = len(pcm) // (2 * FRAME) * 2 * FRAME
        self._rest = pcm[whole:]
        self.taken += whole // 2
        if whole:
            yield from self._judge(np.frombuffer(pcm[:whole], dtype="<i2"))

    def finish(self) -> Iterator[SpeechSegment]:
        """Yield the segment that is left; the end of the recording ends all speech."""
        left = len(self._rest) // 2
        if left:
            padded = self._rest[: left * 2].ljust(2 * FRAME, b"\0")
            self._rest = b""
            self.taken += left
            yield from self._judge(np.frombuffer(padded, dtype="<i2"))
        if self._speech_from >= 0:
            self._end_speech(self._now)
        if self._spans:
            yield from self._cut_at(self._now)
        yield from self._released(self._now)

    def _judge(self, samples: NDArray[np.int16]) -> Iterator[SpeechSegment]:
        self._kept = np.concatenate([self._kept, samples])
        for probability in self._network.judge(samples.reshape(-1, FRAME)):
            self._recent.append(probability)
            self._update_speech(probability)
            self._now += 1
            cut = self._where_to_cut()
            yield from self._released(self._next_start())
            if cut is not None:
                yield from self._cut_at(cut)
        self._forget()

    def _update_speech(self, probability: float) -> None:
        if self._speech_from < 0:
            if probability >= SPEECH:
                self._speech_from, self._quiet_from = self._now, -1
        elif probability >= SPEECH:
            self._quiet_from = -1
        elif probability < QUIET:
            if self._quiet_from < 0:
                self._quiet_from = self._now
            elif self._now - self._quiet_from >= PAUSE:
                self._end_speech(self._quiet_from)

    def _end_speech(self, end: int) -> None:
        if end - self._speech_from >= SHORTEST:
            self._spans.append((self._speech_from, end))
        self._speech_from = self._quiet_from = -1

    def _where_to_cut(self) -> int | None:
        """Return the frame at which the current segment must end now; None if it goes on."""
        if not self._spans and self._speech_from < 0:
            return None
        begun = self._spans[0][0] if self._spans else self._speech_from
        length = self._now - begun
        silent = self._now - self._spans[-1][1] if self._speech_from < 0 else 0
        if silent >= LONG_SILENCE or (silent >= CLEAR_PAUSE and length >= CUT_AFTER):
            return self._now
        return self._best_cut(begun + CUT_AFTER) if length >= LONGEST else None

    def _best_cut(self, earliest: int) -> int:
        """Return the middle of the longest pause from `earliest` on; without one, a recent quietest frame."""
        now = self._now if self._speech_from < 0 else self._speech_from
        speech = [*self._spans, (now, now)]
        pauses = [
            (start - end, (start + end) // 2)
            for (_, end), (start, _) in pairwise(speech)
            if end >= earliest
        ]
        if pauses:
            return max(pauses)[1]
        recent = list(self._recent)
        return self._now - len(recent) + recent.index(min(recent))

    def _cut_at(self, cut: int) -> Iterator[SpeechSegment]:
        """End a segment with the speech before `cut`; the rest begins the next one. Yield the one before."""
        before = [(start, min(end, cut)) for start, end in self._spans if start < cut]
        after = [(max(start, cut), end) for start, end in self._spans if end > cut]
        if 0 <= self._speech_from < cut:  # in the middle of speech
            before.append((self._speech_from, cut))
            self._speech_from = cut
        start, ended = self._start(before[0][0]), before[-1][1]
        yield from self._released(start)
        self._spans = after
        next_speech = after[0][0] if after else self._speech_from if self._speech_from >= 0 else cut
        end = min(ended + PADDING, max(cut, ended), max(next_speech, ended), self._now)
        self._cut, self._end = (start, end, before), end

    def _start(self, speech: int) -> int:
        """Return where a segment begins whose speech begins at that frame."""
        return max(self._end, speech - PADDING)

    def _next_start(self) -> int | None:
        """Return where the next segment begins, or a frame it can't begin before; None if it may be near."""
        if self._spans:
            return self._start(self._spans[0][0])
        if self._speech_from < 0:
            certain = self._now - PADDING - self._end > JOINED
            return self._now - PADDING if certain else None
        goes_on = self._quiet_from < 0 and self._now - self._speech_from >= SHORTEST
        return self._start(self._speech_from) if goes_on else None

    def _released(self, next_start: int | None) -> Iterator[SpeechSegment]:
        """Yield the segment that was cut, up to the next one if that is near; nothing if it isn't known."""
        if self._cut is None or next_start is None:
            return
        start, end, speech = self._cut
        if next_start - end <= JOINED and next_start - start < WINDOW:
            end = next_start
        self._cut, self._end = None, end
        first = (start - self._kept_from) * FRAME
        length = min(end * FRAME, self.taken) - start * FRAME  # the last frame may be filled up
        spans = [((a - start) * FRAME, min((b - start) * FRAME, length)) for a, b in speech]
        yield SpeechSegment(start * FRAME, _wide(self._kept[first : first + length]), spans)
        self._drop_before(end)

    def _forget(self) -> None:
        """Drop silence, except the padding before speech that may begin now."""
        if not self.waiting:
            self._drop_before(self._now - PADDING)

    def _drop_before(self, frame: int) -> None:
        if frame > self._kept_from:
            self._kept = self._kept[(frame - self._kept_from) * FRAME :].copy()
            self._kept_from = frame


def _wide(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """Return 16 bit samples as numbers from -1 to 1."""
    return samples.astype(np.float32) / np.float32(32768)


class _Silero:
    """The voice activity network, for one stream of frames."""

    def __init__(self) -> None:
        from onnxruntime import (  # type: ignore[import-untyped] # it ships no types
            InferenceSession,
            SessionOptions,
        )

        options = SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 4
        network = files("faster_whisper") / "assets" / "silero_vad_v6.onnx"
        self._session = InferenceSession(
            network.read_bytes(), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._state: list[Any] = [np.zeros((1, 1, 128), dtype=np.float32) for _ in range(2)]
        self._before: NDArray[np.float32] = np.zeros(CONTEXT, dtype=np.float32)

    def judge(self, frames: NDArray[np.int16]) -> list[float]:
        """Return the probability of speech for each frame."""
        wide = _wide(frames)
        tails = np.vstack([self._before, wide[:-1, -CONTEXT:]])
        self._before = wide[-1, -CONTEXT:]
        hidden, cell = self._state
        found, *self._state = self._session.run(
            None, {"input": np.hstack([tails, wide]), "h": hidden, "c": cell}
        )
        return [float(each) for each in np.asarray(found).ravel()]
