"""`therapy transcribe`: any recording, no server; JSON for programs, one line for what can't be read."""

import json
from pathlib import Path

import pytest

from tests.builders import NOW
from tests.cli.conftest import Run
from therapy.domain.transcript import Source, Speaker, TranscriptVersion, Utterance
from therapy.entrypoints.cli.transcribe import as_object
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
    assert second["end_ms"] <= told["duration_ms"] <= SECONDS * 1000 + 100
    assert "transcribing" in said.stderr


@pytest.mark.slow
def test_without_json_a_person_reads_lines_with_times_and_speakers(run: Run, excerpt: Path) -> None:
    said = run("transcribe", str(excerpt))
    assert said.returncode == 0, said.stderr
    assert "0:00:00." in said.stdout
    assert "Therapist" in said.stdout
    assert "positive" in said.stdout


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


def test_json_says_which_language_could_not_be_scored() -> None:
    line = Utterance(0, 900, "שלום", Speaker.PATIENT)
    version = TranscriptVersion(
        "", 1, 0, Source.MACHINE, NOW, (line,), language="he-IL", sentiment_gap="he-IL"
    )
    told = as_object(version)
    assert told["sentiment_not_available_for"] == "he-IL"
    assert told["utterances"][0]["sentiment"] is None
