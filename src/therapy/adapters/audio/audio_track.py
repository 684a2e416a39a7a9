"""Extracts one audio track from an untrusted recording, with PyAV.

The first bytes decide which container it is; no other file or URL is ever opened; only codecs that
recorders use are decoded, and only the first audio track. A recording is broken (UndecodableAudio) if it
can't be opened, if too much of it can't be decoded, or if it ends before the duration that its own index
states. The sizes in a WAV header are ignored.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Never

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer

from therapy.adapters.audio.decoder_thread import RangedFile
from therapy.domain import media
from therapy.domain.errors import UndecodableAudio, UnsupportedAudio
from therapy.ports.audio import BYTES_PER_MS, SAMPLE_RATE

CHUNK_BYTES = 1 << 17
"""Bytes in a chunk, about four seconds of samples."""

LOST_SHARE = 0.05
"""If a larger share of a recording can't be decoded, it is broken."""

SLACK_BYTES = 2_048
"""So many bytes without sound don't count as lost: an index frame, tags at the end."""

FRAMING = {media.MPEG: 0, media.WEBM: 16}
"""Containers whose demuxers skip garbage silently, and their overhead in bytes per packet."""

MISSING_MS = 500
"""So much may be missing of the duration that an index states: encoders' padding and rounding."""

DEMUXERS = {
    media.WAV: "wav",
    media.MP4: "mov",
    media.MPEG: "mp3",
    media.OGG: "ogg",
    media.WEBM: "matroska",
    media.FLAC: "flac",
}
CODECS = (
    "aac", "adpcm_", "alac", "amr", "flac", "gsm", "mp2", "mp3", "opus", "pcm_", "speex", "vorbis",
)  # fmt: skip
SAMPLE_RATES = range(4_000, 384_001)
MOST_CHANNELS = 32

_WAV_TAIL_CHUNKS = (
    b"LIST",
    b"id3 ",
    b"ID3 ",
    b"fact",
    b"cue ",
    b"bext",
    b"iXML",
    b"PEAK",
    b"smpl",
    b"JUNK",
)
_WEBM_DURATION = b"\x44\x89"


def look_for_audio(file: RangedFile) -> Generator[bytes, None, None]:
    """Yield nothing; raise UnsupportedAudio if it is not a container of ours or has no audio track."""
    media.sniff(file.peek(0, media.SNIFF_BYTES))
    with _opened(file) as (container, _):
        if not container.streams.audio:
            raise UnsupportedAudio
    yield from ()


def pcm_chunks(file: RangedFile) -> Generator[bytes, None, None]:
    """Yield the first audio track as 16 kHz mono s16 in chunks of at most `CHUNK_BYTES`."""
    with _opened(file) as (container, kind):
        stream = _track(container)
        pending = bytearray()
        for samples in _samples(file, container, stream, kind):
            pending += samples
            while len(pending) >= CHUNK_BYTES:
                yield bytes(pending[:CHUNK_BYTES])
                del pending[:CHUNK_BYTES]
        if pending:
            yield bytes(pending)


@contextmanager
def _opened(file: RangedFile) -> Iterator[tuple[InputContainer, str]]:
    head = file.peek(0, media.SNIFF_BYTES)
    try:
        kind = media.sniff(head)
    except UnsupportedAudio:
        raise UndecodableAudio(reason="container") from None
    try:
        options = {"ignore_length": "1"} if kind == media.WAV and _wav_goes_on(file, head) else {}
        opening: dict[str, Any] = {"io_open": _refuse, "container_options": options}
        if int(av.__version__.partition(".")[0]) < 19:
            opening["metadata_errors"] = "replace"  # from 19 on an odd tag is not an error
        with av.open(file, "r", format=DEMUXERS[kind], **opening) as container:
            yield container, kind
    except (av.FFmpegError, ValueError, EOFError, OSError) as error:
        # FFmpeg's texts may quote the file's tags: only the class of the error is passed on.
        raise UndecodableAudio(reason=type(error).__name__) from None


def _refuse(*_: object) -> Never:
    raise UndecodableAudio(reason="reference")


def _track(container: InputContainer) -> AudioStream:
    if not container.streams.audio:
        raise UndecodableAudio(reason="no_audio")
    stream = container.streams.audio[0]
    known = stream.codec_context
    if not known.name.startswith(CODECS):
        raise UndecodableAudio(reason="codec")
    if known.sample_rate not in SAMPLE_RATES or not 1 <= known.channels <= MOST_CHANNELS:
        raise UndecodableAudio(reason="format")
    return stream


def _wav_goes_on(file: RangedFile, head: bytes) -> bool:
    """Return whether the samples continue beyond the size that the header states."""
    tail = media.wav_tail(head)
    if not 0 < tail < file.size:
        return False
    return file.peek(tail + tail % 2, 4) not in _WAV_TAIL_CHUNKS


def _samples(
    file: RangedFile, container: InputContainer, stream: AudioStream, kind: str
) -> Iterator[bytes]:
    stated = _stated_ms(file, container, stream, kind)
    resampler, tally = _Resampler(), _Tally()
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            tally.lost += packet.size
            continue
        tally.packets += 1
        tally.good += packet.size
        if frames and packet.pts is not None and packet.time_base:
            tally.stamp(packet.pts * packet.time_base, (packet.duration or 0) * packet.time_base)
        for frame in frames:
            samples = resampler.take(frame)
            tally.sent += len(samples)
            yield samples
    yield resampler.rest()
    if kind in FRAMING and len(container.streams) == 1:
        sound = file.size - media.id3_length(file.peek(0, 10)) - FRAMING[kind] * tally.packets
        tally.lost = max(tally.lost, sound - tally.good)
    decoded = tally.decoded_ms(trust_stamps=kind in (media.MP4, media.WEBM))
    if kind == media.OGG:
        stated = (
            tally.end_ms - tally.begin_ms
        )  # its pages number their samples: none may be missing
    if tally.broken or decoded < stated - MISSING_MS:
        raise UndecodableAudio(reason="incomplete", decoded_ms=decoded, stated_ms=stated)


@dataclass
class _Tally:
    """Counts bytes: of packets that could and couldn't be decoded, and of samples; notes time stamps."""

    good: int = 0
    lost: int = 0
    packets: int = 0
    sent: int = 0
    begin_ms: int = -1
    end_ms: int = 0

    def stamp(self, start: Fraction, length: Fraction) -> None:
        if self.begin_ms < 0:
            self.begin_ms = max(0, int(start * 1000))
        self.end_ms = max(self.end_ms, int((start + length) * 1000))

    @property
    def broken(self) -> bool:
        if self.lost > SLACK_BYTES and not self.sent:
            return True
        return self.lost - SLACK_BYTES > LOST_SHARE * (self.lost + self.good)

    def decoded_ms(self, *, trust_stamps: bool) -> int:
        """Return the duration; by time stamps, too, for containers in which recorders leave out silence."""
        decoded = self.sent // BYTES_PER_MS
        return max(decoded, self.end_ms) if trust_stamps else decoded


def _stated_ms(file: RangedFile, container: InputContainer, stream: AudioStream, kind: str) -> int:
    """Return the duration that the recording's own index states; 0 if it states none that is reliable."""
    if kind == media.MPEG:
        head = file.peek(media.id3_length(file.peek(0, 10)), 512)
        return media.mpeg_promise_ms(head)
    if kind == media.WEBM and _WEBM_DURATION not in file.peek(0, media.SNIFF_BYTES):
        return 0
    if kind not in (media.MP4, media.FLAC, media.WEBM):
        return 0
    spans = [] if container.duration is None else [container.duration // 1000]
    if stream.duration is not None and stream.time_base is not None:
        spans.append(int(stream.duration * stream.time_base * 1000))
    return min(spans, default=0)


class _Resampler:
    """Converts frames to 16 kHz mono s16; a track may change its rate or layout in between."""

    def __init__(self) -> None:
        self._format: tuple[object, ...] = ()
        self._inner: AudioResampler | None = None

    def take(self, frame: AudioFrame) -> bytes:
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        before = b""
        if shape != self._format:
            before = self.rest()
            self._format = shape
            self._inner = AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        return before + self._through(frame)

    def rest(self) -> bytes:
        """Return what is left in the filter, and reset the resampler."""
        found = self._through(None) if self._inner is not None else b""
        self._inner, self._format = None, ()
        return found

    def _through(self, frame: AudioFrame | None) -> bytes:
        if self._inner is None:
            return b""
        if frame is not None:
            frame.pts = None  # gaps and jumps in time stamps must not stop it
        return b"".join(
            bytes(each.planes[0])[: each.samples * 2] for each in self._inner.resample(frame)
        )
