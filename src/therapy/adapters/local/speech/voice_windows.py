"""Windows of speech and what the voice in each sounds like: all that is kept of a recording's voices.

A window is at most 1.5 s of one person; one starts every 0.4 s. An hour of speech is 9,000 windows, 7 MB.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from therapy.adapters.local.speech.networks import Floats
from therapy.adapters.local.speech.speaker_changes import SpeakerChanges
from therapy.adapters.local.speech.speaker_encoder import (
    FRAME_STEP,
    SIZE,
    WINDOW_FRAMES,
    VoiceEncoder,
    mel_frames,
)
from therapy.adapters.local.speech.speech_segments import SpeechSegment
from therapy.ports.audio import SAMPLE_RATE

HOP_FRAMES = 40
"""A window starts every 0.4 s."""

MS_PER_FRAME = FRAME_STEP * 1000 // SAMPLE_RATE


@dataclass(frozen=True)
class VoiceWindows:
    """Windows of speech, in order: start and end of each in ms, and its embedding, a unit vector."""

    spans_ms: NDArray[np.int64]
    embeddings: Floats

    @property
    def weights(self) -> Floats:
        """How much each says about its voice: 1 for a whole window, less for a shorter one."""
        lengths = self.spans_ms[:, 1] - self.spans_ms[:, 0]
        return np.asarray(lengths / (WINDOW_FRAMES * MS_PER_FRAME), dtype=np.float32)

    @staticmethod
    def concatenated(parts: Sequence["VoiceWindows"]) -> "VoiceWindows":
        """Return the windows of all parts, in order."""
        return VoiceWindows(
            np.concatenate([np.empty((0, 2), dtype=np.int64), *(each.spans_ms for each in parts)]),
            np.concatenate(
                [np.empty((0, SIZE), dtype=np.float32), *(each.embeddings for each in parts)]
            ),
        )


class VoiceListener:
    """Hears the voices of a segment: cuts it where they change, and embeds its windows."""

    def __init__(self) -> None:
        self._changes = SpeakerChanges()
        self._encoder = VoiceEncoder()

    def windows(self, segment: SpeechSegment) -> VoiceWindows:
        """Return the windows of a segment's speech, timed from the start of the recording."""
        alone = self._changes.alone(segment.samples, segment.spans)
        spans = [span for first, last in alone for span in window_spans(first, last)]
        if not spans:
            return VoiceWindows.concatenated(())
        mel = mel_frames(segment.samples)
        # Speech shorter than a window is repeated: what is around it may be someone else's.
        pictures = [
            np.resize(mel[first:last], (WINDOW_FRAMES, mel.shape[1])) for first, last in spans
        ]
        offset = segment.start * 1000 // SAMPLE_RATE
        return VoiceWindows(
            np.array(spans, dtype=np.int64) * MS_PER_FRAME + offset,
            self._encoder.embed(np.stack(pictures)),
        )


def window_spans(first: int, last: int) -> list[tuple[int, int]]:
    """Return the windows of one person's speech, in frames; the last one ends where the speech ends."""
    final = last - WINDOW_FRAMES
    if final <= first:
        return [(first, last)]
    starts = list(range(first, final + 1, HOP_FRAMES))
    if final - starts[-1] > HOP_FRAMES // 2:
        starts.append(final)
    return [(start, start + WINDOW_FRAMES) for start in starts]
