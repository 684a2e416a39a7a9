"""Access to playback: a session's file or peaks for its therapist's player, or why they are not there.

A session that an earlier program transcribed has none, and a restore may have lost it: then asking for it
makes it due.
"""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from therapy.domain.access import Actor
from therapy.domain.errors import NotFound, Stale, WrongState
from therapy.domain.outbox import RunDue
from therapy.domain.playback import (
    Playback,
    PlaybackStatus,
    audio_key,
    is_of,
    peaks_key,
    playback_progress,
)
from therapy.domain.run import RunKind
from therapy.domain.session import WITH_TRANSCRIPT, Session, State
from therapy.ports.audio import AudioDecoder, SupportsPlayback
from therapy.ports.recordings import Recordings, SupportsPlaybackLink
from therapy.repositories.change import Change
from therapy.repositories.records import Records
from therapy.workflows import review

RETRY_AFTER = 15
"""Seconds after which a file that is being made may be there."""


class Played(NamedTuple):
    """A file that can be sent: `content_hash` never changes under one key, `size` is in bytes."""

    practice_id: str
    key: str
    media_type: str
    content_hash: str
    size: int
    final: bool


async def playback_of(
    actor: Actor,
    session_id: str,
    *,
    records: Records,
    recordings: Recordings,
    audio: AudioDecoder,
) -> Played:
    """Return the file of all of a session's recordings, to its therapist.

    Raises:
        NotFound: there is no such session, or it was cancelled.
        WrongState: it is not there: `playback_pending`, `playback_failed` or `playback_absent`.
    """
    return await _played(
        actor, session_id, audio_key, records=records, recordings=recordings, audio=audio
    )


async def peaks_of(
    actor: Actor,
    session_id: str,
    *,
    records: Records,
    recordings: Recordings,
    audio: AudioDecoder,
) -> Played:
    """Return the peaks of all of a session's recordings, to its therapist.

    Raises:
        NotFound, WrongState: as `playback_of`.
    """
    return await _played(
        actor, session_id, peaks_key, records=records, recordings=recordings, audio=audio
    )


async def playback_link(
    actor: Actor,
    session_id: str,
    *,
    records: Records,
    recordings: Recordings,
    audio: AudioDecoder,
) -> tuple[str, datetime]:
    """Return a link that plays all of a session's recordings, and when it expires.

    Raises:
        NotFound, WrongState: as `playback_of`; NotFound with code `not_offered`: the adapter makes no links.
    """
    played = await playback_of(
        actor, session_id, records=records, recordings=recordings, audio=audio
    )
    if not isinstance(recordings, SupportsPlaybackLink):
        raise NotFound("not_offered")
    expires = records.now() + review.LINK_LIFETIME
    link = await recordings.playback_link(
        played.practice_id, played.key, review.LINK_LIFETIME, played.media_type
    )
    return link, expires


async def _made(
    actor: Actor, session_id: str, *, records: Records
) -> tuple[Session, Playback | None]:
    """Return a session and what was made of the recordings that it has now; None if nothing was."""
    session = await review.own_session(actor, session_id, records=records)
    if session.state is State.CANCELLED:
        raise NotFound(session=session_id)
    made = await records.playbacks.of_session(session.practice_id, session_id)
    return session, made if is_of(made, session) else None


async def _played(
    actor: Actor,
    session_id: str,
    name: Callable[[str, str], str],
    *,
    records: Records,
    recordings: Recordings,
    audio: AudioDecoder,
) -> Played:
    session, made = await _made(actor, session_id, records=records)
    practice_id = session.practice_id
    if made is not None:
        key, is_audio = name(session.id, made.content), name is audio_key
        try:
            size = await recordings.size(practice_id, key)
        except NotFound:  # a backup may be older than the file
            if not await _forgotten(session, made, records=records):
                raise _not_there(session, PlaybackStatus.PENDING) from None
        else:
            media_type = made.media_type if is_audio else "application/octet-stream"
            content_hash = made.content_hash if is_audio else made.peaks_hash
            final = session.state in {State.CLOSING, State.CLOSED}
            return Played(practice_id, key, media_type, content_hash, size, final)
    raise _not_there(session, await _status(session, records=records, audio=audio))


def _not_there(session: Session, status: PlaybackStatus) -> WrongState:
    wait = {"retry_after": RETRY_AFTER} if status is PlaybackStatus.PENDING else {}
    return WrongState(f"playback_{status.value}", state=session.state.value, **wait)


async def _forgotten(session: Session, made: Playback, *, records: Records) -> bool:
    """Note that a file is missing; return False if it was made again since `made` was read."""
    try:
        forgotten = records.playbacks.forget(session.practice_id, session.id, made)
        await Change(forgotten).commit(records.store)
    except Stale:
        return False
    return True


async def _status(session: Session, *, records: Records, audio: AudioDecoder) -> PlaybackStatus:
    """Return how far a playback is that is not there; make it due if nothing makes it."""
    runs = await records.runs.of_session(session.practice_id, session.id)
    status = playback_progress(session, runs, None).status
    plays = isinstance(audio, SupportsPlayback) and session.state in WITH_TRANSCRIPT
    if status is not PlaybackStatus.ABSENT or not plays:
        return status
    change = Change(records.runs.write(records.new_run(session, RunKind.PLAYBACK)))
    await records.commit(session.practice_id, change, RunDue(session.id))
    return PlaybackStatus.PENDING
