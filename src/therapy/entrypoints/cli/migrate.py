"""`therapy migrate`: creates what the stores need, and migrates an older program's data."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import rich_click as click

from therapy.domain.errors import TherapyError
from therapy.entrypoints.cli.check import check_each, failed, show_findings
from therapy.entrypoints.cli.environment import settings_of_this_machine, settings_with_data
from therapy.entrypoints.cli.faults.diagnosis import diagnose
from therapy.entrypoints.cli.faults.error_messages import CommandFailed
from therapy.entrypoints.cli.interruption import doing
from therapy.entrypoints.cli.terminal import answers, asides

if TYPE_CHECKING:
    from therapy.wiring.migration import Leftovers

T = TypeVar("T")


@click.command()
@click.option(
    "--throughput",
    type=click.IntRange(400, 1_000_000),
    help="RU/s that all containers of a new Cosmos database share; omit it if the account is serverless.",
)
@click.option(
    "--finish",
    is_flag=True,
    help="Once all is well, delete what a migration left: old containers in Cosmos, or the database's copy.",
)
@click.option("--yes", is_flag=True, help="With --finish: don't ask.")
def migrate(*, throughput: int | None, finish: bool, yes: bool) -> None:
    """Create what the stores need: the database's schema, or the containers in Cosmos and Blob Storage.

    Running it again changes nothing. A server creates what is missing when it starts, if it may. On Azure its
    managed identity may not, so run this once with the account's key before the first start.

    Data of an older version in Cosmos (one with six containers) is copied into new containers. Stop every
    server and worker first. It may be interrupted and run again; the old containers stay until --finish.
    An older database in the data directory is copied beside itself, then migrated; the copy stays until
    --finish, for THERAPY_MIGRATION_COPY_DAYS (30), or until a session that is in it is erased.

    \b
    [bold]Example[/]
      [cyan]therapy migrate[/]
      [cyan]therapy migrate --finish[/]

    [bold]You see[/] where the stores and recordings are, what was migrated, and for each failure the likely
    cause and the fix.
    """
    if finish:
        _finish(asked=yes)
        return
    settings, console = settings_with_data(), answers()
    from therapy.wiring.dependency_checks import migrations
    from therapy.wiring.migration import local_contents

    before, _ = _worked(lambda: local_contents(settings))
    with asides().status("creating what is missing") as status:

        def on_progress(read: int, written: int) -> None:
            status.update(f"copying: {read:,} documents read, {written:,} written")

        dependencies = list(migrations(settings, throughput=throughput, on_progress=on_progress))
        with doing("creating what is missing", "run it again: it continues"):
            checked = asyncio.run(check_each(dependencies, None, doing="migrate"))
    for each in checked:
        console.print(f"{each.dependency.name}: {each.dependency.where}", markup=False)
    show_findings(checked, console)
    if message := failed(checked):
        raise CommandFailed(message)
    console.print("Everything is there.")
    after, records = _worked(lambda: local_contents(settings))
    if 0 < before < after:
        counted = ", ".join(f"{number} of {kind}" for kind, number in records.items())
        console.print(
            f"The database was migrated from layout {before} to {after}. Records in it: {counted or 'none'}.",
            soft_wrap=True,
        )
    if (left := _left()).names:
        console.print(
            f"Still there: {left.what} ({len(left.names)}). When all is well: therapy migrate --finish",
            soft_wrap=True,
        )


def _left() -> "Leftovers":
    from therapy.wiring.migration import left_to_finish

    return _worked(lambda: asyncio.run(left_to_finish(settings_of_this_machine())))


def _finish(*, asked: bool) -> None:
    settings, console = settings_with_data(), answers()
    left = _left()
    if not left.names:
        console.print("Nothing is left to finish.")
        return
    names = ", ".join(left.names)
    console.print(f"Still there: {left.what}: {names}", soft_wrap=True, markup=False)
    if not asked and not click.confirm("Delete them for good?"):
        raise CommandFailed("nothing was deleted")
    from therapy.wiring.migration import finish

    _worked(lambda: asyncio.run(finish(settings)))
    console.print("They are deleted.")


def _worked(work: Callable[[], T]) -> T:
    """Return what the work returns; raise CommandFailed with the likely cause and fix if it fails."""
    from therapy.wiring.dependency_addresses import stores_at

    try:
        return work()
    except TherapyError as exc:
        settings = settings_of_this_machine()
        found = diagnose(settings.stores, "stores", stores_at(settings), exc, "migrate")
        raise CommandFailed(f"{found.cause}; {found.fix} [{found.kinds}]") from exc
