"""What the command line draws with: one console for answers (stdout), one for what goes on (stderr)."""

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

WIDE = 110
"""Characters a line where nobody looks: a pipe must not cut tables."""

SPEAKERS = {"Therapist": "cyan", "Patient": "magenta", "Unknown": "yellow"}


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=WIDE)


def answers() -> Console:
    """The console for what was asked for."""
    return _console(stderr=False)


def asides() -> Console:
    """The console for progress and remarks, so that stdout stays clean."""
    return _console(stderr=True)


def bar(console: Console) -> Progress:
    """Make a progress bar: what, how far, how long so far."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=40),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        console=console,
    )


def transcript_table() -> Table:
    """Make the table that a transcript is drawn in: time, feeling, speaker, text."""
    table = Table.grid(padding=(0, 1))
    for _ in range(3):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    return table


def add_line(
    table: Table, timestamp: str, speaker: str, text: str, scores: tuple[float, float, float]
) -> None:
    """Draw one line of a transcript; only the patient's have a bar of positive, neutral, negative."""
    feeling = sentiment_bar(*scores) if speaker == "Patient" else Text("")
    name = Text(speaker, style=f"bold {SPEAKERS.get(speaker, 'yellow')}")
    table.add_row(Text(timestamp, style="bright_black"), feeling, name, Text(text))


def sentiment_bar(positive: float, neutral: float, negative: float, width: int = 12) -> Text:
    """Draw three shares as a bar that can be read without colours too."""
    total = (positive + neutral + negative) or 1.0
    good, bad = round(width * positive / total), round(width * negative / total)
    good = min(good, width - bad)
    calm = width - good - bad
    return Text.assemble(("█" * good, "green"), ("·" * calm, "bright_black"), ("▒" * bad, "red"))


def legend() -> Text:
    """Say what the bars mean."""
    return Text.assemble(
        ("█", "green"),
        " positive  ",
        ("·", "bright_black"),
        " neutral  ",
        ("▒", "red"),
        " negative",
    )
