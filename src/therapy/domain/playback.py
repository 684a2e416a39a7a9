"""Playback: one file of a session's recordings that every browser plays, its peaks, the run that makes it.

They are made once a transcript is written, beside the recordings, which stay as they came. Their names say
of which recordings they were made, so that one more makes them anew, and nothing has to be looked up to
delete them all.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum

from msgspec import Struct

from therapy.domain.run import Run, RunKind, RunState
from therapy.domain.session import WITH_TRANSCRIPT, Recording, Session, State
from therapy.domain.session_status import awaited_run

FORM = "1"
"""Which form the files have: another number makes all of them anew."""


class Playback(Struct, frozen=True, omit_defaults=True):
    """What was made: `content` says of which recordings; the hashes are theirs, `size` is in bytes.

    Without `content` its files are missing. `version` is the store's.
    """

    content: str
    media_type: str
    size: int
    content_hash: str
    peaks_hash: str
    duration_ms: int
    made_at: datetime
    version: int = 0


class PlaybackStatus(Enum):
    """Whether a session can be played by `/playback`, as clients see it.

    `absent`: nothing makes it, e.g. since it is older than this feature, or as there is no transcript;
    `pending`: it is being made, or will be; `ready`: it is there; `failed`: it could not be made.
    """

    ABSENT = "absent"
    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


class PlaybackProgress(Struct, frozen=True, omit_defaults=True):
    """The status of playback; `failure` is the code of why the last attempt failed ("" = it did not)."""

    status: PlaybackStatus
    failure: str = ""


def content_of(recordings: Sequence[Recording]) -> str:
    """Return a name for what these recordings contain, in this order."""
    parts = (FORM, *(each.content_hash for each in recordings))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def audio_key(session_id: str, content: str) -> str:
    """Return the key of the file that is played."""
    return f"playback-{session_id}-{content}"


def peaks_key(session_id: str, content: str) -> str:
    """Return the key of the peaks."""
    return f"peaks-{session_id}-{content}"


def keys_before(session: Session) -> tuple[str, ...]:
    """Return the keys of what may have been made of the session's first recordings, without the last."""
    return _keys(session, len(session.recordings))


def all_keys(session: Session) -> tuple[str, ...]:
    """Return the keys of everything that may have been made of the session."""
    return _keys(session, len(session.recordings) + 1)


def _keys(session: Session, end: int) -> tuple[str, ...]:
    contents = [content_of(session.recordings[:count]) for count in range(1, end)]
    return tuple(key(session.id, each) for each in contents for key in (audio_key, peaks_key))


def is_of(playback: Playback | None, session: Session) -> bool:
    """Return whether this was made of the recordings that the session has now."""
    return playback is not None and playback.content == content_of(session.recordings)


def playback_run(runs: Iterable[Run]) -> Run | None:
    """Return the last run that makes a session's playback; None if none does."""
    of_kind = (run for run in runs if run.kind is RunKind.PLAYBACK)
    return max(of_kind, key=lambda run: (run.created_at, run.id), default=None)


def playback_progress(
    session: Session, runs: Sequence[Run], playback: Playback | None
) -> PlaybackProgress:
    """Return how far a session's playback is."""
    if is_of(playback, session):
        return PlaybackProgress(PlaybackStatus.READY)
    if session.state is State.AWAITING_TRANSCRIPT:  # then it follows, as soon as there is one
        transcribing = awaited_run(session, runs)
        waits = transcribing is not None and transcribing.state is not RunState.FAILED
        return PlaybackProgress(PlaybackStatus.PENDING if waits else PlaybackStatus.ABSENT)
    run = playback_run(runs)
    if run is None or run.state is RunState.DONE or session.state not in WITH_TRANSCRIPT:
        return PlaybackProgress(PlaybackStatus.ABSENT)
    status = PlaybackStatus.FAILED if run.over else PlaybackStatus.PENDING
    return PlaybackProgress(status, run.error_code)
