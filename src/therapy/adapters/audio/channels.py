"""Mixes several channels to one, each judged before: inverted, silent, or one speaker on each.

The statistics are those of every few samples, which cost little and say the same. They are those of the
latest second with sound, so that a channel that dies, comes back or is turned over is noticed at once.
"""

from array import array
from collections.abc import Iterator
from fractions import Fraction
from math import log10, sqrt
from operator import mul

from av.audio.frame import AudioFrame
from av.filter import Graph
from av.filter.context import FilterContext

from therapy.domain.audio_findings import LEVEL_MS
from therapy.ports.audio import SAMPLE_RATE

BLOCK = SAMPLE_RATE
"""Samples that are judged and mixed at once."""

SAMPLES_PER_LEVEL = SAMPLE_RATE * LEVEL_MS // 1000
FADE = 0.1
"""What is left after a block of what was known before: that decides in pauses, where there is little else."""

INVERTED = -0.5
"""Channels whose correlation is less are subtracted."""

SILENT_SHARE = 1e-4
"""A channel with less than this share of the loudest one's energy (-40 dB) is silent."""

STEP_DB = 0.375
FULL = 255
ACTIVE = 50
"""Levels within so many steps (19 dB) of a channel's loud parts are speech."""

FAINT = 40
"""A channel that is quieter than the loudest by more steps than this (15 dB) is judged as if it were not:
hiss and hum are no speech."""

APART = 16
"""On separate channels one is louder by so many steps (6 dB) …"""

APART_SHARE = 0.8
"""… in this share of the time in which somebody speaks …"""

LEAST_SHARE = 0.05
"""… and each of them in this share at least."""

MOST_LEVELS = 8
"""Levels are noted of so many channels at most."""


class ChannelMixer:
    """Takes interleaved s16 samples at 16 kHz, yields mono; what it found out is there at the end."""

    def __init__(self, layout: str, channels: int) -> None:
        self._layout, self._channels = layout, channels
        self._step = 8 * -(-channels // 2)
        self._pending = bytearray()
        self._recent = [[0.0] * channels for _ in range(channels)]
        self._total = [[0.0] * channels for _ in range(channels)]
        self._levels = [bytearray() for _ in range(channels if channels <= MOST_LEVELS else 0)]
        self._weights: tuple[float, ...] = ()
        self._graph: tuple[Graph, FilterContext] | None = None

    def take(self, samples: bytes) -> Iterator[bytes]:
        """Yield mono samples for all whole blocks that have arrived."""
        self._pending += samples
        length = BLOCK * self._channels * 2
        while len(self._pending) >= length:
            block = bytes(self._pending[:length])
            del self._pending[:length]
            yield self._mixed(block)

    def rest(self) -> bytes:
        """Return mono samples for what has not filled a block."""
        block, self._pending = bytes(self._pending), bytearray()
        return self._mixed(block) if block else b""

    def remarks(self) -> tuple[str, ...]:
        """Return the codes of what a listener should know."""
        loudest = max(self._total[each][each] for each in range(self._channels))
        if not loudest:
            return ()
        found = []
        if any(self._is_inverted(self._total, each) for each in range(self._channels)):
            found.append("inverted_channel")
        if any(self._total[each][each] < SILENT_SHARE * loudest for each in range(self._channels)):
            found.append("silent_channel")
        if self.levels():
            found.append("separate_channels")
        return tuple(found)

    def levels(self) -> tuple[bytes, ...]:
        """Return the levels of the channels if they carry different speakers, else nothing."""
        sounding = [each for each in self._levels if max(each, default=0)]
        loud = [_loud(each) for each in sounding]
        floors = [max(each, max(loud) - FAINT) - ACTIVE for each in loud]
        wins = [0] * len(sounding)
        spoken = 0
        for levels in zip(*sounding, strict=True):
            if not any(level > floor for level, floor in zip(levels, floors, strict=True)):
                continue
            spoken += 1
            first, second = sorted(levels, reverse=True)[:2] if len(levels) > 1 else (0, 0)
            if first - second >= APART:
                wins[levels.index(first)] += 1
        apart = len(sounding) > 1 and sum(wins) >= APART_SHARE * spoken
        if apart and sum(each >= LEAST_SHARE * spoken for each in wins) > 1:
            return tuple(bytes(each) for each in self._levels)
        return ()

    def _mixed(self, block: bytes) -> bytes:
        count = len(block) // (2 * self._channels)
        if block.count(0) == len(block):
            for each in self._levels:
                each.extend(bytes(-(-count // SAMPLES_PER_LEVEL)))
            return bytes(count * 2)
        samples = array("h", block)
        self._judge(samples)
        return self._panned(block, count)

    def _judge(self, samples: "array[int]") -> None:
        parts = [samples[each :: self._channels * self._step] for each in range(self._channels)]
        for first in range(self._channels):
            for second in range(first + 1):
                both = float(sum(map(mul, parts[first], parts[second])))
                self._total[first][second] += both
                self._recent[first][second] = FADE * self._recent[first][second] + both
        for each, part in zip(self._levels, parts, strict=False):
            each.extend(_levels_of(part, SAMPLES_PER_LEVEL // self._step))

    def _is_inverted(self, sums: list[list[float]], channel: int) -> bool:
        """Return whether a channel is the opposite of the loudest one."""
        loudest = max(range(self._channels), key=lambda each: sums[each][each])
        both = sums[max(channel, loudest)][min(channel, loudest)]
        scale = sqrt(sums[channel][channel] * sums[loudest][loudest])
        return scale > 0 and both / scale < INVERTED

    def _weigh(self) -> tuple[float, ...]:
        """Return what each channel is multiplied by, so that the mix is as loud as the loudest of them."""
        sums, count = self._recent, self._channels
        loudest = max(sums[each][each] for each in range(count))
        signs = [
            0 if sums[each][each] < SILENT_SHARE * loudest
            else -1 if self._is_inverted(sums, each) else 1
            for each in range(count)
        ]  # fmt: skip
        energy = sum(
            signs[first] * signs[second] * sums[max(first, second)][min(first, second)]
            for first in range(count)
            for second in range(count)
        )
        mixed = sum(map(abs, signs))
        gain = sqrt(loudest / energy) if energy > 0 else 1.0
        gain = (
            round(min(1.0, max(gain, 1 / mixed)) * 20) / 20
        )  # few steps: the filter is kept longer
        return tuple(gain * sign for sign in signs)

    def _panned(self, block: bytes, count: int) -> bytes:
        frame = AudioFrame(format="s16", layout=self._layout, samples=count)
        plane = frame.planes[0]
        plane.update(block.ljust(plane.buffer_size, b"\0"))
        frame.sample_rate = SAMPLE_RATE
        weights = self._weigh()
        if weights != self._weights or self._graph is None:
            self._weights, self._graph = weights, _graph(self._layout, weights)
        graph, sink = self._graph
        graph.push(frame)
        mixed = sink.pull()
        return bytes(mixed.planes[0])[: count * 2] if isinstance(mixed, AudioFrame) else b""


def _graph(layout: str, weights: tuple[float, ...]) -> tuple[Graph, FilterContext]:
    """Return a filter that mixes interleaved s16 samples with these weights."""
    graph = Graph()
    source = graph.add_abuffer(
        sample_rate=SAMPLE_RATE, format="s16", layout=layout, time_base=Fraction(1, SAMPLE_RATE)
    )
    terms = [f"{weight:+.3f}*c{channel}" for channel, weight in enumerate(weights) if weight]
    pan = graph.add("pan", "mono|c0=" + "".join(terms).lstrip("+"))
    shape = graph.add("aformat", "sample_fmts=s16:channel_layouts=mono")
    sink = graph.add("abuffersink")
    source.link_to(pan)
    pan.link_to(shape)
    shape.link_to(sink)
    graph.configure()
    return graph, sink


def _levels_of(samples: "array[int]", count: int) -> Iterator[int]:
    for at in range(0, len(samples), count):
        part = samples[at : at + count]
        energy = sum(map(mul, part, part)) / len(part) / 32_768**2
        yield max(1, min(FULL, round(FULL + 10 * log10(energy) / STEP_DB))) if energy else 0


def _loud(levels: bytearray) -> int:
    """Return the level that a tenth of the non-silent levels exceed."""
    found = sorted(each for each in levels if each)
    return found[len(found) * 9 // 10] if found else 0
