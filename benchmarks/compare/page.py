"""Writes the figures of a run into docs/why/performance.md, and its chart and results beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks.compare.bounds import Verdict, verdicts
from benchmarks.compare.chart import chart
from benchmarks.compare.results import Results, publishable, read_results, write_results
from benchmarks.compare.table import heading, shown, wide

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "why"
PAGE, CHART, DATA = "performance.md", "performance.svg", "performance.json"
BEGIN, END = "<!-- the figures: made by make bench-compare -->", "<!-- the end of the figures -->"


def figures(results: Results) -> str:
    """Return the figures of a run as Markdown."""
    found = verdicts(results)
    about = [f"- {name}: {value}" for name, value in results.machine.items()]
    head, *body = wide(results)
    return "\n".join(
        [
            f"{heading(results)}.",
            "",
            *about,
            *(f"- {each}" for each in results.notes),
            "",
            f"![The medians of the run, with the spread of its rounds]({CHART})",
            "",
            *_markdown(["bound", "measured", "verdict"], _verdict_rows(found)),
            "",
            "The median of the rounds, from the least to the most, and how many times the reference's.",
            "",
            *_markdown(head, body),
        ]
    )


def _verdict_rows(found: Sequence[Verdict]) -> list[list[str]]:
    return [[f"{each.bound.about}: {each.bound.bound()}", shown(each), each.word] for each in found]


def _markdown(head: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    return [_row(head), _row(["---"] * len(head)), *(_row(each) for each in body)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def with_figures(page: str, results: Results) -> str:
    """Return a page with these figures instead of those between its two marks.

    Raises:
        ValueError: the page has no such marks.
    """
    between = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if not between.search(page):
        raise ValueError(f"there is no {BEGIN} in the page")
    return between.sub(lambda _: f"{BEGIN}\n\n{figures(results)}\n\n{END}", page)


def write_page(results: Results, folder: Path = FOLDER) -> None:
    """Write the page's figures, the chart, and the results that both are made of.

    Raises:
        Refused: they are not to be published; see `publishable`.
    """
    page = folder / PAGE
    write_results(publishable(results), folder / DATA)
    kept = read_results(
        folder / DATA
    )  # its numbers are rounded: the page and the chart are of these
    page.write_text(with_figures(page.read_text(encoding="utf-8"), kept), encoding="utf-8")
    (folder / CHART).write_text(chart(kept), encoding="utf-8")
