"""The command line's output: consoles for answers (stdout) and progress (stderr); lines with doubts, bars."""

import time
from collections.abc import Sequence
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

WIDE = 110
"""Characters per line if it is not a terminal: tables in a pipe must not be cut."""

LINE_SECONDS = 2.0
"""So often progress is a line where no bar can be drawn."""

SPEAKERS = {"Therapist": "cyan", "Patient": "magenta", "Unknown": "yellow"}


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=WIDE)


def answers() -> Console:
    """Return the console for the command's actual output."""
    return _console(stderr=False)


def asides() -> Console:
    """Return the console for progress and remarks, so that stdout stays clean."""
    return _console(stderr=True)


def bar(console: Console) -> "Progress | ProgressLines":
    """Return a progress bar with description, percentage and time; lines, if it is not a terminal."""
    if not console.is_terminal:
        return ProgressLines(console)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=40),
        TaskProgressColumn("{task.percentage:>3.0f} %", show_speed=False),
        TimeElapsedColumn(),
        console=console,
    )


class ProgressLines:
    """Progress where no bar can be drawn: a line at most every two seconds if it moved, and at the end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._description = ""
        self._total: float | None = None
        self._shown, self._at = "", -LINE_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: there is nothing to remove."""

    def add_task(self, description: str, total: float | None = None) -> TaskID:
        """Begin with a description of what is done; 0 % is not shown."""
        self._description, self._total = description, total
        self._shown = self._line(0.0)
        return TaskID(0)

    def update(
        self,
        _task: TaskID,
        *,
        completed: float,
        total: float | None = None,
        description: str | None = None,
    ) -> None:
        """Show how much is done now."""
        self._total = self._total if total is None else total
        self._description = description or self._description
        line, now = self._line(completed), time.monotonic()
        over = bool(self._total) and completed >= (self._total or 0.0)
        if line != self._shown and (over or now - self._at >= LINE_SECONDS):
            self._shown, self._at = line, now
            self._console.print(line, markup=False, soft_wrap=True)

    def _line(self, completed: float) -> str:
        if not self._total:
            return self._description
        return f"{self._description}: {min(1.0, completed / self._total) * 100:.0f} %"


def transcript_table() -> Table:
    """Return an empty table for a transcript: time, sentiment, speaker, text."""
    table = Table.grid(padding=(0, 1))
    for _ in range(3):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    return table


def add_line(
    table: Table,
    timestamp: str,
    speaker: str,
    text: str,
    scores: tuple[float, float, float],
    *,
    doubts: Sequence[str] = (),
) -> None:
    """Add a line of a transcript, marked if there are doubts; only the patient's have a sentiment bar."""
    feeling = sentiment_bar(*scores) if speaker == "Patient" else Text("")
    name = Text(speaker, style=f"bold {SPEAKERS.get(speaker, 'yellow')}")
    mark = f"  (in doubt: {', '.join(doubts)})" if doubts else ""
    said = Text.assemble(text, (mark, "yellow"))
    table.add_row(Text(timestamp, style="bright_black"), feeling, name, said)


def sentiment_bar(positive: float, neutral: float, negative: float, width: int = 12) -> Text:
    """Return three shares as a bar that is also readable without colours."""
    total = (positive + neutral + negative) or 1.0
    good, bad = round(width * positive / total), round(width * negative / total)
    good = min(good, width - bad)
    calm = width - good - bad
    return Text.assemble(("█" * good, "green"), ("·" * calm, "bright_black"), ("▒" * bad, "red"))


def legend() -> Text:
    """Return the legend of the bars."""
    return Text.assemble(
        ("█", "green"),
        " positive  ",
        ("·", "bright_black"),
        " neutral  ",
        ("▒", "red"),
        " negative",
    )
