"""Adapters of other projects on the command line: listed, asked, and named where they can't be used."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.plugin_packages import put_package

DOWN = '''
"""Insights that have no summary just now."""

from therapy.adapters.memory.insights import MemoryInsightFinder
from therapy.domain.insights import Part


def open_insights(environment):
    insights = MemoryInsightFinder()
    insights.down = {Part.SUMMARY}
    return insights
'''


@pytest.fixture(autouse=True)
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package with adapters, on the path."""
    points = {"echo": "echo_speech:open_speech", "broken": "echo_speech:broken"}
    put_package(tmp_path / "site", {"therapy.speech": points})
    monkeypatch.syspath_prepend(tmp_path / "site")
    yield
    sys.modules.pop("echo_speech", None)


def test_check_asks_the_plugin_and_lists_what_is_installed(run: Run) -> None:
    said = run("check", THERAPY_SPEECH="echo", ECHO_SPEECH_SAYS="Hello.")
    assert said.returncode == 0, said.stderr
    row = next(line for line in said.stdout.splitlines() if " speech " in line)
    assert "echo" in row
    assert "echo-speech 1.2" in row
    assert "THERAPY_SPEECH=broken: echo-speech 1.2, settings ECHO_SPEECH_…" in said.stdout
    assert "THERAPY_SPEECH=echo: echo-speech 1.2, settings ECHO_SPEECH_…" in said.stdout


def test_check_says_of_a_plugin_why_it_can_not_be_used_and_no_secret(run: Run) -> None:
    said = run("check", THERAPY_SPEECH="broken")
    assert said.returncode == 1
    assert (
        "speech: THERAPY_SPEECH: the plugin broken (echo-speech 1.2) can't be used" in said.stdout
    )
    assert "its factory raised ValueError" in said.stdout
    assert "c4n4ry" not in said.stdout + said.stderr


def test_check_says_that_a_plugin_finds_no_insights_though_it_raises_nothing(
    run: Run, tmp_path: Path
) -> None:
    points = {"therapy.insights": {"down": "down_insights:open_insights"}}
    put_package(tmp_path / "site", points, name="down-insights", code=DOWN)
    said = run("check", THERAPY_INSIGHTS="down", THERAPY_SPEECH="echo", ECHO_SPEECH_SAYS="Hello.")
    sys.modules.pop("down_insights", None)
    assert said.returncode == 1
    assert "insights: " in said.stdout
    assert "1 of 5 failed" in said.stderr


def test_a_command_that_can_not_use_the_plugin_says_so_in_one_line(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "short.wav").write_bytes(b"RIFF\0\0\0\0WAVEfmt " + bytes(64))
    said = run("transcribe", "short.wav", THERAPY_SPEECH="echo")
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == (
        "therapy: THERAPY_SPEECH: the plugin echo (echo-speech 1.2) can't be used:"
        " ECHO_SPEECH_SAYS is missing\n"
    )
