"""Erasure: the recordings, their playback and the texts of a cancelled session are deleted for good.

The session's state is checked first: only cancelled sessions are erased. Then everything outside its
partition is deleted, then the session becomes ERASED, then everything else in its partition, page by
page, and last what the store's files still hold of all that. Every step can be repeated: if the process dies
in between, the sweep starts again.
"""

from datetime import date

from msgspec.structs import replace

from therapy.domain.errors import NotFound
from therapy.domain.playback import all_keys
from therapy.domain.session import (
    CANCELLED_OR_ERASED,
    Details,
    Event,
    Recording,
    Session,
    SessionPatient,
    State,
    apply,
)
from therapy.ports.recordings import Recordings
from therapy.ports.session_index import SessionIndex
from therapy.ports.store import MOST_WRITES, Delete, SupportsWipe
from therapy.repositories.change import Change
from therapy.repositories.records import Records
from therapy.repositories.sessions import SESSION, session_partition
from therapy.workflows.fingerprints import free_fingerprints
from therapy.workflows.stage_outputs import discard_outputs

KEPT = ("run-", "item-")
"""Prefixes of the ids of items that are kept, because they have no content: runs and the outbox."""


async def erase_cancelled(
    practice_id: str,
    session_id: str,
    *,
    records: Records,
    recordings: Recordings,
    session_index: SessionIndex,
) -> None:
    """Erase a session that was cancelled; leave any other alone. Idempotent.

    Once this returns nothing is left in any file of the store. A reader that prevents that is met before the
    session says that it is erased, too.

    Raises:
        Stale: the session was written at the same moment; try again.
        Unavailable: a store can't be reached, or its files can't be wiped now; try again.
    """
    try:
        session = await records.sessions.load(practice_id, session_id)
    except NotFound:
        return
    if session.state not in CANCELLED_OR_ERASED:
        return
    if session.state is State.CANCELLED:
        for key in (*(each.key for each in session.recordings), *all_keys(session)):
            await recordings.delete(practice_id, key)
        runs = await records.runs.of_session(practice_id, session_id)
        await discard_outputs(runs, recordings=recordings, staged=True)
        await session_index.remove(practice_id, session_id)
        await free_fingerprints(session, records=records)
        await _wipe(session, records=records)
        await Change(records.sessions.write(_bare(session))).commit(records.store)
    await _delete_contents(practice_id, session_id, records=records)
    await _wipe(session, records=records)


async def _wipe(session: Session, *, records: Records) -> None:
    """Have the store overwrite what was deleted, if deleting alone does not."""
    if isinstance(records.store, SupportsWipe):
        await records.store.wipe_deleted(session.created_at)


def _bare(session: Session) -> Session:
    return replace(
        apply(session, Event.ERASED),
        details=Details(SessionPatient("", ""), date.min),
        recording=Recording("", 0, "", ""),
        more_recordings=(),
        title="",
        transcript_number=0,
        last_number=0,
        scores=None,
    )


async def _delete_contents(practice_id: str, session_id: str, *, records: Records) -> None:
    partition = session_partition(practice_id, session_id)
    after = ""
    while True:
        items = await records.store.list(partition, after=after, limit=MOST_WRITES, bodies=False)
        contents = [
            Delete(id=each.id)
            for each in items
            if each.id != SESSION and not each.id.startswith(KEPT)
        ]
        await records.store.commit(partition, contents)
        if len(items) < MOST_WRITES:
            return
        after = items[-1].id
