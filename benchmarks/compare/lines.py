"""All lines, in the order in which they are measured."""

from __future__ import annotations

from benchmarks.compare import (
    at_true_pace,
    gets,
    growth,
    hour_of_speech,
    logins,
    memory,
    queue,
    slow_uploads,
    starts,
    uploads,
)
from benchmarks.compare.measuring import Line

MODULES = (
    *(gets, logins, slow_uploads, starts, memory, queue, uploads, at_true_pace),
    *(hour_of_speech, growth),
)


def all_lines() -> list[Line]:
    """Return the lines."""
    return [line for module in MODULES for line in module.LINES]
