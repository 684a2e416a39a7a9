"""What `make bench-compare` does about lines that can't be measured: said first, or named at the end."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmarks.compare import __main__ as command
from benchmarks.compare.__main__ import QUICK, require
from benchmarks.compare.growth import require_disk
from benchmarks.compare.hour_of_speech import require_model
from benchmarks.compare.lines import all_lines
from benchmarks.compare.measuring import Line, Place, Scale
from benchmarks.compare.results import Sample
from benchmarks.compare.rounds import ROUNDS
from benchmarks.compare.systems import AZURE, EMBEDDED_ONE, NotInstalled
from therapy.adapters.local.speech.whisper_weights import broken


@pytest.fixture(autouse=True)
def restored_signal() -> Iterator[None]:
    """The program sets what SIGTERM does."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def line(
    name: str,
    measure: Callable[[Place], list[Sample]],
    *,
    require: Callable[[Scale], None] | None = None,
) -> Line:
    return Line(
        name,
        name,
        limits={EMBEDDED_ONE: measure},
        alone=True,
        jobs=0,
        needs_cloud=False,
        require=require,
    )


class Disk(NamedTuple):
    free: int


def test_growth_wants_space_on_the_disk_unless_its_practices_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def usage(path: Path) -> Disk:
        asked.append(path)
        return Disk(free=5_200_000_000)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    kept = {"GROWTH_DIRECTORY": str(tmp_path / "not" / "there")}
    for environment in ({}, kept):
        with pytest.raises(
            NotInstalled, match=r"needs 13\.0 GB .* has 5\.2: .*TMPDIR=.*GROWTH_DIR"
        ):
            require_disk(Scale(), environment)
    assert asked[-1] == tmp_path
    require_disk(QUICK, {})
    folder = tmp_path / "not" / "there" / "1000000"
    folder.mkdir(parents=True)
    with pytest.raises(NotInstalled):
        require_disk(Scale(), kept)  # it was not written to the end
    (folder / "practice.json").write_text("{}")
    require_disk(Scale(), kept)


def test_an_hour_of_speech_wants_the_recogniser_and_its_model() -> None:
    def damaged(model: str, _cache: Path) -> Path:
        raise broken(model)

    with pytest.raises(NotInstalled, match=r"line hour needs .*tiny\.en.*make setup"):
        require_model(Scale(), damaged)
    require_model(Scale())


def test_what_a_line_lacks_is_said_before_anything_is_measured_with_what_leaves_it_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lacking(_: Scale) -> None:
        raise NotInstalled("there is no room")

    def never(_: Place) -> list[Sample]:
        pytest.fail("this was measured")

    lines = [
        line("first", never),
        line("second", never, require=lacking),
        line("third", never),
    ]
    monkeypatch.setattr(command, "all_lines", lambda: lines)
    assert command.main(["--json", str(tmp_path / "results.json")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("there is no room\n")
    assert said.endswith("leave out second with --lines first,third\n")
    assert not (tmp_path / "results.json").exists()
    require([lines[1]], [AZURE], Scale())  # where the system that it is about is left out


def test_the_lines_that_need_disk_or_a_model_look_for_it() -> None:
    assert {each.name: each.require for each in all_lines() if each.require} == {
        "hour": require_model,
        "growth": require_disk,
    }


def test_a_line_that_fails_is_named_at_the_end_and_costs_no_other_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured_lines: list[str] = []

    def good(name: str) -> Callable[[Place], list[Sample]]:
        def measure(_: Place) -> list[Sample]:
            measured_lines.append(name)
            return [Sample(line=f"{name} of 1", system=EMBEDDED_ONE, numbers={"ms": 1.0})]

        return measure

    def fails(failure: BaseException, *, after: int) -> Callable[[Place], list[Sample]]:
        def measure(place: Place) -> list[Sample]:
            if measured_lines.count(str(failure)) == after:
                raise failure
            return good(str(failure))(place)

        return measure

    ended = subprocess.CalledProcessError(1, ["growth.py"])
    lines = [
        line("first", good("first")),
        line("second", fails(SystemExit("the session failed"), after=1)),
        line("third", fails(ended, after=0)),
        line("last", good("last")),
    ]
    monkeypatch.setattr(command, "all_lines", lambda: lines)
    results_file = tmp_path / "results.json"
    monkeypatch.setattr(command, "publishable", lambda results: results)
    monkeypatch.setattr(command, "write_page", lambda _: pytest.fail("without two lines"))
    asked = ["--systems", EMBEDDED_ONE, "--json", str(results_file), "--write"]
    assert command.main(asked) == 1
    printed = capsys.readouterr()
    assert [measured_lines.count(each) for each in ("first", "last")] == [ROUNDS, ROUNDS]
    assert measured_lines.count("the session failed") == 1  # and it is not asked again
    assert "first of 1" in printed.out
    assert "last of 1" in printed.out
    assert "the session failed of 1" not in printed.out  # what it found before it failed
    assert [each for each in printed.err.splitlines() if " FAILED, " in each] == [
        f"third FAILED, and has no figures of this run: CalledProcessError: {ended}",
        "second FAILED, and has no figures of this run: SystemExit: the session failed",
    ]
    assert "--lines third,second --add --write" in printed.err.splitlines()[-1]
    kept = {each["line"] for each in json.loads(results_file.read_bytes())["samples"]}
    assert kept == {"first of 1", "last of 1"}
