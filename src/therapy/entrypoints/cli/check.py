"""`therapy check`: whether everything that an installation depends on is available."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from therapy.config import FAMILIES, every_installed
from therapy.domain.errors import LanguageNotSupported
from therapy.entrypoints.cli.environment import environment_of_this_machine, settings_with_data
from therapy.entrypoints.cli.faults.diagnosis import Finding, diagnose, diagnose_code
from therapy.entrypoints.cli.faults.error_messages import CommandFailed
from therapy.entrypoints.cli.interruption import doing
from therapy.entrypoints.cli.start_summary import start_warnings
from therapy.entrypoints.cli.terminal import answers, asides
from therapy.entrypoints.cli.waiting_deliveries import show_waiting, summary, waiting_deliveries

if TYPE_CHECKING:
    from therapy.wiring.dependency_checks import Dependency

PATIENCE_SECONDS = 30.0
"""The time for each dependency: enough for a local recogniser to load its model."""

WARN_MS = 1_000
SEVERAL_LANGUAGES = (
    "SPEECH_LANGUAGE names several languages: Fast Transcription recognises a whole recording as one of"
    " them. Name one, or several for single uploads; or set THERAPY_SPEECH_ENGINE=conversation."
)
SETTING_OF = {each.field: each.setting for each in FAMILIES}
REACHED = (LanguageNotSupported,)
"""Errors that prove that the service answers."""


@dataclass(frozen=True)
class Checked:
    """The result of checking a dependency; `finding` says why it failed, None if it is available.

    `warnings` say what should be otherwise, though it works.
    """

    dependency: "Dependency"
    ms: float
    finding: Finding | None
    warnings: tuple[Finding, ...] = ()


@click.command()
def check() -> None:
    """Check everything that this installation depends on, and say what to do about each failure.

    Stores, recordings, recogniser, sentiment, insights, pushes, mail and rings: each is opened, called in a
    harmless way and closed again. Local ones that can't fail (insights, pushes, mail, rings) are not listed.
    The data directory and its database are created if missing; nothing else is created, changed or sent.

    \b
    [bold]Example[/]
      [cyan]therapy check[/]

    [bold]You see[/] which settings and data are checked: the environment and, as when serving, the file
    [cyan].env[/] here; a table of dependencies with adapter, address, result and milliseconds; for each
    failure the likely cause and the fix; which pushes and letters could not be delivered and wait, and why;
    what is doubtful about the settings; whether this system limits what reads recordings; and the installed
    adapters of other projects. Secrets are never printed. The exit code is 0 only if everything answered and
    nothing waits because its delivery failed.
    """
    settings, console, here = settings_with_data(), answers(), environment_of_this_machine()
    console.print(f"Settings come from {here.sources}.", soft_wrap=True, markup=False)
    from therapy.wiring.dependency_checks import dependencies, not_limited, unread

    with (
        doing("checking what this installation depends on", "nothing was changed"),
        asides().status("checking"),
    ):
        checked = asyncio.run(check_each(list(dependencies(settings))))
    _show(checked, console)
    show_findings(checked, console)
    waiting = asyncio.run(waiting_deliveries(settings))
    show_waiting(waiting, console)
    show_limits(asyncio.run(not_limited()), console)
    if settings.speech == "azure" and len(settings.speech_languages) > 1:
        console.print(f"\n{SEVERAL_LANGUAGES}", soft_wrap=True, markup=False, highlight=False)
    if plugins := every_installed():
        console.print("\nInstalled adapters of other projects:")
    for plugin in plugins:
        setting = SETTING_OF[plugin.field]
        line = f"  {setting}={plugin.name}: {plugin.package}, settings {plugin.prefix}…"
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    if folder := unread(settings):
        console.print(
            f"\nNo mail is sent: letters, such as the one with the code for a new password, are written to"
            f" {folder}, where nobody reads them. Set THERAPY_SMTP_HOST and THERAPY_MAIL_FROM.",
            soft_wrap=True,
            markup=False,
        )
    for warning in start_warnings(settings, here.variables):
        console.print(f"\nwarning: {warning}", soft_wrap=True, markup=False, highlight=False)
    if message := failed(checked) or summary(waiting):
        raise CommandFailed(message)


async def check_each(
    dependencies: "list[Dependency]", patience: float | None = PATIENCE_SECONDS, *, doing: str = ""
) -> list[Checked]:
    """Open and check each dependency, one after another because they would slow each other down."""
    return [await _check_one(each, patience, doing) for each in dependencies]


async def _check_one(dependency: "Dependency", patience: float | None, doing: str) -> Checked:
    one, began, finding, found = dependency, time.monotonic(), None, None
    try:
        async with asyncio.timeout(patience), AsyncExitStack() as stack:
            ask = await one.open(stack)
            began = time.monotonic()
            found = await ask()
    except REACHED:
        pass
    except Exception as exc:  # noqa: BLE001 - whatever it is, it is diagnosed
        finding = diagnose(one.family, one.name, one.where, exc, doing, host=one.host)
    answer = (
        found if isinstance(found, tuple) else ()
    )  # codes, or e.g. scores, which say nothing here
    codes = [each for each in answer if isinstance(each, str)]
    warnings = tuple(diagnose_code(one.family, one.name, each) for each in codes)
    return Checked(one, (time.monotonic() - began) * 1000, finding, warnings)


def _show(checked: list[Checked], console: Console) -> None:
    table = Table("what", "served by", "where", "result", "ms")
    table.columns[4].justify = "right"
    for each in checked:
        result = "[bold red]failed[/]" if each.finding else "[green]ok[/]"
        colour = "yellow" if each.ms > WARN_MS else "default"
        one = each.dependency
        table.add_row(
            one.label, one.family, escape(one.where), result, f"[{colour}]{each.ms:.0f}[/]"
        )
    console.print(table)


def show_limits(missing: tuple[str, ...], console: Console) -> None:
    """Print what the processes that read recordings are denied on this machine, and what they are not."""
    text = "\nWhat reads recordings has limits of memory, CPU time and open files, and no network."
    if missing:
        text = (
            f"\nWhat reads recordings is not limited here in: {', '.join(missing)}. Linux on x86-64 or arm64"
            " limits all of it, unless the container forbids that."
        )
    console.print(text, soft_wrap=True, markup=False, highlight=False)


def failed(checked: list[Checked]) -> str:
    """Return a text that says how many failed, and which; "" if none did."""
    names = [each.dependency.label for each in checked if each.finding]
    return f"{len(names)} of {len(checked)} failed: {', '.join(names)}" if names else ""


def show_findings(checked: list[Checked], console: Console) -> None:
    """Print the likely cause and the fix of each failure, and of what works but should be otherwise."""
    for each in checked:
        found = [("red", each.finding)] if each.finding else []
        for colour, finding in [*found, *(("yellow", warning) for warning in each.warnings)]:
            kinds = f"\n  [bright_black]{escape(finding.kinds)}[/]" if finding.kinds else ""
            console.print(
                f"\n[bold {colour}]{each.dependency.label}[/]: {escape(finding.cause)}\n"
                f"  [bold]fix:[/] {escape(finding.fix)}{kinds}",
                soft_wrap=True,
            )
