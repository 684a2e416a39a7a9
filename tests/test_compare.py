"""What `make bench-compare` makes of its results: the table, the verdicts, the page and the chart."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from benchmarks.compare.bounds import BOUNDS, verdicts
from benchmarks.compare.chart import chart
from benchmarks.compare.growth import figures as grown
from benchmarks.compare.page import BEGIN, CHART, DATA, END, PAGE, figures, with_figures, write_page
from benchmarks.compare.results import Refused, Results, Sample, added, read_results, write_results
from benchmarks.compare.systems import AZURE, EMBEDDED_TWO, REFERENCE
from benchmarks.compare.table import table
from benchmarks.growth import Answered, shown, unequal

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


def test_the_page_and_the_chart_are_those_of_the_committed_results() -> None:
    page = (DOCS / PAGE).read_text()
    if f"{BEGIN}\n{END}" in page:
        assert not (DOCS / DATA).exists(), "results without figures in the page"
        return
    kept = read_results(DOCS / DATA)
    assert with_figures(page, kept) == page
    assert (DOCS / CHART).read_text() == chart(kept)
