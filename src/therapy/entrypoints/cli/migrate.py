"""`therapy migrate`: creates what the stores need, and copies an older program's data in Cosmos."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import rich_click as click

from therapy.domain.errors import TherapyError
from therapy.entrypoints.cli.check import check_each, failed, show_findings
from therapy.entrypoints.cli.environment import settings_of_this_machine
from therapy.entrypoints.cli.faults.diagnosis import diagnose
from therapy.entrypoints.cli.faults.error_messages import CommandFailed
from therapy.entrypoints.cli.terminal import answers, asides

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
    help="Delete the containers of the first layout, once they are copied and all is well.",
)
@click.option("--yes", is_flag=True, help="With --finish: don't ask.")
def migrate(*, throughput: int | None, finish: bool, yes: bool) -> None:
    """Create what the stores need: the database's schema, or the containers in Cosmos and Blob Storage.

    Running it again changes nothing. A server creates what is missing when it starts, if it may. On Azure its
    managed identity may not, so run this once with the account's key before the first start.

    Data of an older version in Cosmos (one with six containers) is copied into new containers. Stop every
    server and worker first. It may be interrupted and run again; the old containers stay until --finish.

    \b
    [bold]Example[/]
      [cyan]therapy migrate[/]
      [cyan]therapy migrate --finish[/]

    [bold]You see[/] where the stores and recordings are, and for each failure the likely cause and the fix.
    """
    if finish:
        _finish(asked=yes)
        return
    settings, console = settings_of_this_machine(), answers()
    from therapy.wiring.dependency_checks import migrations

    with asides().status("creating what is missing") as status:

        def on_progress(read: int, written: int) -> None:
            status.update(f"copying: {read:,} documents read, {written:,} written")

        dependencies = list(migrations(settings, throughput=throughput, on_progress=on_progress))
        checked = asyncio.run(check_each(dependencies, None, doing="migrate"))
    for each in checked:
        console.print(f"{each.dependency.name}: {each.dependency.where}", markup=False)
    show_findings(checked, console)
    if message := failed(checked):
        raise CommandFailed(message)
    console.print("Everything is there.")
    if left := _left():
        console.print(
            f"{len(left)} containers of the first layout were copied and are still there. When all is well:"
            " therapy migrate --finish",
            soft_wrap=True,
        )


def _left() -> tuple[str, ...]:
    from therapy.wiring.migration import left_to_finish

    return _result_of(left_to_finish(settings_of_this_machine()))


def _finish(*, asked: bool) -> None:
    console = answers()
    left = _left()
    if not left:
        console.print("Nothing is left to finish.")
        return
    console.print(f"These containers were copied: {', '.join(left)}", soft_wrap=True, markup=False)
    if not asked and not click.confirm("Delete them for good?"):
        raise CommandFailed("nothing was deleted")
    from therapy.wiring.migration import finish

    _result_of(finish(settings_of_this_machine()))
    console.print("They are deleted.")


def _result_of(work: Coroutine[Any, Any, T]) -> T:
    """Return what the work returns; raise CommandFailed with the likely cause and fix if it fails."""
    from therapy.wiring.dependency_checks import stores_at

    try:
        return asyncio.run(work)
    except TherapyError as exc:
        where = stores_at(settings_of_this_machine())
        found = diagnose("azure", "stores", where, exc, "migrate")
        raise CommandFailed(f"{found.cause}; {found.fix} [{found.kinds}]") from exc
