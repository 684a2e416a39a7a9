"""`therapy transcribe`: any recording, no server; JSON for programs, one line for what can't be read."""

import json
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from rich.console import Console

from tests.builders import NOW, a_wav
from tests.cli.conftest import Run
from therapy.domain.audio_findings import Missing
from therapy.domain.transcript import (
    Coverage,
    Source,
    Speaker,
    TranscriptVersion,
    Utterance,
    Word,
)
from therapy.entrypoints.cli.terminal import bar
from therapy.entrypoints.cli.transcribe import as_object, show
from therapy.entrypoints.cli.wav_recordings import DEMO, app_wav, decoded, demo_file

SECONDS = 14.5
"""A question of the therapist and the patient's answer."""


@pytest.fixture(scope="module")
def excerpt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "excerpt.exe"
    path.write_bytes(app_wav(decoded(demo_file(DEMO), SECONDS)))
    return path


@pytest.mark.slow
def test_json_on_stdout_is_one_object_with_the_utterances(run: Run, excerpt: Path) -> None:
    said = run("transcribe", str(excerpt), "--json", "--language", "en-US")
    assert said.returncode == 0, said.stderr
    told = json.loads(said.stdout)
    first, second = told["utterances"]
    assert set(first) >= {"speaker", "start_ms", "end_ms", "text"}
    assert 0 <= first["start_ms"] < first["end_ms"] <= second["start_ms"] < second["end_ms"]
    assert "welcome back" in first["text"]
    assert "difficult couple of weeks" in second["text"]
    assert first["words"][0][0].strip() == first["text"].split()[0]
    assert 0 < first["word_confidence"] <= 1
    assert {"partial", "missing", "remarks", "coverage"} <= told.keys()
    assert second["end_ms"] <= told["duration_ms"] <= SECONDS * 1000 + 100
    assert "transcribing" in said.stderr


@pytest.mark.slow
def test_without_json_a_person_reads_it(run: Run, tmp_path: Path) -> None:
    """Of silence, which is recognised at once; how lines are shown is below."""
    (tmp_path / "silence.wav").write_bytes(a_wav(bytes(32_000)))
    said = run("transcribe", "silence.wav")
    assert said.returncode == 0, said.stderr
    assert said.stdout == "Nobody speaks in this recording.\n"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.wav", b"", "empty"),
        ("text.wav", b"no recording at all\n" * 300, "unsupported_audio"),
        ("cut.m4a", b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42" + bytes(6000), "decode"),
    ],
)
def test_what_cannot_be_read_is_one_line(
    name: str, content: bytes, words: str, run: Run, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    said = run("transcribe", name, "--json")
    assert said.returncode == 1
    assert said.stdout == ""
    assert words in said.stderr
    assert len(said.stderr.splitlines()) == 1


def test_a_file_that_is_not_there_and_a_directory_are_one_line(run: Run, tmp_path: Path) -> None:
    for name in ("missing.wav", str(tmp_path)):
        said = run("transcribe", name)
        assert said.returncode == 1
        assert name in said.stderr
        assert len(said.stderr.splitlines()) == 1


@pytest.mark.parametrize("wrong", ["0", "7", "2.5", "two"])
def test_another_number_of_people_is_refused(wrong: str, run: Run) -> None:
    said = run("transcribe", "session.wav", "--people", wrong)
    assert said.returncode == 2
    assert "--people" in said.stderr


def test_a_language_that_is_no_tag_is_refused_before_anything_is_heard(run: Run) -> None:
    said = run("transcribe", "missing.wav", "--language", "english")
    assert said.returncode == 1
    assert "--language" in said.stderr
    assert "he-IL" in said.stderr
    assert "missing.wav" not in said.stderr


def _partial() -> TranscriptVersion:
    words = (Word("Happy", 100, 300, 0.25), Word("[b]happy", 300, 500, 0.5))
    lines = (
        Utterance(0, 90, "Hello.", Speaker.THERAPIST),
        Utterance(
            100, 500, "Happy [b]happy", Speaker.PATIENT, words=words, flags=("guess", "loop")
        ),
    )
    return TranscriptVersion(
        *("", 1, 0, Source.MACHINE, NOW, lines),
        missing=(Missing(600_000, 720_000, "damaged"),),
        remarks=("inverted_channel",),
        coverage=Coverage(900, 20, 10),
    )


def test_json_has_every_word_each_doubt_and_what_is_missing() -> None:
    told = json.loads(msgspec.json.encode(as_object(_partial())))
    first, second = told["utterances"]
    assert (first["words"], first["word_confidence"], first["flags"]) == ([], 1, [])
    assert second["words"] == [["Happy", 100, 300, 0.25], ["[b]happy", 300, 500, 0.5]]
    assert (second["word_confidence"], second["flags"]) == (0.375, ["guess", "loop"])
    assert told["partial"] is True
    assert told["missing"] == [{"start_ms": 600_000, "end_ms": 720_000, "reason": "damaged"}]
    assert told["remarks"] == ["inverted_channel"]
    assert told["coverage"] == {"speech_ms": 900, "without_words_ms": 20, "longest_ms": 10}


def shown(version: TranscriptVersion) -> list[str]:
    console = Console(file=StringIO(), width=200)
    show(version, console)
    assert isinstance(console.file, StringIO)
    return [each.strip() for each in console.file.getvalue().splitlines()]


def test_a_person_sees_which_lines_are_in_doubt_and_what_is_missing() -> None:
    first, second, legend, missing, remark = shown(_partial())
    assert first.startswith("0:00:00.")
    assert first.endswith("Therapist Hello.")
    assert second.endswith(
        "Happy [b]happy  (in doubt: the words are a guess, the words were repeated by mistake)"
    )
    assert "positive" in legend
    assert missing == "2 minutes from 0:10:00 are missing: the recording is damaged there."
    assert remark == "One channel of the recording was inverted; that was put right."


def test_a_person_is_told_where_no_voice_is_clearly_the_therapists() -> None:
    lines = tuple(replace(each, speaker=Speaker.UNKNOWN) for each in _partial().utterances)
    assert any(
        "not clear who is the therapist" in each
        for each in shown(replace(_partial(), utterances=lines))
    )
    assert not any("not clear" in each for each in shown(replace(_partial(), utterances=lines[:0])))
    assert not any("not clear" in each for each in shown(_partial()))


def test_what_is_missing_is_said_where_nobody_speaks_too() -> None:
    first, missing, _ = shown(replace(_partial(), utterances=()))
    assert first == "Nobody speaks in this recording."
    assert missing.startswith("2 minutes from 0:10:00 are missing")


def test_json_says_which_language_could_not_be_scored() -> None:
    line = Utterance(0, 900, "שלום", Speaker.PATIENT)
    version = TranscriptVersion(
        "", 1, 0, Source.MACHINE, NOW, (line,), language="he-IL", sentiment_gap="he-IL"
    )
    told = as_object(version)
    assert told["sentiment_not_available_for"] == "he-IL"
    assert told["utterances"][0]["sentiment"] is None


def test_progress_in_a_pipe_is_lines_that_move_and_the_end_is_always_shown() -> None:
    console = Console(file=StringIO(), width=200)
    with bar(console) as progress:
        task = progress.add_task("transcribing a.wav", total=10)
        for completed in (0, 1, 2, 3, 10):
            progress.update(task, completed=completed)
    assert isinstance(console.file, StringIO)
    lines = console.file.getvalue().splitlines()
    assert lines[0] == "transcribing a.wav: 10 %"
    assert lines[-1] == "transcribing a.wav: 100 %"
    assert len(lines) < 5
