"""Recognition: from a recording's bytes to who said what and how it felt.

Decodes, recognises, assigns roles, scores. It knows no session: the worker and `therapy transcribe` both
use it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from therapy.domain.audio_findings import AudioFindings
from therapy.domain.channel_voices import with_channel_voices
from therapy.domain.errors import (
    EngineFailed,
    LanguageNotSupported,
    Unavailable,
)
from therapy.domain.roles import Roles, assign_roles, with_roles
from therapy.domain.scoring import to_score, with_scores
from therapy.domain.transcript import Source, TranscriptVersion, Utterance, in_order
from therapy.domain.vocabulary import Correction
from therapy.domain.vocabulary_corrections import Corrector
from therapy.ports.audio import LONGEST_MS, AudioDecoder, ReadableRecording, ReadRange
from therapy.ports.sentiment import Sentiment
from therapy.ports.speech import (
    Speech,
    SpeechCharge,
    SpeechCheckpoint,
    SpeechDone,
    SpeechOptions,
)
from therapy.workflows.joined_audio import close_with, decode_parts

UNDETERMINED = "und"
"""BCP 47's tag for an unknown language, e.g. of lines that were added to a silent recording."""


async def nothing_to_note() -> None:
    """Do nothing: nobody counts what recognition costs."""


async def nothing_to_keep(_: bytes) -> None:
    """Do nothing: no later try will go on from here."""


Sound = AsyncIterator[bytes]
"""What a decoder yields."""


def as_it_is(sound: Sound) -> Sound:
    """Return it: nobody watches."""
    return sound


class Heard(Struct, frozen=True):
    """What the decoder and the engine found in a session's recordings, before roles and scores."""

    utterances: tuple[Utterance, ...]
    end: SpeechDone
    findings: AudioFindings


async def recognise(
    practice_id: str,
    read: ReadRange,
    size: int,
    options: SpeechOptions,
    *,
    at: datetime,
    more: Sequence[ReadableRecording] = (),
    longest_ms: int = LONGEST_MS,
    on_progress: Callable[[int], None] = lambda _: None,
    audio: AudioDecoder,
    speech: Speech,
) -> TranscriptVersion:
    """Return the transcript of a recording of `size` bytes: version 1, of no session yet, unscored.

    See `hear` and `with_assigned_roles`.

    Raises:
        WorkFailed: the recording or the engine failed; its class says whether trying again may help.
    """
    heard = await hear(
        practice_id,
        read,
        size,
        options,
        more=more,
        longest_ms=longest_ms,
        on_progress=on_progress,
        audio=audio,
        speech=speech,
    )
    return await with_assigned_roles(heard, at=at, people=options.people)


async def hear(
    practice_id: str,
    read: ReadRange,
    size: int,
    options: SpeechOptions,
    *,
    more: Sequence[ReadableRecording] = (),
    longest_ms: int = LONGEST_MS,
    on_progress: Callable[[int], None] = lambda _: None,
    on_charge: Callable[[], Awaitable[None]] = nothing_to_note,
    on_checkpoint: Callable[[bytes], Awaitable[None]] = nothing_to_keep,
    watched: Callable[[Sound], Sound] = as_it_is,
    audio: AudioDecoder,
    speech: Speech,
) -> Heard:
    """Decode and recognise a recording of `size` bytes; return what was found.

    `more` are recordings that continue it, on one timeline; all may last `longest_ms`. `on_progress` is
    called with the milliseconds of audio that the engine has processed so far, `on_charge` before each time
    that the engine may cost something: what it raises ends the recognition before that. `on_checkpoint` is
    called with each state from which a later try can go on. `watched` returns the same sound, watched.

    Raises:
        WorkFailed: the recording or the engine failed; its class says whether trying again may help.
    """
    found = AudioFindings()

    def note(findings: AudioFindings) -> None:
        nonlocal found
        found = findings

    if more:
        parts = (ReadableRecording(read, size), *more)
        pcm = decode_parts(practice_id, parts, longest_ms=longest_ms, on_end=note, audio=audio)
    else:
        pcm = audio.decode(practice_id, read, size, longest_ms=longest_ms, on_end=note)
    sound = watched(pcm)
    events = speech.transcribe(practice_id, sound, options)
    recognised: list[Utterance] = []
    end = SpeechDone("", "", 0)
    async with AsyncExitStack() as stack:  # whatever happens, engine and decoder stop right here
        close_with(stack, pcm)
        close_with(stack, sound)
        close_with(stack, events)
        async for event in events:
            if isinstance(event, Utterance):
                recognised.append(event)
            elif isinstance(event, SpeechDone):
                end = event
            elif isinstance(event, SpeechCharge):
                await on_charge()
            elif isinstance(event, SpeechCheckpoint):
                await on_checkpoint(event.state)
            else:
                on_progress(event.processed_ms)
    return Heard(tuple(recognised), end, found)


async def with_assigned_roles(
    heard: Heard, *, at: datetime, people: int, corrections: Sequence[Correction] = ()
) -> TranscriptVersion:
    """Return the transcript of what was heard, where `people` speak (0 = not known): unscored, version 1.

    `corrections` are those of the practice's vocabulary.
    """
    end, found = heard.end, heard.findings

    def assigned() -> tuple[tuple[Utterance, ...], Roles]:
        recognised = in_order(heard.utterances)
        utterances = in_order(with_channel_voices(recognised, found.levels, people=people))
        utterances = Corrector(corrections).corrected(utterances)
        roles = assign_roles(utterances)
        return with_roles(utterances, roles), roles

    utterances, roles = await asyncio.to_thread(assigned)  # half a second for an hour of speech
    return TranscriptVersion(
        session_id="",
        number=1,
        parent=0,
        source=Source.MACHINE,
        at=at,
        utterances=utterances,
        engine=end.engine,
        language=end.language,
        duration_ms=end.duration_ms,
        role_confidence=roles.confidence,
        role_reasons=roles.reasons,
        missing=found.missing,
        remarks=(*found.remarks, *end.remarks),
        coverage=end.coverage,
    )


async def scored(
    practice_id: str, version: TranscriptVersion, *, sentiment: Sentiment, optional: bool = False
) -> TranscriptVersion:
    """Return the version with scores for the patient's utterances that had none.

    If the language can't be scored, that is noted in `sentiment_gap`. If `optional`, the scores are left
    out when the engine fails: they are made when the session is closed.
    """

    def unscored() -> tuple[tuple[int, ...], list[str]]:
        places = to_score(version)
        return places, [version.utterances[place].text for place in places]

    places, texts = await asyncio.to_thread(unscored)
    if not places:
        return version
    try:
        scores = await sentiment.score(practice_id, texts, version.language)
    except LanguageNotSupported:
        return replace(version, sentiment_gap=version.language or UNDETERMINED)
    except (EngineFailed, Unavailable):
        if optional:
            return version
        raise

    def with_new() -> TranscriptVersion:
        complete = with_scores(version, dict(zip(places, scores, strict=True)))
        return replace(complete, sentiment_gap="")

    return await asyncio.to_thread(with_new)
