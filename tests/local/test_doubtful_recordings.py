"""Recordings that a recogniser makes things up for: other languages, nonsense, repeated words.

Some are heard by the engine, in its process. For others it is enough to hear the words, in this process, by a
model that is loaded once.
"""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.audio.decoding import decoded_here
from tests.local.watched_speech import done, heard, text, utterances
from therapy.adapters.local.speech import process_protocol
from therapy.adapters.local.speech.engine import LIMITS
from therapy.adapters.local.speech.recording_words import RecordingWords
from therapy.adapters.local.speech.segment_words import segment_words
from therapy.adapters.local.speech.speech_segments import Segmenter
from therapy.adapters.local.speech.whisper import Whisper
from therapy.domain.errors import LanguageNotSupported
from therapy.domain.transcript import GUESS, LOOP, VoicedWord
from therapy.entrypoints.cli.accuracy import spoken_words
from therapy.ports.speech import SpeechEvent, SpeechOptions

pytestmark = pytest.mark.slow

RECORDINGS = Path(__file__).parents[1] / "data" / "doubtful-recordings"
ENGLISH = SpeechOptions(("en-US",))
WORDS_A_SECOND = 25
ENOUGH = {"spoken-es": 6.0, "unintelligible": 7.0, "loop-affirm": 12.0, "loop-guide": 25.6}
"""Seconds of a recording after which what it is for has happened; of others, all is listened to."""


def samples_of(name: str) -> bytes:
    samples, _ = decoded_here((RECORDINGS / f"{name}.ogg").read_bytes())
    return samples[: at(ENOUGH.get(name, 60.0))]


def events_of(name: str, cache: Path) -> list[SpeechEvent]:
    return asyncio.run(heard(samples_of(name), cache, ENGLISH))


@pytest.fixture(scope="module")
def whisper(tmp_path_factory) -> Whisper:
    """The engine's model, in this process."""
    return Whisper("tiny.en", tmp_path_factory.mktemp("models"), threads=1)


def words_of(samples: bytes, whisper: Whisper) -> list[VoicedWord]:
    """The words with their doubts, as the engine finds them, but without voices."""
    cutter, found = Segmenter(), RecordingWords(ENGLISH.languages)
    for segment in (*cutter.take(samples), *cutter.finish()):
        found.add(segment_words(whisper, segment, ENGLISH.languages))
    found.refuse_if_not_understood()
    return found.flagged([VoicedWord(each, "", 0.0) for each in found.plain()])


@pytest.fixture(scope="module")
def loops(tmp_path_factory) -> dict[str, list[SpeechEvent]]:
    """What is heard in recordings of repeated sentences."""
    cache = tmp_path_factory.mktemp("models")
    return {name: events_of(name, cache) for name in ("loop-affirm", "loop-guide")}


def test_what_is_not_english_fails_and_says_as_what_it_was_not_understood(tmp_path):
    with pytest.raises(LanguageNotSupported) as failed:
        events_of("spoken-es", tmp_path)
    assert (failed.value.code, failed.value.details) == ("language", {"languages": "en-US"})


@pytest.mark.parametrize("name", ["spoken-he", "unintelligible"])
def test_nor_is_what_loops_or_is_nonsense_taken_for_english(name, whisper):
    with pytest.raises(LanguageNotSupported) as failed:
        words_of(samples_of(name), whisper)
    assert (failed.value.code, failed.value.details) == ("language", {"languages": "en-US"})


@pytest.mark.parametrize(("name", "said"), [("loop-affirm", 39), ("loop-guide", 46)])
def test_loops_give_about_the_words_that_are_said(loops, name, said):
    assert 0.7 * said < len(spoken_words(text(loops[name]))) < 1.2 * said


@pytest.mark.parametrize("name", ["loop-affirm", "loop-guide"])
def test_no_line_has_more_words_than_anyone_can_say(loops, name):
    for line in utterances(loops[name]):
        assert len(line.words) * 1000 <= WORDS_A_SECOND * (line.end_ms - line.start_ms)


def test_lines_that_a_loop_was_cut_from_are_marked(loops):
    assert LOOP in {flag for line in utterances(loops["loop-affirm"]) for flag in line.flags}


@pytest.mark.parametrize("name", ["loop-affirm", "loop-guide"])
def test_no_speech_of_two_seconds_is_without_words(loops, name):
    coverage = done(loops[name]).coverage
    assert coverage is not None
    assert coverage.longest_ms < 2_000


def test_a_second_run_hears_the_same(loops, whisper):
    first = [word for line in utterances(loops["loop-affirm"]) for word in line.words]
    again = words_of(samples_of("loop-affirm"), whisper)
    assert [each.word for each in again] == first


def test_a_few_sentences_of_hebrew_among_english_are_flagged(whisper):
    english, _ = decoded_here((RECORDINGS.parent / "hard" / "two-women.ogg").read_bytes())
    hebrew = samples_of("spoken-he")[at(3) : at(8.5)]
    mixed = english[: at(12)] + hebrew + english[at(12) : at(24)]
    for each in words_of(mixed, whisper):
        middle = (each.word.start_ms + each.word.end_ms) / 2000
        assert (GUESS in each.flags) == (12 <= middle < 17.5), each


def at(seconds: float) -> int:
    """Return the place in the samples, in bytes."""
    return int(seconds * 16_000) * 2


LITTLE_MEMORY = """
import resource
import faster_whisper
from therapy.adapters.local.speech import recogniser_process

with open("/proc/self/statm") as used:
    pages = int(used.read().split()[0])
limit = pages * resource.getpagesize() + 20_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
recogniser_process.main()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="what a process uses is read from /proc")
def test_too_little_memory_for_the_model_is_said_and_may_pass(tmp_path):
    settings = process_protocol.ChildSettings(
        "tiny.en", str(tmp_path), ("en-US",), 1, os.getpid(), limits=LIMITS
    )
    child = subprocess.run(
        [sys.executable, "-c", LITTLE_MEMORY],
        input=process_protocol.line(settings) + process_protocol.frame(b""),
        capture_output=True,
        check=False,
    )
    assert process_protocol.decode_message(child.stdout) == process_protocol.Failed(
        "not_enough_memory", transient=True
    )
