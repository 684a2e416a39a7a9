"""Closing: a submitted transcript is scored where it changed and as a whole, and the session closed."""

import asyncio
from functools import partial

from msgspec.structs import replace

from therapy.domain.outbox import SessionEntryChanged
from therapy.domain.run import Run, done
from therapy.domain.run_stages import SCORING
from therapy.domain.scoring import session_scores
from therapy.domain.sentiment import Scores
from therapy.domain.session import Event, State, apply
from therapy.domain.transcript import TranscriptVersion
from therapy.ports.sentiment import Sentiment
from therapy.repositories.change import Change
from therapy.repositories.records import Records
from therapy.workflows.claimed_run import ClaimedRun, Finish
from therapy.workflows.recognition import scored
from therapy.workflows.retry_stale import retry_stale
from therapy.workflows.transcription import end_run


async def score(claimed: ClaimedRun, *, records: Records, sentiment: Sentiment) -> Finish:
    """Score the submitted version; return a function that closes the session, or just ends the run.

    Raises:
        WorkFailed: the engine failed; its class says whether trying again may help.
    """
    run = claimed.run
    session = await records.sessions.load(run.practice_id, run.session_id)
    if session.state is not State.CLOSING:
        return partial(end_run, records=records)
    number = session.transcript_number
    version = await records.transcripts.load(run.practice_id, run.session_id, number)
    claimed.begin(SCORING, records.now())
    version = await scored(run.practice_id, version, sentiment=sentiment)
    whole = await asyncio.to_thread(session_scores, version)
    return partial(_close, version, whole, records=records)


async def _close(version: TranscriptVersion, whole: Scores, run: Run, *, records: Records) -> None:
    """Close the session and end the run; only end the run if the scores are no longer wanted."""

    async def attempt() -> None:  # repeated e.g. if the patient was linked meanwhile
        session = await records.sessions.load(run.practice_id, run.session_id)
        change = Change(records.runs.write(done(run)))
        if session.state is State.CLOSING and session.transcript_number == version.number:
            after = replace(
                apply(session, Event.SCORED),
                scores=whole,
                closed_at=records.now(),
            )
            change.add(records.sessions.write(after))
            change.add(*await records.transcripts.scores(run.practice_id, version))
        await records.commit(run.practice_id, change, SessionEntryChanged(session.id))

    await retry_stale(attempt)
