"""Small files that are made to cost much come to a named end, within a decoder's memory."""

import json
import subprocess
import sys

import pytest

from tests.audio.bombs import BOMBS
from therapy.domain.messages import TEXTS

OFTEN = {"500,000 chunks in MP4", "300,000 times in MP4", "100,000 edits in MP4"}
"""These take seconds of CPU each; `benchmarks/hostile_recordings.py` sends them too."""

MOST_MB = 300

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="macOS limits no memory")


@pytest.mark.slow
def test_every_bomb_is_decoded_or_refused_by_name_and_its_process_stays_small():
    program = [sys.executable, "-m", "tests.audio.bombs", *sorted({*BOMBS} - OFTEN)]
    lines = subprocess.run(program, check=True, capture_output=True, text=True).stdout.splitlines()
    found = [json.loads(line) for line in lines]
    assert len(found) == len(BOMBS) - len(OFTEN)
    assert [
        each
        for each in found
        if not (each["outcome"].startswith("decoded") or each["outcome"] in TEXTS)
    ] == []
    assert [each for each in found if each["mb"] > MOST_MB] == []


PICTURE = """
from tests.audio import bombs
from therapy.adapters.audio.audio_track import look_for_audio
from therapy.adapters.audio.ranged_file import RangedFile

def peak_mb():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmPeak")) // 1024

data = bombs.flac_picture(bombs.png(), b"image/png")
before = peak_mb()
look_for_audio(RangedFile(lambda start, end: data[start:end], len(data)))
print(peak_mb() - before)
"""


def test_a_picture_in_a_recording_is_not_decoded():
    """Not even where memory has no limit: decoding this one takes 2 GB of addresses."""
    program = [sys.executable, "-c", PICTURE]
    grown = subprocess.run(program, check=True, capture_output=True, text=True).stdout
    assert int(grown) < MOST_MB
