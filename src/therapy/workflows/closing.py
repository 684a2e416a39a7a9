"""From a submitted transcript to a closed session: score what changed, and the session as a whole."""

from functools import partial

from msgspec.structs import replace

from therapy.domain.errors import Stale
from therapy.domain.outbox import EntryChanged
from therapy.domain.run import Run, done
from therapy.domain.scoring import session_scores
from therapy.domain.session import Event, State, apply
from therapy.domain.transcript import TranscriptVersion
from therapy.ports.sessions import Change
from therapy.workflows.claimed_run import ClaimedRun
from therapy.workflows.desk import Desk
from therapy.workflows.outbox_relay import commit
from therapy.workflows.recognition import scored
from therapy.workflows.transcription import Finish


async def score(held: ClaimedRun, *, desk: Desk) -> Finish:
    """Score the submitted version; gives what closes the session with it.

    Raises:
        WorkFailed: the engine failed; says whether trying again may help.
    """
    run = held.run
    session = await desk.sessions.load(run.practice_id, run.session_id)
    version = await desk.sessions.transcript(
        run.practice_id, run.session_id, session.transcript_number
    )
    held.stage = "scoring"
    version = await scored(run.practice_id, version, sentiment=desk.sentiment)
    return partial(_close, version, desk=desk)


async def _close(version: TranscriptVersion, run: Run, *, desk: Desk) -> None:
    while True:
        session = await desk.sessions.load(run.practice_id, run.session_id)
        if session.state is not State.CLOSING:
            return
        after = replace(
            apply(session, Event.SCORED), scores=session_scores(version), closed_at=desk.now()
        )
        change = Change(session=after, transcript=version, runs=(done(run),))
        try:
            await commit(run.practice_id, run.session_id, change, EntryChanged(), desk=desk)
        except Stale:  # e.g. the patient was linked meanwhile
            continue
        return
