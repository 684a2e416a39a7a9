"""The media type of a file, judged by its first bytes, never by its name or declared type.

`sniff` accepts only the containers that `AudioDecoder.decode` reads. It refuses what cannot be audio by its
first bytes; damage further on shows only when the file is decoded. Magic numbers:
RFC 2361 and EBU 3306 (WAV), ISO 14496-12 (MP4), RFC 3533 (Ogg), RFC 9559 (Matroska), RFC 9639
(FLAC), ISO 11172-3 (MPEG audio), id3.org (ID3v2).
"""

from collections.abc import Iterator

from therapy.domain.errors import UnsupportedAudio

SNIFF_BYTES = 4_096
"""How many of the first bytes `sniff` looks at; fewer are fine if the file is shorter."""

WAV = "audio/wav"
MP4 = "audio/mp4"
MPEG = "audio/mpeg"
OGG = "audio/ogg"
WEBM = "audio/webm"
FLAC = "audio/flac"

_RIFF_KINDS = (b"RIFF", b"RF64", b"BW64")
_PICTURE_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis", b"crx ", b"jp2 ")
_OGG_AUDIO = (b"OpusHead", b"\x01vorbis", b"\x7fFLAC", b"Speex   ")
_EBML = b"\x1a\x45\xdf\xa3"
_CLUSTER = b"\x1f\x43\xb6\x75"
_ID3_HEADER = 10


def sniff(first: bytes) -> str:
    """Return the media type of a file from its first bytes.

    Raises:
        UnsupportedAudio: it is not a type that we read.
    """
    head = first[:SNIFF_BYTES]
    if _is_wav(head):
        return WAV
    if _is_mp4(head):
        return MP4
    if head.startswith(b"OggS") and any(mark in head for mark in _OGG_AUDIO):
        return OGG
    if _is_webm(head):
        return WEBM
    if head.startswith(b"fLaC"):
        return FLAC
    tag = id3_length(head)
    if tag:
        return FLAC if head[tag : tag + 4] == b"fLaC" else MPEG
    if mpeg_frame(head) is not None:
        return MPEG
    raise UnsupportedAudio


def id3_length(head: bytes) -> int:
    """Return the length in bytes of the ID3v2 tag at the start of `head`; 0 if there is none."""
    if len(head) < _ID3_HEADER or not head.startswith(b"ID3"):
        return 0
    major, size = head[3], head[6:_ID3_HEADER]
    if major not in (2, 3, 4) or max(size) > 0x7F:
        return 0
    length = 0
    for byte in size:
        length = length << 7 | byte
    footer = _ID3_HEADER if head[5] & 0x10 else 0
    return _ID3_HEADER + length + footer


def mpeg_frame(head: bytes) -> tuple[int, int] | None:
    """Return sample rate and sample count of the MPEG audio frame (layer II or III) at the start, or None."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer not in (1, 2) or bitrate in (0, 15) or rate == 3:
        return None
    divisor = {3: 1, 2: 2, 0: 4}[version]
    samples = 576 if layer == 1 and divisor > 1 else 1_152
    return (44_100, 48_000, 32_000)[rate] // divisor, samples


def mpeg_promise_ms(frame: bytes) -> int:
    """Return the duration (ms) that an MP3's first frame states in its Xing or Info header; 0 if none."""
    known = mpeg_frame(frame)
    if known is None:
        return 0
    for mark in (b"Xing", b"Info"):
        at = frame.find(mark, 4, 200)
        if at > 0 and len(frame) >= at + 12 and frame[at + 7] & 1:
            rate, samples = known
            return int.from_bytes(frame[at + 8 : at + 12], "big") * samples * 1000 // rate
    return 0


def wav_tail(head: bytes) -> int:
    """Return the offset where a WAV's samples end by its header; 0 if `head` has no data chunk."""
    for name, start, length in _chunks(head):
        if name == b"data":
            return start + length
    return 0


def _chunks(head: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and length of each RIFF chunk whose header is in `head`."""
    at = 12
    while at + 8 <= len(head):
        length = int.from_bytes(head[at + 4 : at + 8], "little")
        yield head[at : at + 4], at + 8, length
        at += 8 + length + length % 2


def _is_wav(head: bytes) -> bool:
    if head[:4] not in _RIFF_KINDS or head[8:12] != b"WAVE":
        return False
    names = [name for name, _, _ in _chunks(head)]
    return b"data" not in names or b"fmt " in names[: names.index(b"data")]


def _is_mp4(head: bytes) -> bool:
    """Return whether it is an MP4 file, not a picture, with a sound track if its index comes first."""
    if head[4:8] != b"ftyp" or head[8:12] in _PICTURE_BRANDS:
        return False
    at = 0
    while at + 8 <= len(head):
        length = int.from_bytes(head[at : at + 4], "big")
        if length < 8:
            return at > 0
        if head[at + 4 : at + 8] == b"moov" and at + length <= len(head):
            return b"soun" in head[at : at + length]
        at += length
    return True


def _is_webm(head: bytes) -> bool:
    """Return whether it is Matroska or WebM, with a sound track if `head` has the whole track list."""
    if not head.startswith(_EBML) or not (b"webm" in head[:80] or b"matroska" in head[:80]):
        return False
    cluster = head.find(_CLUSTER)
    return cluster < 0 or b"A_" in head[:cluster]
