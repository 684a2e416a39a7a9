"""`therapy doctor` and `therapy reindex`: whether records, recordings and lists fit together, and mending."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import rich_click as click
from rich.console import Console

from therapy.config import Settings
from therapy.entrypoints.cli.environment import settings_with_data
from therapy.entrypoints.cli.faults.error_messages import CommandFailed
from therapy.entrypoints.cli.interruption import doing
from therapy.entrypoints.cli.terminal import answers, asides
from therapy.workflows.inconsistencies import Inconsistency, Inspection, Kind

if TYPE_CHECKING:
    from therapy.workflows.installation import Installation

TEXTS = {
    Kind.AUDIO_WITHOUT_SESSION: (
        "recordings that no session has",
        "after a restore they may be newer than the records; `--fix --delete-audio` deletes them",
    ),
    Kind.SESSION_WITHOUT_AUDIO: (
        "sessions whose recording is missing",
        "transcripts are not touched, but it can't be played or transcribed; restore it from a backup",
    ),
    Kind.STAGED_LEFTOVER: (
        "parts of uploads that nobody continues",
        "a running server discards them after two hours; `--fix` does it now",
    ),
    Kind.OUTPUT_LEFTOVER: (
        "outputs of stages of work that is done",
        "a crash at the end of the work left them, with what was said; `--fix` deletes them",
    ),
    Kind.RUN_WITHOUT_SESSION: ("work on sessions that are not there", "`--fix` deletes it"),
    Kind.STALE_LEASE: (
        "sessions whose worker is gone, and no other has taken over",
        "start a worker: `therapy serve`, `therapy worker` or `therapy all`",
    ),
    Kind.ENTRY_OUT_OF_STEP: (
        "sessions that lists show otherwise than they are",
        "`--fix` writes their entries anew; `therapy reindex` does for all, with the words to search for",
    ),
    Kind.PERSON_NOT_FOUND: (
        "people whom the search does not find",
        "`--fix` writes their entries anew",
    ),
    Kind.VERSION_WITHOUT_PARENT: (
        "sessions in which a version of the transcript is missing",
        "restore it from a backup; the other versions can be read",
    ),
    Kind.FOREIGN_FILE: (
        "files among the recordings that are none, by their names",
        "this program neither reads nor deletes them: look what they are, and delete them yourself",
    ),
    Kind.UNREADABLE_RECORD: (
        "records that this program can't read",
        "run the newest version's `therapy doctor`, or restore them; until then nothing counts as left over",
    ),
}
MOST_SHOWN = 10


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator["Installation"]:
    """Yield the installation of these settings.

    Raises:
        CommandFailed: this machine's data directory has none yet.
    """
    from therapy.wiring import open_records, open_therapy

    async with open_records(settings) as records:
        if records is None:
            raise CommandFailed("there is no data yet: `therapy serve` creates it")
    async with open_therapy(settings, works=False) as therapy:
        yield therapy.installation


@click.command()
@click.option("--fix", is_flag=True, help="Mend what can be mended without a decision of yours.")
@click.option(
    "--delete-audio",
    is_flag=True,
    help="With --fix: delete recordings that no session has, for good.",
)
def doctor(*, fix: bool, delete_audio: bool) -> None:
    """Look for what does not fit together: audio, sessions, uploads, work, lists, people, versions.

    It may run while servers and workers do, and reads every record twice if it suspects anything. Without
    --fix it changes nothing. `therapy check` asks whether what an installation depends on is available.

    \b
    [bold]Examples[/]
      [cyan]therapy doctor[/]
      [cyan]therapy doctor --fix[/]

    [bold]You see[/] of each kind of inconsistency how many there are, the first ids, and what to do. The
    exit code is 0 only if nothing is left.
    """
    if delete_audio and not fix:
        raise click.UsageError("--delete-audio needs --fix")
    with doing("looking through all records", "what was mended stays so"):
        left = asyncio.run(_examine(settings_with_data(), fix=fix, delete_audio=delete_audio))
    if left:
        raise CommandFailed(f"{left} do not fit")


async def _examine(settings: Settings, *, fix: bool, delete_audio: bool) -> int:
    console = answers()
    async with opened(settings) as here:
        inspection = Inspection(
            here.records, here.recordings, here.session_index, here.people_index
        )
        with asides().status("looking through all records"):
            found = await inspection.find()
        mended = set()
        for one in found if fix else ():
            if await inspection.mend(one, delete_audio=delete_audio):
                mended.add(one)
    for kind in Kind:
        _show(kind, [one for one in found if one.kind is kind], mended, console)
    if not found:
        console.print("Everything fits together.")
    return len(found) - len(mended)


def _show(
    kind: Kind, found: list[Inconsistency], mended: set[Inconsistency], console: Console
) -> None:
    if not found:
        return
    what, advice = TEXTS[kind]
    done = len(mended.intersection(found))
    state = "mended" if done == len(found) else advice
    console.print(f"{len(found)} {what} ({kind.value}): {state}", soft_wrap=True, markup=False)
    for one in found[:MOST_SHOWN]:
        console.print(f"  {one.session_id or one.name}", soft_wrap=True, markup=False)
    if len(found) > MOST_SHOWN:
        console.print(f"  and {len(found) - MOST_SHOWN} more")


@click.command()
def reindex() -> None:
    """Write the entries of all sessions and people in lists and searches anew, from their records.

    It may run while servers and workers do, and may be interrupted and run again. Entries of sessions that
    were erased stay away.

    \b
    [bold]Example[/]
      [cyan]therapy reindex[/]

    [bold]You see[/] how many sessions and people were written.
    """
    from therapy.workflows.reindexing import reindex_all

    async def work() -> tuple[int, int]:
        async with opened(settings) as here:
            return await reindex_all(
                records=here.records,
                session_index=here.session_index,
                people_index=here.people_index,
            )

    settings = settings_with_data()
    with (
        doing("writing entries anew", "run it again: nothing is lost"),
        asides().status("writing entries anew"),
    ):
        sessions, people = asyncio.run(work())
    answers().print(f"Written anew: {sessions:,} sessions and {people:,} people.")
