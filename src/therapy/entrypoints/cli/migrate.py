"""`therapy migrate`: making what the stores need, and copying what an older program left in Cosmos."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import rich_click as click

from therapy.domain.errors import TherapyError
from therapy.entrypoints.cli.check import failed, look, show_findings
from therapy.entrypoints.cli.diagnosis import diagnose
from therapy.entrypoints.cli.environment import settings_of_this_machine
from therapy.entrypoints.cli.error_messages import CommandFailed
from therapy.entrypoints.cli.terminal import answers, asides

T = TypeVar("T")


@click.command()
@click.option(
    "--throughput",
    type=click.IntRange(400, 1_000_000),
    help="RU/s that all containers of a new Cosmos database share; leave it out where it is serverless.",
)
@click.option(
    "--finish",
    is_flag=True,
    help="Delete the containers of the first layout, once they were copied and all is well.",
)
@click.option("--yes", is_flag=True, help="With --finish: do not ask.")
def migrate(*, throughput: int | None, finish: bool, yes: bool) -> None:
    """Make what the stores need: the schema of the database, or the containers in Cosmos and Blob.

    Running it again changes nothing. A server makes what is missing when it starts, if it may: the managed
    identity that it has on Azure may not, so run this once with the account's key, before the first start.

    What a program from before the one store left in Cosmos is copied into new containers. Stop every server
    and worker first. It may be interrupted and run again; the old containers stay until --finish.

    \b
    [bold]Example[/]
      [cyan]therapy migrate[/]
      [cyan]therapy migrate --finish[/]

    [bold]You see[/] where the stores and the recordings are; for each that could not be made the likely cause
    and the fix.
    """
    if finish:
        _finish(asked=yes)
        return
    settings, console = settings_of_this_machine(), answers()
    from therapy.wiring.dependency_checks import migrations

    with asides().status("making what is missing") as status:

        def told(read: int, written: int) -> None:
            status.update(f"copying: {read:,} documents read, {written:,} written")

        dependencies = list(migrations(settings, throughput=throughput, told=told))
        looked = asyncio.run(look(dependencies, None, doing="migrate"))
    for each in looked:
        console.print(f"{each.dependency.name}: {each.dependency.where}", markup=False)
    show_findings(looked, console)
    if words := failed(looked):
        raise CommandFailed(words)
    console.print("Everything is there.")
    if left := _left():
        console.print(
            f"{len(left)} containers of the first layout were copied and are still there. When all is well:"
            " therapy migrate --finish",
            soft_wrap=True,
        )


def _left() -> tuple[str, ...]:
    from therapy.wiring.first_layout import left_to_finish

    return _told(left_to_finish(settings_of_this_machine()))


def _finish(*, asked: bool) -> None:
    console = answers()
    left = _left()
    if not left:
        console.print("Nothing is left to finish.")
        return
    console.print(f"These containers were copied: {', '.join(left)}", soft_wrap=True, markup=False)
    if not asked and not click.confirm("Delete them for good?"):
        raise CommandFailed("nothing was deleted")
    from therapy.wiring.first_layout import finish

    _told(finish(settings_of_this_machine()))
    console.print("They are deleted.")


def _told(work: Coroutine[Any, Any, T]) -> T:
    """Return what the work returns; what goes wrong is told with its likely cause and the fix."""
    from therapy.wiring.dependency_checks import stores_at

    try:
        return asyncio.run(work)
    except TherapyError as exc:
        where = stores_at(settings_of_this_machine())
        found = diagnose("azure", "stores", where, exc, "migrate")
        raise CommandFailed(f"{found.cause}; {found.fix} [{found.kinds}]") from exc
