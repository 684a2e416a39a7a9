"""`therapy sessions list`, `show`, `retry` and `cancel`: for operators, without anything clinical."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import rich_click as click
from rich.markup import escape
from rich.table import Table

from therapy.domain.run import RunState
from therapy.domain.run_stages import RunStage
from therapy.domain.session_status import SessionStatus
from therapy.entrypoints.cli.doctor import opened
from therapy.entrypoints.cli.environment import settings_with_data
from therapy.entrypoints.cli.faults.error_messages import CommandFailed
from therapy.entrypoints.cli.terminal import answers
from therapy.workflows import review
from therapy.workflows.installation import Installation
from therapy.workflows.operators_sessions import (
    Seen,
    listed_for_operator,
    seen_by_operator,
    therapist_of,
)

UNFINISHED = (
    SessionStatus.AWAITING_TRANSCRIPT,
    SessionStatus.TRANSCRIBING,
    SessionStatus.FAILED,
    SessionStatus.AWAITING_REVIEW,
    SessionStatus.CLOSING,
)
T = TypeVar("T")

LISTED = (*UNFINISHED, SessionStatus.CLOSED)


@click.group()
def sessions() -> None:
    """Sessions as an operator sees them: their states and the work on them, no names of patients, no texts.

    \b
    [bold]Examples[/]
      [cyan]therapy sessions list --state failed[/]
      [cyan]therapy sessions show 0123456789abcdef0123456789abcdef[/]
      [cyan]therapy sessions retry 0123456789abcdef0123456789abcdef[/]
    """


@sessions.command("list")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([each.value for each in LISTED]),
    help="Only these; may be repeated. By default all that are not closed.",
)
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, help="List at most this many."
)
def list_(*, states: tuple[str, ...], limit: int) -> None:
    """List sessions, each therapist's newest first.

    \b
    [bold]Example[/]
      [cyan]therapy sessions list --state failed --state awaiting_transcript[/]

    [bold]You see[/] id, state, when the recording was received, and the therapist's e-mail.
    """
    wanted = [SessionStatus(each) for each in states] or UNFINISHED

    async def work(here: Installation) -> int:
        table, number = Table("session", "state", "received (UTC)", "therapist"), 0
        found = listed_for_operator(wanted, records=here.records, session_index=here.session_index)
        async for person, entry in found:
            if number < limit:
                received = f"{entry.created_at:%Y-%m-%d %H:%M}"
                table.add_row(entry.session_id, entry.state.value, received, escape(person.email))
            number += 1
        if number:
            answers().print(table)
        return number

    number = asyncio.run(_with(work))
    beyond = f"; the first {limit} are listed" if number > limit else ""
    answers().print(f"{number} {'session' if number == 1 else 'sessions'}{beyond}.")


@sessions.command()
@click.argument("session_id", metavar="ID")
def show(*, session_id: str) -> None:
    """Show how far a session is, and the work on it.

    \b
    [bold]Example[/]
      [cyan]therapy sessions show 0123456789abcdef0123456789abcdef[/]

    [bold]You see[/] its state, stage and progress, why it failed, its therapist's e-mail, its recordings'
    size, the number of its transcript in force, each run with state, attempts, error and when it is due, and
    of each stage of the work which claim did it, when, with which engine, and how much an earlier claim had
    done.
    """

    async def work(here: Installation) -> Seen:
        return await seen_by_operator(session_id, records=here.records)

    _show(asyncio.run(_with(work)))


def _show(seen: Seen) -> None:
    console, session, progress = answers(), seen.session, seen.progress
    failure = progress.failure or "none"
    for name, value in (
        ("session", session.id),
        ("state", progress.state.value),
        ("stage", f"{progress.stage or 'none'}, {progress.progress:.0%}"),
        ("failure", failure),
        ("received", f"{session.created_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("therapist", seen.therapist),
        ("recordings", f"{len(session.recordings)}, {_size(seen):,} bytes"),
        ("transcript", str(session.transcript_number or "none")),
    ):
        console.print(f"{name:12}{value}", markup=False, soft_wrap=True)
    table = Table("run", "state", "attempts", "claims", "error", "due (UTC)", "last beat (UTC)")
    for run in seen.runs:
        due = "" if run.over else f"{run.due_at:%Y-%m-%d %H:%M:%S}"
        beat = f"{run.beat_at:%Y-%m-%d %H:%M:%S}" if run.beat_at else ""
        counts = str(run.attempt), str(run.claims)
        table.add_row(run.kind.value, run.state.value, *counts, run.error_code, due, beat)
    console.print(table)
    if any(run.stages for run in seen.runs):
        console.print(_stages(seen))


def _stages(seen: Seen) -> Table:
    table = Table("run", "stage", "claim", "began (UTC)", "seconds", "engine", "end")
    for run in seen.runs:
        for each in run.stages:
            last = each == run.stages[-1] and run.state is RunState.CLAIMED
            began = f"{each.started_at:%Y-%m-%d %H:%M:%S}"
            asked = ", ".join(each.languages)
            name = f"{each.name} ({asked})" if asked else each.name
            table.add_row(
                run.kind.value,
                name,
                str(each.claim),
                began,
                _seconds(each),
                each.engine,
                _end_of(each, goes_on=last),
            )
    return table


def _seconds(stage: RunStage) -> str:
    return f"{(stage.ended_at - stage.started_at).total_seconds():.0f}" if stage.ended_at else ""


def _end_of(stage: RunStage, *, goes_on: bool) -> str:
    """Return how a stage ended: an error's code, or what of it was done before."""
    if stage.ended_at is None:
        return "goes on" if goes_on else "cut off"
    if stage.error:
        return stage.error
    if stage.kept:
        return "was done before"
    return f"done, {stage.resumed_ms // 1000} s of audio before" if stage.resumed_ms else "done"


def _size(seen: Seen) -> int:
    return sum(each.size for each in seen.session.recordings)


@sessions.command()
@click.argument("session_id", metavar="ID")
def retry(*, session_id: str) -> None:
    """Retry a session that has failed, or just its insights, in its therapist's name.

    \b
    [bold]Example[/]
      [cyan]therapy sessions retry 0123456789abcdef0123456789abcdef[/]

    [bold]You see[/] its new state. A running worker takes it up within seconds.
    """

    async def work(here: Installation) -> Seen:
        seen = await seen_by_operator(session_id, records=here.records)
        actor = therapist_of(seen.session)
        await review.retry(actor, session_id, records=here.records, waiting_list=here.waiting_list)
        return await seen_by_operator(session_id, records=here.records)

    _told(asyncio.run(_with(work)))


@sessions.command()
@click.argument("session_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Don't ask.")
def cancel(*, session_id: str, yes: bool) -> None:
    """Cancel a session that is not submitted yet, in its therapist's name: recording and texts are erased.

    \b
    [bold]Example[/]
      [cyan]therapy sessions cancel 0123456789abcdef0123456789abcdef[/]

    [bold]You see[/] its new state. It can't be undone, so it asks first.
    """
    if not yes and not click.confirm("Erase its recording and texts for good?"):
        raise CommandFailed("nothing was changed")

    async def work(here: Installation) -> Seen:
        seen = await seen_by_operator(session_id, records=here.records)
        await review.cancel(therapist_of(seen.session), session_id, records=here.records)
        return await seen_by_operator(session_id, records=here.records)

    _told(asyncio.run(_with(work)))


def _told(seen: Seen) -> None:
    answers().print(f"{seen.session.id}: {seen.progress.state.value}", soft_wrap=True)


async def _with(work: Callable[[Installation], Awaitable[T]]) -> T:
    async with opened(settings_with_data()) as here:
        return await work(here)
