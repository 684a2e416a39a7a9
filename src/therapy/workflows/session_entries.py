"""The entry of a session in lists and searches, made anew from what is stored."""

import asyncio

from therapy.domain.session import Session, State
from therapy.domain.session_entry import SessionEntry, entry_of
from therapy.ports.session_index import SessionIndex
from therapy.repositories.records import Records


async def refresh_entry(
    practice_id: str, session_id: str, *, records: Records, session_index: SessionIndex
) -> None:
    """Write the entry of a session as it is now; remove that of one that is erased.

    Raises:
        NotFound: the session does not exist, or was erased meanwhile.
    """
    session = await records.sessions.load(practice_id, session_id)
    if session.state is State.ERASED:
        await session_index.remove(practice_id, session_id)
        return
    await session_index.put(practice_id, await current_entry(session, records=records))


async def current_entry(session: Session, *, records: Records) -> SessionEntry:
    """Return the entry that a session should have.

    Raises:
        NotFound: the session was erased meanwhile.
    """
    runs = await records.runs.of_session(session.practice_id, session.id)
    text = None
    if session.state is State.CLOSED:
        number = session.transcript_number
        text = await records.transcripts.load_words(session.practice_id, session.id, number)
    return await asyncio.to_thread(entry_of, session, runs, text)
