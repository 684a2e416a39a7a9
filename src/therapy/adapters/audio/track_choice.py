"""Chooses the track with speech where a recording has several."""

from array import array
from collections.abc import Collection, Iterator
from math import log10
from operator import mul

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Discard

from therapy.adapters.audio.containers import opened
from therapy.adapters.audio.ranged_file import RangedFile

SILENCE_DB = 40.0
"""A frame whose samples (s16) have less energy is silent: -50 dB of full scale."""

PAUSE_DB = 12.0
"""In a pause of speech it is so much quieter than in its loud parts …"""

PAUSE_SHARE = 0.1
"""… which is so in this share of the time at least; music goes on."""

STEADY = 0.3
"""What a second of steady sound counts, where a second of speech counts 1."""

ENOUGH_S = 5.0
"""Once a track has had so many seconds of sound, the choice is made."""

MOST_TRACKS = 32
"""So many tracks are looked at: a film has some for languages, a recorder some for microphones."""

MOST_S = 1_800.0
"""So much of a recording is looked at."""


class _TrackLevels:
    """How loud the frames of one track were so far."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._levels: list[float] = []
        self._shape: tuple[object, ...] = ()
        self._resampler: AudioResampler | None = None

    def add(self, frame: AudioFrame) -> None:
        level = _level(frame, self._resampler_of(frame))
        self._levels.append(level)
        if level > SILENCE_DB:
            self.seconds += frame.samples / frame.sample_rate

    def _resampler_of(self, frame: AudioFrame) -> AudioResampler:
        """Return the one of the frames before, unless this frame has another shape."""
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._resampler is None or shape != self._shape:
            self._shape = shape
            self._resampler = AudioResampler("s16", frame.layout.name, frame.sample_rate)
        return self._resampler

    def score(self) -> float:
        """Return the seconds of sound, which count less if they are steady."""
        if not self._levels:
            return 0.0
        loud = sorted(self._levels)[len(self._levels) * 9 // 10]
        pauses = sum(level < loud - PAUSE_DB for level in self._levels)
        return self.seconds * (1 if pauses >= PAUSE_SHARE * len(self._levels) else STEADY)


def chosen(file: RangedFile, tracks: list[AudioStream]) -> int:
    """Return the index of the first track with about as much speech as the one that has most.

    It is looked for from the beginning on, until one has had `ENOUGH_S` seconds of sound.
    """
    if len(tracks) == 1:
        return tracks[0].index
    levels = {each.index: _TrackLevels() for each in tracks[:MOST_TRACKS]}
    with opened(file) as (container, _, _):
        for index, frame in _frames(container, levels):
            levels[index].add(frame)
            if levels[index].seconds >= ENOUGH_S:
                break
    scores = {index: each.score() for index, each in levels.items()}
    return next(index for index, score in scores.items() if score >= max(scores.values()) / 2)


def only(container: InputContainer, indexes: Collection[int]) -> None:
    """Let the container skip every other stream as early as it can."""
    for each in container.streams:
        if each.index not in indexes:
            each.discard = Discard.all


def _frames(
    container: InputContainer, indexes: Collection[int]
) -> Iterator[tuple[int, AudioFrame]]:
    """Yield frames of these tracks, with their indexes; what can't be decoded is left out."""
    only(container, indexes)
    streams = [each for each in container.streams.audio if each.index in indexes]
    try:
        for packet in container.demux(streams):
            if packet.pts is not None and packet.pts * packet.time_base > MOST_S:
                return
            try:
                frames = packet.decode()
            except MemoryError:  # FFmpeg's is both
                raise
            except av.FFmpegError:
                continue
            for frame in frames:
                if isinstance(frame, AudioFrame) and frame.samples and frame.sample_rate:
                    yield packet.stream.index, frame
    except MemoryError:
        raise
    except av.FFmpegError:
        return


def _level(frame: AudioFrame, resampler: AudioResampler) -> float:
    """Return the mean energy of the loudest channel in dB; 0 for silence."""
    channels = frame.layout.nb_channels
    frame.pts = None
    energy = 1.0
    for each in resampler.resample(frame):
        samples = array("h", bytes(each.planes[0])[: each.samples * channels * 2])
        for channel in range(channels):
            part = samples[channel :: channels * 8]
            energy = max(energy, sum(map(mul, part, part)) / max(1, len(part)))
    return 10 * log10(energy)
