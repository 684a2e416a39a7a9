"""Checkpoints: what was found in each segment of speech, so that a later try need not recognise it again.

A segment is told by its samples, its place and how it was recognised. A later try cuts the same recording
into the same segments, which is cheap, and takes from the checkpoints what they have. So it comes to the same
result: nothing in the engine draws random numbers.
"""

import hashlib
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from msgspec import Struct

from therapy.adapters.local.speech.segment_words import SegmentWords
from therapy.adapters.local.speech.speaker_encoder import SIZE
from therapy.adapters.local.speech.speech_segments import SpeechSegment
from therapy.adapters.local.speech.voice_windows import VoiceWindows
from therapy.ports.audio import SAMPLE_RATE

FORM = 1
"""Greater whenever what is found in a segment, or how it is stored, has become another."""

MOST_BYTES = 1 << 20
"""A checkpoint of this size is complete, however little audio it covers: it is sent as one line."""

Found = tuple[SegmentWords, VoiceWindows]


class _Kept(Struct, frozen=True, array_like=True):
    """What was found in one segment; the windows of voices as little-endian int64 and float32."""

    digest: bytes
    words: SegmentWords
    spans_ms: bytes
    embeddings: bytes


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(tuple[_Kept, ...])


class SegmentCheckpoints:
    """What earlier tries found, by segment, and what this one finds; `how` names model and languages.

    A checkpoint is complete once it covers `every_ms` of audio (0 = never). States that can't be read, as
    another version of this program wrote them, are ignored.
    """

    def __init__(self, states: Iterable[bytes], how: Sequence[str], every_ms: int) -> None:
        self._how = "\0".join((str(FORM), *how)).encode()
        self._earlier = {each.digest: each for state in states for each in _read(state)}
        self._every_ms, self._begun_ms = every_ms, 0
        self._new: list[_Kept] = []
        self._bytes = 0
        self.resumed_ms = 0
        """How much audio was taken from checkpoints."""

    def earlier(self, segment: SpeechSegment) -> Found | None:
        """Return what an earlier try found in a segment; None if none did."""
        kept = self._earlier.pop(self._digest(segment), None) if self._earlier else None
        if kept is None:
            return None
        self.resumed_ms += len(segment.samples) * 1000 // SAMPLE_RATE
        spans = np.frombuffer(kept.spans_ms, dtype="<i8").reshape(-1, 2)
        embeddings = np.frombuffer(kept.embeddings, dtype="<f4").reshape(-1, SIZE)
        return kept.words, VoiceWindows(spans, embeddings)

    def add(self, segment: SpeechSegment, found: Found) -> None:
        """Add what was found in a segment now; they are added in order."""
        if self._every_ms:
            words, windows = found
            spans = windows.spans_ms.astype("<i8").tobytes()
            embeddings = windows.embeddings.astype("<f4").tobytes()
            self._new.append(_Kept(self._digest(segment), words, spans, embeddings))
            self._bytes += len(spans) + len(embeddings)

    def complete(self, now_ms: int) -> bytes:
        """Return the next checkpoint if one is complete, with all audio before `now_ms` done; else b""."""
        long_enough = now_ms - self._begun_ms >= self._every_ms or self._bytes >= MOST_BYTES
        if not self._new or not long_enough:
            return b""
        state = _ENCODER.encode(self._new)
        self._new, self._bytes, self._begun_ms = [], 0, now_ms
        return state

    def _digest(self, segment: SpeechSegment) -> bytes:
        place = np.array([segment.start, *sum(segment.spans, ())], dtype="<i8")
        return hashlib.blake2b(
            self._how + b"\0" + place.tobytes() + segment.samples.tobytes(), digest_size=16
        ).digest()


def _read(state: bytes) -> tuple[_Kept, ...]:
    try:
        return _DECODER.decode(state)
    except msgspec.MsgspecError:
        return ()
