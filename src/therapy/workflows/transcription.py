"""From a recording to the first version of its transcript: decode, recognise, tell roles, score."""

from collections.abc import Awaitable, Callable
from functools import partial

from msgspec.structs import replace

from therapy.domain.errors import EngineFailed, LanguageNotSupported, Stale, Unavailable
from therapy.domain.outbox import NoticeDue, NoticeKind, RowChanged
from therapy.domain.roles import assign_roles, with_roles
from therapy.domain.run import Run, done
from therapy.domain.scoring import to_score, with_scores
from therapy.domain.session import Event, Session, State, apply
from therapy.domain.transcript import Source, Utterance, Version, in_order
from therapy.ports.sessions import Change
from therapy.ports.speech import SpeechDone, SpeechOptions
from therapy.workflows.desk import Desk
from therapy.workflows.following import commit
from therapy.workflows.held import Held

ALMOST = 0.98
"""Progress once every byte was read: the engine has still to finish."""

Finish = Callable[[Run], Awaitable[None]]
"""Writes the result, given the run as last held."""


async def transcribe(held: Held, *, desk: Desk) -> Finish:
    """Work on a session's recording; gives what writes the result.

    Raises:
        WorkFailed: the recording or an engine failed; says whether trying again may help.
    """
    run = held.run
    session = await desk.sessions.load(run.practice_id, run.session_id)
    version = await _listen(session, held, desk=desk)
    held.stage = "scoring"
    version = await scored(session.practice_id, version, desk=desk, optional=True)
    return partial(_write, version, desk=desk)


async def _listen(session: Session, held: Held, *, desk: Desk) -> Version:
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
    pcm = desk.audio.decode(practice_id, read, size)
    options = SpeechOptions(held.run.languages or desk.limits.languages)
    heard: list[Utterance] = []
    end = SpeechDone("", "", 0)
    async for event in desk.speech.transcribe(practice_id, pcm, options):
        if isinstance(event, Utterance):
            heard.append(event)
        elif isinstance(event, SpeechDone):
            end = event
    utterances = in_order(heard)
    roles = assign_roles(utterances)
    return Version(
        session_id=session.id,
        number=session.transcript + 1,
        parent=session.transcript,
        source=Source.MACHINE,
        at=desk.now(),
        utterances=with_roles(utterances, roles),
        engine=end.engine,
        language=end.language,
        duration_ms=end.duration_ms,
        role_confidence=roles.confidence,
        role_reasons=roles.reasons,
    )


async def scored(
    practice_id: str, version: Version, *, desk: Desk, optional: bool = False
) -> Version:
    """Score the patient's utterances that have no score yet.

    A language that can't be scored is noted, never made up. When `optional`, an engine that fails
    leaves the scores out: they are made when the session is closed.
    """
    places = to_score(version)
    if not places:
        return version
    texts = [version.utterances[place].text for place in places]
    try:
        scores = await desk.sentiment.score(practice_id, texts, version.language)
    except LanguageNotSupported:
        return replace(version, sentiment_gap=version.language)
    except (EngineFailed, Unavailable):
        if optional:
            return version
        raise
    return replace(with_scores(version, dict(zip(places, scores, strict=True))), sentiment_gap="")


async def _write(version: Version, run: Run, *, desk: Desk) -> None:
    """Write the transcript once; the therapist may have corrected the details in the meantime."""
    while True:
        session = await desk.sessions.load(run.practice_id, run.session_id)
        if session.state is not State.AWAITING_TRANSCRIPT:
            return
        after = replace(apply(session, Event.TRANSCRIPT_WRITTEN), transcript=version.number)
        notice = NoticeDue(NoticeKind.SESSION_READY, session.therapist_id)
        change = Change(session=after, transcript=version, runs=(done(run),))
        try:
            await commit(run.practice_id, run.session_id, change, RowChanged(), notice, desk=desk)
        except Stale:
            continue
        return
