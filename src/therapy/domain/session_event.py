"""What whoever follows a session is told: how far it is; and the ids by which a broken stream goes on.

An id names what was told last of each session, as counted in the store. So any process can tell from it what
has changed since, and none has to remember who was told what.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import Struct

from therapy.domain.errors import InvalidInput
from therapy.domain.partition_keys import digest, key
from therapy.domain.run import Run, RunState
from therapy.domain.session import Session
from therapy.domain.session_entry import sequence_of
from therapy.domain.session_status import SessionStatus, awaited_run, progress_of

FIELD = "Last-Event-ID"
MOST_NAMED = 50
"""Sessions that one id names; what of more has not changed is told once more after a reconnect."""

LONGEST_ID = 8_192
LEAST_PROGRESS = 0.05
"""Below it nothing is said of how long the rest takes."""

UNFINISHED = frozenset(SessionStatus) - {
    SessionStatus.CLOSED,
    SessionStatus.CANCELLED,
    SessionStatus.ERASED,
}
"""The states of sessions of which somebody still expects something."""

AT_WORK = frozenset({SessionStatus.TRANSCRIBING, SessionStatus.CLOSING})
"""The states in which a session changes without its entry in lists."""

_SCOPE = 12
_SCOPED = re.compile(r"(?P<scope>[0-9a-f]{12})(?P<named>(~[A-Za-z0-9._-]{1,64}:[0-9]{1,15})*)")


class SessionEvent(Struct, frozen=True):
    """How far a session is: ids, states and numbers only, nothing that was said or entered.

    `progress` is 0..1 of what is worked on, `version` the number of the transcript in force (None: there is
    none), `seconds_left` an estimate (None: not known). `sequence` grows with every change.
    """

    session_id: str
    state: SessionStatus
    stage: str
    progress: float
    version: int | None
    seconds_left: int | None
    sequence: int


def event_of(session: Session, runs: Iterable[Run], now: datetime) -> SessionEvent:
    """Return what is told of a session as it and its runs are stored."""
    runs = tuple(runs)
    progress, run = progress_of(session, runs), awaited_run(session, runs)
    return SessionEvent(
        session_id=session.id,
        state=progress.state,
        stage=progress.stage,
        progress=progress.progress,
        version=session.transcript_number or None,
        seconds_left=seconds_left(run, now) if run else None,
        sequence=sequence_of(session, runs),
    )


def seconds_left(run: Run, now: datetime) -> int | None:
    """Return in how many seconds a run that is worked on is done, if it goes on as fast; None: not known.

    It is not known either of one that may go on from what an earlier claim has done: that took no time.
    """
    began, progress = run.claimed_at, run.progress
    if run.state is not RunState.CLAIMED or not began or not run.beat_at:
        return None
    if progress < LEAST_PROGRESS or any(each.started_at < began for each in run.stages):
        return None
    until_beat = (run.beat_at - began).total_seconds()
    since_beat = (now - run.beat_at).total_seconds()
    return max(0, round(until_beat / progress * (1 - progress) - since_beat))


def scope_of_session(practice_id: str, session_id: str) -> str:
    """Return what ids of a stream about one session begin with."""
    return digest(key("session", practice_id, session_id))[:_SCOPE]


def scope_of_person(practice_id: str, person_id: str) -> str:
    """Return what ids of a stream about all of a person's sessions begin with."""
    return digest(key("person", practice_id, person_id))[:_SCOPE]


def event_id(scope: str, told: Mapping[str, int]) -> str:
    """Return the id of an event: the scope, and the sequences last told of sessions, at most the newest."""
    named = list(told.items())[-MOST_NAMED:]
    return scope + "".join(f"~{session_id}:{sequence}" for session_id, sequence in named)


def told_by(last_event_id: str, scope: str) -> dict[str, int]:
    """Return the sequence last told of each session, as an id says; {} if it is "".

    Raises:
        InvalidInput: it is no id of ours, names too many sessions, or is of another stream.
    """
    if not last_event_id:
        return {}
    found = _SCOPED.fullmatch(last_event_id) if len(last_event_id) <= LONGEST_ID else None
    if found is None or found["scope"] != scope:
        raise InvalidInput(FIELD, "last_event_id")
    named = found["named"].split("~")[1:]
    if len(named) > MOST_NAMED:  # each of them would be read
        raise InvalidInput(FIELD, "last_event_id")
    pairs = (each.rpartition(":") for each in named)
    return {session_id: int(sequence) for session_id, _, sequence in pairs}
