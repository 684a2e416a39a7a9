"""What follows from a change: the writer delivers it before it answers, the sweep if the writer died.

Everything here may happen more than once and does the same then.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import date, timedelta

from msgspec.structs import replace

from therapy.domain.errors import NotFound, TherapyError
from therapy.domain.outbox import Consequence, EntryChanged, EraseDue, OutboxItem, PushDue, RunDue
from therapy.domain.push import push_for
from therapy.domain.session import Details, Event, Recording, SessionPatient, State, apply
from therapy.domain.session_entry import entry_of
from therapy.ports.sessions import Change
from therapy.workflows.desk import Desk

LONGEST_PAUSE = timedelta(hours=1)


def items(
    practice_id: str, session_id: str, what: Iterable[Consequence], *, desk: Desk
) -> tuple[OutboxItem, ...]:
    """Make the outbox items that a change is committed with."""
    due_at = desk.now() + desk.limits.follow_up
    return tuple(OutboxItem(desk.new_id(), practice_id, session_id, each, due_at) for each in what)


async def commit(
    practice_id: str, session_id: str, change: Change, *what: Consequence, desk: Desk
) -> None:
    """Commit a change with its consequences and deliver them.

    Raises:
        Stale, LeaseLost: nothing was written.
    """
    follows = items(practice_id, session_id, what, desk=desk)
    await desk.sessions.commit(practice_id, session_id, replace(change, outbox=follows))
    await asyncio.shield(deliver(follows, desk=desk))


async def deliver(follows: Iterable[OutboxItem], *, desk: Desk) -> None:
    """Deliver items; one that can't be delivered now stays for the sweep, later each time."""
    for item in follows:
        try:
            await _deliver_one(item, desk=desk)
            await desk.outbox.done(item.practice_id, item.session_id, item.id)
        except TherapyError:
            pause = min(desk.limits.follow_up * 2**item.attempts, LONGEST_PAUSE)
            with suppress(TherapyError):  # it is due in the store as it stands
                await _postpone(item, pause, desk=desk)


async def _postpone(item: OutboxItem, pause: timedelta, *, desk: Desk) -> None:
    for stored in await desk.outbox.pending(item.practice_id, item.session_id):
        if stored.id == item.id:
            later = replace(stored, attempts=item.attempts + 1, due_at=desk.now() + pause)
            await desk.outbox.update(item.practice_id, later)


async def _deliver_one(item: OutboxItem, *, desk: Desk) -> None:
    match item.what:
        case RunDue():
            await desk.doorbell.ring(item.practice_id, item.session_id)
        case EntryChanged():
            await _refresh_entry(item.practice_id, item.session_id, desk=desk)
        case PushDue():
            await _tell(item, item.what, desk=desk)
        case EraseDue():
            await _erase(item.practice_id, item.session_id, desk=desk)


async def _refresh_entry(practice_id: str, session_id: str, *, desk: Desk) -> None:
    session = await desk.sessions.load(practice_id, session_id)
    if session.state is State.ERASED:
        await desk.session_index.remove(practice_id, session_id)
        return
    runs = await desk.runs.of_session(practice_id, session_id)
    closed = session.state is State.CLOSED
    text = (
        await desk.sessions.transcript(practice_id, session_id, session.transcript_number)
        if closed
        else None
    )
    entry = await asyncio.to_thread(entry_of, session, runs, text)
    await desk.session_index.put(practice_id, entry)


async def _tell(item: OutboxItem, due: PushDue, *, desk: Desk) -> None:
    practice = await desk.people.practice(item.practice_id)
    told = due.told
    for device in await desk.devices.of_person(item.practice_id, due.person_id):
        if device.token in told:
            continue
        push = push_for(
            due,
            item_id=item.id,
            session_id=item.session_id,
            device=device,
            language=practice.language,
        )
        if not await desk.push.send(item.practice_id, device, push):
            await desk.devices.remove(item.practice_id, device.token)
        told = (*told, device.token)
        await desk.outbox.update(item.practice_id, replace(item, what=replace(due, told=told)))


async def _erase(practice_id: str, session_id: str, *, desk: Desk) -> None:
    try:
        session = await desk.sessions.load(practice_id, session_id)
    except NotFound:
        return
    await desk.recordings.delete(practice_id, session.recording.key)
    await desk.session_index.remove(practice_id, session_id)
    await desk.reservations.release(
        practice_id, fingerprint(session.therapist_id, session.recording.content_hash), session_id
    )
    if session.state is not State.CANCELLED:
        return
    bare = replace(
        apply(session, Event.ERASED),
        details=Details(SessionPatient("", ""), date.min),
        recording=Recording("", 0, "", ""),
        title="",
        transcript_number=0,
    )
    await desk.sessions.commit(practice_id, session_id, Change(session=bare, drop_transcripts=True))


def fingerprint(therapist_id: str, content_hash: str) -> str:
    """The key under which a therapist's recording is reserved, so that it becomes one session only."""
    return f"recording|{therapist_id}|{content_hash}"
