"""From a recording's bytes to who said what and how it felt: decode, recognise, tell roles, score.

Knows no session: the worker and `therapy transcribe` both stand on it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import datetime

from msgspec.structs import replace

from therapy.domain.errors import (
    EngineFailed,
    LanguageNotSupported,
    TryAgain,
    Unavailable,
    WorkFailed,
)
from therapy.domain.roles import Roles, assign_roles, with_roles
from therapy.domain.scoring import to_score, with_scores
from therapy.domain.transcript import Source, TranscriptVersion, Utterance, in_order
from therapy.ports.audio import AudioDecoder, ReadRange
from therapy.ports.insights import InsightFinder
from therapy.ports.sentiment import Sentiment
from therapy.ports.speech import Speech, SpeechDone, SpeechOptions

UNDETERMINED = "und"
"""BCP 47's word for a language nobody knows, e.g. of lines that were written under a silent recording."""


async def hear(
    practice_id: str,
    read: ReadRange,
    size: int,
    options: SpeechOptions,
    *,
    at: datetime,
    tell: Callable[[int], None] = lambda _: None,
    audio: AudioDecoder,
    speech: Speech,
) -> TranscriptVersion:
    """Give what is said in a recording of `size` bytes: a first version, of no session yet, unscored.

    `tell` is called with the milliseconds that the engine has worked through.

    Raises:
        WorkFailed: the recording or the engine failed; says whether trying again may help.
    """
    pcm = audio.decode(practice_id, read, size)
    events = speech.transcribe(practice_id, pcm, options)
    heard: list[Utterance] = []
    end = SpeechDone("", "", 0)
    async with AsyncExitStack() as stack:  # whatever happens, engine and decoder end here and now
        _close_with(stack, pcm)
        _close_with(stack, events)
        async for event in events:
            if isinstance(event, Utterance):
                heard.append(event)
            elif isinstance(event, SpeechDone):
                end = event
            else:
                tell(event.heard_ms)

    def told_apart() -> tuple[tuple[Utterance, ...], Roles]:
        utterances = in_order(heard)
        roles = assign_roles(utterances)
        return with_roles(utterances, roles), roles

    utterances, roles = await asyncio.to_thread(told_apart)  # an hour's words take 0.1 s
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
    )


def _close_with(stack: AsyncExitStack, stream: AsyncIterator[object]) -> None:
    if close := getattr(stream, "aclose", None):
        stack.push_async_callback(close)


async def scored(
    practice_id: str, version: TranscriptVersion, *, sentiment: Sentiment, optional: bool = False
) -> TranscriptVersion:
    """Score the patient's utterances that have no score yet.

    A language that can't be scored is noted, never made up. When `optional`, an engine that fails
    leaves the scores out: they are made when the session is closed.
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
        felt = with_scores(version, dict(zip(places, scores, strict=True)))
        return replace(felt, sentiment_gap="")

    return await asyncio.to_thread(with_new)


async def looked_into(
    practice_id: str, version: TranscriptVersion, *, insights: InsightFinder
) -> TranscriptVersion:
    """Add what stands out in a version; leave it out where that fails: no session may fail for it."""
    try:
        found = await insights.find(practice_id, version.utterances, version.language)
    except (WorkFailed, TryAgain):
        return version
    return replace(version, insights=found)
