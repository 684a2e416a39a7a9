"""MP4 files whose tables, boxes and tracks are made to cost much."""

import struct
from collections.abc import Callable

from tests import media

SECONDS = 2
RATE = 16_000


def box(kind: bytes, *content: bytes) -> bytes:
    inside = b"".join(content)
    return struct.pack(">I", 8 + len(inside)) + kind + inside


def full_box(kind: bytes, *content: bytes) -> bytes:
    return box(kind, bytes(4), *content)


def stsd() -> bytes:
    """16 kHz mono PCM."""
    entry = bytes(6) + b"\0\1" + bytes(8) + struct.pack(">HHHHI", 1, 16, 0, 0, RATE << 16)
    return full_box(b"stsd", struct.pack(">I", 1), box(b"sowt", entry))


def tables(
    *,
    samples: int,
    sizes: bytes = b"",
    times: bytes = b"",
    more: bytes = b"",
    chunks: bytes = struct.pack(">II", 1, 36),
) -> bytes:
    """A sample table; `samples` are all in one chunk at byte 36, 2 bytes each, unless said otherwise."""
    stsz = sizes or struct.pack(">II", 2, samples)
    stts = times or struct.pack(">III", 1, samples, 1)
    stsc = struct.pack(">IIII", 1, 1, samples, 1)
    return box(
        b"stbl",
        stsd(),
        full_box(b"stts", stts),
        full_box(b"stsc", stsc),
        full_box(b"stsz", stsz),
        full_box(b"stco", chunks),
        more,
    )


def trak(number: int, table: bytes, edits: bytes = b"") -> bytes:
    tkhd = full_box(b"tkhd", struct.pack(">IIIII", 0, 0, number, 0, 1000), bytes(60))
    mdhd = full_box(b"mdhd", struct.pack(">IIIIHH", 0, 0, RATE, RATE * 2, 0x55C4, 0))
    hdlr = full_box(b"hdlr", bytes(4) + b"soun" + bytes(13))
    minf = box(b"minf", full_box(b"smhd", bytes(4)), table)
    return box(b"trak", tkhd, edits, box(b"mdia", mdhd, hdlr, minf))


def mp4(*moov: bytes, behind: bytes = b"") -> bytes:
    """Two seconds of sound at byte 36, then the index, then `behind`."""
    head = box(b"ftyp", b"qt  ", bytes(12))
    mvhd = full_box(b"mvhd", struct.pack(">IIII", 0, 0, 1000, 2000), bytes(80))
    return (
        head
        + bytes(0)
        + box(b"mdat", bytes(4), media.excerpt(0, SECONDS))
        + box(b"moov", mvhd, *moov)
        + behind
    )


def sound() -> bytes:
    return tables(samples=SECONDS * RATE)


def states_60_million_samples() -> bytes:
    return mp4(trak(1, tables(samples=60_000_000)))


def states_sizes_of_60_million() -> bytes:
    return mp4(trak(1, tables(samples=60_000_000, sizes=struct.pack(">II", 0, 60_000_000))))


def half_a_million_chunks() -> bytes:
    count = 500_000
    table = struct.pack(">I", count) + struct.pack(">I", 36) * count
    return mp4(trak(1, tables(samples=1, chunks=table)))


def times_of_one_sample_each() -> bytes:
    count = 300_000
    return mp4(
        trak(
            1,
            tables(
                samples=count, times=struct.pack(">I", count) + struct.pack(">II", 1, 1) * count
            ),
        )
    )


def composition_offsets() -> bytes:
    """One entry for 2 billion samples, and a million more."""
    offsets = (
        struct.pack(">III", 1_000_001, 2_000_000_000, 1) + struct.pack(">II", 1, 1) * 1_000_000
    )
    return mp4(trak(1, tables(samples=SECONDS * RATE, more=full_box(b"ctts", offsets))))


def edits(count: int, stated: int = 0) -> bytes:
    entries = b"".join(struct.pack(">IiHH", 1, at % 30_000, 1, 0) for at in range(count))
    elst = full_box(b"elst", struct.pack(">I", stated or count), entries)
    return mp4(trak(1, sound(), box(b"edts", elst)))


def of_tracks(count: int = 1_000) -> bytes:
    return mp4(*(trak(number, sound()) for number in range(1, count + 1)))


def nested(kind: bytes, depth: int = 100_000) -> bytes:
    total = 8 * depth
    inner = b"".join(struct.pack(">I", total - 8 * at) + kind for at in range(depth))
    return mp4(trak(1, sound()), inner)


def fragment_of_many_samples() -> bytes:
    """A fragment that states 100 million samples without any data of their own."""
    trex = box(b"mvex", full_box(b"trex", struct.pack(">IIIII", 1, 1, 1, 2, 0)))
    trun = full_box(b"trun", struct.pack(">I", 100_000_000))
    traf = box(b"traf", box(b"tfhd", bytes(4), struct.pack(">I", 1)), trun)
    moof = box(b"moof", full_box(b"mfhd", struct.pack(">I", 1)), traf)
    return mp4(
        trak(1, tables(samples=0)), trex, behind=moof + box(b"mdat", media.excerpt(0, SECONDS))
    )


def fragments(count: int = 20_000) -> bytes:
    trex = box(b"mvex", full_box(b"trex", struct.pack(">IIIII", 1, 1, 1, 2, 0)))
    trun = full_box(b"trun", struct.pack(">I", 1_000))
    traf = box(b"traf", box(b"tfhd", bytes(4), struct.pack(">I", 1)), trun)
    moof = box(b"moof", full_box(b"mfhd", struct.pack(">I", 1)), traf)
    return mp4(trak(1, tables(samples=0)), trex, behind=(moof + box(b"mdat", bytes(16))) * count)


def chapters(count: int = 100_000) -> bytes:
    entries = struct.pack(">Q", 0) + b"\0"
    chpl = full_box(b"chpl", bytes(4), b"\xff", entries * count)
    return mp4(trak(1, sound()), box(b"udta", chpl))


MP4_BOMBS: dict[str, Callable[[], bytes]] = {
    "60 million samples in MP4": states_60_million_samples,
    "60 million sizes in MP4": states_sizes_of_60_million,
    "500,000 chunks in MP4": half_a_million_chunks,
    "300,000 times in MP4": times_of_one_sample_each,
    "a million composition offsets in MP4": composition_offsets,
    "100,000 edits in MP4": lambda: edits(100_000),
    "an edit list that states 100 million": lambda: edits(10, 100_000_000),
    "1,000 tracks in MP4": of_tracks,
    "100,000 boxes in each other in MP4": lambda: nested(b"udta"),
    "100,000 moov in each other in MP4": lambda: nested(b"moov"),
    "a fragment of 100 million samples in MP4": fragment_of_many_samples,
    "20,000 fragments in MP4": fragments,
    "100,000 chapters in MP4": chapters,
}
"""Bombs by name."""
