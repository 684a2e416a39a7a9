"""Adapters that are opened when they are used for the first time: for a process that may never use them.

An API process uses the decoder and no other engine, and pushes rarely, so the SDKs for that are not imported
there. What can't be opened is said at the start by a worker, which opens all of them.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from therapy.domain.insights import Insights
from therapy.domain.people import Device
from therapy.domain.push import PushMessage
from therapy.domain.sentiment import Scores
from therapy.domain.transcript import Utterance
from therapy.ports.insights import InsightFinder
from therapy.ports.push import PushSender
from therapy.ports.sentiment import Sentiment
from therapy.ports.speech import Speech, SpeechEvent, SpeechOptions

Opened = TypeVar("Opened")
SentimentAndInsights = tuple[Sentiment, InsightFinder]


class OnUse(Generic[Opened]):
    """What is opened by the first call, and the same for all others; `opening` says where it is closed."""

    def __init__(self, opening: Callable[[], Awaitable[Opened]]) -> None:
        self._opening = opening
        self._opened: Opened | None = None
        self._lock = asyncio.Lock()

    async def __call__(self) -> Opened:
        """Return it, opened.

        Raises:
            SettingsError, Unavailable: it can't be opened; the next call tries again.
        """
        async with self._lock:
            if self._opened is None:
                self._opened = await self._opening()
            return self._opened


class SpeechOnUse(Speech):
    """A recogniser that is opened when the first recording is recognised."""

    def __init__(self, opened: OnUse[Speech]) -> None:
        self._opened = opened

    async def transcribe(
        self, practice_id: str, pcm: AsyncIterator[bytes], options: SpeechOptions
    ) -> AsyncGenerator[SpeechEvent, None]:
        speech = await self._opened()
        events = speech.transcribe(practice_id, pcm, options)
        try:
            async for event in events:
                yield event
        finally:
            if isinstance(events, AsyncGenerator):
                await events.aclose()


class SentimentOnUse(Sentiment):
    """Sentiment that is opened when the first texts are scored."""

    def __init__(self, opened: OnUse[SentimentAndInsights]) -> None:
        self._opened = opened

    async def score(
        self, practice_id: str, texts: Sequence[str], language: str
    ) -> tuple[Scores | None, ...]:
        sentiment, _ = await self._opened()
        return await sentiment.score(practice_id, texts, language)


class InsightsOnUse(InsightFinder):
    """Insights that are opened when they are first looked for."""

    def __init__(self, opened: OnUse[SentimentAndInsights]) -> None:
        self._opened = opened

    async def find(
        self, practice_id: str, utterances: Sequence[Utterance], language: str
    ) -> Insights:
        _, insights = await self._opened()
        return await insights.find(practice_id, utterances, language)


class PushOnUse(PushSender):
    """A sender of pushes that is opened when the first one is sent."""

    def __init__(self, opened: OnUse[PushSender]) -> None:
        self._opened = opened

    async def send(self, practice_id: str, device: Device, push: PushMessage) -> bool:
        sender = await self._opened()
        return await sender.send(practice_id, device, push)
