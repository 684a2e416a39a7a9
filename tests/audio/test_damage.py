"""Random cuts, joins and bit flips of valid recordings: sound or a named refusal, never a hang or a crash.

`THERAPY_DAMAGED_RECORDINGS=1000` tries so many, from the seed `THERAPY_DAMAGE_SEED` on.
"""

import os
import random
import subprocess
import sys
from functools import cache

import pytest

from tests import media
from tests.audio.decoding import findings_of, plainly_decoded
from therapy.domain.errors import RecordingTooLong, UndecodableAudio
from therapy.ports.audio import LONGEST_MS

pytestmark = pytest.mark.slow  # each starts a child that decodes or encodes

COUNT = int(os.environ.get("THERAPY_DAMAGED_RECORDINGS", "200"))
SEED = int(os.environ.get("THERAPY_DAMAGE_SEED", "0"))
BATCH = 10

NAMES = ["wav", "wav stereo", "m4a", "mp3", "ogg", "webm", "flac", *media.RARER]


HEADERS_ONLY = {each for each in NAMES if "wav" in each} | {
    "aiff",
    "aifc",
    "w64",
    "au",
    "voc",
    "mov",
}
"""Without its header nobody knows what such a recording is: FFmpeg guesses, and hears noise."""


@cache
def whole(name: str) -> bytes:
    return media.recording(name, 4.0)


def cut(rng: random.Random, data: bytes) -> bytes:
    """A part: usually the beginning, sometimes from the middle on."""
    start = 0 if rng.random() < 0.7 else rng.randrange(len(data))
    return data[start : rng.randrange(start, len(data)) + 1]


def joined(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data))] + cut(rng, whole(rng.choice(NAMES)))


def flipped(rng: random.Random, data: bytes) -> bytes:
    spoilt = bytearray(data)
    near = rng.choice((200, len(data)))  # the header, or anywhere
    for _ in range(rng.randrange(1, 40)):
        spoilt[rng.randrange(min(near, len(data)))] ^= 1 << rng.randrange(8)
    return bytes(spoilt)


def decoded_s(data: bytes) -> float:
    """Seconds that come out, without the silence for what is missing; 0 for a refusal."""
    try:
        found = findings_of(data)
    except UndecodableAudio as error:
        return 0.0 if error.details["reason"] else float("nan")
    except RecordingTooLong:  # a time stamp became one of days later
        return 0.0
    filled = sum(
        each.end_ms - each.start_ms for each in found.missing if each.reason in ("hole", "damaged")
    )
    assert found.duration_ms <= LONGEST_MS
    assert all(0 <= each.start_ms < each.end_ms for each in found.missing)
    return (found.duration_ms - filled) / 1000


@pytest.mark.timeout(BATCH * 10)
@pytest.mark.parametrize("batch", range(0, COUNT, BATCH))
def test_whatever_happens_to_a_recording_it_gives_sound_or_is_refused_by_name(batch):
    for number in range(batch, min(batch + BATCH, COUNT)):
        rng = random.Random(SEED * 1_000_003 + number)
        name = rng.choice(NAMES)
        damage = rng.choice((cut, joined, flipped))
        data = damage(rng, whole(name))
        decoded = decoded_s(data)
        assert decoded >= 0, (number, name)
        if damage is cut and (name not in HEADERS_ONLY or data[:4] == whole(name)[:4]):
            assert decoded >= 0.95 * plainly_decoded(data) - 0.05, (number, name, len(data))


MEASURE = """
import re, sys
from pathlib import Path
from therapy.adapters.audio.audio_track import pcm_chunks
from therapy.adapters.audio.ranged_file import RangedFile

head = bytes.fromhex(sys.argv[1])
size = len(head) + 1_200 * 44_100 * 4

def fetch(start, end):
    return ((head if start == 0 else b"") + bytes(range(256)) * 4_096)[:end - start]

taken = sum(len(chunk) for chunk in pcm_chunks(RangedFile(fetch, size), lambda found: None))
print(taken, int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.mark.slow
def test_twenty_minutes_of_stereo_take_less_than_150_mb():
    head = media.wav_claiming(0xFFFFFFFF, media.recording("wav stereo", 1.0))
    head = head[: head.index(b"data") + 8]
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, head.hex()], capture_output=True, check=True, text=True
    )
    taken, megabytes = map(int, run.stdout.split())
    assert taken == pytest.approx(1_200 * 32_000, rel=0.001)
    assert megabytes < 150
