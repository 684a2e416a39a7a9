"""Writes the entries of all sessions and people in the indexes anew, from their records."""

from contextlib import suppress

from therapy.domain.codec import is_unreadable
from therapy.domain.errors import NotFound, Unavailable
from therapy.domain.person_entry import person_entry_of
from therapy.ports.people_index import PeopleIndex
from therapy.ports.session_index import SessionIndex
from therapy.ports.store import SupportsWalk
from therapy.repositories.records import Records
from therapy.workflows.failures import Failures
from therapy.workflows.session_entries import refresh_entry


async def reindex_all(
    *, records: Records, session_index: SessionIndex, people_index: PeopleIndex
) -> tuple[int, int]:
    """Write every entry anew; return how many of sessions and of people. Idempotent.

    Entries that are newer stay: an index keeps the one with the greatest sequence. Those of sessions that
    can't be read stay, too, and do not count.

    Raises:
        Unavailable: a store can't be reached, or can't be read as a whole (a plugin's); once all others are
            written, something of a session is damaged, or only a newer program can read it.
    """
    if not isinstance(records.store, SupportsWalk):
        raise Unavailable(reason="store_not_walkable")
    sessions, people, failures = 0, 0, Failures()
    async for item in records.store.walk():
        if session := records.sessions.read_if_readable(item):
            try:
                await refresh_entry(
                    session.practice_id, session.id, records=records, session_index=session_index
                )
                sessions += 1
            except NotFound:  # erased meanwhile, or without its transcript
                pass
            except Unavailable as exc:
                if not is_unreadable(exc):
                    raise
                failures.keep(Unavailable(exc.code, **exc.details, session=session.id))
        elif person := records.people.read_if_readable(item):
            with suppress(NotFound):  # removed meanwhile
                current = await records.people.load(person.practice_id, person.id)
                await people_index.put(current.practice_id, person_entry_of(current))
                people += 1
    failures.raise_first()
    return sessions, people
