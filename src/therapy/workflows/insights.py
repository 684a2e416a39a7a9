"""Insights: found in a transcript after its session came to review, in a run of their own.

Nothing waits for them: whatever becomes of the run, the session goes on. They are written only beside the
words that they were found in, and only if no later run is to find them: what a therapist corrected, continued
or cancelled meanwhile never gets the insights of other words.
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from therapy.domain.errors import EngineFailed, TherapyError
from therapy.domain.insights import FAILED, Insights, found_nothing
from therapy.domain.insights_status import insights_run
from therapy.domain.run import Run, RunKind, RunState, done
from therapy.domain.run_progress import open_amendment
from therapy.domain.run_stages import INSIGHTS
from therapy.domain.session import WITH_TRANSCRIPT, Session, State
from therapy.domain.transcript import TranscriptVersion, same_texts
from therapy.ports.insights import InsightFinder
from therapy.ports.recordings import Recordings
from therapy.repositories.change import Change
from therapy.repositories.records import Records
from therapy.workflows.claimed_run import ClaimedRun, Finish, end_unlisted_run
from therapy.workflows.retry_stale import retry_stale
from therapy.workflows.stage_outputs import discard_outputs


async def find(
    claimed: ClaimedRun, *, records: Records, recordings: Recordings, insights: InsightFinder
) -> Finish:
    """Find insights in the current transcript; return a function that writes them, or just ends the run.

    What the stages of the transcription kept is deleted before: every transcript is followed by such a run.

    Raises:
        WorkFailed: the engine failed, or every part of it did; its class says whether to try again.
    """
    run = claimed.run
    session = await records.sessions.load(run.practice_id, run.session_id)
    runs = await records.runs.of_session(run.practice_id, run.session_id)
    if session.state is not State.AWAITING_TRANSCRIPT:
        with suppress(TherapyError):  # what is left then is found by `therapy doctor`
            over = [each for each in runs if _needs_no_outputs(each)]
            await discard_outputs(over, recordings=recordings)
    if not _wanted(session, run, runs):
        return partial(end_unlisted_run, records=records)
    number = session.transcript_number
    version = await records.transcripts.load_words(run.practice_id, run.session_id, number)
    claimed.begin(INSIGHTS, records.now())
    # So that not even an engine that kills its worker is paid again and again.
    await claimed.charge()
    found = await insights.find(run.practice_id, version.utterances, version.language)
    if found_nothing(found) and any(gap.code == FAILED for gap in found.gaps):
        raise EngineFailed(reason="insights", transient=True)
    return partial(_write, version, found, records=records)


def _needs_no_outputs(run: Run) -> bool:
    """Return whether what a run's stages kept is of no use any more, once the session has a transcript."""
    return run.kind is not RunKind.RERUN or run.state is RunState.DONE


async def _write(
    version: TranscriptVersion, found: Insights, run: Run, *, records: Records
) -> None:
    """Write the insights beside their words and end the run; only end it if they are no longer wanted.

    The session is written, too, unchanged: a submission at the same moment reads again and finds them.
    """

    async def attempt() -> None:
        session = await records.sessions.load(run.practice_id, run.session_id)
        change = Change(records.runs.write(done(run)))
        runs = await records.runs.of_session(run.practice_id, run.session_id)
        if _wanted(session, run, runs):
            numbers = await _with_same_words(version, session, runs, records=records)
            for number in numbers:
                change.add(records.transcripts.insights(session, number, found))
            if numbers:
                change.add(records.sessions.write(session))
        await change.commit(records.store)

    await retry_stale(attempt)


def _wanted(session: Session, run: Run, runs: Sequence[Run]) -> bool:
    """Return whether the session has a transcript in force, and this is the last run to look at one."""
    if session.state not in WITH_TRANSCRIPT:
        return False
    last = insights_run(runs)
    return last is None or last.id == run.id


async def _with_same_words(
    version: TranscriptVersion, session: Session, runs: Sequence[Run], *, records: Records
) -> tuple[int, ...]:
    """Return the numbers of the versions that the insights of one belong to: none if it was corrected.

    An amendment that is not in force yet is one of them, if it has the same texts.
    """
    current = session.transcript_number
    pending = open_amendment(session, runs)
    others = {current, pending.transcript if pending else current} - {version.number}
    same = [version.number]
    for number in sorted(others):
        words = await records.transcripts.load_words(session.practice_id, session.id, number)
        if same_texts(version, words):
            same.append(number)
    return tuple(same) if current in same else ()
