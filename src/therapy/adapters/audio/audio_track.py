"""One audio track out of a recording that nobody trusts, with PyAV.

The container is the one that the first bytes name; nothing but our own file is ever opened; only
codecs that recorders use are decoded, and only the first audio track. A recording is broken
(UndecodableAudio) when it can't be opened, when too much of it can't be decoded, or when it ends
before the time that its own index promises. A WAV's sizes promise nothing.
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
"""About four seconds of samples in a chunk."""

LOST_SHARE = 0.05
"""A recording of which a larger share can't be decoded is broken."""

SLACK_BYTES = 2_048
"""As many bytes may be no sound without being lost: an index frame, tags at the end."""

FRAMING = {media.MPEG: 0, media.WEBM: 16}
"""Containers that skip garbage silently, and their own bytes per packet: the rest must be sound."""

MISSING_MS = 500
"""As much may be missing of what an index promises: encoders' padding and rounding."""

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
    """Give nothing; UnsupportedAudio if it is no container of ours, or opens and has no audio track."""
    media.sniff(file.peek(0, media.SNIFF_BYTES))
    with _opened(file) as (container, _):
        if not container.streams.audio:
            raise UnsupportedAudio
    yield from ()


def pcm_chunks(file: RangedFile) -> Generator[bytes, None, None]:
    """Give the first audio track as 16 kHz mono s16 in chunks of `CHUNK_BYTES` at most."""
    with _opened(file) as (container, kind):
        stream = _track(container)
        held = bytearray()
        for samples in _samples(file, container, stream, kind):
            held += samples
            while len(held) >= CHUNK_BYTES:
                yield bytes(held[:CHUNK_BYTES])
                del held[:CHUNK_BYTES]
        if held:
            yield bytes(held)


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
            opening["metadata_errors"] = "replace"  # from 19 on a strange tag is no error
        with av.open(file, "r", format=DEMUXERS[kind], **opening) as container:
            yield container, kind
    except (av.FFmpegError, ValueError, EOFError, OSError) as error:
        # FFmpeg's words may quote the file's tags: only the kind of error goes on.
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
    """Tell whether the samples go on behind the size that the header gives them."""
    tail = media.wav_tail(head)
    if not 0 < tail < file.size:
        return False
    return file.peek(tail + tail % 2, 4) not in _WAV_TAIL_CHUNKS


def _samples(
    file: RangedFile, container: InputContainer, stream: AudioStream, kind: str
) -> Iterator[bytes]:
    promised = _promised_ms(file, container, stream, kind)
    resampler, read = _Resampler(), _Tally()
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            read.lost += packet.size
            continue
        read.packets += 1
        read.good += packet.size
        if frames and packet.pts is not None and packet.time_base:
            read.stamp(packet.pts * packet.time_base, (packet.duration or 0) * packet.time_base)
        for frame in frames:
            samples = resampler.take(frame)
            read.sent += len(samples)
            yield samples
    yield resampler.rest()
    if kind in FRAMING and len(container.streams) == 1:
        sound = file.size - media.id3_length(file.peek(0, 10)) - FRAMING[kind] * read.packets
        read.lost = max(read.lost, sound - read.good)
    heard = read.heard_ms(trust_stamps=kind in (media.MP4, media.WEBM))
    if kind == media.OGG:
        promised = (
            read.end_ms - read.begin_ms
        )  # its pages number their samples: none may be missing
    if read.broken or heard < promised - MISSING_MS:
        raise UndecodableAudio(reason="incomplete", heard_ms=heard, promised_ms=promised)


@dataclass
class _Tally:
    """Bytes of packets that could and couldn't be decoded, bytes of samples sent, time stamps."""

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

    def heard_ms(self, *, trust_stamps: bool) -> int:
        """The length; by time stamps where a recorder leaves silence out."""
        heard = self.sent // BYTES_PER_MS
        return max(heard, self.end_ms) if trust_stamps else heard


def _promised_ms(
    file: RangedFile, container: InputContainer, stream: AudioStream, kind: str
) -> int:
    """How long the recording's own index says it is; 0 where it says nothing that binds it."""
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
    """Anything to 16 kHz mono s16; a track may change its rate or layout on the way."""

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
        """What the filter still holds; the resampler is used up after it."""
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
