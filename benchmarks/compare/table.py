"""The results as text: one table, a row for each line and system, and the verdicts."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.compare.bounds import WORDS, Verdict
from benchmarks.compare.results import Figure, Results, figure, ratios, series
from benchmarks.compare.systems import OURS, REFERENCE

HEAD = ("line", "system", "number", "median", "least", "most", "rounds")


def rows(results: Results) -> list[tuple[str, str, str, Figure]]:
    """Return the figures of a run, in the order in which they were measured."""
    found: dict[tuple[str, str, str], None] = {}
    for each in results.samples:
        found |= dict.fromkeys((each.line, each.system, number) for number in each.numbers)
    by_line = list(dict.fromkeys(line for line, _, _ in found))
    ordered = sorted(found, key=lambda key: by_line.index(key[0]))
    figures = ((key, figure(series(results, *key).values())) for key in ordered)
    return [(*key, each) for key, each in figures if each]


def number(value: float) -> str:
    """Return a number with three digits that count."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def wide(results: Results) -> list[list[str]]:
    """Return a row for each line and number, with a cell for each system; see `cell`."""
    systems = list(dict.fromkeys(each.system for each in results.samples))
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for line, system, name, each in rows(results):
        cells.setdefault((line, name), {})[system] = cell(results, line, system, name, each)
    body = [
        [line, name, *(of.get(each, "") for each in systems)] for (line, name), of in cells.items()
    ]
    return [["line", "number", *systems], *body]


def cell(results: Results, line: str, system: str, name: str, each: Figure) -> str:
    """Return the median, the least and the most, and how many times the reference's it is: `9 (8-11) 3x`."""
    spread = f" ({number(each.least)}-{number(each.most)})" if each.rounds > 1 else ""
    times = figure(ratios(results, line, system, name, REFERENCE).values())
    over = f" {number(times.median)}x" if times and system in OURS else ""
    return f"{number(each.median)}{spread}{over}"


def table(results: Results) -> str:
    """Return the table as it is printed, with what it was measured on above it."""
    lines = [heading(results), *(f"{name}: {value}" for name, value in results.machine.items())]
    lines += [*results.notes, ""]
    body = wide(results)
    widths = [max(len(row[column]) for row in body) for column in range(len(body[0]))]
    lines += [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in body
    ]
    return "\n".join([*lines, ""])


def heading(results: Results) -> str:
    """Return one line: when, of what, how many rounds, how long, how many answers."""
    answers = sum(each.requests for each in results.samples)
    short = "SHORT RUN, not to be held to the bounds · " if results.short else ""
    return (
        f"{short}{results.date} · commit {results.commit} · {results.rounds} rounds"
        f" · {results.seconds / 60:.1f} minutes · {answers:,} answers, all of them 2xx"
    )


def verdict_lines(found: Sequence[Verdict]) -> str:
    """Return the verdicts as they are printed."""
    lines = [
        f"{each.word:12}  {each.bound.about:58}  {shown(each):>8}  ({each.bound.bound()})"
        for each in found
    ]
    counts = {word: sum(each.word == word for each in found) for word in WORDS}
    return "\n".join([*lines, ", ".join(f"{count} {word}" for word, count in counts.items())])


def shown(verdict: Verdict) -> str:
    """Return what was measured, or nothing."""
    return "" if verdict.measured is None else number(verdict.measured)
