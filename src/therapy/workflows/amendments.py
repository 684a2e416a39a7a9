"""Amendments: a closed session gets another transcript, with a reason, without ceasing to be closed.

The new version is in force, with its scores, once they are made; until then readers see the one of before.
"""

import asyncio
from functools import partial

from msgspec.structs import replace

from therapy.domain.access import Actor
from therapy.domain.edited_lines import Edit, Restored
from therapy.domain.errors import LeaseLost, WrongState
from therapy.domain.outbox import RunDue, SessionEntryChanged
from therapy.domain.run import Run, RunKind, RunState, again, done
from therapy.domain.run_progress import open_amendment
from therapy.domain.run_stages import SCORING
from therapy.domain.scoring import session_scores
from therapy.domain.sentiment import Scores
from therapy.domain.session import Event, Session, State, apply
from therapy.domain.transcript import Source, TranscriptVersion
from therapy.ports.sentiment import Sentiment
from therapy.repositories.change import Change
from therapy.repositories.records import Records
from therapy.workflows import drafts, review
from therapy.workflows.claimed_run import ClaimedRun, Finish, end_unlisted_run
from therapy.workflows.draft_preconditions import NEW, Precondition
from therapy.workflows.edits import Expected, check_expected, edited
from therapy.workflows.recognition import scored
from therapy.workflows.retry_stale import retry_stale
from therapy.workflows.submission import Submission, submission_of

RETRY_AFTER = 5
"""Seconds in which an amendment is likely to be scored."""


async def amend(
    actor: Actor,
    session_id: str,
    edit: Edit | None,
    *,
    reason: str = "",
    expected: Expected = None,
    records: Records,
) -> int:
    """Give a closed session another transcript; return the number of the new version.

    A worker scores it, and then puts it in force. Sent again, it is the same version, and is
    scored again if that failed. `expected` are numbers
    of versions, one of which must be in force. Without an `edit` it is the actor's draft, for this `reason`;
    the draft is over then.

    Raises:
        InvalidInput: a line is at fault.
        NotFound: with code `no_draft`, there is neither an edit nor a draft.
        VersionChanged: the version in force is not an expected one, or not the one that was edited.
        WrongState: the session is not closed, or another amendment is being scored.
    """

    async def attempt() -> int:
        session = await review.own_session(actor, session_id, records=records)
        if session.state is not State.CLOSED:
            raise WrongState("not_closed", state=session.state.value)
        runs = await records.runs.of_session(session.practice_id, session_id)
        pending = open_amendment(session, runs)
        last = pending.transcript if pending else session.transcript_number
        submission = await submission_of(
            actor, session, edit, source=Source.AMEND, reason=reason, records=records
        )
        if await submission.is_version(session, last, records=records):
            if pending and pending.state is RunState.FAILED:
                await _try_again(pending, records=records)
            return last
        await check_expected(session, expected, records=records)
        await check_expected(session, submission.expected, records=records)
        if pending and pending.state is not RunState.FAILED:
            raise WrongState("amendment_under_way", version=last, retry_after=RETRY_AFTER)
        return await _amend(actor, session, submission, records=records)

    return await retry_stale(attempt, LeaseLost)  # someone retried it at the same moment


async def restore(
    actor: Actor,
    session_id: str,
    number: int,
    reason: str,
    *,
    expected: Expected = None,
    replaces: Precondition = NEW,
    records: Records,
) -> int | None:
    """Give a closed session the transcript of one of its versions again; return the new version's number.

    Of a session in review the lines of that version become the actor's draft, in place of the one that
    `replaces` allows; then there is no new version, and None is returned.

    Raises:
        NotFound: with code `version_not_found`, there is no such version.
        DraftChanged: there is a draft that was not to be replaced.
        VersionChanged, WrongState: as `amend`.
    """
    session = await review.transcribed_session(actor, session_id, records=records)
    version = await review.version_of(session, number, whole=True, records=records)
    if session.state is State.AWAITING_REVIEW:
        if replaces == NEW:
            await check_expected(session, expected, records=records)
        await drafts.begin_with(actor, session_id, version, replaces, records=records)
        return None
    edit = Restored(version, reason)
    return await amend(actor, session_id, edit, expected=expected, records=records)


async def _try_again(run: Run, *, records: Records) -> None:
    change = Change(records.runs.write(again(run, place=records.now())))
    await records.commit(run.practice_id, change, RunDue(run.session_id))


async def _amend(
    actor: Actor, session: Session, submission: Submission, *, records: Records
) -> int:
    practice_id = session.practice_id
    version = await edited(actor, session, submission.needed_edit, records=records)
    due = records.new_run(session, RunKind.AMEND)
    run = replace(due, languages=session.languages, transcript=version.number)
    after = replace(session, last_number=version.number)
    change = Change(records.sessions.write(after), records.runs.write(run))
    change.add(*await records.transcripts.new(practice_id, version))
    change.add(*submission.over(version, records=records))
    await records.commit(practice_id, change, SessionEntryChanged(session.id), RunDue(session.id))
    return version.number


async def score(claimed: ClaimedRun, *, records: Records, sentiment: Sentiment) -> Finish:
    """Score an amendment; return a function that puts it in force, or just ends the run.

    Raises:
        WorkFailed: the engine failed; its class says whether trying again may help.
    """
    run = claimed.run
    session = await records.sessions.load(run.practice_id, run.session_id)
    if session.state is not State.CLOSED:
        return partial(end_unlisted_run, records=records)
    version = await records.transcripts.load(run.practice_id, run.session_id, run.transcript)
    claimed.begin(SCORING, records.now())
    version = await scored(run.practice_id, version, sentiment=sentiment)
    whole = await asyncio.to_thread(session_scores, version)
    return partial(_put_in_force, version, whole, records=records)


async def _put_in_force(
    version: TranscriptVersion, whole: Scores, run: Run, *, records: Records
) -> None:
    """Put an amendment in force and end the run; only end it if another one is in force meanwhile."""

    async def attempt() -> None:
        session = await records.sessions.load(run.practice_id, run.session_id)
        change = Change(records.runs.write(done(run)))
        if session.state is State.CLOSED and session.transcript_number == version.parent:
            after = replace(
                apply(session, Event.AMENDED), transcript_number=version.number, scores=whole
            )
            change.add(records.sessions.write(after))
            change.add(*await records.transcripts.scores(run.practice_id, version))
        await records.commit(run.practice_id, change, SessionEntryChanged(session.id))

    await retry_stale(attempt)
