"""Where in a stretch of speech another person begins, and where several talk at once.

The network is pyannote's segmentation 3.0 (Plaquet and Bredin 2023, "Powerset multi-class cross entropy
loss for neural speaker diarization"): for each 17 ms of a chunk of 10 s it says which of up to three people
in that chunk talk, at most two at once. It can't say who they are; its numbers hold for one chunk only.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from therapy.adapters.local.speech.networks import Floats, Network
from therapy.adapters.local.speech.speaker_encoder import FRAME_STEP
from therapy.adapters.local.speech.speech_segments import Spans
from therapy.ports.audio import SAMPLE_RATE

CHUNK = 10 * SAMPLE_RATE
MARGIN = SAMPLE_RATE
"""Samples at both ends of a chunk that the neighbouring chunk judges: there it knows too little."""

CLASSES = np.array([0, 1, 2, 3, -1, -1, -1])
"""What each of the network's seven classes means: nobody, one of three alone, two at once."""

NOBODY, SEVERAL = 0, -1
PER_CHUNK = 10
"""Added to a person's number for each chunk, because in the next one the numbers mean others."""

SHORTEST_FRAMES = 20
"""A shorter stretch of one person (0.2 s) says nothing about the voice."""


class SpeakerChanges:
    """Finds the stretches in which one person talks alone."""

    def __init__(self) -> None:
        self._network = Network("seg3-fp16.onnx")

    def alone(self, samples: Floats, spans: Spans) -> Spans:
        """Return the speech of one person alone, in frames of 10 ms, inside `spans`, which are in samples.

        Each of `spans` is cut where another person begins, and where several talk at once it is left out.
        """
        if not spans:
            return []
        who = self._who(samples)
        frames = [(first // FRAME_STEP, last // FRAME_STEP) for first, last in spans]
        return [part for first, last in frames for part in parts(who[first:last], first)]

    def _who(self, samples: Floats) -> NDArray[np.int64]:
        """Return for each 10 ms who talks: a number, `NOBODY` or `SEVERAL`."""
        who = np.zeros(-(-len(samples) // FRAME_STEP), dtype=np.int64)
        starts = range(0, max(1, len(samples) - 2 * MARGIN), CHUNK - 2 * MARGIN)
        for number, start in enumerate(starts):
            chunk = samples[start : start + CHUNK]
            padded = np.pad(chunk, (0, CHUNK - len(chunk)))
            found = CLASSES[self._network.run(padded[None, None])[0].argmax(axis=1)]
            found = np.where(found > 0, found + PER_CHUNK * number, found)
            skip = MARGIN if start else 0
            at = np.arange(skip, len(chunk), FRAME_STEP)
            who[(start + at) // FRAME_STEP] = found[at * len(found) // CHUNK]
        return who


def parts(who: NDArray[np.int64], offset: int) -> Spans:
    """Return the stretches of one person alone; where nobody seems to talk, who talked before goes on."""
    spoken = np.flatnonzero(who != NOBODY)
    if len(spoken):
        last = np.searchsorted(spoken, np.arange(len(who)), side="right") - 1
        who = who[spoken[np.maximum(last, 0)]]
    edges = [0, *(np.flatnonzero(np.diff(who)) + 1).tolist(), len(who)]
    return [
        (offset + first, offset + end)
        for first, end in pairwise(edges)
        if end - first >= SHORTEST_FRAMES and who[first] != SEVERAL
    ]
