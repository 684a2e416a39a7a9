"""`therapy check` and `therapy migrate`: whether what an installation stands on is there, and making it."""

import asyncio
import os
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from therapy.config import NO_LONGER_NEEDED
from therapy.domain.errors import LanguageNotSupported
from therapy.entrypoints.cli.diagnosis import Finding, diagnose, kinds_in
from therapy.entrypoints.cli.environment import settings_of_this_machine
from therapy.entrypoints.cli.faults import CommandFailed
from therapy.entrypoints.cli.screen import answers, asides

if TYPE_CHECKING:
    from therapy.wiring.dependencies import Dependency

PATIENCE_SECONDS = 30.0
"""For each dependency: a local recogniser loads its model in that time."""

WARN_MS = 1_000
REACHED = (LanguageNotSupported,)
"""Errors that show that somebody answers."""


@dataclass(frozen=True)
class Looked:
    """What asking a dependency gave; `finding` says why it failed, None if it is there."""

    dependency: "Dependency"
    ms: float
    finding: Finding | None


@click.command()
def check() -> None:
    """Ask everything that this installation stands on, and say what to do about what does not answer.

    Database, recordings, recogniser, sentiment, pushes and rings, whichever family serves them: each is
    opened, asked something harmless and closed again. Nothing is made or changed; see `therapy migrate`.

    \b
    [bold]Example[/]
      [cyan]therapy check[/]

    [bold]You see[/] a table: what, served by whom, where, milliseconds; then for each failure the likely
    cause and the fix. Secrets are never printed. The exit code is 0 only if everything answered.
    """
    settings = settings_of_this_machine()
    console = answers()
    from therapy.wiring.dependencies import dependencies

    with asides().status("asking"):
        looked = asyncio.run(_look(list(dependencies(settings))))
    _show(looked, console)
    for name, why in NO_LONGER_NEEDED.items():
        if os.environ.get(name):
            console.print(f"{name} is no longer needed: {why}.")
    failed = [each for each in looked if each.finding]
    if failed:
        names = ", ".join(each.dependency.name for each in failed)
        raise CommandFailed(f"{len(failed)} of {len(looked)} failed: {names}")


@click.command()
@click.option(
    "--throughput",
    type=click.IntRange(400, 1_000_000),
    help="RU/s that all containers of a new Cosmos database share; leave it out where it is serverless.",
)
def migrate(*, throughput: int | None) -> None:
    """Make what the stores need: the schema of the database, or the containers in Cosmos and Blob.

    Running it again changes nothing. A server does the same when it starts; this is for an identity that
    may manage containers where the server's may not, and before the first start.

    \b
    [bold]Example[/]
      [cyan]therapy migrate[/]

    [bold]You see[/] where the stores and the recordings are.
    """
    settings = settings_of_this_machine()
    from therapy.wiring.dependencies import migrate as make

    stores, recordings = asyncio.run(make(settings, throughput=throughput))
    console = answers()
    console.print(f"stores: {stores}\nrecordings: {recordings}\nEverything is there.", markup=False)


async def _look(asked: "list[Dependency]") -> list[Looked]:
    return [await _look_at(each) for each in asked]  # one by one: they would wait for each other


async def _look_at(dependency: "Dependency") -> Looked:
    began, finding = time.monotonic(), None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), AsyncExitStack() as stack:
            ask = await dependency.open(stack)
            began = time.monotonic()
            await ask()
    except REACHED:
        pass
    except Exception as exc:  # noqa: BLE001 - whatever it is, it is what we came to see
        finding = diagnose(dependency.family, dependency.name, dependency.where, exc)
        finding = Finding(finding.cause, finding.mend, kinds_in(exc))
    return Looked(dependency, (time.monotonic() - began) * 1000, finding)


def _show(looked: list[Looked], console: Console) -> None:
    table = Table("what", "served by", "where", "result", "ms")
    table.columns[4].justify = "right"
    for each in looked:
        result = "[bold red]failed[/]" if each.finding else "[green]ok[/]"
        colour = "yellow" if each.ms > WARN_MS else "default"
        one = each.dependency
        table.add_row(
            one.name, one.family, escape(one.where), result, f"[{colour}]{each.ms:.0f}[/]"
        )
    console.print(table)
    for each in looked:
        if each.finding:
            console.print(
                f"\n[bold red]{each.dependency.name}[/]: {escape(each.finding.cause)}\n"
                f"  [bold]fix:[/] {escape(each.finding.mend)}\n"
                f"  [bright_black]{escape(each.finding.kinds)}[/]",
                soft_wrap=True,
            )
