"""`therapy user add` and `therapy user list`."""

import asyncio
import secrets
from collections.abc import Sequence
from datetime import date

import rich_click as click
from rich.markup import escape
from rich.table import Table

from therapy.domain.errors import InvalidInput
from therapy.domain.people import Person, Practice, Role
from therapy.domain.session import parse_date
from therapy.domain.text_folding import fold
from therapy.entrypoints.cli.environment import settings_with_data
from therapy.entrypoints.cli.faults.error_messages import CommandFailed
from therapy.entrypoints.cli.password_options import password_options
from therapy.entrypoints.cli.terminal import answers
from therapy.repositories.records import Records


def new_password() -> str:
    """Return a random password."""
    return secrets.token_urlsafe(12)


@click.group()
def user() -> None:
    """Accounts of therapists and patients: add, list, rename, disable, enable or remove them.

    \b
    [bold]Examples[/]
      [cyan]therapy user add --role therapist --email dana@clinic.test --name "Dana Levi"[/]
      [cyan]therapy user disable dana@clinic.test[/]
      [cyan]therapy user list[/]
    """


@user.command()
@click.option(
    "--role", type=click.Choice(["therapist", "patient"]), required=True, help="What they are."
)
@click.option("--email", required=True, help="For signing in; unique, whatever its case.")
@click.option("--name", required=True, help="First and last name, as the app shows it.")
@click.option(
    "--number",
    default="",
    help="Nine digits; required for patients, whom the app finds by it.",
)
@click.option("--date-of-birth", default="", help="Like 1990-12-31 or 31-12-1990.")
@password_options("By default one is generated and shown once.")
@click.option(
    "--practice",
    default="",
    help="Its name; created if missing. Required if several have accounts.",
)
def add(
    *,
    role: str,
    email: str,
    name: str,
    number: str,
    date_of_birth: str,
    password: str,
    practice: str,
) -> None:
    """Add an account to a practice.

    \b
    [bold]Example[/]
      [cyan]therapy user add --role patient --email noa@mail.test --name "Noa Bar" \\
          --number 300000015[/]

    [bold]You see[/] who was added, to which practice, whether that is a new one, and the password if it was
    generated: it is not stored in readable form, so note it now. A server that is running on the same data
    knows the account at once.
    """
    if bool(number) is not (role == Role.PATIENT.value.lower()):
        raise click.UsageError("a patient needs --number, nine digits; a therapist has none")
    born = parse_date(date_of_birth, field="date of birth") if date_of_birth else None
    chosen = password or new_password()
    adding = _add(
        practice,
        Role(role.upper()),
        email=email,
        full_name=name,
        number=number,
        date_of_birth=born,
        password=chosen,
    )
    where, person = asyncio.run(adding)
    console = answers()
    console.print(escape(f"added {role} {person.full_name} ({person.email}) to {where}"))
    if not password:
        console.print(f"password: [bold]{chosen}[/] (shown once, not stored)", soft_wrap=True)


async def _add(
    practice: str,
    role: Role,
    *,
    email: str,
    full_name: str,
    number: str,
    date_of_birth: date | None,
    password: str,
) -> tuple[str, Person]:
    """Add the account; return its practice, in words, and the person.

    Raises:
        CommandFailed: no practice is named, and there are several.
    """
    from therapy.wiring import open_therapy
    from therapy.workflows import accounts

    settings = settings_with_data()
    async with open_therapy(settings, works=False) as opened:
        records = opened.installation.records
        before = await records.practices.all()
        try:
            joined = await accounts.practice_to_join(practice, settings.language, records=records)
        except InvalidInput:
            raise CommandFailed(
                f"there are several practices: choose one with --practice: {_names(before)}"
            ) from None
        person = await accounts.add_account(
            joined,
            role,
            email=email,
            full_name=full_name,
            password=password,
            number=number,
            date_of_birth=date_of_birth,
            records=records,
            passwords=opened.installation.sign_in.passwords,
        )
    return _in_words(joined, before), person


def _in_words(joined: Practice, before: Sequence[Practice]) -> str:
    """Return the practice's name; of a new one also that it is new, and which others there are."""
    if any(each.id == joined.id for each in before):
        return joined.name
    beside = f", beside {_names(before)}" if before else ""
    return f"{joined.name} (a new practice{beside})"


def _names(practices: Sequence[Practice]) -> str:
    return ", ".join(sorted(each.name for each in practices))


@user.command("list")
def list_() -> None:
    """List every account.

    \b
    [bold]Example[/]
      [cyan]therapy user list[/]

    [bold]You see[/] a table: practice, role, name, e-mail, number, and whether it is demo or disabled.
    """
    asyncio.run(_list())


async def _list() -> None:
    from therapy.wiring import open_records

    table = Table("practice", "role", "name", "e-mail", "number", "state")
    async with open_records(settings_with_data()) as records:
        if records is not None:
            await _fill(table, records)
    console = answers()
    if table.row_count:
        console.print(table)
    else:
        console.print("There are no accounts yet. Add one with `therapy user add`.")


async def _fill(table: Table, records: Records) -> None:
    for practice in await records.practices.all():
        people = [each async for each in records.people.of_practice(practice.id)]
        for person in sorted(people, key=lambda each: (fold(each.full_name), each.id)):
            row = (practice.name, person.role.value.lower(), person.full_name, person.email)
            credentials = await records.credentials.load(practice.id, person.id)
            states = {"disabled": credentials.disabled, "demo": person.demo}
            state = ", ".join(name for name, holds in states.items() if holds)
            table.add_row(*map(escape, row), person.number, state)
