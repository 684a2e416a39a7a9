"""From a session's recording to a version of its transcript that a therapist can review."""

from collections.abc import Awaitable, Callable
from functools import partial

from msgspec.structs import replace

from therapy.domain.outbox import PushDue, PushKind, SessionEntryChanged
from therapy.domain.run import Run, done
from therapy.domain.session import Event, Session, State, apply
from therapy.domain.transcript import TranscriptVersion
from therapy.ports.recordings import Recordings
from therapy.ports.speech import SpeechOptions
from therapy.repositories.change import Change
from therapy.repositories.records import Records
from therapy.workflows.claimed_run import ClaimedRun
from therapy.workflows.engines import Engines
from therapy.workflows.recognition import hear, looked_into, scored
from therapy.workflows.retry_stale import retry_stale

ALMOST = 0.98
"""Progress once every byte was read: the engine has still to finish."""

Finish = Callable[[Run], Awaitable[None]]
"""Writes the result and ends the run, given the run as last written."""


async def transcribe(
    claimed: ClaimedRun,
    *,
    records: Records,
    recordings: Recordings,
    engines: Engines,
    languages: tuple[str, ...],
) -> Finish:
    """Work on a session's recording; return what writes the result, or only ends a run that nobody awaits.

    `languages` are this installation's, for runs that name none.

    Raises:
        WorkFailed: the recording or an engine failed; says whether trying again may help.
    """
    run = claimed.run
    session = await records.sessions.load(run.practice_id, run.session_id)
    if session.state is not State.AWAITING_TRANSCRIPT:
        return partial(end_run, records=records)
    version = await _listen(
        session, claimed, recordings=recordings, engines=engines, languages=languages
    )
    version = replace(version, at=records.now())
    claimed.stage = "scoring"
    version = await scored(session.practice_id, version, sentiment=engines.sentiment, optional=True)
    claimed.stage = "insights"
    version = await looked_into(session.practice_id, version, insights=engines.insights)
    return partial(_write, version, records=records)


async def end_run(run: Run, *, records: Records) -> None:
    """End a run whose result is not wanted, or not any more."""
    change = Change(records.runs.write(done(run)))
    await records.commit(run.practice_id, change, SessionEntryChanged(run.session_id))


async def _listen(
    session: Session,
    claimed: ClaimedRun,
    *,
    recordings: Recordings,
    engines: Engines,
    languages: tuple[str, ...],
) -> TranscriptVersion:
    practice_id, key = session.practice_id, session.recording.key
    size = await recordings.size(practice_id, key)
    seen = 0

    async def read(start: int, end: int) -> bytes:
        nonlocal seen
        block = await recordings.read(practice_id, key, start, end)
        seen += len(block)
        claimed.progress = ALMOST * min(1.0, seen / max(1, size))
        return block

    claimed.stage = "recognising"
    options = SpeechOptions(claimed.run.languages or languages)
    return await hear(
        practice_id,
        read,
        size,
        options,
        at=session.created_at,
        audio=engines.audio,
        speech=engines.speech,
    )


async def _write(version: TranscriptVersion, run: Run, *, records: Records) -> None:
    """Write the transcript and end the run; only that where the result is no longer wanted.

    The version's number is decided here: others may have been written during the work.
    """

    async def attempt() -> None:
        session = await records.sessions.load(run.practice_id, run.session_id)
        if session.state is not State.AWAITING_TRANSCRIPT:
            await end_run(run, records=records)
            return
        number = session.transcript_number + 1
        written = replace(
            version, session_id=session.id, number=number, parent=session.transcript_number
        )
        after = replace(apply(session, Event.TRANSCRIPT_WRITTEN), transcript_number=number)
        change = Change(records.runs.write(done(run)), records.sessions.write(after))
        change.add(*await records.transcripts.new(run.practice_id, written))
        ready = PushDue(PushKind.SESSION_READY, session.therapist_id, session.id)
        await records.commit(run.practice_id, change, SessionEntryChanged(session.id), ready)

    await retry_stale(attempt)
