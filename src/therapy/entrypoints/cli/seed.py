"""`therapy seed`: adds the demo practice, or the one in a file."""

import asyncio
from pathlib import Path

import rich_click as click

from therapy.entrypoints.cli.demo_practice import read_seed
from therapy.entrypoints.cli.environment import settings_with_data
from therapy.entrypoints.cli.faults.error_messages import CommandFailed
from therapy.entrypoints.cli.interruption import doing
from therapy.entrypoints.cli.password_options import password_options
from therapy.entrypoints.cli.terminal import answers
from therapy.entrypoints.cli.users import new_password
from therapy.workflows.installation import Installation
from therapy.workflows.seeding import Seed, Seeded, plant


@click.command()
@click.option(
    "--file",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Another practice, as JSON.",
)
@password_options("For every account; by default one is generated and shown once.")
@click.option("--force", is_flag=True, help="Even if there are real accounts.")
def seed(*, path: Path | None, password: str, force: bool) -> None:
    """Add a practice to try things with. Running it again adds nothing twice.

    Therapists [cyan]olivia.hayes1@example.health[/] and [cyan]alex.lebed2@example.health[/], patients
    [cyan]jordan.white1@example.health[/] and [cyan]jamie.davis2@example.health[/], with sessions that are
    closed or awaiting review, all invented. It refuses if there are real accounts.

    \b
    [bold]Example[/]
      [cyan]therapy seed --password-prompt[/]

    [bold]You see[/] the accounts, and the password if it was generated. Existing accounts keep theirs unless
    a password is given.

    \b
    [bold]--file[/] takes JSON like this (state: closed or awaiting_review; day: date or days_ago):
      {"practice": "My demo", "language": "en",
       "people": [
         {"role": "THERAPIST", "email": "a@example.health", "full_name": "A B"},
         {"role": "PATIENT", "email": "c@example.health", "full_name": "C D",
          "number": "300000015", "date_of_birth": "1990-12-31"}],
       "sessions": [
         {"therapist": "a@example.health", "patient": "300000015",
          "state": "awaiting_review", "days_ago": 3, "language": "en-US",
          "summary": "…", "general_notes": ["…"],
          "timed_notes": [{"timestamp": "00:10", "content": "…"}],
          "lines": [{"speaker": "Therapist", "text": "How are you?"},
                    {"speaker": "Patient", "text": "Well, thank you."}]}]}
    """
    with doing("adding the practice", "run it again: it adds what is missing"):
        asyncio.run(_seed(path, password, force=force))


async def _seed(path: Path | None, password: str, *, force: bool) -> None:
    from therapy.wiring import open_therapy
    from therapy.wiring.dependency_addresses import stores_at
    from therapy.workflows.accounts import real_people

    what, chosen = read_seed(path), password or new_password()
    settings = settings_with_data()
    async with open_therapy(settings) as opened:
        real = 0 if force else await real_people(records=opened.installation.records)
        if real:
            names = {"local": "THERAPY_DATA_DIR", "azure": "COSMOS_DATABASE_NAME"}
            setting = names.get(settings.stores, "store")
            are = "is 1 real account" if real == 1 else f"are {real} real accounts"
            raise CommandFailed(
                f"there {are} in {stores_at(settings)}; nothing was added. Use another"
                f" {setting} to try things, or add the demo practice to them with --force"
            )
        done = await seed_practice(opened.installation, what, password=chosen, renew=bool(password))
    console = answers()
    for person in done.people:
        kind = person.role.value.lower()
        console.print(f"{kind:10} {person.email}  {person.number}".rstrip())
    console.print(
        f"{done.practice.name}: {done.new_people} accounts and {done.new_sessions} sessions added"
    )
    old_people = len(done.people) - done.new_people
    if old_people:
        has = "have the password that was given now" if password else "keep their password"
        console.print(f"{old_people} accounts were there before: they {has}")
    if done.new_people and not password:
        console.print(f"password: [bold]{chosen}[/] (shown once, not stored)", soft_wrap=True)


async def seed_practice(
    installation: Installation, seed: Seed, *, password: str, renew: bool
) -> Seeded:
    """Write whatever of a seed an installation lacks; see `workflows.seeding.plant`."""
    return await plant(
        seed,
        password=password,
        renew=renew,
        records=installation.records,
        recordings=installation.recordings,
        passwords=installation.sign_in.passwords,
        sentiment=installation.engines.sentiment,
    )
