"""From a session's recording to the first version of its transcript, written once."""

from collections.abc import Awaitable, Callable
from functools import partial

from msgspec.structs import replace

from therapy.domain.errors import Stale
from therapy.domain.outbox import EntryChanged, PushDue, PushKind
from therapy.domain.run import Run, done
from therapy.domain.session import Event, Session, State, apply
from therapy.domain.transcript import TranscriptVersion
from therapy.ports.sessions import Change
from therapy.ports.speech import SpeechOptions
from therapy.workflows.claimed_run import ClaimedRun
from therapy.workflows.desk import Desk
from therapy.workflows.outbox_relay import commit
from therapy.workflows.recognition import hear, looked_into, scored

ALMOST = 0.98
"""Progress once every byte was read: the engine has still to finish."""

Finish = Callable[[Run], Awaitable[None]]
"""Writes the result, given the run as last held."""


async def transcribe(held: ClaimedRun, *, desk: Desk) -> Finish:
    """Work on a session's recording; gives what writes the result.

    Raises:
        WorkFailed: the recording or an engine failed; says whether trying again may help.
    """
    run = held.run
    session = await desk.sessions.load(run.practice_id, run.session_id)
    version = await _listen(session, held, desk=desk)
    held.stage = "scoring"
    version = await scored(session.practice_id, version, sentiment=desk.sentiment, optional=True)
    held.stage = "insights"
    version = await looked_into(session.practice_id, version, insight=desk.insight)
    return partial(_write, version, desk=desk)


async def _listen(session: Session, held: ClaimedRun, *, desk: Desk) -> TranscriptVersion:
    practice_id, key = session.practice_id, session.recording.key
    size = await desk.recordings.size(practice_id, key)
    seen = 0

    async def read(start: int, end: int) -> bytes:
        nonlocal seen
        block = await desk.recordings.read(practice_id, key, start, end)
        seen += len(block)
        held.progress = ALMOST * min(1.0, seen / max(1, size))
        return block

    held.stage = "recognising"
    options = SpeechOptions(held.run.languages or desk.limits.languages)
    version = await hear(
        practice_id, read, size, options, at=desk.now(), audio=desk.audio, speech=desk.speech
    )
    number = session.transcript_number + 1
    return replace(version, session_id=session.id, number=number, parent=session.transcript_number)


async def _write(version: TranscriptVersion, run: Run, *, desk: Desk) -> None:
    """Write the transcript once; the therapist may have corrected the details in the meantime."""
    while True:
        session = await desk.sessions.load(run.practice_id, run.session_id)
        if session.state is not State.AWAITING_TRANSCRIPT:
            return
        after = replace(apply(session, Event.TRANSCRIPT_WRITTEN), transcript_number=version.number)
        push = PushDue(PushKind.SESSION_READY, session.therapist_id)
        change = Change(session=after, transcript=version, runs=(done(run),))
        try:
            await commit(run.practice_id, run.session_id, change, EntryChanged(), push, desk=desk)
        except Stale:
            continue
        return
