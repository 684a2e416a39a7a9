"""The chart of a run as SVG: a panel for each number that is compared, a bar for each system."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Sequence
from html import escape

from benchmarks.compare.results import (
    Figure,
    Results,
    Run,
    figure,
    run_of_each_line,
    series,
)
from benchmarks.compare.table import number

WIDTH, LABELS, BARS, ROW, TITLE = 860, 120, 480, 18, 30
BAR = 12
SUBTITLE, LETTERS = 16, 120
"""The height of a line of the subtitle, and how many letters fit into one."""

SVG = "http://www.w3.org/2000/svg"
FONT = 'font-family="sans-serif" font-size="12"'

PANELS = (
    ("profiles/me", "req/s", "more is better"),
    ("profiles/me", "CPU ms", "less is better"),
    ("sessions/me", "req/s", "more is better"),
    ("sessions/me", "CPU ms", "less is better"),
    ("data/pending", "req/s", "more is better"),
    ("data/pending", "CPU ms", "less is better"),
    ("logins", "req/s", "more is better"),
    ("GETs during logins", "p99 ms", "less is better"),
    ("upload until 202", "MB/s", "more is better"),
    ("upload of 1", "MB/s", "more is better"),
    ("upload of 1", "s from 202 to review", "less is better"),
    ("upload of 4", "s from 202 to review", "less is better"),
    ("upload of 4", "CPU s without playback", "less is better"),
    ("upload of 1", "peak PSS MB with playback", "less is better"),
    ("upload of 4", "peak PSS MB with playback", "less is better"),
    ("memory", "idle PSS MB", "less is better"),
    ("queue", "jobs/s", "more is better"),
    ("GETs during slow uploads", "p99 ms", "less is better"),
)
COLOURS = {
    "reference": "#b9770e",
    "azure": "#1a5276",
    "embedded-1": "#2e86c1",
    "embedded-2": "#2874a6",
}
BARE = "#909497"


def chart(results: Results) -> str:
    """Return the chart; panels without figures are left out."""
    systems = list(dict.fromkeys(each.system for each in results.samples))
    panels = []
    for line, name, better in PANELS:
        bars = [(each, figure(series(results, line, each, name).values())) for each in systems]
        found = [(each, value) for each, value in bars if value]
        if found:
            panels.append((line, f"{line}: {name} ({better})", found))
    title, subtitle = _heading(results, dict.fromkeys(line for line, _, _ in panels))
    top, body = 46 + SUBTITLE * len(subtitle), []
    for place, words in enumerate(subtitle):
        body.append(f'<text x="10" y="{40 + place * SUBTITLE}">{escape(words)}</text>')
    for _, about, found in panels:
        body.append(_panel(about, found, top))
        top += TITLE + ROW * len(found)
    return "\n".join(
        [
            f'<svg xmlns="{SVG}" viewBox="0 0 {WIDTH} {top + 10}" role="img" {FONT}>',
            f"<title>{escape(title)}</title>",
            f'<rect width="{WIDTH}" height="{top + 10}" fill="#ffffff"/>',
            f'<text x="10" y="22" font-size="15" font-weight="bold">{escape(title)}</text>',
            *body,
            "</svg>",
            "",
        ]
    )


def _heading(results: Results, lines: Collection[str]) -> tuple[str, list[str]]:
    """Return the title, which names the run of these lines, and of which other runs some are."""
    this, runs = Run(results.date, results.commit), run_of_each_line(results)
    by_run: dict[Run, list[str]] = {}
    for line in lines:
        by_run.setdefault(runs[line], []).append(line)
    first = this if this in by_run or not by_run else max(by_run, key=lambda run: len(by_run[run]))
    others = [
        f"not of this run, but of {run}: {', '.join(of_run)}"
        for run, of_run in by_run.items()
        if run != first
    ]
    if first != this:
        others.insert(0, f"the page's last run, of {this}, measured none of what is shown here")
    title = f"{first}, {results.machine.get('cores', '?')} cores"
    return title, [line for each in others for line in textwrap.wrap(each, LETTERS)]


def _panel(title: str, bars: Sequence[tuple[str, Figure]], top: int) -> str:
    most = max(each.most for _, each in bars) or 1.0
    lines = [f'<text x="10" y="{top + 18}" font-weight="bold">{escape(title)}</text>']
    for place, (system, each) in enumerate(bars):
        lines += _bar(system, each, top + 24 + place * ROW, BARS / most)
    return "\n".join(lines)


def _bar(system: str, each: Figure, top: int, scale: float) -> list[str]:
    """Return a bar as long as the median, and a thin line from the least to the most."""
    colour, middle = COLOURS.get(system, BARE), top + BAR / 2
    ends = LABELS + each.least * scale, LABELS + each.most * scale
    return [
        f'<text x="{LABELS - 6}" y="{top + 10}" text-anchor="end">{escape(system)}</text>',
        f'<rect x="{LABELS}" y="{top}" width="{each.median * scale:.1f}" height="{BAR}" fill="{colour}"/>',
        f'<path d="M{ends[0]:.1f} {middle:.1f}H{ends[1]:.1f}" stroke="#17202a" stroke-width="1.5"/>',
        f'<text x="{max(ends) + 8:.1f}" y="{top + 10}">{number(each.median)}</text>',
    ]
