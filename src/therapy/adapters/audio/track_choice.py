"""Chooses the track with sound where a recording has several."""

from array import array
from collections.abc import Collection, Iterator
from operator import mul

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Discard

from therapy.adapters.audio.containers import opened
from therapy.adapters.audio.ranged_file import RangedFile

HEARD = 100.0**2
"""Mean square of samples (s16) from which on there is sound: -50 dB."""

ENOUGH_S = 5.0
"""Once a track has had so many seconds of sound, the choice is made."""

MOST_S = 1_800.0
"""So much of a recording is looked at."""


def chosen(file: RangedFile, tracks: list[AudioStream]) -> int:
    """Return the index of the first track with about as much sound as the one that has most.

    It is looked for from the beginning on, until one has had `ENOUGH_S` seconds of it.
    """
    if len(tracks) == 1:
        return tracks[0].index
    heard = {each.index: 0.0 for each in tracks}
    with opened(file) as (container, _, _):
        for index, frame in _frames(container, heard):
            heard[index] += _seconds_of_sound(frame)
            if heard[index] >= ENOUGH_S:
                break
    most = max(heard.values())
    return next(index for index, seconds in heard.items() if seconds >= most / 2)


def only(container: InputContainer, indexes: Collection[int]) -> None:
    """Let the container skip every other stream as early as it can."""
    for each in container.streams:
        if each.index not in indexes:
            each.discard = Discard.all


def _frames(container: InputContainer, heard: Collection[int]) -> Iterator[tuple[int, AudioFrame]]:
    """Yield frames of these tracks, with their indexes; what can't be decoded is left out."""
    only(container, heard)
    streams = [each for each in container.streams.audio if each.index in heard]
    try:
        for packet in container.demux(streams):
            if packet.pts is not None and packet.pts * packet.time_base > MOST_S:
                return
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            for frame in frames:
                if isinstance(frame, AudioFrame):
                    yield packet.stream.index, frame
    except av.FFmpegError:
        return


def _seconds_of_sound(frame: AudioFrame) -> float:
    """Return the length of a frame if there is sound on any of its channels, else 0."""
    resampler = AudioResampler(format="s16", layout=frame.layout.name, rate=frame.sample_rate)
    seconds = frame.samples / frame.sample_rate
    channels = frame.layout.nb_channels
    frame.pts = None
    for each in resampler.resample(frame):
        samples = array("h", bytes(each.planes[0])[: each.samples * channels * 2])
        for channel in range(channels):
            part = samples[channel :: channels * 8]
            if part and sum(map(mul, part, part)) > HEARD * len(part):
                return seconds
    return 0.0
