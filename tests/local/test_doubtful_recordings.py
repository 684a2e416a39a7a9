"""Recordings that a recogniser makes things up for: other languages, nonsense, repeated words.

One of each outcome is heard by the engine, in its process: a refusal, and a loop with its marks. Of the
others the words are enough: they are heard in this process, by a model that is loaded once.
"""

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.audio.decoding import decoded_here
from tests.local.watched_speech import done, heard, utterances
from therapy.adapters.local.speech import process_protocol
from therapy.adapters.local.speech.engine import LIMITS
from therapy.adapters.local.speech.recording_words import RecordingWords
from therapy.adapters.local.speech.segment_words import segment_words
from therapy.adapters.local.speech.speech_segments import Segmenter
from therapy.adapters.local.speech.whisper import Whisper
from therapy.domain.errors import LanguageNotSupported
from therapy.domain.transcript import (
    GUESS,
    LOOP,
    Coverage,
    Utterance,
    VoicedWord,
    join_words,
)
from therapy.entrypoints.cli.accuracy import spoken_words
from therapy.ports.speech import SpeechEvent, SpeechOptions

pytestmark = pytest.mark.slow

RECORDINGS = Path(__file__).parents[1] / "data" / "doubtful-recordings"
ENGLISH = SpeechOptions(("en-US",))
WORDS_A_SECOND = 25
ENOUGH = {"spoken-es": 6.0, "unintelligible": 5.0, "loop-affirm": 9.0, "loop-guide": 16.0}
"""Seconds of a recording after which what it is for has happened; of others, all is listened to."""


def samples_of(name: str) -> bytes:
    samples, _ = decoded_here((RECORDINGS / f"{name}.ogg").read_bytes())
    return samples[: at(ENOUGH.get(name, 60.0))]


def events_of(name: str, cache: Path) -> list[SpeechEvent]:
    return asyncio.run(heard(samples_of(name), cache, ENGLISH))


@dataclass(frozen=True)
class Heard:
    """What is heard in a recording: its lines, and how much of its speech has words."""

    lines: list[Utterance]
    coverage: Coverage | None


@pytest.fixture(scope="module")
def whisper(tmp_path_factory) -> Whisper:
    """The engine's model, in this process."""
    return Whisper("tiny.en", tmp_path_factory.mktemp("models"), threads=1)


def found_in(samples: bytes, whisper: Whisper) -> RecordingWords:
    """The words of a recording and what is known of them, as the engine finds them."""
    cutter, found = Segmenter(), RecordingWords(ENGLISH.languages)
    for segment in (*cutter.take(samples), *cutter.finish()):
        found.add(segment_words(whisper, segment, ENGLISH.languages))
    return found


def without_voices(found: RecordingWords) -> list[VoicedWord]:
    """The words with their doubts."""
    return found.flagged([VoicedWord(each, "", 0.0) for each in found.plain()])


@pytest.fixture(scope="module")
def loops(tmp_path_factory, whisper) -> dict[str, Heard]:
    """What is heard in recordings of repeated sentences: by the engine, and in this process."""
    events = events_of("loop-affirm", tmp_path_factory.mktemp("models"))
    guide = found_in(samples_of("loop-guide"), whisper)
    return {
        "loop-affirm": Heard(utterances(events), done(events).coverage),
        "loop-guide": Heard(join_words(without_voices(guide)), guide.coverage),
    }


@pytest.fixture(scope="module")
def nonsense(whisper) -> RecordingWords:
    """What is found in speech that is played backwards."""
    return found_in(samples_of("unintelligible"), whisper)


def test_what_is_not_english_fails_and_says_as_what_it_was_not_understood(tmp_path):
    with pytest.raises(LanguageNotSupported) as failed:
        events_of("spoken-es", tmp_path)
    assert (failed.value.code, failed.value.details) == ("language", {"languages": "en-US"})


def test_nor_is_what_loops_or_is_nonsense_taken_for_english(nonsense, whisper):
    for found in (found_in(samples_of("spoken-he"), whisper), nonsense):
        with pytest.raises(LanguageNotSupported) as failed:
            found.refuse_if_not_understood()
        assert (failed.value.code, failed.value.details) == ("language", {"languages": "en-US"})


@pytest.mark.parametrize(("name", "said"), [("loop-affirm", 33), ("loop-guide", 29)])
def test_loops_give_about_the_words_that_are_said(loops, name, said):
    heard_here = " ".join(each.text for each in loops[name].lines)
    assert 0.7 * said < len(spoken_words(heard_here)) < 1.2 * said


@pytest.mark.parametrize("name", ["loop-affirm", "loop-guide"])
def test_no_line_has_more_words_than_anyone_can_say(loops, name):
    for line in loops[name].lines:
        assert len(line.words) * 1000 <= WORDS_A_SECOND * (line.end_ms - line.start_ms)


def test_lines_that_a_loop_was_cut_from_are_marked(loops):
    assert LOOP in {flag for line in loops["loop-affirm"].lines for flag in line.flags}


@pytest.mark.parametrize("name", ["loop-affirm", "loop-guide"])
def test_no_speech_of_two_seconds_is_without_words(loops, name):
    coverage = loops[name].coverage
    assert coverage is not None
    assert coverage.longest_ms < 2_000


def test_a_second_run_hears_the_same(nonsense, whisper):
    """What is hardest to understand is where a decoder that draws random numbers draws most."""
    again = found_in(samples_of("unintelligible"), whisper)
    assert nonsense.plain()
    assert without_voices(again) == without_voices(nonsense)


def test_a_few_sentences_of_hebrew_among_english_are_flagged(whisper):
    english, _ = decoded_here((RECORDINGS.parent / "hard" / "two-women.ogg").read_bytes())
    hebrew = samples_of("spoken-he")[at(3) : at(8.5)]
    mixed = found_in(english[: at(12)] + hebrew + english[at(12) : at(18)], whisper)
    mixed.refuse_if_not_understood()
    words = without_voices(mixed)
    assert words[-1].word.start_ms > 17_500
    for each in words:
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
