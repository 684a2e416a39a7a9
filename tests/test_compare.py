"""What `make bench-compare` makes of its results: the table, the verdicts, the page and the chart."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import msgspec
import pytest

from benchmarks.compare.__main__ import QUICK, chosen_systems, measured, options
from benchmarks.compare.bounds import BOUNDS, verdicts
from benchmarks.compare.chart import chart
from benchmarks.compare.growth import figures as grown
from benchmarks.compare.measuring import Scale
from benchmarks.compare.page import BEGIN, CHART, DATA, END, PAGE, figures, with_figures, write_page
from benchmarks.compare.results import Refused, Results, Sample, added, read_results, write_results
from benchmarks.compare.rounds import ROUNDS, run
from benchmarks.compare.systems import (
    AZURE,
    EMBEDDED_TWO,
    OURS,
    RAISED,
    REFERENCE,
    SYSTEMS,
    NotInstalled,
    require_reference,
)
from benchmarks.compare.table import table, verdict_lines
from benchmarks.growth import Answered, shown, unequal
from benchmarks.hour import report

DOCS = Path(__file__).resolve().parent.parent / "docs" / "why"
PATH = "profiles/me"


def sample(system: str, number: int, rate: float, cpu: float, **more: object) -> Sample:
    numbers = {"req/s": rate, "CPU ms": cpu, "p99 ms": 40.0}
    made = Sample(line=PATH, system=system, round=number, requests=100, numbers=numbers)
    return msgspec.structs.replace(made, **more)


def results(*samples: Sample) -> Results:
    return Results(
        date="2026-11-26T12:00+00:00",
        commit="abc1234",
        machine={"cores": "2", "load before": "0.1"},
        rounds=3,
        seconds=60,
        samples=samples,
    )


THREE_ROUNDS = results(
    *(
        sample(EMBEDDED_TWO, each, rate, 0.25)
        for each, rate in ((1, 3000.0), (2, 900.0), (3, 4000.0))
    ),
    *(sample(REFERENCE, each, rate, 2.3) for each, rate in ((1, 400.0), (2, 100.0), (3, 500.0))),
    *(sample(AZURE, each, 1000.0, 1.5) for each in (1, 2, 3)),
)


def test_results_are_the_same_after_they_were_written_and_read(tmp_path: Path) -> None:
    write_results(THREE_ROUNDS, tmp_path / "results.json")
    assert read_results(tmp_path / "results.json") == THREE_ROUNDS


def test_the_table_says_the_median_the_spread_and_how_many_times_the_references_it_is() -> None:
    (line,) = [
        each for each in table(THREE_ROUNDS).splitlines() if each.startswith(f"{PATH}  req/s")
    ]
    assert "3,000 (900-4,000) 8x" in line
    assert "400 (100-500)" in line


def test_a_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    (verdict,) = [
        each
        for each in verdicts(THREE_ROUNDS)
        if (each.bound.line, each.bound.system, each.bound.number) == (PATH, EMBEDDED_TWO, "req/s")
    ]
    assert verdict.measured == 8.0  # of 7.5, 9 and 8; the medians' own ratio would be 7.5
    assert verdict.word == "met"


def test_a_bound_is_met_missed_or_not_measured() -> None:
    words = {
        (each.bound.line, each.bound.system, each.bound.number): each.word
        for each in verdicts(THREE_ROUNDS)
    }
    assert words[PATH, EMBEDDED_TWO, "CPU ms"] == "met"
    assert words[PATH, AZURE, "CPU ms"] == "missed"
    assert words["sessions/me", AZURE, "CPU ms"] == "not measured"


def test_a_ratio_to_a_reference_that_misses_a_bound_of_its_own_is_not_met() -> None:
    def words(cpu: float) -> dict[str, str]:
        samples = [
            *(sample(EMBEDDED_TWO, each, 4000.0, 0.2) for each in (1, 2, 3)),
            *(sample(AZURE, each, 100.0, 1.0) for each in (1, 2, 3)),
            *(sample(REFERENCE, each, 400.0, cpu) for each in (1, 2, 3)),
        ]
        return {each.bound.about: each.word for each in verdicts(results(*samples))}

    ours, itself = f"{PATH}, {EMBEDDED_TWO}", f"the reference itself, {PATH}: CPU ms"
    assert words(2.8)[f"{ours}: requests a second"] == "met"
    slow = words(2.9)
    assert slow[itself] == "missed"
    assert slow[f"{ours}: requests a second"] == "no reference"
    assert slow[f"{PATH}, {AZURE}: requests a second"] == "missed"  # even beside a slow one
    assert slow[f"{ours}: CPU ms a request"] == "met"  # it needs none
    slow_reference = sample(REFERENCE, 1, 400.0, 2.9)
    shown = verdict_lines(verdicts(results(sample(EMBEDDED_TWO, 1, 4000.0, 0.2), slow_reference)))
    assert "no reference" in shown.splitlines()[0]
    assert ", 1 no reference, " in shown.splitlines()[-1]
    page = figures(results(sample(EMBEDDED_TWO, 1, 4000.0, 0.2), slow_reference))
    assert "at least 6.5 of reference | 10 | no reference |" in page


def test_wherever_a_bound_is_a_ratio_to_the_reference_that_has_bounds_of_its_own() -> None:
    own = {each.line for each in BOUNDS if each.system == REFERENCE}
    assert {each.line for each in BOUNDS if each.over == REFERENCE} <= own


@pytest.mark.parametrize(("line", "most"), [("upload of 1", 1_850.4), ("upload of 4", 4_048.8)])
def test_the_reference_may_take_a_fifth_more_memory_than_what_it_stands_for(
    line: str, most: float
) -> None:
    (bound,) = [
        each
        for each in BOUNDS
        if (each.line, each.system, each.number) == (line, REFERENCE, "peak RSS MB")
    ]
    assert bound.at_most == pytest.approx(most)


def test_less_cpu_than_the_reference_is_less_and_under_ten_minutes_is_under() -> None:
    bounds = {(each.line, each.number): each for each in BOUNDS if each.system == AZURE}
    for line, number, least in (
        ("upload of 1", "CPU s without playback", 1.0),
        ("upload of 4", "CPU s without playback", 1.0),
        ("eight uploads", "p95 minutes to push", 10.0),
    ):
        bound = bounds[line, number]
        assert bound.bound().startswith(f"less than {least:g}")
        assert bound.holds(least - 0.001)
        assert not bound.holds(least)
    at_most = bounds["upload of 1", "peak PSS MB with playback"]
    assert at_most.at_most is not None
    assert at_most.holds(at_most.at_most)


AN_HOUR = {
    "uploaded": 5.0,
    "growth": 20.0,
    "whole": 700.0,
    "whole pss": 557.0,
    "cpu": 5.5,
    "ready": 180.0,
    "played": 200.0,
    "cpu of playback": 20.0,
    "live": 33.0,
    "live p99": 9.3,
    "answers": 1_800.0,
    "slowest after": 7.0,
}


@pytest.mark.parametrize(
    "worse",
    [
        {"ready": 213.0},  # 16.9 times real time
        {"live": 61.0},
        {"live p99": 10.1},
        {"whole pss": 621.0},
        {"whole": 901.0},
        {"growth": 61.0},
        {"cpu": 6.3},
    ],
)
def test_an_hour_by_itself_is_held_to_what_it_is_held_to_beside_the_reference(
    worse: dict[str, float], capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(60, AN_HOUR, 0.5) == 0
    assert "MISSED" not in capsys.readouterr().out
    assert report(60, AN_HOUR | worse, 0.5) == 1
    assert capsys.readouterr().out.count("MISSED") == 1


def test_times_of_real_time_are_judged_from_30_minutes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for minutes in (2.0, 29.9):
        slow = AN_HOUR | {"ready": minutes * 60 / 16}
        assert report(minutes, slow, 0.5) == 0
        assert "not judged below 30 minutes" in capsys.readouterr().out
        assert report(minutes, slow | {"live": 61.0}, 0.5) == 1  # all else is judged
        assert capsys.readouterr().out.count("MISSED") == 1
    assert report(30, AN_HOUR | {"ready": 30 * 60 / 16}, 0.5) == 1
    assert "not judged" not in capsys.readouterr().out


def test_a_result_with_a_failed_answer_is_refused(tmp_path: Path) -> None:
    failed = sample(AZURE, 2, 5000.0, 0.1, failed=3, answers={"200": 97, "503": 3})
    write_results(results(*THREE_ROUNDS.samples, failed), tmp_path / "results.json")
    with pytest.raises(Refused, match=r"azure, round 2: 3 of 100 answers failed .*503"):
        read_results(tmp_path / "results.json")


def test_a_later_run_can_be_added_to_an_earlier_one_and_says_so() -> None:
    logins = msgspec.structs.replace(sample(AZURE, 1, 20.0, 9.0), line="logins")
    again = results(sample(AZURE, 1, 2000.0, 1.0))
    both = added(results(logins, sample(AZURE, 1, 1000.0, 1.5)), again)
    assert both.samples == (logins, *again.samples)
    assert "commit abc1234" in both.notes[0]
    assert both.notes[0].endswith(": logins")


def test_what_was_added_is_said_to_be_of_the_run_that_measured_it() -> None:
    def run(date: str, *lines: str) -> Results:
        samples = [msgspec.structs.replace(sample(AZURE, 1, 9.0, 9.0), line=each) for each in lines]
        return msgspec.structs.replace(results(*samples), date=date, notes=("limits: raised",))

    both = added(run("first", "starts", "queue", "memory"), run("second", "hour", "queue"))
    last = added(both, run("third", "growth", "memory"))
    first, second, raised = last.notes
    assert "of first," in first
    assert first.endswith(": starts")
    assert "of second," in second
    assert second.endswith(": hour, queue")
    assert raised == "limits: raised"


def test_growth_says_how_many_rows_were_answered_at_both_sizes_and_holds_every_search_to_10_ms(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = {"list": Answered(1.0, 98, 0.5), "people search: two letters": Answered(1.0, 0, 0.5)}
    after = {"list": Answered(1.5, 98, 0.5), "people search: two letters": Answered(8.0, 500, 0.5)}
    shown(1_000, before, {})
    shown(1_000_000, after, before)
    found = grown(capsys.readouterr().out, 1_000_000)
    assert found["list: times that of 1,000"] == 1.5
    assert [found[f"list: {rows}"] for rows in ("rows", "rows at 1,000")] == [98, 98]
    assert found["people search: two letters: rows"] == 500
    held = {each.number for each in BOUNDS if each.line == "growth" and each.at_most == 10}
    assert len(held) == 7
    assert {"people search: two letters: p95 ms", "search of most sessions: parts: p95 ms"} < held


def test_growth_names_calls_that_answered_other_rows_in_a_larger_practice() -> None:
    def answered(rows: int, more: int) -> dict[str, Answered]:
        return {
            "list": Answered(1.0, rows, 0.5),
            "people search: two letters": Answered(1.0, more, 0.5),
        }

    found = {100: answered(10, 0), 1_000: answered(98, 0), 20_000: answered(98, 11)}
    assert unequal(found) == []
    assert unequal(found | {50_000: answered(97, 12)}) == [
        "list: 98 rows at 1,000, 98 rows at 20,000, 97 rows at 50,000"
    ]


def test_the_chart_says_of_which_runs_its_panels_are() -> None:
    def lines(date: str, *names: str) -> Results:
        samples = [msgspec.structs.replace(sample(AZURE, 1, 9.0, 9.0), line=each) for each in names]
        return msgspec.structs.replace(results(*samples), date=date, commit=f"of-{date}")

    def texts(made: Results) -> list[str]:
        return [unescape(each) for each in re.findall(r">([^<>]+)</text>", chart(made))]

    alone = texts(lines("first", PATH, "logins"))
    assert alone[:2] == ["first, commit of-first, 2 cores", f"{PATH}: req/s (more is better)"]
    both = texts(added(lines("first", PATH, "logins", "hour"), lines("second", "logins")))
    assert both[:2] == [
        "second, commit of-second, 2 cores",
        f"not of this run, but of first, commit of-first: {PATH}",
    ]
    none = texts(added(lines("first", PATH, "logins"), lines("second", "hour")))
    assert none[:3] == [
        "first, commit of-first, 2 cores",
        "the page's last run, of second, commit of-second, measured none of what is shown here",
        f"{PATH}: req/s (more is better)",
    ]


def test_the_chart_has_a_bar_for_each_system_as_long_as_its_median() -> None:
    bars = [
        float(each) for each in re.findall(r'<rect x="\d+".* width="([\d.]+)"', chart(THREE_ROUNDS))
    ]
    rates = bars[:3]
    assert rates[0] / rates[1] == pytest.approx(3000 / 400, rel=0.01)
    assert rates[2] / rates[1] == pytest.approx(1000 / 400, rel=0.01)


def test_a_page_gets_the_figures_between_its_marks_only(tmp_path: Path) -> None:
    (tmp_path / PAGE).write_text(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n")
    write_page(THREE_ROUNDS, tmp_path)
    page = (tmp_path / PAGE).read_text()
    assert page.startswith(f"before\n\n{BEGIN}")
    assert page.endswith(f"{END}\n\nafter\n")
    assert "old" not in page
    assert figures(THREE_ROUNDS) in page


def test_a_short_run_is_not_written_to_the_page(tmp_path: Path) -> None:
    (tmp_path / PAGE).write_text(f"{BEGIN}\n{END}\n")
    with pytest.raises(Refused, match="short run"):
        write_page(msgspec.structs.replace(THREE_ROUNDS, short=True), tmp_path)


@pytest.mark.parametrize(
    ("rounds", "scale", "short"),
    [
        (ROUNDS, Scale(), False),
        (ROUNDS + 1, Scale(seconds=9.0), False),
        (ROUNDS - 1, Scale(), True),
        (ROUNDS, QUICK, True),
        (ROUNDS, Scale(seconds=1.0), True),
        (ROUNDS, Scale(pace=0.5), True),
        (ROUNDS, Scale(sessions=10_000), True),
    ],
)
def test_a_run_of_fewer_rounds_or_less_in_each_is_a_short_one(
    rounds: int, scale: Scale, short: bool
) -> None:
    made = run([], SYSTEMS, rounds, scale, keep=lambda _: None, failed={})
    assert made.short == short


def test_a_short_run_for_the_page_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    results_file = tmp_path / "results.json"
    for arguments in (["--quick"], ["--rounds", "1"], ["--seconds", "1"]):
        with pytest.raises(Refused, match="short run"):
            measured(options([*arguments, "--write", "--json", str(results_file)]), {})
    assert not results_file.exists()


def test_what_was_measured_with_uncommitted_changes_is_not_written_to_the_page(
    tmp_path: Path,
) -> None:
    (tmp_path / PAGE).write_text(f"{BEGIN}\n{END}\n")
    changed = msgspec.structs.replace(THREE_ROUNDS, commit="abc1234+")
    with pytest.raises(Refused, match=r"abc1234\+ .* commit them and measure again"):
        write_page(changed, tmp_path)
    logins = msgspec.structs.replace(sample(AZURE, 1, 20.0, 9.0), line="logins")
    both = added(msgspec.structs.replace(results(logins), commit="abc1233+"), THREE_ROUNDS)
    with pytest.raises(Refused, match=r"measure them again on a commit: logins \(.*abc1233\+"):
        write_page(both, tmp_path)
    assert not (tmp_path / DATA).exists()
    write_page(added(both, results(logins)), tmp_path)  # it was measured again


def test_who_has_no_reference_is_told_an_option_that_leaves_it_out(tmp_path: Path) -> None:
    with pytest.raises(NotInstalled) as failure:
        require_reference(tmp_path / "python")
    option, value = re.findall(r"(--\S+) (\S+)$", str(failure.value))[0]
    assert chosen_systems(options([option, value]), []) == [*OURS]


def test_every_limit_of_ours_that_is_raised_or_off_is_printed() -> None:
    made = run([], SYSTEMS, ROUNDS, Scale(), keep=lambda _: None, failed={})
    assert "THERAPY_DISK_RESERVE_BYTES" in RAISED
    for name, value in RAISED.items():
        assert f"{name}={value}" in made.notes[-1]


def test_the_page_and_the_chart_are_those_of_the_committed_results() -> None:
    page = (DOCS / PAGE).read_text()
    if f"{BEGIN}\n{END}" in page:
        assert not (DOCS / DATA).exists(), "results without figures in the page"
        return
    kept = read_results(DOCS / DATA)
    assert with_figures(page, kept) == page
    assert (DOCS / CHART).read_text() == chart(kept)
