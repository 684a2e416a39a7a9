"""`therapy check`: whether everything that an installation stands on is there."""

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

from therapy.config import FAMILIES, NO_LONGER_NEEDED, every_installed, unknown
from therapy.domain.errors import LanguageNotSupported
from therapy.entrypoints.cli.diagnosis import Finding, diagnose
from therapy.entrypoints.cli.environment import settings_of_this_machine
from therapy.entrypoints.cli.error_messages import CommandFailed
from therapy.entrypoints.cli.terminal import answers, asides

if TYPE_CHECKING:
    from therapy.wiring.dependency_checks import Dependency

PATIENCE_SECONDS = 30.0
"""For each dependency: a local recogniser loads its model in that time."""

WARN_MS = 1_000
SETTING_OF = {each.field: each.setting for each in FAMILIES}
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

    Database, recordings, recogniser, sentiment, pushes, mail and rings: each is opened, asked something
    harmless and closed again. What is local and has nothing to answer (pushes, mail, rings) is not listed.
    The data directory and its database are made if missing; nothing else is made, changed or sent.

    \b
    [bold]Example[/]
      [cyan]therapy check[/]

    [bold]You see[/] a table: what, served by whom, where, milliseconds; for each failure the likely cause and
    the fix; and which adapters of other projects are installed. Secrets are never printed. The exit code is
    0 only if everything answered.
    """
    settings = settings_of_this_machine()
    console = answers()
    from therapy.wiring.dependency_checks import dependencies, unread

    with asides().status("asking"):
        looked = asyncio.run(look(list(dependencies(settings))))
    _show(looked, console)
    show_findings(looked, console)
    if plugins := every_installed():
        console.print("\nAdapters of other projects that are installed:")
    for plugin in plugins:
        setting = SETTING_OF[plugin.field]
        line = f"  {setting}={plugin.name}: {plugin.package}, settings {plugin.prefix}…"
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    if folder := unread(settings):
        console.print(
            f"\nNo mail is sent: letters, such as the one with the code for a new password, are written into"
            f" {folder}, where nobody reads them. Set THERAPY_SMTP_HOST and THERAPY_MAIL_FROM.",
            soft_wrap=True,
            markup=False,
        )
    for name, why in NO_LONGER_NEEDED.items():
        if os.environ.get(name):
            console.print(f"{name} is no longer needed: {why}.")
    for name, nearest in unknown(os.environ):
        meant = f"; did you mean {nearest}?" if nearest else "."
        console.print(f"{name} is no setting{meant}", soft_wrap=True, markup=False)
    if words := failed(looked):
        raise CommandFailed(words)


async def look(
    asked: "list[Dependency]", patience: float | None = PATIENCE_SECONDS, *, doing: str = ""
) -> list[Looked]:
    """Open each dependency and ask it; one by one, as they would wait for each other."""
    return [await _look_at(each, patience, doing) for each in asked]


async def _look_at(dependency: "Dependency", patience: float | None, doing: str) -> Looked:
    began, finding = time.monotonic(), None
    try:
        async with asyncio.timeout(patience), AsyncExitStack() as stack:
            ask = await dependency.open(stack)
            began = time.monotonic()
            await ask()
    except REACHED:
        pass
    except Exception as exc:  # noqa: BLE001 - whatever it is, it is what we came to see
        one = dependency
        finding = diagnose(one.family, one.name, one.where, exc, doing, host=one.host)
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


def failed(looked: list[Looked]) -> str:
    """Say how many failed, and which; "" if none did."""
    names = [each.dependency.name for each in looked if each.finding]
    return f"{len(names)} of {len(looked)} failed: {', '.join(names)}" if names else ""


def show_findings(looked: list[Looked], console: Console) -> None:
    """Print the likely cause and the fix of each that failed."""
    for each in looked:
        if each.finding:
            console.print(
                f"\n[bold red]{each.dependency.name}[/]: {escape(each.finding.cause)}\n"
                f"  [bold]fix:[/] {escape(each.finding.fix)}\n"
                f"  [bright_black]{escape(each.finding.kinds)}[/]",
                soft_wrap=True,
            )
