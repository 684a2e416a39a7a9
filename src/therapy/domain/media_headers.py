"""What the headers of recordings state: where tags end, how long frames and chunks are, how long it lasts.

Every number is a claim of the file and may be wrong. Formats: id3.org (ID3v2), ISO 11172-3 (MPEG audio),
ISO 13818-7 (ADTS), ATSC A/52 (AC-3), RFC 2361 and EBU 3306 (WAV).
"""

from collections.abc import Callable, Iterator

ID3_HEADER = 10
BETWEEN_BYTES = 32
ID3V1_BYTES = 128
CHAIN = 4
"""So many frames that follow each other are no chance."""

WAV_HEADER_BYTES = 44
"""RIFF and its length, WAVE, `fmt ` with its 16 bytes, `data` and its length: all that a WAV needs."""

_MOST_STATED = (1 << 32) - 1
"""The largest length that a WAV can state."""

_WAV_UNKNOWN = 0x7FFF_0000
"""Sizes from here on are what a recorder writes before it knows the size."""

_BESIDE_SAMPLES = {b"LIST": 4, b"JUNK": 0, b"bext": 602}
"""Chunks of a WAV that change nothing about its length, and the bytes that FFmpeg reads of them at least."""

_FORM_BYTES = 16
_FORM = ((0, 2), (2, 4), (4, 8), (8, 12), (12, 14), (14, 16))
"""Where a WAV's format has its tag, channels, rate, bytes a second, bytes and bits of a sample."""

_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_W64_UNKNOWN = 1 << 62

_VBRI_AT = 36
"""Where the header of Fraunhofer's encoder stands in a frame; the count of frames is its byte 14."""

_MPEG_KBITS = {
    (3, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (3, 1): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_MPEG_KBITS_LOW = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_AC3_KBITS = (
    32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640,
)  # fmt: skip


def lead_length(head: bytes) -> int:
    """Return how many bytes of zeros and ID3v2 tags come first; may be more than `head` has."""
    at = 0
    while at < len(head):
        zeros = len(head) - at - len(head[at:].lstrip(b"\0"))
        rest = head[at + zeros : at + zeros + 8]
        own = (
            max(0, 4 - rest.find(b"ftyp")) if b"ftyp" in rest else 2 if rest[:2] == b"\1\xba" else 0
        )
        zeros -= min(zeros, own)  # those with which MP4's first box, or MPEG's start code, begins
        if zeros < 8 and zeros != len(head) - at:
            zeros = 0
        tag = id3_length(head[at + zeros :])
        if not zeros + tag:
            break
        at += zeros + tag
    return at


def tags_length(head: bytes) -> int:
    """Return how long the tags are that end one MP3 and begin the next: ID3v1, then zeros and ID3v2."""
    ending = ID3V1_BYTES if head.startswith(b"TAG") else 0
    return ending + lead_length(head[ending:])


def id3_length(head: bytes) -> int:
    """Return the length in bytes of the ID3v2 tag at the start of `head`; 0 if there is none."""
    if len(head) < ID3_HEADER or not head.startswith(b"ID3"):
        return 0
    major, size = head[3], head[6:ID3_HEADER]
    if major not in (2, 3, 4) or max(size) > 0x7F:
        return 0
    length = 0
    for byte in size:
        length = length << 7 | byte
    footer = ID3_HEADER if head[5] & 0x10 else 0
    return ID3_HEADER + length + footer


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


def mpeg_frame_length(head: bytes) -> int:
    """Return the length in bytes of the MPEG audio frame at the start; 0 if there is none."""
    known = mpeg_frame(head)
    if known is None:
        return 0
    rate, samples = known
    key = (head[1] >> 3 & 3, head[1] >> 1 & 3)
    kbits = _MPEG_KBITS.get(key, _MPEG_KBITS_LOW)[head[2] >> 4]
    return samples // 8 * kbits * 1000 // rate + (head[2] >> 1 & 1)


def adts_frame_length(head: bytes) -> int:
    """Return the length in bytes of the ADTS frame (raw AAC) at the start; 0 if there is none."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0 or head[2] >> 2 & 15 > 12:
        return 0
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length if length > 7 else 0


def loas_frame_length(head: bytes) -> int:
    """Return the length in bytes of the LOAS frame (AAC with a header in the stream) at the start; else 0."""
    if len(head) < 3 or head[0] != 0x56 or head[1] & 0xE0 != 0xE0:
        return 0
    length = (head[1] & 0x1F) << 8 | head[2]
    return 3 + length if length else 0


def ac3_frame_length(head: bytes) -> int:
    """Return the length in bytes of the AC-3 or E-AC-3 frame at the start; 0 if there is none."""
    if len(head) < 6 or head[:2] != b"\x0b\x77":
        return 0
    rate, size, version = head[4] >> 6, head[4] & 63, head[5] >> 3
    if version > 10:
        return 2 * (((head[2] & 7) << 8 | head[3]) + 1)
    if rate == 3 or size // 2 >= len(_AC3_KBITS):
        return 0
    words = _AC3_KBITS[size // 2] * 96_000 // (48_000, 44_100, 32_000)[rate]
    return 2 * (words + (size & 1 if rate == 1 else 0))


def chained_frames(head: bytes) -> str:
    """Return "mpeg", "adts", "loas" or "ac3" if `CHAIN` such frames follow each other in `head`, else ""."""
    for sync, kinds in _FRAMES.items():
        at = head.find(sync)
        while at >= 0:
            for name, length in kinds:
                if _chain(head, at, sync, length):
                    return name
            at = head.find(sync, at + 1)
    return ""


def _chain(head: bytes, at: int, sync: bytes, length: Callable[[bytes], int]) -> bool:
    """Return whether frames follow each other, with no more in between than the rest of a container."""
    for number in range(CHAIN):
        step = length(head[at : at + 8])
        if not step:
            return False
        at += step
        if at >= len(head):  # a short file may end sooner
            return at == len(head) or number > 0
        at = head.find(sync, at, at + BETWEEN_BYTES)
    return True


_FRAMES: dict[bytes, tuple[tuple[str, Callable[[bytes], int]], ...]] = {
    b"\xff": (("adts", adts_frame_length), ("mpeg", mpeg_frame_length)),
    b"\x56": (("loas", loas_frame_length),),
    b"\x0b\x77": (("ac3", ac3_frame_length),),
}
"""How frames begin, and what tells their length."""


def mpeg_promise_ms(frame: bytes) -> int:
    """Return the duration (ms) that a Xing, Info or VBRI header in the frame of an MP3 states; 0 if none."""
    known = mpeg_frame(frame)
    if known is None:
        return 0
    for mark in (b"Xing", b"Info"):
        at = frame.find(mark, 4, 200)
        if at > 0 and len(frame) >= at + 12 and frame[at + 7] & 1:
            rate, samples = known
            return int.from_bytes(frame[at + 8 : at + 12], "big") * samples * 1000 // rate
    if frame[_VBRI_AT : _VBRI_AT + 4] == b"VBRI" and len(frame) >= _VBRI_AT + 18:
        rate, samples = known
        return int.from_bytes(frame[_VBRI_AT + 14 : _VBRI_AT + 18], "big") * samples * 1000 // rate
    return 0


def wav_tail(head: bytes) -> int:
    """Return the offset where a WAV's samples end by its header; 0 if `head` has no data chunk."""
    large = 0
    for name, start, length in chunks(head):
        if name == b"ds64":
            large = int.from_bytes(head[start + 8 : start + 16], "little")
        if name == b"data":
            return start + (large if head[:4] in (b"RF64", b"BW64") and large else length)
    return 0


def wav_share(head: bytes, size: int) -> float:
    """Return how many times as many samples a WAV's header states as a file of `size` bytes has.

    It is 1 if they are all there, or if the header states no size, or one that was never filled in.
    """
    for name, start, length in chunks(head):
        known = length < _WAV_UNKNOWN or head[:4] in (b"RF64", b"BW64")
        if name == b"data" and start < size and known and head[:4] != b"RIFX":
            return max(1.0, (wav_tail(head) - start) / (size - start))
    return 1.0


def wav_header(length: int, rate: int) -> bytes:
    """Return the header of a WAV of so many bytes of samples: one channel, 16 bits, `rate` samples a second.

    Of more than a WAV can state it states the most.
    """
    whole, data = (min(each, _MOST_STATED) for each in (WAV_HEADER_BYTES - 8 + length, length))
    # The form's bytes, PCM, channels, samples and bytes a second, bytes and bits of a sample.
    numbers = whole, 16, 1, 1, rate, 2 * rate, 2, 16, data
    widths = 4, 4, 2, 2, 4, 4, 2, 2, 4
    fields = zip(numbers, widths, strict=True)
    riff, *form, size = (number.to_bytes(width, "little") for number, width in fields)
    return b"".join([b"RIFF", riff, b"WAVEfmt ", *form, b"data", size])


def plain_wav_ms(head: bytes, size: int) -> int:
    """Return how long (ms) a WAV of PCM samples lasts that has nothing behind them; 0 if it is none, or odd.

    It is what FFmpeg says of it: by the header's size, or by the file's where samples are missing.
    """
    rate = align = 0
    whole = head if head[:4] == b"RIFF" and head[8:12] == b"WAVE" else b""
    for name, start, length in chunks(whole):
        if name == b"fmt " and not rate:
            rate, align = _pcm(head[start : start + min(length, _FORM_BYTES)])
            if not rate:  # of several formats FFmpeg takes the first
                return 0
        elif name == b"data":
            if not rate or not start < size <= start + length + 1 or length >= _WAV_UNKNOWN:
                return 0
            return (min(start + length, size) - start) // align * 1000 // rate
        elif length < _BESIDE_SAMPLES.get(name, length + 1):
            return 0
    return 0


def _pcm(form: bytes) -> tuple[int, int]:
    """Return samples a second and bytes a sample (of all channels) of PCM that a WAV describes; else 0, 0."""
    tag, channels, rate, speed, align, bits = (
        int.from_bytes(form[at:end], "little") for at, end in _FORM
    )
    sane = tag == 1 and channels in (1, 2) and bits in (8, 16, 24, 32) and 4_000 <= rate <= 384_000
    whole = len(form) == _FORM_BYTES  # of a shorter one FFmpeg reads no bits
    agreed = whole and align == channels * bits // 8 and speed == rate * align
    return (rate, align) if sane and agreed else (0, 0)


def w64_share(head: bytes, size: int) -> float:
    """Return what `wav_share` does, for a W64."""
    at = 40
    while at + 24 <= len(head):
        length = int.from_bytes(head[at + 16 : at + 24], "little")
        if head[at : at + 4] == b"data" and at + 24 < size and length < _W64_UNKNOWN:
            return max(1.0, (length - 24) / (size - at - 24))
        at += max(24, length + -length % 8)
    return 1.0


def avi_share(head: bytes, size: int) -> float:
    """Return what `wav_share` does, for the list of an AVI with pictures and sound."""
    for name, start, length in chunks(head):
        if name == b"LIST" and head[start : start + 4] == b"movi" and 4 < length < _WAV_UNKNOWN:
            return max(1.0, length / (size - start)) if start < size else 1.0
    return 1.0


def caf_share(head: bytes, size: int) -> float:
    """Return what `wav_share` does, for a CAF."""
    at = 8
    while at + 12 <= len(head):
        length = int.from_bytes(head[at + 4 : at + 12], "big", signed=True)
        if head[at : at + 4] == b"data" and at + 12 < size and length > 0:
            return max(1.0, length / (size - at - 12))
        at += 12 + max(0, length)
    return 1.0


def asf_stated_ms(head: bytes) -> int:
    """Return the duration (ms) that the file properties of an ASF state; 0 if none, as in a broadcast."""
    at = head.find(_ASF_PROPERTIES)
    if at < 0 or len(head) < at + 92 or head[at + 88] & 1:
        return 0
    played, preroll = (int.from_bytes(head[at + of : at + of + 8], "little") for of in (64, 80))
    return max(0, played // 10_000 - preroll)


def is_chunk(head: bytes, left: int) -> bool:
    """Return whether `head` begins a RIFF chunk of at most `left` bytes: a name in ASCII, then its length."""
    if len(head) < 8 or left < 8:
        return False
    named = all(0x20 <= byte < 0x7F for byte in head[:4])
    return named and 8 + int.from_bytes(head[4:8], "little") <= left


def chunks(head: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and length of each RIFF chunk whose header is in `head`."""
    at = 12
    while at + 8 <= len(head):
        length = int.from_bytes(head[at + 4 : at + 8], "little")
        yield head[at : at + 4], at + 8, length
        at += 8 + length + length % 2
