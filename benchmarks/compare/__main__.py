"""Measures this service beside a reference and beside bare limits: `python -m benchmarks.compare`.

Every line is measured on each system in turn, round after round (A B A B), so that what else the machine does
meets all of them. Times depend on the machine: ratios and CPU are what compares. Prints the table and a
verdict for each bound; writes the results as JSON and, with --write, the page and the chart in docs/why.
What a line needs (the reference, a model, space on the disk) is looked for before anything is measured. A
line that fails is named at the end, and has no figures; the page is not written then. Exits with 1 if a line
failed or an answer was not 2xx, or with --strict if a bound was missed or its reference does not count. Linux
only.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from benchmarks.compare.bounds import FAILED, verdicts  # noqa: E402 - the path comes first
from benchmarks.compare.lines import all_lines  # noqa: E402 - as above
from benchmarks.compare.measuring import Line, Scale  # noqa: E402 - as above
from benchmarks.compare.page import write_page  # noqa: E402 - as above
from benchmarks.compare.results import (  # noqa: E402 - as above
    Refused,
    Results,
    added,
    checked,
    decoded,
    publishable,
    write_results,
)
from benchmarks.compare.rounds import ROUNDS, begun, run  # noqa: E402 - as above
from benchmarks.compare.systems import REFERENCE, SYSTEMS, NotInstalled, require_reference  # noqa: E402 - as above
from benchmarks.compare.table import table, verdict_lines  # noqa: E402 - as above

QUICK = Scale(seconds=1.5, minutes=6.0, pace=0.1, jobs=200, sessions=10_000)


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return what the command line asks for."""
    lines = all_lines()
    about = "\n".join(f"  {each.name:<14} {each.about}" for each in lines)
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare",
        description=__doc__,
        epilog=f"lines:\n{about}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--lines", help="only these, comma-separated (default: all below)")
    parser.add_argument("--systems", help=f"only these of {', '.join(SYSTEMS)}, comma-separated")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="one round, short: to see that it works, not to compare; it has all lines, the hour with"
        f" {QUICK.minutes:g} minutes of speech and growth up to {QUICK.sessions:,} sessions",
    )
    parser.add_argument(
        "--seconds", type=float, help="of load for each GET line, system and round (4)"
    )
    parser.add_argument("--pace", type=float, help="the fake engines' part of their true time (1)")
    parser.add_argument("--without-limits", action="store_true", help="no bare limits")
    parser.add_argument(
        "--json", type=Path, default=ROOT / "benchmarks" / "results" / "compare.json"
    )
    parser.add_argument(
        "--add", action="store_true", help="keep lines of --json that are not measured again"
    )
    parser.add_argument(
        "--show", action="store_true", help="measure nothing: show the results of --json"
    )
    parser.add_argument(
        "--write", action="store_true", help="also write docs/why/performance.md and its chart"
    )
    parser.add_argument(
        "--strict", action="store_true", help="exit with 1 if a bound is missed or has no reference"
    )
    return parser.parse_args(arguments)


def chosen_lines(said: argparse.Namespace) -> list[Line]:
    """Return the lines that the command line names.

    Raises:
        SystemExit: one of them does not exist.
    """
    lines = {each.name: each for each in all_lines()}
    if not said.lines:
        return list(lines.values())
    names = said.lines.split(",")
    if unknown := [each for each in names if each not in lines]:
        sys.exit(f"no such line: {', '.join(unknown)}; there are {', '.join(lines)}")
    return [lines[each] for each in names]


def chosen_systems(said: argparse.Namespace, lines: Sequence[Line]) -> list[str]:
    """Return the systems to measure.

    Raises:
        SystemExit: one of them does not exist, or is not installed.
    """
    names = said.systems.split(",") if said.systems else list(SYSTEMS)
    if unknown := [each for each in names if each not in SYSTEMS]:
        sys.exit(f"no such system: {', '.join(unknown)}; there are {', '.join(SYSTEMS)}")
    if REFERENCE in names and any(REFERENCE in each.systems for each in lines):
        try:
            require_reference()
        except NotInstalled as missing:
            sys.exit(str(missing))
    return names


def require(lines: Sequence[Line], systems: Sequence[str], scale: Scale) -> None:
    """Raise NotInstalled if a line lacks what it needs; names what is missing, and how to do without."""
    missing = {}
    for line in lines:
        if line.require and {*line.systems, *line.limits} & {*systems}:
            try:
                line.require(scale)
            except NotInstalled as failure:
                missing[line.name] = str(failure)
    if missing:
        rest = ",".join(each.name for each in lines if each.name not in missing)
        without = [f"or leave out {', '.join(missing)} with --lines {rest}"] if rest else []
        raise NotInstalled("\n".join([*missing.values(), *without]))


def measured(said: argparse.Namespace, failed: dict[str, str]) -> Results:
    """Return the results of what the command line asks for; they are written as they come.

    A line that fails is put into `failed`, with why.

    Raises:
        NotInstalled: something is missing that a line needs.
        Refused: they are to be written to the page, and could not be.
    """
    lines = chosen_lines(said)
    scale = QUICK if said.quick else Scale(seconds=said.seconds or 4.0, pace=said.pace or 1.0)
    rounds = 1 if said.quick else said.rounds
    if said.write:
        publishable(begun(rounds, scale))  # before it takes 35 minutes
    systems = chosen_systems(said, lines)
    require(lines, systems, scale)
    earlier = decoded(said.json) if said.add else None

    def whole(results: Results) -> Results:
        return added(earlier, results) if earlier else results

    return whole(
        run(
            lines,
            systems,
            rounds,
            scale,
            limits=not said.without_limits,
            keep=lambda so_far: write_results(whole(so_far), said.json),
            failed=failed,
        )
    )


def main(arguments: Sequence[str] | None = None) -> int:
    said = options(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that all is stopped then, too
    failed: dict[str, str] = {}
    status = shown(said, failed)
    for name, why in failed.items():
        print(f"{name} FAILED, and has no figures of this run: {why}", file=sys.stderr)
    if failed and said.write:
        again = f"--lines {','.join(failed)} --add --write"
        print(f"the page was not written; {again} does, measuring only these", file=sys.stderr)
    return 1 if failed else status


def shown(said: argparse.Namespace, failed: dict[str, str]) -> int:
    """Measure, print, and write the page if no line failed; return the exit code."""
    try:
        results = decoded(said.json) if said.show else measured(said, failed)
        print(table(checked(results)))
        if said.write and not failed:
            write_page(results)
    except (Refused, NotInstalled) as failure:
        print(failure, file=sys.stderr)
        return 1
    found = [each for each in verdicts(results) if each.measured is not None or not said.lines]
    print(verdict_lines(found))
    return int(said.strict and any(each.word in FAILED for each in found))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("ended early; --show shows what was measured until then", file=sys.stderr)
        sys.exit(130)
