"""Review: what a therapist does with a session: look at it, correct it, submit it, retry it, cancel it."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from therapy.domain.access import Action, Actor, require
from therapy.domain.edited_lines import AppLines, Edit
from therapy.domain.errors import ErrorClass, LeaseLost, NotFound, WrongState
from therapy.domain.insights_status import (
    InsightsProgress,
    insights_progress,
    insights_run,
    may_find_again,
)
from therapy.domain.outbox import EraseDue, RunDue, SessionEntryChanged
from therapy.domain.people import Person, Role, full_number
from therapy.domain.playback import PlaybackProgress, playback_progress
from therapy.domain.run import Run, RunKind, RunState, again, failed
from therapy.domain.run_progress import (
    RunProgress,
    amendment_run,
    failed_amendment_or_rerun,
    rerun_run,
    run_progress,
)
from therapy.domain.session import (
    LINK_UNDONE,
    WITH_TRANSCRIPT,
    Details,
    Event,
    Recording,
    Session,
    State,
    apply,
    linked,
    title_of,
    unconfirmed,
)
from therapy.domain.session_status import SessionProgress, awaited_run, progress_of
from therapy.domain.transcript import Line, TranscriptVersion
from therapy.ports.recordings import Recordings, SupportsPlaybackLink
from therapy.repositories.change import Change
from therapy.repositories.link_changes import link_change
from therapy.repositories.records import Records
from therapy.workflows.edits import Expected, check_expected, edited
from therapy.workflows.playback import failed_playback
from therapy.workflows.retry_stale import retry_stale
from therapy.workflows.submission import Submission, submission_of
from therapy.workflows.waiting_list import WaitingList

LINK_LIFETIME = timedelta(minutes=10)
"""How long a link to a recording or a playback is valid."""


class SessionView(Struct, frozen=True):
    """A session, how far it, its insights and playback are; transcript and patient's account if there are.

    `amendment` and `rerun` are how far the last ones are.
    """

    session: Session
    progress: SessionProgress
    transcript: TranscriptVersion | None
    account: Person | None
    insights: InsightsProgress
    playback: PlaybackProgress
    amendment: RunProgress | None = None
    rerun: RunProgress | None = None


async def look(actor: Actor, session_id: str, *, records: Records) -> SessionView:
    """Return a session with everything about it, to its therapist."""
    session = await own_session(actor, session_id, records=records)
    runs = await records.runs.of_session(actor.practice_id, session_id)
    transcript, made = None, None
    if number := session.transcript_number:
        transcript, made = await records.transcripts.load_with_playback(
            actor.practice_id, session_id, number
        )
    patient = session.details.patient
    account = await patient_account(
        actor.practice_id, patient.number, probably=patient.person_id, records=records
    )
    insights = insights_progress(session, runs, transcript)
    return SessionView(
        session,
        progress_of(session, runs),
        transcript,
        account,
        insights,
        playback_progress(session, runs, made),
        amendment=run_progress(amendment_run(runs)),
        rerun=run_progress(rerun_run(runs)),
    )


async def own_session(actor: Actor, session_id: str, *, records: Records) -> Session:
    """Return a session, to its therapist only.

    Raises:
        NotFound: it is absent, erased or someone else's: always the same answer.
    """

    async def look() -> Session:
        session = await records.sessions.load(actor.practice_id, session_id)
        require(actor, Action.REVIEW, session)
        return session

    return await records.late_reads.twice(actor.person_id, look)


async def recording_link(
    actor: Actor, session_id: str, part: int = 1, *, records: Records, recordings: Recordings
) -> tuple[str, datetime]:
    """Return a link from which the therapist's player can fetch a recording, and when it expires.

    Raises:
        NotFound: there is no such session or recording; with code `not_offered`, the adapter makes no links.
    """
    session = await own_session(actor, session_id, records=records)
    if not isinstance(recordings, SupportsPlaybackLink):
        raise NotFound("not_offered")
    expires = records.now() + LINK_LIFETIME
    audio = recording_of(session, part)
    link = await recordings.playback_link(
        actor.practice_id, audio.key, LINK_LIFETIME, audio.media_type
    )
    return link, expires


def recording_of(session: Session, part: int) -> Recording:
    """Return one of the session's recordings, counted from 1; NotFound if it has fewer."""
    if not 1 <= part <= len(session.recordings):
        raise NotFound(session=session.id)
    return session.recordings[part - 1]


async def for_review(
    actor: Actor, session_id: str, *, records: Records
) -> tuple[Session, TranscriptVersion]:
    """Return a session that is awaiting review, and its transcript with scores.

    Raises:
        WrongState: it is not awaiting review.
    """
    session = await own_session(actor, session_id, records=records)
    if session.state is not State.AWAITING_REVIEW:
        raise WrongState("not_awaiting_review", state=session.state.value)
    number = session.transcript_number
    version = await records.transcripts.load(actor.practice_id, session_id, number)
    return session, version


async def transcribed_session(actor: Actor, session_id: str, *, records: Records) -> Session:
    """Return a session that has a transcript, to its therapist.

    Raises:
        WrongState: it has none yet, or was cancelled.
    """
    session = await own_session(actor, session_id, records=records)
    if session.state not in {State.AWAITING_REVIEW, State.CLOSING, State.CLOSED}:
        raise WrongState("no_transcript", state=session.state.value)
    return session


async def version_of(
    session: Session, number: int, *, whole: bool = False, records: Records
) -> TranscriptVersion:
    """Return a version of the transcript of a caller's own session; with scores and insights if `whole`.

    Raises:
        NotFound: with code `version_not_found`, there is none of that number; says which is the last.
    """
    load = records.transcripts.load if whole else records.transcripts.load_words
    try:
        return await load(session.practice_id, session.id, number)
    except NotFound:
        raise NotFound("version_not_found", last=session.next_number - 1) from None


async def submit(
    actor: Actor,
    session_id: str,
    lines: Sequence[Line],
    *,
    expected: Expected = None,
    records: Records,
) -> None:
    """Submit the reviewed transcript as the app sends it; see `submit_edit`."""
    await submit_edit(actor, session_id, AppLines(lines), expected=expected, records=records)


async def submit_edit(
    actor: Actor,
    session_id: str,
    edit: Edit | None,
    *,
    expected: Expected = None,
    records: Records,
) -> None:
    """Submit the reviewed transcript: it becomes a new version, and a worker closes the session.

    Without an `edit` it is the actor's draft, which is over then. One of an older version than that in force
    is not taken, and stays.

    If the same edit is sent again, because the answer was lost, it is accepted again. `expected` are numbers
    of versions, one of which must be in force.

    Raises:
        InvalidInput: no lines although there was speech, or a line at fault.
        NotFound: with code `no_draft`, there is neither an edit nor a draft.
        VersionChanged: the version in force is not an expected one, or not the one that was edited.
        WrongState: it is not awaiting review.
    """

    async def attempt() -> None:
        session = await own_session(actor, session_id, records=records)
        submission = await submission_of(actor, session, edit, records=records)
        submitted = session.state in {State.CLOSING, State.CLOSED}
        if submitted and await submission.is_in_force(session, records=records):
            return None
        if submitted or session.state is State.AWAITING_REVIEW:
            await check_expected(session, expected, records=records)
            await check_expected(session, submission.expected, records=records)
        if session.state is not State.AWAITING_REVIEW:
            raise WrongState("not_awaiting_review", state=session.state.value)
        return await _submit(actor, session, submission, records=records)

    await retry_stale(attempt)


async def _submit(
    actor: Actor, session: Session, submission: Submission, *, records: Records
) -> None:
    practice_id = session.practice_id
    version = await edited(actor, session, submission.needed_edit, records=records)
    run = replace(records.new_run(session, RunKind.SCORE), languages=session.languages)
    after = replace(apply(session, Event.SUBMITTED), transcript_number=version.number)
    change = Change(records.sessions.write(after), records.runs.write(run))
    change.add(*await records.transcripts.new(practice_id, version))
    change.add(*submission.over(version, records=records))
    await records.commit(practice_id, change, SessionEntryChanged(session.id), RunDue(session.id))


async def retry(
    actor: Actor,
    session_id: str,
    *,
    languages: tuple[str, ...] = (),
    people: int = 0,
    records: Records,
    waiting_list: WaitingList,
) -> None:
    """Retry a failed session, from the beginning of the stage that failed, or what failed after that.

    That is an amendment or, if none failed, its insights and playback; a rerun if nothing else failed.

    `languages` (BCP 47) replace the ones to recognise, if any are passed, and `people` how many speak, if
    it is not 0; both are ignored if nothing failed that recognises the recording.

    Raises:
        WrongState: it has not failed, and of its insights and playback nothing can be made up for.
        TooMuchAtOnce: too many of the therapist's sessions wait to be transcribed.
        LeaseLost: someone else retried it at the same moment.
    """

    async def attempt() -> None:  # repeated e.g. if the details were corrected at the same moment
        session = await own_session(actor, session_id, records=records)
        runs = await records.runs.of_session(actor.practice_id, session_id)
        run = awaited_run(session, runs) or failed_amendment_or_rerun(session, runs)
        if (
            run is None or run.state is not RunState.FAILED or run.kind is RunKind.RERUN
        ) and await _retry_follow_ups(session, runs, records=records):
            return
        if run is None or run.state is not RunState.FAILED:
            raise WrongState("not_failed", state=session.state.value)
        change = Change()
        if run.kind in {RunKind.TRANSCRIBE, RunKind.RERUN}:
            rerun = run.kind is RunKind.RERUN
            await waiting_list.admit(session.practice_id, session.therapist_id, rerun=rerun)
            place = await waiting_list.place(session, rerun=rerun)
            retried = again(run, place=place, languages=languages, people=people)
            if (languages or people) and not rerun:
                changed = replace(session, languages=retried.languages, people=retried.people)
                change.add(records.sessions.write(changed))
        else:
            retried = again(run, place=records.now())
        change.add(records.runs.write(retried))
        follows = SessionEntryChanged(session_id), RunDue(session_id)
        await records.commit(actor.practice_id, change, *follows)

    await retry_stale(attempt)


async def _retry_follow_ups(session: Session, runs: Sequence[Run], *, records: Records) -> bool:
    """Retry insights and playback, where they failed; return whether there was anything to retry."""
    found = (
        await _insights_again(session, runs, records=records),
        failed_playback(session, runs, now=records.now()),
    )
    if due := [run for run in found if run is not None]:
        change = Change(*(records.runs.write(run) for run in due))
        await records.commit(session.practice_id, change, RunDue(session.id))
    return bool(due)


async def _insights_again(session: Session, runs: Sequence[Run], *, records: Records) -> Run | None:
    if session.state not in WITH_TRANSCRIPT:
        return None
    number = session.transcript_number
    version = await records.transcripts.load(session.practice_id, session.id, number)
    if not may_find_again(insights_progress(session, runs, version), version):
        return None
    before = insights_run(runs)
    if before is None:
        return records.new_run(session, RunKind.INSIGHTS)
    return again(before, place=records.now())


async def correct(
    actor: Actor, session_id: str, change: Callable[[Details], Details], *, records: Records
) -> Session:
    """Change the details of a session that is not submitted yet; return the session.

    `change` gets the current details, and is called again if someone else wrote meanwhile, so that two
    corrections of different fields are both kept.

    Raises:
        WrongState: it was submitted or cancelled.
    """

    async def attempt() -> Session:
        session = await own_session(actor, session_id, records=records)
        if session.state not in {State.AWAITING_TRANSCRIPT, State.AWAITING_REVIEW}:
            raise WrongState("too_late_to_change", state=session.state.value)
        after = await _corrected(session, change(session.details), records=records)
        writes = Change(records.sessions.write(after))
        if noted := link_change(actor, session, after, records.now()):
            writes.add(records.link_changes.write(noted))
        await records.commit(session.practice_id, writes, SessionEntryChanged(session.id))
        return replace(after, version=after.version + 1)

    return await retry_stale(attempt)


async def _corrected(session: Session, details: Details, *, records: Records) -> Session:
    before, title = session.details, session.title
    if details.patient != before.patient:
        number = details.patient.number
        account = await patient_account(session.practice_id, number, records=records)
        link = unconfirmed if LINK_UNDONE in before.hints else linked
        details = replace(details, patient=link(details.patient, account))
    if details.date != before.date:
        practice = await records.practices.load(session.practice_id)
        title = title_of(details.date, practice.language)
    return apply(replace(session, details=details, title=title), Event.DETAILS_CORRECTED)


async def cancel(actor: Actor, session_id: str, *, records: Records) -> None:
    """Cancel a session that is not submitted yet: its recording and texts are erased.

    Raises:
        WrongState: it was submitted.
    """

    async def attempt() -> None:
        session = await own_session(actor, session_id, records=records)
        if session.state is State.CANCELLED:
            return
        if session.state not in {State.AWAITING_TRANSCRIPT, State.AWAITING_REVIEW}:
            raise WrongState("too_late_to_change", state=session.state.value)
        now = records.now()
        change = Change(records.sessions.write(apply(session, Event.CANCELLED)))
        for run in await records.runs.of_session(actor.practice_id, session_id):
            if not run.over:
                stopped = failed(run, error_class=ErrorClass.PERMANENT, code="cancelled", now=now)
                change.add(records.runs.write(stopped))
        follows = SessionEntryChanged(session_id), EraseDue(session_id)
        await records.commit(actor.practice_id, change, *follows)

    await retry_stale(attempt, LeaseLost)  # a worker renewed or ended its run at the same moment


async def patient_account(
    practice_id: str, number: str, *, probably: str = "", records: Records
) -> Person | None:
    """Return the patient account with this number, `probably` the one with that id; None if there is none.

    If no account has it as it is, it is looked for with its leading zeros: compare names before trusting it.
    """
    for each in dict.fromkeys((number, full_number(number))):
        with suppress(NotFound):
            account = await records.people.by_number(practice_id, each, probably)
            return account if account.role is Role.PATIENT else None
    return None
