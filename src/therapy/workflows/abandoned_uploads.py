"""Abandoned uploads: what is left of one is removed, by its own process or, if that died, by the sweep."""

from therapy.domain.errors import NotFound
from therapy.domain.upload import Upload
from therapy.ports.recordings import Recordings
from therapy.repositories.change import Change
from therapy.repositories.records import Records


async def throw_away(upload: Upload, *, records: Records, recordings: Recordings) -> None:
    """Remove what is left of an upload, except a recording that a session uses. Idempotent."""
    practice_id = upload.practice_id
    await recordings.discard(practice_id, upload.id)
    if upload.tail:
        await recordings.discard(practice_id, upload.tail)
    if upload.recording_key and not await is_used(upload, records=records):
        await recordings.delete(practice_id, upload.recording_key)
    await Change(records.uploads.remove(upload)).commit(records.store)


async def is_used(upload: Upload, *, records: Records) -> bool:
    """Return whether the upload's recording is one of its session's."""
    if not upload.session_id:
        return False
    try:
        session = await records.sessions.load(upload.practice_id, upload.session_id)
    except NotFound:
        return False
    return upload.recording_key in {each.key for each in session.recordings}


async def forget_lost_uploads(*, records: Records, recordings: Recordings) -> int:
    """Remove the uploads whose staged bytes a backup did not have; return how many.

    To be called before anybody uses what was restored: a client that goes on with such an upload must hear
    that it is gone, and begin anew, not that its bytes are there. Idempotent.
    """
    lost = [
        upload
        for practice in await records.practices.all()
        async for upload in records.uploads.of_practice(practice.id)
        if upload.finished_at is None and not await _is_kept(upload, recordings=recordings)
    ]
    for upload in lost:
        await throw_away(upload, records=records, recordings=recordings)
    return len(lost)


async def _is_kept(upload: Upload, *, recordings: Recordings) -> bool:
    if not upload.recording_key:
        return False
    try:
        return await recordings.size(upload.practice_id, upload.recording_key) >= 0
    except NotFound:
        return False
