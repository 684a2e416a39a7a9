"""Transcription: from a session's recording to a transcript that the therapist can review."""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace

from therapy.domain.errors import NotFound, TherapyError
from therapy.domain.outbox import PushDue, PushKind, RunDue, SessionEntryChanged
from therapy.domain.run import Run, RunKind, done
from therapy.domain.run_stages import RECOGNISING, ROLES, SCORING
from therapy.domain.session import WITH_TRANSCRIPT, Event, Session, State, apply
from therapy.domain.transcript import TranscriptVersion
from therapy.domain.vocabulary import Vocabulary
from therapy.ports.audio import LONGEST_MS, ReadableRecording, SupportsPlayback
from therapy.ports.recordings import Recordings
from therapy.ports.speech import SpeechOptions
from therapy.repositories.change import Change
from therapy.repositories.records import Records
from therapy.workflows.claimed_run import ALMOST, ClaimedRun, Finish
from therapy.workflows.engines import Engines
from therapy.workflows.recognition import Heard, hear, scored, with_assigned_roles
from therapy.workflows.retry_stale import retry_stale
from therapy.workflows.stage_outputs import (
    RECOGNISED,
    KeptSentiment,
    StageOutputs,
    discard_outputs,
    fingerprint,
)

READING = 0.08
"""The part of it that stands for reading and decoding; an engine may need all before it begins."""


@dataclass
class ShareDone:
    """How much of the work on recordings of `size` bytes and `length_ms` (0 = not known) has been done."""

    size: int
    length_ms: int
    bytes_read: int = 0
    processed_ms: int = 0

    @property
    def value(self) -> float:
        """The share, 0 to 1: of bytes read and audio processed; of bytes alone if the length is not known."""
        read = min(1.0, self.bytes_read / max(1, self.size))
        if not self.length_ms:
            return ALMOST * read
        return READING * read + (ALMOST - READING) * min(1.0, self.processed_ms / self.length_ms)


async def transcribe(
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
    """Transcribe a session's recording; return a function that writes the result, or just ends the run.

    The run is just ended if the session no longer awaits a transcript. `languages` are recognised if the
    run names none, and `people` speak if it does not say how many. Its recordings may last `longest_ms`. An
    engine that can keeps a checkpoint for each `checkpoint_ms` of audio (0 = none). The practice's vocabulary
    gives the engine its hints, and corrects what it has heard. What an earlier claim of the run has finished
    is not done again (`stage_outputs`).

    Raises:
        WorkFailed: the recording or an engine failed; its class says whether trying again may help.
    """
    run = claimed.run
    session = await records.sessions.load(run.practice_id, run.session_id)
    if session.state is not State.AWAITING_TRANSCRIPT:
        return partial(end_run, records=records)
    outputs = StageOutputs(run, recordings)
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
    claimed.begin(SCORING, records.now())
    sentiment = KeptSentiment(engines.sentiment, outputs)
    version = await scored(session.practice_id, version, sentiment=sentiment, optional=True)
    plays = isinstance(engines.audio, SupportsPlayback)
    return partial(_write, version, records=records, outputs=outputs, plays=plays)


async def recognised(
    session: Session,
    claimed: ClaimedRun,
    options: SpeechOptions,
    *,
    records: Records,
    outputs: StageOutputs,
    engines: Engines,
    longest_ms: int,
) -> TranscriptVersion:
    """Return what is said in a session's recordings, with roles, and the vocabulary's corrections; unscored.

    Raises:
        WorkFailed: the recording or an engine failed; its class says whether trying again may help.
    """
    vocabulary = await _vocabulary_of(claimed.run, records=records)
    options = replace(options, hints=vocabulary.hints)
    claimed.begin(RECOGNISING, records.now())
    claimed.note(languages=options.languages, people=options.people)
    heard = await _heard_in(
        session, claimed, options, outputs=outputs, engines=engines, longest_ms=longest_ms
    )
    claimed.begin(ROLES, records.now(), shown=RECOGNISING)
    return await with_assigned_roles(
        heard, at=records.now(), people=options.people, corrections=vocabulary.corrections
    )


async def _vocabulary_of(run: Run, *, records: Records) -> Vocabulary:
    """Return the vocabulary that a run recognises with: its practice's, or an empty one."""
    if not run.vocabulary:
        return Vocabulary()
    return await records.vocabularies.load(run.practice_id)


async def end_run(run: Run, *, records: Records) -> None:
    """End a run whose result is not wanted, or no longer."""
    change = Change(records.runs.write(done(run)))
    await records.commit(run.practice_id, change, SessionEntryChanged(run.session_id))


async def _heard_in(
    session: Session,
    claimed: ClaimedRun,
    options: SpeechOptions,
    *,
    outputs: StageOutputs,
    engines: Engines,
    longest_ms: int,
) -> Heard:
    """Return what is heard in a session's recordings: what an earlier claim kept, or it is recognised now."""
    files = [(each.key, each.content_hash) for each in session.recordings]
    plain = () if claimed.run.vocabulary else ("without the vocabulary",)
    made_of = fingerprint(files, options.languages, options.people, *plain)
    heard = await outputs.load_as(Heard, RECOGNISED, made_of)
    kept = heard is not None
    if heard is None:
        heard = await _recognise(
            session,
            claimed,
            options,
            made_of=made_of,
            outputs=outputs,
            engines=engines,
            longest_ms=longest_ms,
        )
        await claimed.require_wanted()
        await outputs.keep_as(heard, RECOGNISED, made_of)
    claimed.note(engine=heard.end.engine, kept=kept, resumed_ms=heard.end.resumed_ms)
    claimed.progress = max(claimed.progress, ALMOST)
    return heard


async def _recognise(
    session: Session,
    claimed: ClaimedRun,
    options: SpeechOptions,
    *,
    made_of: str,
    outputs: StageOutputs,
    engines: Engines,
    longest_ms: int,
) -> Heard:
    practice_id, recordings, run_id = session.practice_id, outputs.recordings, claimed.run.id
    keys = [each.key for each in session.recordings]
    sizes = [await recordings.size(practice_id, key) for key in keys]
    share = ShareDone(sum(sizes), _length_ms(session))

    async def read(key: str, start: int, end: int) -> bytes:
        block = await recordings.read(practice_id, key, start, end)
        share.bytes_read += len(block)
        claimed.progress = share.value
        return block

    def on_progress(processed_ms: int) -> None:
        share.processed_ms = processed_ms
        claimed.progress = share.value

    earlier = await outputs.parts(made_of) if options.checkpoint_ms else ()
    number = len(earlier)

    async def on_checkpoint(state: bytes) -> None:
        nonlocal number
        await claimed.require_wanted()
        number += await outputs.keep_part(number, state, made_of)

    first, *more = (
        ReadableRecording(partial(read, key), size) for key, size in zip(keys, sizes, strict=True)
    )
    await claimed.turns.begin(run_id)
    try:
        return await hear(
            practice_id,
            first.read,
            first.size,
            replace(options, checkpoints=earlier),
            more=more,
            longest_ms=longest_ms,
            on_charge=claimed.charge,
            on_progress=on_progress,
            on_checkpoint=on_checkpoint,
            watched=partial(claimed.turns.watched, run_id),
            audio=engines.audio,
            speech=engines.speech,
        )
    finally:
        claimed.turns.end(run_id)


def _length_ms(session: Session) -> int:
    """Return how long a session's recordings are together by their headers; 0 if that is not known of all."""
    lengths = [each.length_ms for each in session.recordings]
    return sum(lengths) if all(lengths) else 0


async def discard_unwanted(run: Run, *, records: Records, recordings: Recordings) -> None:
    """Delete what a run has kept that lost its lease, if nobody needs it. Idempotent.

    That is so if its session was cancelled, or has the transcript that the run is for. Whoever cancelled it
    could not yet delete what was kept at that moment.

    Raises:
        Unavailable: a store can't be reached.
    """
    with suppress(NotFound):
        session = await records.sessions.load(run.practice_id, run.session_id)
        awaited = session.state is State.AWAITING_TRANSCRIPT
        if awaited or (run.kind is RunKind.RERUN and session.state in WITH_TRANSCRIPT):
            return
    await discard_outputs([run], recordings=recordings)


async def _write(
    version: TranscriptVersion, run: Run, *, records: Records, outputs: StageOutputs, plays: bool
) -> None:
    """Write the transcript and end the run; only end the run if the transcript is no longer wanted.

    With it the session comes to review, and runs become due: one that looks for insights and, if the decoder
    `plays`, one that makes what players play. The version's number is decided here, because other versions
    may have been written meanwhile. What the stages kept is deleted then; if that fails, or this process
    dies, the insights run does it.
    """

    async def attempt() -> None:
        session = await records.sessions.load(run.practice_id, run.session_id)
        if session.state is not State.AWAITING_TRANSCRIPT:
            await end_run(run, records=records)
            return
        number = session.next_number
        written = replace(
            version, session_id=session.id, number=number, parent=session.transcript_number
        )
        after = replace(apply(session, Event.TRANSCRIPT_WRITTEN), transcript_number=number)
        change = Change(records.runs.write(done(run)), records.sessions.write(after))
        change.add(records.runs.write(records.new_run(session, RunKind.INSIGHTS)))
        if plays:
            change.add(records.runs.write(records.new_run(session, RunKind.PLAYBACK)))
        change.add(*await records.transcripts.new(run.practice_id, written))
        ready = PushDue(PushKind.SESSION_READY, session.therapist_id, session.id)
        follows = SessionEntryChanged(session.id), ready, RunDue(session.id)
        await records.commit(run.practice_id, change, *follows)

    await retry_stale(attempt)
    with suppress(TherapyError):
        await outputs.discard()
