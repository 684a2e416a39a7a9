"""Playback: a rendition of a session's recordings, made after its transcript in a run of its own.

Nothing waits for it. Files are kept before the record that names them, under names that follow from the
session, so that erasing a session finds them whether or not there is a record.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from functools import partial

from msgspec.structs import replace

from therapy.domain.errors import EngineFailed, LeaseLost, NotFound
from therapy.domain.playback import (
    Playback,
    audio_key,
    content_of,
    is_of,
    keys_before,
    peaks_key,
    playback_run,
)
from therapy.domain.run import Run, RunState, again, done
from therapy.domain.run_stages import MAKING_PLAYBACK
from therapy.domain.session import CANCELLED_OR_ERASED, WITH_TRANSCRIPT, Session
from therapy.ports.audio import (
    LONGEST_MS,
    AudioDecoder,
    ReadableRecording,
    Rendition,
    SupportsPlayback,
)
from therapy.ports.recordings import Recordings
from therapy.repositories.change import Change
from therapy.repositories.records import Records
from therapy.workflows.claimed_run import ALMOST, ClaimedRun, Finish, end_unlisted_run
from therapy.workflows.decoding_turns import MOST_SECONDS
from therapy.workflows.joined_audio import close_with
from therapy.workflows.staged_file import StagedFile

NOT_YET = datetime.min.replace(tzinfo=UTC)


async def make(
    claimed: ClaimedRun,
    *,
    records: Records,
    recordings: Recordings,
    audio: AudioDecoder,
    longest_ms: int = LONGEST_MS,
) -> Finish:
    """Make a session's playback; return a function that writes that it is there, or just ends the run.

    Raises:
        WorkFailed: a recording or the encoder failed; its class says whether trying again may help.
    """
    run = claimed.run
    session = await records.sessions.load(run.practice_id, run.session_id)
    if not await _is_wanted(session, run, records=records):
        return partial(end_unlisted_run, records=records)
    if not isinstance(audio, SupportsPlayback):
        raise EngineFailed("playback_not_offered", transient=False)
    claimed.begin(MAKING_PLAYBACK, records.now())
    number = session.transcript_number
    version = await records.transcripts.load_words(session.practice_id, session.id, number)
    # If it is longer than its transcript says, which never was, the second try has room for the longest.
    expected_ms = min(longest_ms, longest_ms if run.attempt else version.duration_ms)
    patience = MOST_SECONDS - await claimed.turns.give_way(MOST_SECONDS)
    found: list[Rendition] = []
    try:
        pieces = audio.playback(
            session.practice_id,
            await _readable(session, claimed, recordings=recordings),
            expected_ms=expected_ms,
            longest_ms=longest_ms,
            on_end=found.append,
        )
        made = await _kept(claimed, session, pieces, found, patience, recordings=recordings)
    except BaseException:
        content = content_of(session.recordings)
        with suppress(Exception):  # the sweep and `therapy doctor` find what is left then
            await asyncio.shield(_tidy(run, content, records=records, recordings=recordings))
        raise
    made = replace(made, made_at=records.now())
    return partial(_write, made, records=records, recordings=recordings)


async def _is_wanted(session: Session, run: Run, *, records: Records) -> bool:
    """Return whether the session lacks its playback, and this is the last run to make it."""
    if session.state not in WITH_TRANSCRIPT:
        return False
    last = playback_run(await records.runs.of_session(session.practice_id, session.id))
    if last is not None and last.id != run.id:
        return False
    return not is_of(await records.playbacks.of_session(session.practice_id, session.id), session)


async def _readable(
    session: Session, claimed: ClaimedRun, *, recordings: Recordings
) -> list[ReadableRecording]:
    """Return what reads a session's recordings, and notes how much has been read of all of them."""
    practice_id, keys = session.practice_id, [each.key for each in session.recordings]
    sizes = [await recordings.size(practice_id, key) for key in keys]
    so_far = 0

    async def read(key: str, start: int, end: int) -> bytes:
        nonlocal so_far
        found = await recordings.read(practice_id, key, start, end)
        so_far += len(found)
        claimed.progress = min(ALMOST, so_far / max(1, sum(sizes)))
        return found

    return [
        ReadableRecording(partial(read, key), size) for key, size in zip(keys, sizes, strict=True)
    ]


async def _kept(
    claimed: ClaimedRun,
    session: Session,
    pieces: AsyncIterator[tuple[int, bytes]],
    found: Sequence[Rendition],
    patience: float,
    *,
    recordings: Recordings,
) -> Playback:
    """Keep the files that are made of these pieces; what was made is `found` behind the last one.

    While a recording is decoded for which somebody waits, it waits, too, and so does the child process, as
    soon as its pipe is full: for `patience` seconds in all.

    Raises:
        LeaseLost: the session was cancelled meanwhile, or another worker has the run.
    """
    practice_id, content = session.practice_id, content_of(session.recordings)
    file = StagedFile(practice_id, audio_key(session.id, content), recordings)
    peaks = StagedFile(practice_id, peaks_key(session.id, content), recordings)
    async with AsyncExitStack() as stack:
        close_with(stack, pieces)
        async for offset, piece in pieces:
            await file.put(offset, piece)
            patience -= await claimed.turns.give_way(patience)
    (made,) = found
    await peaks.put(0, made.peaks)
    await claimed.require_wanted()
    try:
        hashes = await file.keep(), await peaks.keep()
    except NotFound:  # a worker that had lost its lease has discarded what was staged
        raise EngineFailed(reason="staged") from None
    return Playback(content, made.media_type, file.size, *hashes, made.duration_ms, NOT_YET)


async def _tidy(run: Run, content: str, *, records: Records, recordings: Recordings) -> None:
    """Delete what is staged, and what was kept if the session was cancelled meanwhile."""
    for key in (audio_key, peaks_key):
        await recordings.discard(run.practice_id, key(run.session_id, content))
    session = await records.sessions.load(run.practice_id, run.session_id)
    if session.state in CANCELLED_OR_ERASED:
        for key in (audio_key, peaks_key):
            await recordings.delete(run.practice_id, key(run.session_id, content))


async def _write(playback: Playback, run: Run, *, records: Records, recordings: Recordings) -> None:
    """Write that the files are there and end the run; delete them if the session was cancelled meanwhile.

    What was made of fewer recordings is deleted first: no record names it any more.
    """
    practice_id, session_id = run.practice_id, run.session_id
    session = await records.sessions.load(practice_id, session_id)
    change = Change(records.runs.write(done(run)))
    if session.state in CANCELLED_OR_ERASED:
        await _tidy(run, playback.content, records=records, recordings=recordings)
    elif session.state in WITH_TRANSCRIPT and is_of(playback, session):
        for key in keys_before(session):
            await recordings.delete(practice_id, key)
        change.add(records.playbacks.write(session, playback))
    try:
        await change.commit(records.store)
    except LeaseLost:
        await _tidy(run, playback.content, records=records, recordings=recordings)
        raise


def failed_playback(session: Session, runs: Sequence[Run], *, now: datetime) -> Run | None:
    """Return the run that failed to make a session's playback, due again; None if none did."""
    run = playback_run(runs)
    if run is None or run.state is not RunState.FAILED or session.state not in WITH_TRANSCRIPT:
        return None
    return again(run, place=now)
