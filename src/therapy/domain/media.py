"""The media type of a file, judged by its first bytes, never by its name or declared type.

`sniff` accepts only the containers that `AudioDecoder.decode` reads. It refuses what cannot be a recording
by its first bytes, and names it where it is known; damage further on shows only when the file is decoded.
Magic numbers: RFC 2361 and EBU 3306 (WAV), ISO 14496-12 (MP4), RFC 3533 (Ogg), RFC 9559 (Matroska), RFC 9639
(FLAC), RFC 4867 (AMR), else the formats' own specifications. `media_headers` reads what they state.
"""

from therapy.domain import media_headers
from therapy.domain.errors import UnsupportedAudio

SNIFF_BYTES = 1 << 16
"""How many of the first bytes `sniff` looks at; fewer are fine if the file is shorter."""

WAV = "audio/wav"
MP4 = "audio/mp4"
MPEG = "audio/mpeg"
OGG = "audio/ogg"
WEBM = "audio/webm"
FLAC = "audio/flac"
AAC = "audio/aac"
LOAS = "audio/MP4A-LATM"
AIFF = "audio/aiff"
AMR = "audio/amr"
CAF = "audio/x-caf"
ASF = "audio/x-ms-wma"
W64 = "audio/x-w64"
AVI = "video/x-msvideo"
AU = "audio/basic"
FLV = "video/x-flv"
TS = "video/mp2t"
PS = "video/mpeg"
AC3 = "audio/ac3"
DTS = "audio/vnd.dts"
DSS = "audio/x-dss"
WAVPACK = "audio/x-wavpack"
APE = "audio/x-ape"
TTA = "audio/x-tta"
VOC = "audio/x-voc"

_PACK = b"\0\0\1\xba"
"""How a pack of an MPEG program stream begins."""

_BEGINNINGS = (
    (b"fLaC", FLAC),
    (b"#!AMR", AMR),
    (b"caff\0\1", CAF),
    (bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), ASF),
    (bytes.fromhex("726966662e91cf11a5d628db04c10000"), W64),
    (b".snd\0\0", AU),
    (b"FLV\1", FLV),
    (_PACK, PS),
    (b"\x7f\xfe\x80\x01", DTS),
    (b"\x02dss", DSS),
    (b"\x03dss", DSS),
    (b"wvpk", WAVPACK),
    (b"MAC ", APE),
    (b"TTA1", TTA),
    (b"Creative Voice File\x1a", VOC),
)
_OTHERS = (
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"%PDF", "PDF"),
    (b"PK\3\4", "ZIP"),
    (b"Rar!", "RAR"),
    (b"7z\xbc\xaf", "7z"),
    (b"\x1f\x8b", "gzip"),
    (b"MThd", "MIDI"),
    (b"#EXTM3U", "M3U"),
    (b"<!DOCTYPE", "HTML"),
    (b"<html", "HTML"),
    (b"\x03ds2", "DS2"),
    (b"\xac\x40", "AC-4"),
    (b"\xac\x41", "AC-4"),
    (b"MZ", "EXE"),
    (b"\x7fELF", "ELF"),
    (b"II*\0", "TIFF"),
    (b"BM", "BMP"),
)
"""What people send by mistake, or as sound that has no decoder."""

_RIFF_KINDS = (b"RIFF", b"RF64", b"BW64", b"RIFX")
_PICTURE_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis", b"crx ", b"jp2 ")
_BOXES = (b"ftyp", b"moov", b"mdat", b"skip", b"free", b"wide", b"pnot", b"styp", b"moof", b"sidx")
_OGG_AUDIO = (b"OpusHead", b"\x01vorbis", b"\x7fFLAC", b"Speex   ")
_EBML = b"\x1a\x45\xdf\xa3"
_CLUSTER = b"\x1f\x43\xb6\x75"
_TS_PACKETS = ((188, 0), (192, 4), (204, 0))
"""Lengths of an MPEG TS packet, and where its sync byte stands."""


def sniff(first: bytes) -> str:
    """Return the media type of a file from its first bytes; leading zeros and ID3 tags are passed over.

    Raises:
        UnsupportedAudio: it is not a type that we read; `format` says what it is, if that is known.
    """
    head = first[:SNIFF_BYTES]
    skipped = media_headers.lead_length(head)
    hidden = len(head) == SNIFF_BYTES or media_headers.id3_length(head.lstrip(b"\0"))
    if head and skipped >= len(head) and hidden:
        return MPEG  # what is behind so long a tag, or so many zeros, shows when it is decoded
    head = head[skipped:]
    if kind := _container(head):
        return kind
    if name := _name(head):
        raise UnsupportedAudio(format=name)
    if kind := _frames(head):
        return kind
    raise UnsupportedAudio


def _name(head: bytes) -> str:
    """Return what a file is that is no recording: a format's name, "no_sound" for a film, or ""."""
    if head[4:8] == b"ftyp" and head[8:12] in _PICTURE_BRANDS:
        return "HEIC"
    if head[4:8] in _BOXES or head.startswith((b"OggS", _EBML)):
        return "no_sound"
    return next((name for begin, name in _OTHERS if head.startswith(begin)), "")


def _container(head: bytes) -> str | None:
    if _is_riff(head, b"WAVE") and _is_wav(head):
        return WAV
    if _is_riff(head, b"AVI "):
        return AVI
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return AIFF
    if _is_mp4(head):
        return MP4
    if head.startswith(b"OggS") and any(mark in head for mark in _OGG_AUDIO):
        return OGG
    if _is_webm(head):
        return WEBM
    return next((kind for begin, kind in _BEGINNINGS if head.startswith(begin)), None)


def _frames(head: bytes) -> str | None:
    """Return the type of a stream without a header of its own, known by frames that follow each other."""
    if media_headers.mpeg_frame(head) is not None:
        return MPEG
    if _is_ts(head):
        return TS
    if head.count(_PACK) > 1:  # a program stream without its beginning
        return PS
    return {"mpeg": MPEG, "adts": AAC, "loas": LOAS, "ac3": AC3}.get(
        media_headers.chained_frames(head)
    )


def _is_riff(head: bytes, form: bytes) -> bool:
    return head[:4] in _RIFF_KINDS and head[8:12] == form


def _is_wav(head: bytes) -> bool:
    names = [name for name, _, _ in media_headers.chunks(head)]
    return b"data" not in names or b"fmt " in names[: names.index(b"data")]


def _is_mp4(head: bytes) -> bool:
    """Return whether it is an MP4 or QuickTime file, not a picture, with sound if its index comes first."""
    if head[4:8] not in _BOXES or (head[4:8] == b"ftyp" and head[8:12] in _PICTURE_BRANDS):
        return False
    at = 0
    while at + 8 <= len(head):
        length = int.from_bytes(head[at : at + 4], "big")
        if length < 8:
            return at > 0 or length <= 1
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


def _is_ts(head: bytes) -> bool:
    """Return whether sync bytes stand where the packets of an MPEG transport stream begin."""
    for length, offset in _TS_PACKETS:
        at = head.find(b"\x47", offset)
        while 0 <= at < len(head) - 4 * length + offset:
            if head[at : at + 5 * length : length].strip(b"\x47") == b"":
                return True
            at = head.find(b"\x47", at + 1)
    return False
