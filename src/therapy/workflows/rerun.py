"""Reruns: a session's recording is recognised again, to a version beside the one in force.

Nothing that a person wrote is touched, and a rerun that fails does not make the session fail.
"""

from contextlib import suppress
from functools import partial

from msgspec.structs import replace

from therapy.domain.access import Actor
from therapy.domain.errors import LeaseLost, TherapyError, WrongState
from therapy.domain.outbox import RunDue, SessionEntryChanged
from therapy.domain.run import Run, RunKind, RunState, again, done
from therapy.domain.run_progress import rerun_run
from therapy.domain.session import WITH_TRANSCRIPT, Recording
from therapy.domain.transcript import Source, TranscriptVersion
from therapy.ports.audio import LONGEST_MS
from therapy.ports.recordings import Recordings
from therapy.ports.speech import SpeechOptions
from therapy.repositories.change import Change
from therapy.repositories.records import Records
from therapy.workflows import review
from therapy.workflows.claimed_run import ClaimedRun, Finish
from therapy.workflows.engines import Engines
from therapy.workflows.retry_stale import retry_stale
from therapy.workflows.stage_outputs import StageOutputs
from therapy.workflows.transcription import recognised
from therapy.workflows.waiting_list import WaitingList


async def rerun(
    actor: Actor,
    session_id: str,
    *,
    languages: tuple[str, ...] = (),
    vocabulary: bool = True,
    records: Records,
    waiting_list: WaitingList,
) -> None:
    """Have a session's recording recognised again; its version in force stays what it is.

    `languages` (BCP 47) are recognised instead of the session's, if any are passed, and the practice's
    `vocabulary` is used or not. Asked for again in the same way while it waits or is worked on, nothing more
    is done; after it failed, it is tried again.

    Raises:
        WrongState: the session has no transcript, or a rerun of another kind is not over.
        TooMuchAtOnce: too much of the therapist's waits to be recognised.
        Unavailable: everybody together has as much waiting as may.
    """

    async def attempt() -> None:
        session = await review.own_session(actor, session_id, records=records)
        if session.state not in WITH_TRANSCRIPT:
            raise WrongState("no_transcript", state=session.state.value)
        wanted = languages or session.languages
        last = rerun_run(await records.runs.of_session(session.practice_id, session_id))
        if last is not None and not last.over:
            if (last.languages, last.vocabulary) == (wanted, vocabulary):
                return
            raise WrongState("rerun_under_way", state=session.state.value)
        await waiting_list.admit(session.practice_id, session.therapist_id, rerun=True)
        place = await waiting_list.place(session, rerun=True)
        run = replace(
            records.new_run(session, RunKind.RERUN),
            due_at=place,
            languages=wanted,
            people=session.people,
            therapist_id=session.therapist_id,
            vocabulary=vocabulary,
        )
        if last is not None and last.state is RunState.FAILED and not last.transcript:
            run = again(last, place=place, languages=wanted)  # what its stages kept is of use
            run = replace(run, vocabulary=vocabulary)
        # The session is written, too, unchanged: of two requests at one moment the second reads again.
        change = Change(records.sessions.write(session), records.runs.write(run))
        follows = SessionEntryChanged(session_id), RunDue(session_id)
        await records.commit(session.practice_id, change, *follows)

    await retry_stale(attempt, LeaseLost)  # someone retried it at the same moment


async def recognise_again(
    claimed: ClaimedRun,
    *,
    records: Records,
    recordings: Recordings,
    engines: Engines,
    languages: tuple[str, ...],
    people: int = 0,
    longest_ms: int = LONGEST_MS,
    checkpoint_ms: int = 0,
) -> Finish:
    """Recognise a session's recording again; return a function that writes a version beside the one in force.

    The arguments are those of `transcription.transcribe`. The new version is scored once it is restored.

    Raises:
        WorkFailed: the recording or an engine failed; its class says whether trying again may help.
    """
    run = claimed.run
    session = await records.sessions.load(run.practice_id, run.session_id)
    outputs = StageOutputs(run, recordings)
    if session.state not in WITH_TRANSCRIPT or run.transcript:
        return partial(_end, records=records, outputs=outputs)
    options = SpeechOptions(run.languages or languages, run.people or people, checkpoint_ms)
    version = await recognised(
        session,
        claimed,
        options,
        records=records,
        outputs=outputs,
        engines=engines,
        longest_ms=longest_ms,
    )
    return partial(_write, version, session.recordings, records=records, outputs=outputs)


async def _write(
    version: TranscriptVersion,
    recordings: tuple[Recording, ...],
    run: Run,
    *,
    records: Records,
    outputs: StageOutputs,
) -> None:
    """Write a version beside the one in force and end the run; only end it if it is not wanted any more.

    That is so if the session was cancelled, or has another recording than those that it was made of.
    """

    async def attempt() -> Run:
        session = await records.sessions.load(run.practice_id, run.session_id)
        if session.state not in WITH_TRANSCRIPT or session.recordings != recordings:
            return run
        number = session.next_number
        written = replace(
            version, session_id=session.id, number=number, parent=0, source=Source.RERUN
        )
        named = replace(run, transcript=number)
        change = Change(records.runs.write(named))
        change.add(records.sessions.write(replace(session, last_number=number)))
        change.add(*await records.transcripts.new(run.practice_id, written))
        await records.commit(run.practice_id, change, SessionEntryChanged(session.id))
        return replace(named, version=named.version + 1)

    await _end(await retry_stale(attempt), records=records, outputs=outputs)


async def _end(run: Run, *, records: Records, outputs: StageOutputs) -> None:
    """Delete what the stages kept, then end the run: whoever takes over from a worker that died does it."""
    with suppress(TherapyError):  # what is left then is found by `therapy doctor`
        await outputs.discard()
    await Change(records.runs.write(done(run))).commit(records.store)
