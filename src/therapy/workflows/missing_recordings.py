"""Missing recordings: sessions whose audio is not there, because a restore did not bring it back, say."""

from contextlib import suppress

from msgspec.structs import replace

from therapy.domain.errors import NotFound
from therapy.domain.run import Run
from therapy.domain.session import CANCELLED_OR_ERASED, Recording, Session
from therapy.ports.recordings import Recordings
from therapy.repositories.change import Change
from therapy.repositories.records import Records

CODE = "recording_missing"


async def why_not_found(run: Run, code: str, *, records: Records, recordings: Recordings) -> str:
    """Return why a run did not find something: that a recording of its session is missing, else `code`."""
    with suppress(NotFound):
        session = await records.sessions.load(run.practice_id, run.session_id)
        if session.state not in CANCELLED_OR_ERASED:
            there = [await _is_there(each, session, recordings) for each in session.recordings]
            return code if all(there) else CODE
    return code


async def with_its_recording(
    session: Session, sent: Recording, *, records: Records, recordings: Recordings
) -> Session:
    """Return the session; if its own copy of the recording that was sent is missing, it has this one.

    Raises:
        Stale: someone else has changed the session.
    """
    own = next(each for each in session.recordings if each.content_hash == sent.content_hash)
    if await _is_there(own, session, recordings):
        return session
    first, *more = (sent if each == own else each for each in session.recordings)
    after = replace(session, recording=first, more_recordings=tuple(more))
    await Change(records.sessions.write(after)).commit(records.store)
    return replace(after, version=after.version + 1)


async def _is_there(recording: Recording, session: Session, recordings: Recordings) -> bool:
    try:
        return await recordings.size(session.practice_id, recording.key) >= 0
    except NotFound:
        return False
