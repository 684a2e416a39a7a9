"""`therapy practice show` and `therapy practice set`."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import rich_click as click
from rich.markup import escape

from therapy.config import Settings
from therapy.domain.errors import NotFound
from therapy.domain.people import PatientSees, Practice, Role, same_name
from therapy.entrypoints.cli.environment import settings_with_data
from therapy.entrypoints.cli.faults.error_messages import CommandFailed
from therapy.entrypoints.cli.terminal import answers
from therapy.repositories.records import Records

SEES = {each.value.replace("_", "-"): each for each in PatientSees}
"""What patients may see, as the command line writes it."""


def in_words(sees: PatientSees) -> str:
    """Return the command line's word for what patients see."""
    return next(word for word, each in SEES.items() if each is sees)


@click.group()
def practice() -> None:
    """Settings of a practice: show or change them, e.g. what patients see of their closed sessions.

    \b
    [bold]Examples[/]
      [cyan]therapy practice show[/]
      [cyan]therapy practice set --patient-sees without-notes[/]
    """


@practice.command()
@click.option("--practice", "of", default="", help="The name of one, instead of all.")
def show(*, of: str) -> None:
    """Show the settings of each practice, or of one.

    \b
    [bold]Example[/]
      [cyan]therapy practice show[/]

    [bold]You see[/] name, language, what patients see, and how many therapists and patients there are.
    """
    asyncio.run(_show(of))


async def _show(of: str) -> None:
    settings, console = settings_with_data(), answers()
    async with _opened(settings) as records:
        known = await _practices(records)
        for each in [_named(known, of, settings)] if of else known:
            roles = Counter([one.role async for one in records.people.of_practice(each.id)])
            for name, value in (
                ("practice", each.name),
                ("language", each.language),
                ("patients see", in_words(each.patient_sees)),
                ("therapists", str(roles[Role.THERAPIST])),
                ("patients", str(roles[Role.PATIENT])),
            ):
                console.print(f"{name:14}{escape(value)}")
            console.print()


@practice.command("set")
@click.option(
    "--practice", "of", default="", help="Its name. Required if there are several practices."
)
@click.option(
    "--patient-sees",
    type=click.Choice(list(SEES)),
    help="Of a closed session: full (what the therapist reads), without-notes, or nothing.",
)
@click.option("--language", type=click.Choice(["en", "he"]), help="Of pushes, mails and messages.")
@click.option("--name", help="A new name; no other practice may have it.")
def set_(*, of: str, patient_sees: str | None, language: str | None, name: str | None) -> None:
    """Change settings of a practice; what is left out stays.

    \b
    [bold]Example[/]
      [cyan]therapy practice set --patient-sees without-notes[/]

    [bold]You see[/] each setting that has changed. What patients see holds for the next
    request, on every server with this data, and nothing has to be restarted. The language holds for the next
    push and mail; in what signed-in people read, once their access token is renewed: every 15 minutes.
    """
    if patient_sees is None and language is None and name is None:
        raise click.UsageError(
            "say what to change: --patient-sees, --language or --name (see --help)"
        )
    asyncio.run(_set(of, patient_sees=patient_sees, language=language, name=name))


async def _set(
    of: str, *, patient_sees: str | None, language: str | None, name: str | None
) -> None:
    from therapy.workflows.practice_settings import change_practice

    settings, console = settings_with_data(), answers()
    async with _opened(settings) as records:
        before = _named(await _practices(records), of, settings)
        after = await change_practice(
            before.id,
            name=name,
            language=language,
            patient_sees=SEES[patient_sees] if patient_sees else None,
            records=records,
        )
    for line in _changes(before, after) or ["nothing has changed"]:
        console.print(f"{escape(after.name)}: {escape(line)}")


def _changes(before: Practice, after: Practice) -> list[str]:
    return [
        f"{what} {new} (before: {old})"
        for what, old, new in (
            ("patients see", in_words(before.patient_sees), in_words(after.patient_sees)),
            ("language", before.language, after.language),
            ("name", before.name, after.name),
        )
        if old != new
    ]


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Records]:
    """Yield the records.

    Raises:
        CommandFailed: there is no data yet; nothing was created.
    """
    from therapy.wiring import open_records
    from therapy.wiring.dependency_addresses import stores_at

    async with open_records(settings) as records:
        if records is None or not await records.practices.all():
            raise CommandFailed(
                f"there is no practice in {stores_at(settings)}; `therapy user add` makes the first"
            )
        yield records


async def _practices(records: Records) -> list[Practice]:
    """Return all practices as they are stored, and not as the list has them, by name."""
    known = []
    for listed in await records.practices.all():
        with suppress(
            NotFound
        ):  # whoever made it died after listing it: the next to join it writes it
            known.append(await records.practices.load(listed.id))
    return sorted(known, key=lambda each: (each.name, each.id))


def _named(known: Sequence[Practice], name: str, settings: Settings) -> Practice:
    """Return the practice with this name, the only one if no name is passed.

    Raises:
        CommandFailed: there is none, or there are several; says which there are.
    """
    from therapy.wiring.dependency_addresses import stores_at

    found = [each for each in known if not name or same_name(each.name, name)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(each.name for each in known)
    which = f"no practice of that name in {stores_at(settings)}" if name else "several practices"
    raise CommandFailed(
        f"there {'is' if name else 'are'} {which}: choose one with --practice: {names}"
    )
