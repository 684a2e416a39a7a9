"""Recordings for the tests, made from the demo with PyAV: any container, whole or broken."""

import io
import json
import math
from collections.abc import AsyncIterator, Callable
from functools import cache
from itertools import takewhile
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

EXAMPLES = Path(__file__).parents[1] / "examples"
DEMO = EXAMPLES / "session-demo.ogg"

RECORDINGS = {
    "wav": ("wav", "pcm_s16le", 44_100, "mono", 0),
    "wav stereo": ("wav", "pcm_s16le", 44_100, "stereo", 0),
    "wav 8 kHz": ("wav", "pcm_s16le", 8_000, "mono", 0),
    "m4a": ("ipod", "aac", 44_100, "mono", 0),
    "mp3": ("mp3", "libmp3lame", 44_100, "mono", 64_000),
    "ogg": ("ogg", "libopus", 48_000, "mono", 32_000),
    "webm": ("webm", "libopus", 48_000, "mono", 32_000),
    "flac": ("flac", "flac", 44_100, "mono", 0),
}
"""What phones and browsers record: container, codec, rate, layout, bits a second."""


RARER = {
    "adts": ("adts", "aac", 44_100, "mono", 0),
    "loas": ("latm", "aac", 44_100, "mono", 0),
    "aiff": ("aiff", "pcm_s16be", 16_000, "mono", 0),
    "aifc": ("aiff", "pcm_mulaw", 8_000, "mono", 0),
    "caf": ("caf", "alac", 44_100, "mono", 0),
    "wma": ("asf", "wmav2", 44_100, "mono", 64_000),
    "w64": ("w64", "pcm_s16le", 16_000, "mono", 0),
    "ts": ("mpegts", "aac", 44_100, "mono", 0),
    "mov": ("mov", "pcm_s16le", 44_100, "mono", 0),
    "3gp": ("3gp", "aac", 16_000, "mono", 0),
    "mka": ("matroska", "ac3", 44_100, "mono", 64_000),
    "amr": ("amr", "libopencore_amrnb", 8_000, "mono", 12_200),
    "wav g711": ("wav", "pcm_alaw", 8_000, "mono", 0),
    "wav g722": ("wav", "g722", 16_000, "mono", 0),
    "wav g726": ("wav", "g726", 8_000, "mono", 32_000),
    "wav adpcm": ("wav", "adpcm_ima_wav", 22_050, "mono", 0),
    "wav float": ("wav", "pcm_f32le", 48_000, "stereo", 0),
    "au": ("au", "pcm_mulaw", 8_000, "mono", 0),
    "avi": ("avi", "libmp3lame", 44_100, "mono", 64_000),
    "flv": ("flv", "aac", 44_100, "mono", 0),
    "mpg": ("mpeg", "mp2", 44_100, "mono", 64_000),
    "ac3": ("ac3", "ac3", 44_100, "mono", 64_000),
    "wavpack": ("wv", "wavpack", 44_100, "mono", 0),
    "tta": ("tta", "tta", 44_100, "mono", 0),
    "voc": ("voc", "pcm_u8", 8_000, "mono", 0),
    "ogg flac": ("ogg", "flac", 16_000, "mono", 0),
}
"""What other recorders, old ones and editors make."""

BEGINNINGS = (33.0, 60.0)
"""Seconds of the demo that are enough for most excerpts: the whole takes a second to decode."""

CASES = Path(__file__).parent / "data/recordings"


def case(name: str) -> bytes:
    """A recording that was refused, lost or shifted once."""
    return (CASES / name).read_bytes()


def demo_turns(seconds: float = 1e9) -> list[tuple[str, str]]:
    """Speaker and text of the demo's turns that end before `seconds`."""
    turns = json.loads(DEMO.with_suffix(".json").read_text())
    return [(each["speaker"], each["text"]) for each in turns if each["end"] <= seconds]


def demo_spans() -> list[tuple[str, float, float]]:
    """Speaker, start and end in seconds of the demo's turns."""
    turns = json.loads(DEMO.with_suffix(".json").read_text())
    return [(each["speaker"], each["start"], each["end"]) for each in turns]


@cache
def demo_pcm(rate: int = 16_000, layout: str = "mono", seconds: float = math.inf) -> bytes:
    """The demo as s16 samples; not decoded any further than `seconds`."""
    resampler = AudioResampler(format="s16", layout=layout, rate=rate)
    width = 4 if layout == "stereo" else 2
    found = []
    with av.open(str(DEMO)) as container:
        wanted = takewhile(lambda frame: frame.time <= seconds, container.decode(audio=0))
        for frame in [*wanted, None]:
            found += [
                bytes(out.planes[0])[: out.samples * width] for out in resampler.resample(frame)
            ]
    return b"".join(found)


def excerpt(start: float, end: float, rate: int = 16_000, layout: str = "mono") -> bytes:
    """The demo's samples from `start` to `end` in seconds."""
    width = 4 if layout == "stereo" else 2
    enough = next((each for each in BEGINNINGS if end < each), math.inf)
    samples = demo_pcm(rate, layout, enough)
    return samples[int(start * rate) * width : int(end * rate) * width]


@cache
def recording(name: str, seconds: float = 10.0, start: float = 0.0) -> bytes:
    """An excerpt of the demo in one of the `RECORDINGS` or the `RARER`."""
    container, codec, rate, layout, bit_rate = (RECORDINGS | RARER)[name]
    samples = excerpt(start, start + seconds, rate, layout)
    return encoded(samples, container, codec, rate=rate, layout=layout, bit_rate=bit_rate)


@cache
def long_recording(name: str, times: int = 10) -> bytes:
    """Ten seconds in one of the `RECORDINGS`, again and again: ten times is far more than pipes hold."""
    container, codec, rate, layout, bit_rate = RECORDINGS[name]
    samples = excerpt(0, 10, rate, layout) * times
    return encoded(samples, container, codec, rate=rate, layout=layout, bit_rate=bit_rate)


def encoded(
    samples: bytes, container: str, codec: str, *, rate: int, layout: str = "mono",
    bit_rate: int = 0, options: dict[str, str] | None = None, tags: dict[str, str] | None = None,
    file: str | None = None, moved: Callable[[float], float] | None = None,
) -> bytes:  # fmt: skip
    """Encode s16 samples; `file` names a file to write through, for containers rewritten at the end.

    `moved` says for each time stamp, in seconds, which other one is written in its place.
    """
    target = file or io.BytesIO()
    width = 4 if layout == "stereo" else 2
    with av.open(target, "w", format=container, options=options or {}) as out:
        out.metadata.update(tags or {})
        stream = out.add_stream(codec, rate=rate, layout=layout)
        if bit_rate:
            stream.bit_rate = bit_rate
        step = 960 if moved else 20_480
        for at in range(0, len(samples) // width, step):
            part = samples[at * width : (at + step) * width]
            frame = AudioFrame(format="s16", layout=layout, samples=len(part) // width)
            frame.planes[0].update(part.ljust(frame.planes[0].buffer_size, b"\0"))
            frame.sample_rate, frame.pts = rate, at
            out.mux(_stamped(stream.encode(frame), moved))
        out.mux(_stamped(stream.encode(None), moved))
    return Path(file).read_bytes() if file else target.getvalue()


def _stamped(packets: list[av.Packet], moved: Callable[[float], float] | None) -> list[av.Packet]:
    for each in packets if moved else ():
        each.pts = each.dts = round(moved(float(each.pts * each.time_base)) / each.time_base)
    return packets


def with_tracks(container: str, codec: str, *tracks: bytes, rate: int = 48_000) -> bytes:
    """A file with several mono tracks of s16 samples, interleaved."""
    target = io.BytesIO()
    with av.open(target, "w", format=container) as out:
        streams = [out.add_stream(codec, rate=rate, layout="mono") for _ in tracks]
        for at in range(0, max(map(len, tracks)), 2 * 960):
            for stream, samples in zip(streams, tracks, strict=True):
                part = samples[at : at + 2 * 960]
                frame = AudioFrame(format="s16", layout="mono", samples=len(part) // 2)
                frame.planes[0].update(part.ljust(frame.planes[0].buffer_size, b"\0"))
                frame.sample_rate, frame.pts = rate, at // 2
                out.mux(stream.encode(frame))
        for stream in streams:
            out.mux(stream.encode(None))
    return target.getvalue()


def film(container: str, codec: str, seconds: int = 1, sound: bytes = b"", at: float = 0) -> bytes:
    """Pictures, and mono sound at 48 kHz from `at` on if there is any."""
    target = io.BytesIO()
    with av.open(target, "w", format=container) as out:
        stream = out.add_stream(codec, rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        track = out.add_stream("aac", rate=48_000, layout="mono") if sound else None
        for number in range(seconds * 10):
            out.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
            part = sound[max(0, int(number * 9_600 - at * 96_000)) :][:9_600]
            if track is None or number < at * 10 or not part:
                continue
            frame = AudioFrame(format="s16", layout="mono", samples=len(part) // 2)
            frame.planes[0].update(part.ljust(frame.planes[0].buffer_size, b"\0"))
            frame.sample_rate, frame.pts = 48_000, number * 4_800
            out.mux(track.encode(frame))
        out.mux(stream.encode(None))
        if track is not None:
            out.mux(track.encode(None))
    return target.getvalue()


def wav_claiming(data_size: int, wav: bytes) -> bytes:
    """The same WAV with another size of its samples in the header."""
    at = wav.index(b"data") + 4
    riff = (data_size + at - 4).to_bytes(8, "little")[:4]
    claim = data_size.to_bytes(4, "little")
    return wav[:4] + riff + wav[8:at] + claim + wav[at + 4 :]


async def in_chunks(samples: bytes, size: int = 1 << 17) -> AsyncIterator[bytes]:
    """Samples as `AudioDecoder.decode` gives them."""
    for at in range(0, len(samples), size):
        yield samples[at : at + size]
