"""What an operator sees and does of sessions: without names, texts or notes of patients."""

from collections.abc import AsyncIterator, Collection
from contextlib import suppress

from msgspec import Struct

from therapy.domain.access import Actor
from therapy.domain.errors import NotFound
from therapy.domain.people import Person, Role
from therapy.domain.run import Run
from therapy.domain.session import Session
from therapy.domain.session_entry import MOST_ENTRIES, SessionEntry
from therapy.domain.session_status import SessionProgress, SessionStatus, progress_of
from therapy.ports.session_index import SessionIndex
from therapy.repositories.records import Records


class Seen(Struct, frozen=True):
    """A session as an operator sees it: how far it is, and the work on it."""

    session: Session
    progress: SessionProgress
    runs: tuple[Run, ...]
    therapist: str
    """Their e-mail address, or their id if the account is missing."""


async def seen_by_operator(session_id: str, *, records: Records) -> Seen:
    """Return a session of whichever practice.

    Raises:
        NotFound: there is none.
    """
    for practice in await records.practices.all():
        with suppress(NotFound):
            session = await records.sessions.load(practice.id, session_id)
            runs = await records.runs.of_session(practice.id, session_id)
            therapist = await _email_or_id(session, records=records)
            return Seen(session, progress_of(session, runs), runs, therapist)
    raise NotFound(session=session_id)


async def _email_or_id(session: Session, *, records: Records) -> str:
    try:
        return (await records.people.load(session.practice_id, session.therapist_id)).email
    except NotFound:
        return session.therapist_id


async def listed_for_operator(
    states: Collection[SessionStatus], *, records: Records, session_index: SessionIndex
) -> AsyncIterator[tuple[Person, SessionEntry]]:
    """Yield every session in these states with its therapist, each therapist's newest first."""
    for practice in await records.practices.all():
        async for person in records.people.of_practice(practice.id):
            if person.role is not Role.THERAPIST:
                continue
            before = ""
            while True:
                entries = await session_index.of_therapist(
                    practice.id, person.id, states, before, MOST_ENTRIES
                )
                for entry in entries:
                    yield person, entry
                if len(entries) < MOST_ENTRIES:
                    break
                before = entries[-1].sort_key


def therapist_of(session: Session) -> Actor:
    """Return the session's therapist as the one who acts: an operator acts in their name."""
    return Actor(session.therapist_id, Role.THERAPIST, session.practice_id, sid="operator")
