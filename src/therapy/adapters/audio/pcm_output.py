"""Turns decoded frames into 16 kHz mono, sample after sample, with silence where there is no sound."""

from array import array
from collections.abc import Iterator
from math import isfinite

from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from therapy.adapters.audio.channels import ChannelMixer
from therapy.domain.errors import RecordingTooLong
from therapy.ports.audio import SAMPLE_RATE

SILENCE = 4 * SAMPLE_RATE
"""Samples of silence that are made at once."""

FLOATS = {"flt": "f", "dbl": "d"}
"""Interleaved formats of floating point samples, which a file may fill with what is no number."""


class PcmOutput:
    """Converts frames; a track may change its rate or layout in between.

    `placed` counts the samples of every channel that stand in their place so far. If there are more than
    `longest_ms` allows, every method but `rest` raises RecordingTooLong.
    """

    def __init__(self, longest_ms: int) -> None:
        self.placed = 0
        self.longest_ms = longest_ms
        self.remarks: dict[str, None] = {}
        self.levels: tuple[bytes, ...] = ()
        self._shape: tuple[object, ...] = ()
        self._resampler: AudioResampler | None = None
        self._channels = 1
        self._mixer: ChannelMixer | None = None
        self._layout = ""
        self._layouts = 0
        self._skip = 0

    def sound(self, frame: AudioFrame) -> Iterator[bytes]:
        """Yield the samples of a frame, as far as they are known yet."""
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape:
            yield from self._flushed()
            self._shape = shape
            if frame.layout.name != self._layout:
                yield from self._channels_are(frame.layout.name, frame.layout.nb_channels)
            layout = frame.layout.name if self._channels > 1 else "mono"
            self._resampler = AudioResampler(format="s16", layout=layout, rate=SAMPLE_RATE)
        if frame.format.name in FLOATS:
            _only_numbers(frame)
        yield from self._through(frame)

    def silence(self, until: float) -> Iterator[bytes]:
        """Yield zeros up to a time in seconds; if that is past, the next sound begins again there."""
        yield from self._flushed()
        target = round(until * SAMPLE_RATE)
        self._check_length(target)
        self._skip = max(0, self.placed - target)
        while self.placed < target:
            yield from self._place(bytes(2 * self._channels * min(SILENCE, target - self.placed)))

    def rest(self) -> bytes:
        """Return what is left in the filters; nothing follows."""
        found = b"".join(self._flushed())
        if self._mixer is not None:
            found += self._mixer.rest()
            self._note(self._mixer)
        return found

    def _channels_are(self, layout: str, channels: int) -> Iterator[bytes]:
        if self._mixer is not None:
            yield self._mixer.rest()
            self._note(self._mixer)
        self._layout, self._channels = layout, channels
        self._layouts += 1
        self._mixer = ChannelMixer(layout, channels) if channels > 1 else None

    def _note(self, mixer: ChannelMixer) -> None:
        self.remarks |= dict.fromkeys(mixer.remarks())
        self.levels = mixer.levels() if self._layouts == 1 else ()
        if not self.levels:
            self.remarks.pop("separate_channels", None)

    def _flushed(self) -> Iterator[bytes]:
        if self._resampler is not None:
            yield from self._through(None)
        self._resampler, self._shape = None, ()

    def _through(self, frame: AudioFrame | None) -> Iterator[bytes]:
        if self._resampler is None:
            return
        if frame is not None:
            frame.pts = None  # the timeline has taken care of it
        width = 2 * self._channels
        for each in self._resampler.resample(frame):
            yield from self._place(bytes(each.planes[0])[: each.samples * width])

    def _place(self, samples: bytes) -> Iterator[bytes]:
        width = 2 * self._channels
        skipped = min(self._skip, len(samples) // width)
        self._skip -= skipped
        samples = samples[skipped * width :]
        self._check_length(self.placed + len(samples) // width)
        self.placed += len(samples) // width
        if self._mixer is None:
            yield samples
        else:
            yield from self._mixer.take(samples)

    def _check_length(self, samples: int) -> None:
        if samples * 1000 > self.longest_ms * SAMPLE_RATE:
            raise RecordingTooLong(longest=self.longest_ms // 1000)


def _only_numbers(frame: AudioFrame) -> None:
    """Replace what is not a finite number by silence."""
    plane = frame.planes[0]
    samples = array(FLOATS[frame.format.name], bytes(plane))
    if not isfinite(sum(samples)):
        plane.update(
            array(samples.typecode, (x if isfinite(x) else 0.0 for x in samples)).tobytes()
        )
