"""The command line's output: one console for answers (stdout), one for progress (stderr)."""

from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

WIDE = 110
"""Characters per line if it is not a terminal: tables in a pipe must not be cut."""

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


def bar(console: Console) -> Progress:
    """Return a progress bar with description, percentage and elapsed time."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=40),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        console=console,
    )


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
