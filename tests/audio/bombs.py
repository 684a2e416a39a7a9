"""Small files made to cost much: pictures, tables, tracks, deep nesting; most have some sound in them.

`.venv/bin/python -m tests.audio.bombs` decodes each in a process of its own with a decoder's limits and
prints one JSON object a line: what comes of it, the peak of its memory in MB, and its seconds of CPU.
"""

import json
import os
import struct
import sys
import zlib
from collections.abc import Callable, Iterator

from tests import media
from tests.audio.bombs_in_mp4 import MP4_BOMBS, box
from tests.audio.decoding import wav
from therapy.adapters.audio.audio_track import look_for_audio, pcm_chunks
from therapy.adapters.audio.decoder import MEMORY
from therapy.adapters.audio.ranged_file import RangedFile
from therapy.adapters.child_process.limits import Allowance, Limits
from therapy.domain.errors import TherapyError
from therapy.ports.audio import BYTES_PER_MS

SIDE = 16_000


def two_seconds() -> bytes:
    return media.excerpt(0, 2)


def png(side: int = SIDE) -> bytes:
    """A picture of 8 bytes for each of `side` x `side` pixels, whose data breaks off early."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + crc

    head = struct.pack(">IIBBBBB", side, side, 16, 6, 0, 0, 0)
    rows = zlib.compress(bytes((1 + side * 8) * 20))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg() -> bytes:
    """A picture of 65,500 x 65,500 pixels, of which nothing follows."""
    frame = struct.pack(">BHHB", 8, 65_500, 65_500, 3) + b"\1\x11\0\2\x11\0\3\x11\0"
    tables = b"\xff\xdb" + struct.pack(">H", 67) + b"\0" + bytes([1] * 64)
    return (
        b"\xff\xd8" + tables + b"\xff\xc0" + struct.pack(">H", len(frame) + 2) + frame + bytes(64)
    )


def flac_picture(picture: bytes, kind: bytes) -> bytes:
    """FLAC with a picture in front of its sound."""
    sound = media.recording("flac", 2.0)
    body = struct.pack(">II", 3, len(kind)) + kind + bytes(4)
    body += struct.pack(">IIII", SIDE, SIDE, 64, 0) + struct.pack(">I", len(picture)) + picture
    end = 8 + int.from_bytes(sound[5:8], "big")  # of STREAMINFO, which is first
    return sound[:end] + b"\x06" + len(body).to_bytes(3, "big") + body + sound[end:]


def mp3_picture(picture: bytes, kind: bytes) -> bytes:
    return id3(b"\0" + kind + b"\0\3\0" + picture) + media.recording("mp3", 2.0)


def id3(content: bytes, stated: int = 0) -> bytes:
    """An ID3 tag with one picture's frame; it states `stated` bytes if that is not 0."""

    def size(number: int) -> bytes:
        return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))

    frame = b"APIC" + size(stated or len(content)) + b"\0\0" + content
    return b"ID3\4\0\0" + size(stated or len(frame)) + frame


def flac_of_days(bytes_: int = 100_000, rate: int = 4_000) -> bytes:
    """FLAC frames of 65,535 equal samples, 13 bytes each."""
    head = struct.pack(">HH", 65_535, 65_535) + bytes(6)
    head += (rate << 44 | 15 << 36).to_bytes(8, "big") + bytes(16)
    parts, size, number = [b"fLaC\x80" + len(head).to_bytes(3, "big") + head], 0, 0
    while size < bytes_:
        frame = b"\xff\xf8\x70\0" + _utf8(number) + struct.pack(">H", 65_534)
        frame += bytes([_crc(frame, 0x07, 8)]) + b"\0\0\1"
        parts.append(frame + _crc(frame, 0x8005, 16).to_bytes(2, "big"))
        size, number = size + len(parts[-1]), number + 1
    return b"".join(parts)


def _utf8(number: int) -> bytes:
    return chr(number).encode("utf-8", "surrogatepass")


def _crc(data: bytes, polynomial: int, bits: int) -> int:
    crc, top = 0, 1 << (bits - 1)
    for byte in data:
        crc ^= byte << (bits - 8)
        for _ in range(8):
            crc = (crc << 1 ^ polynomial if crc & top else crc << 1) & (2 * top - 1)
    return crc


def wav_of_chunks(count: int = 200_000) -> bytes:
    plain = wav(two_seconds())
    chunks = b"JUNK\0\0\0\0" * (count // 2) + b"LIST\4\0\0\0INFO" * (count // 2)
    return plain[:36] + chunks + plain[36:]


def wav_of_cues(count: int = 300_000) -> bytes:
    plain = wav(two_seconds())
    points = b"".join(struct.pack("<IIIIII", at, at, 0x61746164, 0, 0, at) for at in range(count))
    return plain[:36] + b"cue " + struct.pack("<II", len(points) + 4, count) + points + plain[36:]


def aiff_of_chunks(count: int = 200_000) -> bytes:
    plain = media.recording("aiff", 2.0)
    return plain[:12] + b"ANNO\0\0\0\0" * count + plain[12:]


def caf_of_chunks(count: int = 200_000) -> bytes:
    plain = media.recording("caf", 2.0)
    at = 8 + 12 + 32  # the header, then the description, which comes first
    return plain[:at] + (b"free" + bytes(8)) * count + plain[at:]


def caf_of_packets(stated: int = 60_000_000) -> bytes:
    """CAF whose table of packets states 60 million."""
    described = struct.pack(">d4sIIIII", 16_000.0, b"aac ", 0, 0, 1024, 1, 0)
    table = struct.pack(">qqii", stated, stated * 1024, 0, 0) + bytes(1_000_000)
    parts = (b"desc", described), (b"pakt", table), (b"data", bytes(4) + two_seconds())
    body = b"".join(kind + struct.pack(">q", len(each)) + each for kind, each in parts)
    return b"caff\0\1\0\0" + body


def element(kind: bytes, content: bytes) -> bytes:
    """An element of EBML."""
    return kind + (1 << 56 | len(content)).to_bytes(8, "big") + content


def matroska(*elements: bytes) -> bytes:
    head = element(b"\x1a\x45\xdf\xa3", element(b"\x42\x82", b"matroska"))
    return head + element(b"\x18\x53\x80\x67", b"".join(elements))


def track(number: int, more: bytes = b"") -> bytes:
    """A Matroska track of 16 kHz mono PCM."""
    sound = element(b"\xb5", struct.pack(">d", 16_000.0)) + element(b"\x9f", b"\1")
    sound += element(b"\x62\x64", b"\x10")
    about = element(b"\xd7", number.to_bytes(2, "big")) + element(
        b"\x73\xc5", number.to_bytes(4, "big")
    )
    about += element(b"\x83", b"\2") + element(b"\x86", b"A_PCM/INT/LIT") + element(b"\xe1", sound)
    return element(b"\xae", about + more)


def cluster(at_ms: int, number: int, samples: bytes) -> bytes:
    block = bytes([0x40 | number >> 8, number & 0xFF]) + bytes(2) + b"\x80" + samples
    return element(
        b"\x1f\x43\xb6\x75", element(b"\xe7", at_ms.to_bytes(8, "big")) + element(b"\xa3", block)
    )


def matroska_of_tracks(count: int = 1_000) -> bytes:
    tracks = element(b"\x16\x54\xae\x6b", b"".join(map(track, range(1, count + 1))))
    return matroska(
        tracks, *(cluster(0, number, two_seconds()[:4_000]) for number in range(1, count + 1))
    )


def matroska_of_years() -> bytes:
    tracks = element(b"\x16\x54\xae\x6b", track(1))
    times = (0, 100, 10**12, 10**12 + 100)
    return matroska(tracks, *(cluster(at, 1, two_seconds()[:3_200]) for at in times))


def matroska_nested(depth: int = 20_000) -> bytes:
    """Tags within tags within tags."""
    tags = b""
    for _ in range(depth):
        tags = b"\x67\xc8" + (1 << 56 | len(tags)).to_bytes(8, "big") + tags
    tracks = element(b"\x16\x54\xae\x6b", track(1))
    tags = element(b"\x12\x54\xc3\x67", element(b"\x73\x73", tags))
    return matroska(tracks, tags, cluster(0, 1, two_seconds()[:32_000]))


def matroska_of_cues(count: int = 100_000) -> bytes:
    positions = element(b"\xb7", element(b"\xf7", b"\1") + element(b"\xf1", b"\0"))
    cue = element(b"\xbb", element(b"\xb3", b"\1") + positions)
    tracks = element(b"\x16\x54\xae\x6b", track(1))
    return matroska(
        tracks, element(b"\x1c\x53\xbb\x6b", cue * count), cluster(0, 1, two_seconds()[:32_000])
    )


def matroska_attachment() -> bytes:
    """A picture as an attachment, and one that is the track's own data, unpacked by zlib."""
    packed = element(
        b"\x6d\x80", element(b"\x62\x40", element(b"\x50\x34", element(b"\x42\x54", b"\0")))
    )
    private = element(b"\x63\xa2", zlib.compress(bytes(300 << 20), 1)[:400_000])
    tracks = element(b"\x16\x54\xae\x6b", track(1, packed + private))
    named = element(b"\x46\x6e", b"cover.png") + element(b"\x46\x60", b"image/png")
    named += element(b"\x46\xae", b"\1") + element(b"\x46\x5c", png())
    attached = element(b"\x19\x41\xa4\x69", element(b"\x61\xa7", named))
    return matroska(tracks, attached, cluster(0, 1, zlib.compress(two_seconds())))


def ogg_page(serial: int, packet: bytes, flags: int = 2, number: int = 0) -> bytes:
    lacing = b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255])
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, 0, serial, number, 0, len(lacing)) + lacing
    crc = 0
    page = head + packet
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 1 << 31 else crc << 1) & 0xFFFFFFFF
    return page[:22] + struct.pack("<I", crc) + page[26:]


def ogg_of_streams(count: int = 1_000) -> bytes:
    """Ogg with the first pages of as many streams in front of its own."""
    head = b"OpusHead\1\1" + struct.pack("<HIhB", 312, 16_000, 0, 0)
    pages = b"".join(ogg_page(serial, head) for serial in range(1, count + 1))
    return pages + media.recording("ogg", 2.0)


def mp3_stating_years() -> bytes:
    """MP3 whose first frame states 4 billion frames."""
    frame = bytearray(b"\xff\xfb\x90\x64" + bytes(413))
    frame[36:48] = b"Xing\0\0\0\3" + b"\xff\xff\xff\xf0"
    return bytes(frame) + media.recording("mp3", 2.0)


def tta_stating_hours() -> bytes:
    """TTA whose header states 4 billion samples, each frame of which has an entry in its table."""
    head = b"TTA1" + struct.pack("<HHHII", 1, 1, 16, 16_000, 0xFFFFFFF0)
    return head + struct.pack("<I", zlib.crc32(head)) + bytes(2_000_000)


def ape_stating_frames() -> bytes:
    head = struct.pack("<4sHHIIIIIIHH", b"MAC ", 3990, 0, 52, 24, 1 << 26, 44, 0, 0, 0, 0)
    head += bytes(16) + struct.pack("<HHIIIHHI", 2000, 0, 73_728, 73_728, 1 << 24, 16, 1, 16_000)
    return head + bytes(2_000_000)


def channels_of_many() -> bytes:
    return wav(bytes(65_535 * 2 * 10), channels=32_000)


BOMBS: dict[str, Callable[[], bytes]] = {
    "a PNG of 2 GB in FLAC": lambda: flac_picture(png(), b"image/png"),
    "a JPEG of 12 GB in FLAC": lambda: flac_picture(jpeg(), b"image/jpeg"),
    "a PNG of 2 GB in MP3": lambda: mp3_picture(png(), b"image/png"),
    "a JPEG of 12 GB in MP3": lambda: mp3_picture(jpeg(), b"image/jpeg"),
    "31 hours of silence in FLAC": flac_of_days,
    "200,000 chunks in WAV": wav_of_chunks,
    "300,000 cues in WAV": wav_of_cues,
    "200,000 chunks in AIFF": aiff_of_chunks,
    "200,000 chunks in CAF": caf_of_chunks,
    "60 million packets in CAF": caf_of_packets,
    "32,000 channels in WAV": channels_of_many,
    "1,000 tracks in Matroska": matroska_of_tracks,
    "31 years between two blocks of Matroska": matroska_of_years,
    "20,000 tags in each other in Matroska": matroska_nested,
    "100,000 cues in Matroska": matroska_of_cues,
    "a picture and zlib of 300 MB in Matroska": matroska_attachment,
    "1,000 streams in Ogg": ogg_of_streams,
    "an ID3 tag that states 256 MB": lambda: (
        id3(bytes(1_000), 0xFFFFFFF) + media.recording("mp3", 2.0)
    ),
    "2,000 ID3 tags": lambda: id3(bytes(100)) * 2_000 + media.recording("mp3", 2.0),
    "an MP3 that states 4 billion frames": mp3_stating_years,
    "a TTA that states 4 billion samples": tta_stating_hours,
    "an APE that states 16 million frames": ape_stating_frames,
    **MP4_BOMBS,
    "a PNG of 2 GB in M4A": lambda: _with_cover(png(), 14),
    "a JPEG of 12 GB in M4A": lambda: _with_cover(jpeg(), 13),
}
"""Bombs by name."""


def _with_cover(picture: bytes, kind: int) -> bytes:
    """M4A, with a picture in its index, which is last."""
    data = media.recording("m4a", 2.0)
    at = data.rindex(b"moov") - 4
    cover = box(b"covr", box(b"data", struct.pack(">II", kind, 0) + picture))
    handler = box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    tags = box(b"udta", box(b"meta", bytes(4) + handler + box(b"ilst", cover)))
    length = int.from_bytes(data[at : at + 4], "big")
    inside = data[at + 8 : at + length] + tags
    return data[:at] + box(b"moov", inside) + data[at + length :]


def outcome(data: bytes, allowance: Allowance) -> str:
    """What comes of a recording: a code, or "decoded" and its seconds."""
    file, decoded = RangedFile(lambda start, end: data[start:end], len(data)), 0
    try:
        look_for_audio(file)
        for chunk in pcm_chunks(file, lambda _: None):
            decoded += len(chunk)
            allowance.more(decoded / BYTES_PER_MS / 1000)
    except TherapyError as error:
        return error.code
    except MemoryError:
        return "too_demanding"
    return f"decoded {decoded / BYTES_PER_MS / 1000:.1f} s"


def outcomes(names: list[str]) -> Iterator[dict[str, object]]:
    """Outcome, peak of memory and CPU of each, found out in a process of its own: a copy of this one."""
    for name in names or BOMBS:
        data = BOMBS[name]()
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            allowance = Allowance(Limits(memory=MEMORY))
            os.write(writing, outcome(data, allowance).encode())
            os._exit(0)
        os.close(writing)
        _, status, usage = os.wait4(child, 0)
        found = os.read(reading, 1_000).decode() or f"died: {status}"
        os.close(reading)
        yield {
            "name": name,
            "bytes": len(data),
            "outcome": found,
            "mb": usage.ru_maxrss // 1024,
            "cpu": round(usage.ru_utime + usage.ru_stime, 2),
        }


if __name__ == "__main__":
    for each in outcomes(sys.argv[1:]):
        print(json.dumps(each), flush=True)
