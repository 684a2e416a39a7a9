"""What the command line draws with: one console for answers (stdout), one for what goes on (stderr)."""

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
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


def sentiment_bar(positive: float, neutral: float, negative: float, width: int = 12) -> Text:
    """Draw three shares as a bar: green for positive, grey for neutral, red for negative."""
    total = (positive + neutral + negative) or 1.0
    good, bad = round(width * positive / total), round(width * negative / total)
    good = min(good, width - bad)
    return Text.assemble(
        ("█" * good, "green"), ("█" * (width - good - bad), "bright_black"), ("█" * bad, "red")
    )
