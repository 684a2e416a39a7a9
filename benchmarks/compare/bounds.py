"""The bounds that results are held to, and the verdict on each, one of WORDS.

The reference has bounds of its own (`_reference`): only where it meets those of a line, it counts there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from benchmarks.compare.results import Results, ratios, series
from benchmarks.compare.systems import AZURE, EMBEDDED_ONE, EMBEDDED_TWO, REFERENCE

MET, MISSED, NOT_MEASURED = "met", "missed", "not measured"
NO_REFERENCE = "no reference"
"""It would be met, but the reference misses a bound of its own on that line."""

WORDS = (MET, MISSED, NO_REFERENCE, NOT_MEASURED)
FAILED = (MISSED, NO_REFERENCE)


@dataclass(frozen=True)
class Bound:
    """What a number may be at most or at least, or is less than.

    With `over`, it is about the ratio to that system's number in the same round.
    """

    about: str
    line: str
    system: str
    number: str
    at_most: float | None = None
    at_least: float | None = None
    less_than: float | None = None
    over: str = ""

    def measured(self, results: Results) -> float | None:
        """Return the median over the rounds; None if it was not measured."""
        if self.over:
            found = ratios(results, self.line, self.system, self.number, self.over)
        else:
            found = series(results, self.line, self.system, self.number)
        return median(found.values()) if found else None

    def bound(self) -> str:
        """Return the bound as it is printed."""
        of = f" of {self.over}" if self.over else ""
        words = {
            "at most": self.at_most,
            "less than": self.less_than,
            "at least": self.at_least,
        }
        return " and ".join(
            f"{word} {number:g}{of}" for word, number in words.items() if number is not None
        )

    def holds(self, measured: float) -> bool:
        """Return whether a number is within the bound."""
        return (
            (self.at_most is None or measured <= self.at_most)
            and (self.less_than is None or measured < self.less_than)
            and (self.at_least is None or measured >= self.at_least)
        )


@dataclass(frozen=True)
class Verdict:
    """A bound, what was measured, and one of WORDS."""

    bound: Bound
    measured: float | None
    word: str


def verdicts(results: Results) -> list[Verdict]:
    """Return the verdict on each bound; see NO_REFERENCE."""
    found = [_verdict(each, each.measured(results)) for each in BOUNDS]
    without = {
        each.bound.line for each in found if each.bound.system == REFERENCE and each.word != MET
    }
    return [
        replace(each, word=NO_REFERENCE)
        if each.word == MET and each.bound.over == REFERENCE and each.bound.line in without
        else each
        for each in found
    ]


def _verdict(bound: Bound, measured: float | None) -> Verdict:
    if measured is None:
        return Verdict(bound, None, NOT_MEASURED)
    return Verdict(bound, measured, MET if bound.holds(measured) else MISSED)


PATHS = ("profiles/me", "sessions/me", "data/pending")
LISTS = PATHS[1:]


def _gets() -> list[Bound]:
    """GETs: requests a second beside the reference, and CPU."""
    rates = {
        EMBEDDED_TWO: (6.5, 6.5, 6.5),
        EMBEDDED_ONE: (4.0, 3.5, 3.5),
        AZURE: (1.7, 2.0, 2.0),
    }
    cpu = {EMBEDDED_TWO: (0.28, 0.75, 0.8), AZURE: (1.2, 2.2, 2.2)}
    bounds = [
        Bound(
            f"{path}, {system}: requests a second",
            path,
            system,
            "req/s",
            at_least=least,
            over=REFERENCE,
        )
        for system, of_paths in rates.items()
        for path, least in zip(PATHS, of_paths, strict=True)
    ]
    bounds += [
        Bound(f"{path}, {system}: CPU ms a request", path, system, "CPU ms", at_most=most)
        for system, of_paths in cpu.items()
        for path, most in zip(PATHS, of_paths, strict=True)
    ]
    return bounds + [
        Bound(
            f"{path}, {EMBEDDED_TWO}: p99 ms at 64 connections",
            path,
            EMBEDDED_TWO,
            "p99 ms",
            at_most=60,
        )
        for path in PATHS
    ]


def _logins() -> list[Bound]:
    least = {EMBEDDED_TWO: 30, AZURE: 25}
    return [
        *(
            Bound(f"logins a second, {system}", "logins", system, "req/s", at_least=number)
            for system, number in least.items()
        ),
        *(
            Bound(
                f"other GETs' p99 ms meanwhile, {system}",
                "GETs during logins",
                system,
                "p99 ms",
                at_most=50,
            )
            for system in least
        ),
    ]


def _uploads() -> list[Bound]:
    one, four = "upload of 1", "upload of 4"
    review, cpu = "s from 202 to review", "CPU s without playback"
    peak = "peak PSS MB with playback"
    return [
        Bound(
            "317 MB until 202, azure: MB/s",
            "upload until 202",
            AZURE,
            "MB/s",
            at_least=0.95,
            over="bare-azurite",
        ),
        Bound(
            "317 MB until 202, embedded: MB/s",
            one,
            EMBEDDED_ONE,
            "MB/s",
            at_least=0.8,
            over="bare-file",
        ),
        Bound("from 202 to review, one", one, AZURE, review, at_most=0.8, over=REFERENCE),
        Bound(
            "from 202 to review, the last of four", four, AZURE, review, at_most=0.8, over=REFERENCE
        ),
        Bound("CPU for the same stages, one", one, AZURE, cpu, less_than=1.0, over=REFERENCE),
        Bound("CPU for the same stages, four", four, AZURE, cpu, less_than=1.0, over=REFERENCE),
        Bound(
            "peak PSS of the tree MB, playback included, one hour", one, AZURE, peak, at_most=320
        ),
        Bound(
            "peak PSS of the tree MB, playback included, four at once",
            four,
            AZURE,
            peak,
            at_most=420,
        ),
        Bound(
            "recording to push, eight of 50 minutes, p95 minutes",
            "eight uploads",
            AZURE,
            "p95 minutes to push",
            less_than=10,
        ),
    ]


def _memory() -> list[Bound]:
    return [
        Bound("idle PSS MB, azure `all`", "memory", AZURE, "idle PSS MB", at_most=230),
        Bound(
            "PSS MB after 1,000 GETs and 200 logins, azure",
            "memory",
            AZURE,
            "PSS MB after",
            at_most=300,
        ),
        Bound("idle PSS MB, embedded serve", "memory", EMBEDDED_ONE, "idle PSS MB", at_most=60),
    ]


def _queue() -> list[Bound]:
    return [
        Bound("no-op jobs a second", "queue", AZURE, "jobs/s", at_least=3, over=REFERENCE),
        Bound("burst p99 ms", "queue", AZURE, "burst p99 ms", at_most=400),
        Bound("one by one p50 ms", "queue", AZURE, "single p50 ms", at_most=2),
    ]


def _others() -> list[Bound]:
    slow, hour, starts = "GETs during slow uploads", "hour", "starts"
    return [
        Bound(
            "GET p99 ms beside 200 slow uploads, embedded", slow, EMBEDDED_ONE, "p99 ms", at_most=15
        ),
        Bound("GET p99 ms beside 200 slow uploads, azure", slow, AZURE, "p99 ms", at_most=15),
        Bound(
            "hour of speech: times real time", hour, EMBEDDED_ONE, "times real time", at_least=17
        ),
        Bound("hour of speech: PSS MB of the tree", hour, EMBEDDED_ONE, "peak PSS MB", at_most=620),
        Bound("hour of speech: live p99 ms", hour, EMBEDDED_ONE, "live p99 ms", at_most=10),
        Bound("hour of speech: slowest live ms", hour, EMBEDDED_ONE, "live slowest ms", at_most=60),
        Bound("therapy --help ms", starts, EMBEDDED_ONE, "help ms", at_most=150),
        Bound("serve until live ms", starts, EMBEDDED_ONE, "live ms", at_most=700),
    ]


def _growth() -> list[Bound]:
    ratio = "times that of 1,000"
    calls = ("inbox", "list", "submit, and its scoring", "sweep")
    searches = (
        "search of 95 sessions",
        *(f"search of most sessions: {kind}" for kind in ("miss", "hit", "parts")),
        *(f"people search: {kind}" for kind in ("miss", "hit", "two letters")),
    )
    return [
        *(
            Bound(
                f"growth, {each}: {ratio}",
                "growth",
                EMBEDDED_ONE,
                f"{each}: {ratio}",
                at_most=1.5,
            )
            for each in calls
        ),
        *(
            Bound(f"growth, {each}, p95 ms", "growth", EMBEDDED_ONE, f"{each}: p95 ms", at_most=10)
            for each in searches
        ),
    ]


def _reference() -> list[Bound]:
    """The reference counts only where it takes at most a fifth more than what it stands for.

    What that took is noted in ADR 39; peak memory is RSS of the tree, as it was measured there.
    """
    cpu = {"profiles/me": 2.34, "sessions/me": 5.20, "data/pending": 5.14}
    return [
        *(
            Bound(
                f"the reference itself, {path}: CPU ms",
                path,
                REFERENCE,
                "CPU ms",
                at_most=number * 1.2,
            )
            for path, number in cpu.items()
        ),
        *(
            Bound(
                f"the reference itself, upload of {count}: CPU s",
                f"upload of {count}",
                REFERENCE,
                "CPU s",
                at_most=seconds * 1.2,
            )
            for count, seconds in ((1, 8.3), (4, 32))
        ),
        *(
            Bound(
                f"the reference itself, upload of {count}: peak RSS MB",
                f"upload of {count}",
                REFERENCE,
                "peak RSS MB",
                at_most=megabytes * 1.2,
            )
            for count, megabytes in ((1, 1_542), (4, 3_374))
        ),
        Bound(
            "the reference itself: idle PSS MB",
            "memory",
            REFERENCE,
            "idle PSS MB",
            at_most=435 * 1.2,
        ),
        Bound(
            "the reference itself: jobs a second", "queue", REFERENCE, "jobs/s", at_least=152 * 0.8
        ),
    ]


BOUNDS: Sequence[Bound] = (
    *_gets(),
    *_logins(),
    *_uploads(),
    *_memory(),
    *_queue(),
    *_others(),
    *_growth(),
    *_reference(),
)
