"""The results of a run as JSON: samples, the machine, and when and of what commit they are."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from statistics import median

import msgspec
from msgspec import Struct

LOADS = ("load average before", "while measuring", "after")
"""What a machine is described by beside what it is."""

OLDER = "not of this run"
"""The beginning of a note of which earlier run some lines are."""

OLDER_RUN = re.compile(rf"{OLDER}, but of (?P<date>\S+), commit (?P<commit>\S+)")
CHANGED = "+"
"""The end of a commit whose tree had other changes when it was measured."""


class Sample(Struct, frozen=True, kw_only=True):
    """What one line's measurement of one system found in one round; `failed` answers were not 2xx."""

    line: str
    system: str
    numbers: dict[str, float]
    round: int = 0
    requests: int = 0
    failed: int = 0
    answers: dict[str, int] = {}
    load: tuple[float, float] = (0.0, 0.0)


class Results(Struct, frozen=True, kw_only=True):
    """A run; `seconds` is how long it took, `notes` what a reader has to know of it.

    A `short` one shows that everything works, but is not held to the bounds.
    """

    date: str
    commit: str
    machine: dict[str, str]
    rounds: int
    seconds: float
    samples: tuple[Sample, ...]
    notes: tuple[str, ...] = ()
    short: bool = False


class Run(Struct, frozen=True):
    """When something was measured, and of what commit."""

    date: str
    commit: str

    def __str__(self) -> str:
        return f"{self.date}, commit {self.commit}"


class Refused(RuntimeError):
    """Results that may not be shown or published: says why, and what to do."""


class Figure(Struct, frozen=True):
    """The median of a number over the rounds, the least and the most."""

    median: float
    least: float
    most: float
    rounds: int


def checked(results: Results) -> Results:
    """Return the results, all of whose answers were good.

    Raises:
        Refused: an answer failed, or nothing was measured.
    """
    bad = [
        f"{each.line}, {each.system}, round {each.round}: {each.failed} of {each.requests} answers failed"
        f" {each.answers}"
        for each in results.samples
        if each.failed
    ]
    if bad:
        raise Refused("no figures from failed answers:\n" + "\n".join(bad))
    if not results.samples:
        raise Refused("nothing was measured")
    return results


def read_results(path: Path) -> Results:
    """Return the results in a file; see `checked`."""
    return checked(decoded(path))


def decoded(path: Path) -> Results:
    """Return the results in a file, whatever the answers were.

    Raises:
        Refused: there is no such file.
    """
    if not path.exists():
        raise Refused(f"there are no results in {path}: measure first")
    return msgspec.json.decode(path.read_bytes(), type=Results)


def added(earlier: Results, later: Results) -> Results:
    """Return later results, and of the earlier ones the lines that were not measured again."""
    again = {each.line for each in later.samples}
    kept = tuple(each for each in earlier.samples if each.line not in again)
    if not kept:
        return later
    before, others = _older(earlier.notes, again)
    told = {line for lines in before.values() for line in lines}
    loads = ", ".join(f"{name} {value}" for name, value in earlier.machine.items() if name in LOADS)
    this = f"{OLDER}, but of {Run(earlier.date, earlier.commit)} ({loads})"
    before[this] = list(dict.fromkeys(each.line for each in kept if each.line not in told))
    notes = (
        *(f"{run}: {', '.join(lines)}" for run, lines in before.items() if lines),
        *(each for each in others if each not in later.notes),
        *later.notes,
    )
    return msgspec.structs.replace(
        later,
        samples=(*kept, *later.samples),
        notes=notes,
        seconds=earlier.seconds + later.seconds,
        short=earlier.short or later.short,
    )


def _older(notes: Sequence[str], again: Collection[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Return the lines of each earlier run that notes name, without those measured again; and other notes."""
    runs, others = {}, []
    for note in notes:
        run, _, lines = note.rpartition(": ")
        if note.startswith(OLDER):
            runs[run] = [each for each in lines.split(", ") if each not in again]
        else:
            others.append(note)
    return runs, others


def run_of_each_line(results: Results) -> dict[str, Run]:
    """Return the run that measured each line: this one, or the earlier one that a note names."""
    this = Run(results.date, results.commit)
    found = dict.fromkeys((each.line for each in results.samples), this)
    for note, lines in _older(results.notes, ())[0].items():
        if named := OLDER_RUN.match(note):
            found |= dict.fromkeys(lines, Run(named["date"], named["commit"]))
    return found


def publishable(results: Results) -> Results:
    """Return the results, which may be put on the page.

    Raises:
        Refused: the run was a short one, or it or an earlier one that a line is of had uncommitted changes.
    """
    if results.short:
        raise Refused(
            "a short run is not written to the page: measure in three rounds or more, without --quick,"
            " --seconds and --pace"
        )
    if results.commit.endswith(CHANGED):
        raise Refused(
            f"{results.commit} is not written to the page: the tree had changes that are in no commit;"
            " commit them and measure again"
        )
    if changed := [
        f"{line} (commit {run.commit})"
        for line, run in run_of_each_line(results).items()
        if run.commit.endswith(CHANGED)
    ]:
        raise Refused(
            "not written to the page: when these lines were measured the tree had changes that are in no"
            f" commit; measure them again on a commit: {', '.join(changed)}"
        )
    return results


def write_results(results: Results, path: Path) -> None:
    """Write results to a file, formatted for people and for `git diff`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rounded = [
        msgspec.structs.replace(
            each, numbers={name: round(value, 4) for name, value in each.numbers.items()}
        )
        for each in results.samples
    ]
    written = msgspec.structs.replace(results, samples=tuple(rounded))
    path.write_bytes(msgspec.json.format(msgspec.json.encode(written), indent=1) + b"\n")


def series(results: Results, line: str, system: str, number: str) -> dict[int, float]:
    """Return a number of one line and system by round."""
    return {
        each.round: each.numbers[number]
        for each in results.samples
        if (each.line, each.system) == (line, system) and number in each.numbers
    }


def ratios(results: Results, line: str, system: str, number: str, over: str) -> dict[int, float]:
    """Return by round how many times another system's number this system's is."""
    ours, theirs = series(results, line, system, number), series(results, line, over, number)
    return {each: ours[each] / theirs[each] for each in ours if theirs.get(each)}


def figure(values: Iterable[float]) -> Figure | None:
    """Return the median and the spread of values; None without any."""
    found = sorted(values)
    return Figure(median(found), found[0], found[-1], len(found)) if found else None
