"""docs/reference/recordings.md: what comes of each recording, found out by decoding it.

`.venv/bin/python -m tests.audio.recordings_page` writes it; `test_recordings_page.py` compares.
"""

import math
import random
import struct
from array import array
from collections.abc import Callable
from functools import cache
from pathlib import Path

from tests import media
from tests.audio.decoding import findings_of, wav
from therapy.adapters.audio.audio_track import look_for_audio
from therapy.adapters.audio.ranged_file import RangedFile
from therapy.domain.errors import TherapyError
from therapy.ports.audio import LONGEST_MS

PAGE = Path(__file__).parents[2] / "docs/reference/recordings.md"

CASES = {
    "ac3.mp4": ("MP4 with AC-3", 'taken, then "damaged"'),
    "adts.aac": ("raw AAC", "415"),
    "apac_first.mp4": ("a track without any decoder before the AAC track", "failed: `internal`"),
    "film31.webm": ("the picture is 1 s longer than the sound", 'failed: "damaged"'),
    "g722.wav": ("WAV with G.722", 'taken, then "damaged"'),
    "gap20.mka": ("a hole of 20 s in the time stamps", "30 s, 20 s too early behind the hole"),
    "gap20.webm": ("the same as WebM", "30 s, 20 s too early behind the hole"),
    "mp3_cut_stale_xing.mp3": ("cut, with the header of before", 'failed: "damaged"'),
    "mp3_zeros_first.mp3": ("zeros before the first frame", "415"),
    "noftyp_skip.mov": ("QuickTime without `ftyp`", "415"),
    "ogg_gap06.opus": ("0.6 s of Ogg pages are lost", 'failed: "damaged"'),
    "rec.aiff": ("AIFF", "415"),
    "rec.amr": ("AMR with pauses that the codec leaves out", "415"),
    "stereo-inverted.flac": ("the right channel is the left one inverted", "no lines"),
    "two_tracks.mp4": ("a silent track before the one with speech", "no lines"),
    "wav-pmx-chunk.wav": ("a chunk behind the samples", "the chunk decoded as noise"),
    "webm_wall_plus1200.webm": ("its length by the wall clock, 1.2 s more", 'failed: "damaged"'),
}
"""Files of tests/data/recordings: what each is, and what came of it before."""


def tone(seconds: float, rate: int, pitch: float, peak: float = 0.3, offset: float = 0.0) -> bytes:
    turn = math.tau * pitch / rate
    return array(
        "h",
        (
            max(-32_768, min(32_767, round(32_767 * (offset + peak * math.sin(at * turn)))))
            for at in range(int(seconds * rate))
        ),
    ).tobytes()


def music() -> bytes:
    """Chords, and a voice with vibrato above them."""
    notes = [array("h", tone(3, 16_000, pitch, 0.12)) for pitch in (220, 277, 330)]
    sung = array(
        "h", (round(4_000 * math.sin(at * 0.17 + 4 * math.sin(at * 0.002))) for at in range(48_000))
    )
    return array("h", map(sum, zip(*notes, sung, strict=True))).tobytes()


def not_numbers() -> bytes:
    rng = random.Random(5)
    spoken = array("h", media.excerpt(0, 3))
    values = [each / 32_768 if rng.random() > 0.01 else float("nan") for each in spoken]
    return struct.pack(f"<{len(values)}f", *values)


def of_24_channels() -> bytes:
    spoken = array("h", media.excerpt(0, 3))
    mixed = array("h", bytes(2 * 24 * len(spoken)))
    mixed[5::24] = spoken
    return wav(mixed.tobytes(), channels=24)


def with_hole(end_s: float) -> bytes:
    """Two seconds of sound, and two more that end at `end_s`."""
    jump = end_s - 4
    return media.encoded(
        media.excerpt(0, 4), "matroska", "pcm_s16le", rate=16_000,
        moved=lambda at: at if at < 2 else at + jump,
    )  # fmt: skip


def without_decoder(tag: bytes) -> bytes:
    return media.recording("m4a", 2.0).replace(b"mp4a", tag).replace(b"esds", b"dac4")


BAD: dict[str, Callable[[], bytes]] = {
    "0 bytes": lambda: b"",
    "a WAV without samples": lambda: wav(b""),
    "1 sample": lambda: wav(b"\1\1"),
    "1 second": lambda: wav(media.excerpt(0, 1)),
    "4 hours": lambda: with_hole(4 * 3600),
    "12 hours": lambda: with_hole(12 * 3600),
    "12 hours where 12 are allowed": lambda: with_hole(12 * 3600),
    "3 seconds, as its header states, where 2 are allowed": lambda: wav(media.excerpt(0, 3)),
    "192 kHz": lambda: wav(media.excerpt(0, 3, 192_000), rate=192_000),
    "24 channels, one of them with sound": of_24_channels,
    "samples that are not numbers (NaN)": lambda: wav(not_numbers(), bits=32, kind=3),
    "all zeros": lambda: wav(bytes(96_000)),
    "a constant (DC)": lambda: wav(tone(3, 16_000, 0, 0, 0.5)),
    "clipped": lambda: wav(tone(3, 16_000, 200, 3.0)),
    "a tone of 5 kHz": lambda: wav(tone(3, 16_000, 5_000)),
    "music with singing": lambda: wav(music()),
    "two recordings in one Ogg file": lambda: media.recording("ogg", 3.0) * 2,
    "a video without sound": lambda: media.film("matroska", "mpeg4"),
    "an image named .m4a": lambda: b"\x89PNG\r\n\x1a\n" + bytes(500),
    "a picture of a phone named .mp4": lambda: b"\0\0\0\x18ftypheic" + bytes(500),
    "a document": lambda: b"%PDF-1.7\n" + b"text " * 500,
    "an archive": lambda: b"PK\3\4" + bytes(500),
    "notes (MIDI)": lambda: b"MThd\0\0\0\6" + bytes(500),
    "text": lambda: b"Dear diary,\n" * 500,
    "zeros": lambda: bytes(10_000),
    "AC-4 in MP4": lambda: without_decoder(b"ac-4"),
    "protected music": lambda: without_decoder(b"drms"),
    "an M4A without its index": lambda: media.recording("m4a", 4.0)[:8_000],
    "a long picture in front (ID3)": lambda: id3(200_000) + media.recording("mp3", 3.0),
    "a long picture in front of raw AAC": lambda: id3(200_000) + media.recording("adts", 3.0),
}
"""Bad input, by name."""

ALLOWED_S = {
    "12 hours where 12 are allowed": 12 * 3600,
    "3 seconds, as its header states, where 2 are allowed": 2,
}
"""How long some of it may be (seconds); the rest as usual."""


def id3(length: int) -> bytes:
    size = bytes(length >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\4\0\0" + size + b"APIC" + b"\xff" * (length - 4)


def outcome(data: bytes, longest_s: int = LONGEST_MS // 1000) -> str:
    """What comes of a recording that may last so many seconds, in words."""
    try:
        if not data:
            return "refused at the upload: `empty_file`"
        file = RangedFile(lambda start, end: data[start:end], len(data))
        look_for_audio(file, longest_s * 1000)
    except TherapyError as error:
        name = f" ({error.details['format']})" if "format" in error.details else ""
        return f"refused at the upload: `{error.code}`{name}"
    try:
        found = findings_of(data, longest_ms=longest_s * 1000)
    except TherapyError as error:
        return f"fails: `{error.code}`"
    words = [f"{found.duration_ms / 1000:.1f} s"]
    words += [
        f"{each.reason} {each.start_ms / 1000:.1f}-{each.end_ms / 1000:.1f} s"
        for each in found.missing
    ]
    words += [f"`{each}`" for each in found.remarks]
    return ", ".join(words)


@cache
def bad_outcome(name: str) -> str:
    """What comes of bad input of this name."""
    return outcome(BAD[name](), ALLOWED_S.get(name, LONGEST_MS // 1000))


def page() -> str:
    """The page."""
    cases = [
        f"| `{name}` | {what} | {before} | {outcome(media.case(name))} |"
        for name, (what, before) in CASES.items()
    ]
    bad = [f"| {name} | {bad_outcome(name)} |" for name in BAD]
    return TEXT.format(cases="\n".join(cases), bad="\n".join(bad))


TEXT = """\
# What comes of a recording

Made by `.venv/bin/python -m tests.audio.recordings_page`, which decodes each of these files; do not edit.

A recording may be WAV, RF64, W64, AIFF, CAF, AU, MP4, M4A, MOV, 3GP, MP3, AAC (ADTS, LOAS), Ogg, WebM,
Matroska, FLAC, WMA, AVI, FLV, MPEG TS and PS, AMR, AC-3, DTS, DSS, WavPack, Monkey's Audio, TTA or VOC,
whatever it is called, with any codec of them that FFmpeg decodes and that is on the list in
`therapy.adapters.audio.containers`. FFmpeg runs in a process of its own, also for the check at the upload.
What can't be read is refused there, and the refusal names what it is.

**Time** is that of the time stamps: holes and late starts are silence in the transcript's time, so that
lines stand where a player plays them. Ogg, WebM and MP4 count from 0, MPEG TS and WMA from their first time
stamp. A clock that jitters by less than 60 ms is not followed. A recording may last 4 hours
([a setting](limits.md#recordings)); a longer one is refused, `too_long`: at the upload if its headers say so
and its size does not contradict them, else as soon as so much is decoded.

**What is missing** is said with the session (`partial`): `hole` (the time stamps leave it out), `damaged`
(it can't be decoded), `cut_off` (the file states more than there is). Gaps of less than 0.5 s are not
reported. A length that a header states is a hint; one that makes no sense is ignored. Ogg, MPEG TS, AMR and
raw AAC state none, so a lost end of theirs can't be reported.

**Channels** are judged before they are mixed: one that is inverted is subtracted, a silent one is left out.
Where each carries its own speaker (`separate_channels`), that tells voices apart. Of several tracks the
first with sound is used (`several_tracks`).

## Recordings as people make them

The files are in `tests/data/recordings`; "before" is what version 148999e made of them.

| file | what it is | before | now |
| --- | --- | --- | --- |
{cases}

## Where words stand

Measured by `.venv/bin/python -m benchmarks.word_times`, which fails above 150 ms or below 95 %: 40 s of the
demo with a gap of 20 s in the time stamps, or with time stamps that begin at 7 s (MPEG TS counts from the
first). The middle of a word is so far, at worst, from where the packets' time stamps put it, as PyAV reads
them: "placed" from the words of the plain file's samples, put there without the decoder's timeline, "plain"
from the words of the plain file. That has the recogniser's own error in it: beside a pause it hears a word
some 100 ms earlier or later if what is before it is another.

| file | | found again | placed | plain |
| --- | --- | --- | --- | --- |
| webm | gap | 98 of 98 | 100 ms | 182 ms |
| webm | late | 98 of 98 | 20 ms | 28 ms |
| mka | gap | 98 of 98 | 90 ms | 190 ms |
| mka | late | 98 of 98 | 0 ms | 88 ms |
| mp4 | gap | 98 of 98 | 90 ms | 190 ms |
| mp4 | late | 98 of 98 | 120 ms | 89 ms |
| ogg | gap | 98 of 98 | 40 ms | 172 ms |
| ogg | late | 98 of 98 | 0 ms | 28 ms |
| ts | gap | 98 of 98 | 75 ms | 204 ms |
| ts | late | 98 of 98 | 0 ms | 0 ms |

## Bad input, by name

What the decoder makes of it. Silence, tones and music then give a transcript without lines, or with lines
that are marked as guesses.

| input | what comes of it |
| --- | --- |
{bad}
"""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
