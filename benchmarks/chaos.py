"""Kills a process (kill -9) at every awaited call of all that people and workers do, and looks after it.

tests/chaos says what is done, and what must be true once another process went on and one sweep went by;
`make test` cuts the same calls in one process, and kills few. Each scenario is cut on disk (SQLite, files)
and in emulators of Azure (Cosmos DB, Blob Storage), before and after each call; on disk, and backups and
restores, before each operation on a file, too. Then, until `--minutes` have passed, trials are drawn by
chance: which scenario, family, call and cut, a failing store among them, and a kill of the process that goes
on. Prints a table, and the seed of what was drawn; exits with 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.chaos import backups  # noqa: E402 - the path comes first
from tests.chaos.scenarios import SCENARIOS  # noqa: E402 - the path comes first
from tests.chaos.steps import Cut  # noqa: E402 - as above
from tests.chaos.trials import Laboratory, Trial  # noqa: E402 - as above

DEATHS = Cut.DIES_BEFORE, Cut.DIES_AFTER
FAILURES = Cut.FAILS, Cut.ANSWER_LOST
HOW = dict.fromkeys(DEATHS, "at a call") | dict.fromkeys(FAILURES, "store failed")
HOW |= {Cut.DIES_AT_FILE: "at a file"}
TWICE = 0.5
"""The share of the kills drawn after which the process that goes on is killed as well."""

AT_A_FILE = 0.3
"""The share of the trials drawn that are cut at an operation on a file."""


class Campaign:
    """The trials of a run, and what came of them: by scenario and family, how many and which were wrong."""

    def __init__(self, laboratory: Laboratory, families: list[str]) -> None:
        self._laboratory, self._families = laboratory, families
        self.calls: dict[tuple[str, str], list[str]] = {}
        self.operations: dict[str, int] = {}
        self.tried: Counter[tuple[str, str, str]] = Counter()
        self.wrong: defaultdict[tuple[str, str], list[str]] = defaultdict(list)

    async def count(self) -> None:
        """Do every scenario without a cut."""
        for family in self._families:
            for name in SCENARIOS:
                self.calls[name, family] = await self._laboratory.in_process(Trial(name, family))
                if family == "local":
                    self.operations[name] = await self._laboratory.operations(name)
        if "local" in self._families:
            for name in backups.WORKS:
                self.operations[name] = await backups.operations(name, self._laboratory)

    def every_call(self) -> Iterator[Trial]:
        """Yield the trials of every call, and of every operation on a file."""
        for (name, family), calls in self.calls.items():
            for at in range(len(calls)):
                yield from (Trial(name, family, at, cut) for cut in DEATHS)
        for name, number in self.operations.items():
            yield from (Trial(name, "local", at, Cut.DIES_AT_FILE) for at in range(number))

    def drawn(self, chance: random.Random) -> Trial:
        """Return a trial that chance chose."""
        if self.operations and chance.random() < AT_A_FILE:
            name = chance.choice([*self.operations])
            at = chance.randrange(self.operations[name])
            return Trial(name, "local", at, Cut.DIES_AT_FILE)
        name, family = chance.choice([*self.calls])
        calls = self.calls[name, family]
        at = chance.randrange(len(calls))
        cuts = [*DEATHS, *FAILURES] if calls[at].startswith("store.") else DEATHS
        trial = Trial(name, family, at, chance.choice(cuts))
        if trial.cut.is_death and chance.random() < TWICE:
            return replace(trial, again_at=chance.randrange(len(calls)))
        return trial

    async def attempt(self, trial: Trial) -> None:
        """Do a trial, by kill -9 if it is one."""
        where = trial.scenario, trial.family
        self.tried[(*where, HOW[trial.cut])] += 1
        try:
            if trial.scenario in backups.WORKS:
                await backups.killed(trial.scenario, trial.cut_at, self._laboratory)
            elif trial.cut.is_death:
                await self._laboratory.by_kill(trial)
            else:
                await self._laboratory.in_process(trial)
        except Exception as exc:  # noqa: BLE001 - whatever it is, it is one of the results
            self.wrong[where].append(f"{trial}: {exc}")
            traceback.print_exc()

    def show(self, console: Console, seconds: float, seed: int) -> None:
        kinds = ("at a call", "at a file", "store failed")
        table = Table("scenario", "family", "calls", "killed at a call", *kinds[1:], "wrong")
        table.title = f"{self.tried.total()} trials in {seconds:.0f} s, seed {seed}"
        places = [*self.calls, *((name, "local") for name in backups.WORKS)]
        for name, family in places:
            calls = len(self.calls.get((name, family), ()))
            tried = [str(self.tried[name, family, how] or "-") for how in kinds]
            wrong = len(self.wrong[name, family])
            table.add_row(name, family, str(calls or "-"), *tried, str(wrong) if wrong else "none")
        console.print(table)
        for found in self.wrong.values():
            for each in found:
                console.print(each, markup=False)


async def run(campaign: Campaign, options: argparse.Namespace) -> None:
    """Try every call, then what chance draws."""
    began = time.monotonic()
    await campaign.count()
    trials = [*campaign.every_call()][:: options.every]
    with Progress(console=Console(stderr=True)) as progress:
        for trial in progress.track(trials, description="every call"):
            await campaign.attempt(trial)
    chance = random.Random(options.seed)  # noqa: S311 - to be drawn again
    while time.monotonic() < began + options.minutes * 60:
        await campaign.attempt(campaign.drawn(chance))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--minutes",
        type=float,
        default=0,
        help="at least so long; by default as long as every call takes",
    )
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))  # noqa: S311 - printed
    parser.add_argument("--every", type=int, default=1, help="only each so-manieth trial")
    parser.add_argument("--families", default="local azure")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    families = options.families.split()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="therapy-chaos-") as folder, ExitStack() as stack:
        cloud = emulators(stack) if "azure" in families else None
        campaign = Campaign(Laboratory(Path(folder), cloud), families)
        try:
            asyncio.run(run(campaign, options))
        finally:
            campaign.show(Console(width=110), time.monotonic() - began, options.seed)
    return 1 if any(campaign.wrong.values()) else 0


def emulators(stack: ExitStack) -> SimpleNamespace:
    """Start emulators of Azure, until the stack ends."""
    from tests.emulators.azurite import Azurite
    from tests.emulators.cosmos import Cosmos

    cosmos, azurite = (stack.enter_context(kind()) for kind in (Cosmos, Azurite))
    return SimpleNamespace(cosmos=cosmos, azurite=azurite)


if __name__ == "__main__":
    sys.exit(main())
