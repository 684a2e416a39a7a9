"""`therapy user rename`, `reset`, `disable`, `enable` and `remove`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import rich_click as click
from rich.markup import escape

from therapy.config import Settings
from therapy.domain.errors import NotFound
from therapy.domain.people import Person
from therapy.entrypoints.cli.environment import settings_with_data
from therapy.entrypoints.cli.faults.error_messages import CommandFailed
from therapy.entrypoints.cli.password_options import password_options
from therapy.entrypoints.cli.terminal import answers
from therapy.entrypoints.cli.users import new_password, user
from therapy.workflows.installation import Installation

Found = TypeVar("Found")


@user.command()
@click.argument("email")
@click.option("--name", required=True, help="First and last name, as the app shows it.")
def rename(*, email: str, name: str) -> None:
    """Change the name of the account with an e-mail address.

    \b
    [bold]Example[/]
      [cyan]therapy user rename dana@example.health --name "Dana Bar"[/]

    [bold]You see[/] the name. Profiles and searches have it at once. Sessions keep the
    names that they have: the therapist's at the time, and the patient's as it was entered.
    """

    async def work(here: Installation) -> Person:
        from therapy.workflows import account_changes

        return await account_changes.rename(email, name, records=here.records)

    person = asyncio.run(_changed(work))
    answers().print(f"{escape(person.email)} is {escape(person.full_name)} now")


@user.command()
@click.argument("email")
@password_options("By default one is generated and shown once.")
def reset(*, email: str, password: str) -> None:
    """Give the account with an e-mail address a new password, e.g. where no mail arrives.

    \b
    [bold]Example[/]
      [cyan]therapy user reset dana@example.health[/]

    [bold]You see[/] the password if it was generated: it is not stored in readable form, so note it now.
    Whoever is signed in to the account is signed out, on every device. A disabled account stays disabled.
    """
    chosen = password or new_password()

    async def work(here: Installation) -> tuple[Person, bool]:
        from therapy.workflows import account_changes

        person = await account_changes.reset_password(
            email, chosen, records=here.records, passwords=here.sign_in.passwords
        )
        credentials = await here.records.credentials.load(person.practice_id, person.id)
        return person, credentials.disabled

    person, disabled = asyncio.run(_changed(work))
    console = answers()
    console.print(f"{escape(person.full_name)} ({escape(person.email)}) has a new password")
    if disabled:
        console.print("the account is still disabled: `therapy user enable` lets people sign in")
    if not password:
        console.print(f"password: [bold]{chosen}[/] (shown once, not stored)", soft_wrap=True)


@user.command()
@click.argument("email")
def disable(*, email: str) -> None:
    """Stop anyone from signing in to the account with an e-mail address; nothing of it is deleted.

    \b
    [bold]Example[/]
      [cyan]therapy user disable dana@example.health[/]

    [bold]You see[/] whose account it is. Whoever is signed in is signed out within 5 seconds, on every
    device and server; uploads under way do not become sessions, and no more pushes are sent. Signing in is
    answered as with a wrong password. Sessions stay, and work on them goes on.
    """

    async def work(here: Installation) -> Person:
        from therapy.workflows import account_changes

        return await account_changes.disable(email, records=here.records)

    person = asyncio.run(_changed(work))
    answers().print(f"{escape(person.full_name)} ({escape(person.email)}) is disabled now")


@user.command()
@click.argument("email")
def enable(*, email: str) -> None:
    """Let people sign in again to a disabled account, with the password that it had.

    \b
    [bold]Example[/]
      [cyan]therapy user enable dana@example.health[/]

    [bold]You see[/] whose account it is. Logins that ended stay ended.
    """

    async def work(here: Installation) -> Person:
        from therapy.workflows import account_changes

        return await account_changes.enable(email, records=here.records)

    person = asyncio.run(_changed(work))
    answers().print(f"{escape(person.full_name)} ({escape(person.email)}) is enabled now")


@user.command()
@click.argument("email")
@click.option("--yes", is_flag=True, help="Don't ask.")
def remove(*, email: str, yes: bool) -> None:
    """Remove the account with an e-mail address for good, e.g. one that was added by mistake.

    It is refused while a session or an open upload refers to the account, as therapist or as linked patient.

    \b
    [bold]Example[/]
      [cyan]therapy user remove dana@example.health[/]

    [bold]You see[/] who was removed. Address and number are free again; whoever is signed in to the account
    is signed out.
    """
    settings = settings_with_data()
    if not (yes or click.confirm(f"Remove the account {email} for good?", err=True)):
        raise CommandFailed("nothing was removed")

    async def work(here: Installation) -> Person:
        from therapy.workflows.account_removal import remove_account

        return await remove_account(email, records=here.records, session_index=here.session_index)

    person = asyncio.run(_changed(work, settings))
    answers().print(f"removed {escape(person.full_name)} ({escape(person.email)})")


async def _changed(
    work: Callable[[Installation], Awaitable[Found]], settings: Settings | None = None
) -> Found:
    """Do something with the installation, of these settings or else of this machine's; return its result.

    Raises:
        CommandFailed: no account has the address.
    """
    from therapy.wiring import open_therapy
    from therapy.wiring.dependency_addresses import stores_at

    settings = settings or settings_with_data()
    async with open_therapy(settings, works=False) as opened:
        try:
            return await work(opened.installation)
        except NotFound:
            raise CommandFailed(
                f"no account in {stores_at(settings)} has this address; `therapy user list` shows all"
            ) from None
