"""Opens an untrusted recording with PyAV: which demuxers and decoders of FFmpeg may touch it.

Its content decides which container it is, never its name; no other file or URL is ever opened. What is
not on these lists is refused, by name if it has one.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Never

import av
import av.logging
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.container import InputContainer

from therapy.adapters.audio.ranged_file import RangedFile
from therapy.domain import media, media_headers
from therapy.domain.errors import UndecodableAudio, UnsupportedAudio

DEMUXERS = {
    media.WAV: "wav",
    media.MP4: "mov",
    media.MPEG: "mp3",
    media.OGG: "ogg",
    media.WEBM: "matroska",
    media.FLAC: "flac",
    media.AAC: "aac",
    media.LOAS: "loas",
    media.AIFF: "aiff",
    media.AMR: "amr",
    media.CAF: "caf",
    media.ASF: "asf",
    media.W64: "w64",
    media.AVI: "avi",
    media.AU: "au",
    media.FLV: "flv",
    media.TS: "mpegts",
    media.PS: "mpeg",
    media.AC3: "ac3",
    media.DTS: "dts",
    media.DSS: "dss",
    media.WAVPACK: "wv",
    media.APE: "ape",
    media.TTA: "tta",
    media.VOC: "voc",
}
CODECS = (
    "aac", "ac3", "adpcm_g7", "adpcm_ima_qt", "adpcm_ima_wav", "adpcm_ms", "adpcm_swf", "adpcm_yamaha",
    "alac", "amr", "ape", "dca", "dss_sp", "eac3", "flac", "g722", "g723_1", "g726", "g729", "gsm", "ilbc",
    "mlp", "mp1", "mp2", "mp3", "nellymoser", "opus", "pcm_", "qcelp", "s302m", "speex", "truehd",
    "truespeech", "tta", "vorbis", "wavpack", "wmalossless", "wmapro", "wmav",
)  # fmt: skip
"""How the names of decoders begin that are allowed."""

DECODERS = ",".join(sorted(each for each in av.codecs_available if each.startswith(CODECS)))
"""All of them, for FFmpeg itself: without that it decodes a picture to learn its size."""

SAMPLE_RATES = range(4_000, 384_001)
MOST_CHANNELS = 32
HEAD_BYTES = 1 << 16
"""So much is looked at for headers."""

MOST_LEAD = 512
"""So many tags, or buffers full of zeros (32 MiB), may be in front of the sound."""

PACKET_BYTES = 1 << 16
"""Of a WAV file so many bytes are decoded at once: FFmpeg's own choice is a tenth of a second."""

PROTECTED = ("drms", "enca", "sinf")
"""Tags of MP4 tracks whose sound is encrypted."""

_TAIL_CHUNKS = (
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
    b"_PMX",
)
_NAMES = {
    "ac-4": "AC-4",
    "drms": "protected AAC",
    "enca": "protected",
    "mha1": "MPEG-H",
    "mhm1": "MPEG-H",
}
"""What some four-letter codes of MP4 stand for."""


@contextmanager
def opened(file: RangedFile) -> Iterator[tuple[InputContainer, str, RangedFile]]:
    """Yield the open container, its media type, and the file from where the container begins.

    Raises:
        UndecodableAudio: it is none that we read, or it can't be opened.
    """
    try:
        kind, file = located(file)
    except UnsupportedAudio:
        raise UndecodableAudio(reason="container") from None
    try:
        opening: dict[str, Any] = {"io_open": _refuse, "container_options": _options(file, kind)}
        if int(av.__version__.partition(".")[0]) < 19:
            opening["metadata_errors"] = "replace"  # from 19 on an odd tag is not an error
        with av.open(file, "r", format=DEMUXERS[kind], **opening) as container:
            yield container, kind, file
    except MemoryError:
        raise
    except (av.FFmpegError, ValueError, EOFError, OSError) as error:
        if file.error is not None:
            raise file.error from None
        # FFmpeg's texts may quote the file's tags: only the class of the error is passed on.
        raise UndecodableAudio(reason=type(error).__name__) from None


def located(file: RangedFile) -> tuple[str, RangedFile]:
    """Return the media type of what is behind leading zeros and ID3 tags, and the file from there on.

    Raises:
        UnsupportedAudio: it is not a type that we read.
    """
    begin = 0
    for _ in range(MOST_LEAD):
        skipped = media_headers.lead_length(file.peek(begin, HEAD_BYTES))
        begin += skipped
        if not skipped or begin >= file.size:
            break
    if begin and begin >= file.size:
        raise UnsupportedAudio
    return media.sniff(file.peek(begin, media.SNIFF_BYTES)), file.beginning_at(begin)


def playable(container: InputContainer) -> list[AudioStream]:
    """Return the audio tracks that can be decoded, in the file's order.

    Raises:
        UnsupportedAudio: there is none; `format` names one that can't be decoded.
    """
    found = [each for each in container.streams.audio if _is_playable(each)]
    if found:
        return found
    if not container.streams.audio:
        raise UnsupportedAudio(format="no_sound")
    if name := _name_of_sound(container):
        raise UnsupportedAudio("unsupported_sound", format=name)
    raise UnsupportedAudio


def _is_playable(stream: AudioStream) -> bool:
    known: AudioCodecContext | None = stream.codec_context  # a track without a decoder has none
    if known is None:
        return False
    if _tag(known) in PROTECTED:
        return False
    sane = known.sample_rate in SAMPLE_RATES and 1 <= known.channels <= MOST_CHANNELS
    return sane and known.name.startswith(CODECS)


def _tag(known: AudioCodecContext) -> str:
    """Return the four letters that name the codec in MP4; "" if they are no letters, as in WAV."""
    try:
        return known.codec_tag
    except UnicodeDecodeError:
        return ""


def _name_of_sound(container: InputContainer) -> str:
    """Return what FFmpeg calls the sound of the first audio track, at most 20 letters and digits."""
    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)  # the description is a text of the log
    try:
        text: str = container.dumps_format()  # type: ignore[attr-defined] # not in its stubs
    finally:
        av.logging.set_level(level)
    found = re.search(r"Audio: (\w{1,20})[^\n(]*(?:\([^\n(/]*\) )?(?:\(([\w-]{1,8}) / 0x)?", text)
    codec, tag = (found[1], found[2] or "") if found else ("", "")
    if codec.startswith(CODECS) and tag not in _NAMES:
        return ""  # we do read such sound: this is something else
    return _NAMES.get(tag, tag.upper() if codec in ("", "none", "unknown") else codec.upper())


def _refuse(*_: object) -> Never:
    raise UndecodableAudio(reason="reference")


def _options(file: RangedFile, kind: str) -> dict[str, str]:
    """Return the options of FFmpeg's demuxers: no picture, subtitle or other container is ever opened."""
    options = {"codec_whitelist": DECODERS, "format_whitelist": DEMUXERS[kind]}
    if kind == media.WAV:
        options["max_size"] = str(PACKET_BYTES)
    if kind == media.WAV and _wav_goes_on(file):
        options["ignore_length"] = "1"
    return options


def _wav_goes_on(file: RangedFile) -> bool:
    """Return whether the samples continue beyond the size that the header states: no chunks follow them."""
    at = media_headers.wav_tail(file.peek(0, HEAD_BYTES))
    if not 0 < at < file.size:
        return False
    at += at % 2
    while at + 8 <= file.size:
        head = file.peek(at, 8)
        if not media_headers.is_chunk(head, file.size - at + 1):
            return head[:4] not in _TAIL_CHUNKS  # the last one may be cut off
        length = int.from_bytes(head[4:8], "little")
        at += 8 + length + length % 2
    return False
