"""Engines that are opened on use: not before, once, and as if they had been opened at the start."""

from collections.abc import AsyncGenerator, AsyncIterator

from tests.builders import a_version
from therapy.adapters.memory.insights import MemoryInsightFinder
from therapy.adapters.memory.push import MemoryPushSender
from therapy.adapters.memory.sentiment import MemorySentiment
from therapy.ports.insights import InsightFinder
from therapy.ports.push import PushSender
from therapy.ports.sentiment import Sentiment
from therapy.ports.speech import Speech, SpeechEvent, SpeechOptions, SpeechProgress
from therapy.testing.samples import PRACTICE, a_device, a_push
from therapy.wiring.opened_on_use import (
    InsightsOnUse,
    OnUse,
    PushOnUse,
    SentimentOnUse,
    SpeechOnUse,
)


class Counting(Speech):
    """Tells how much of the recording it has, and notes when it is stopped."""

    def __init__(self) -> None:
        self.stopped = 0

    async def transcribe(
        self, practice_id: str, pcm: AsyncIterator[bytes], options: SpeechOptions
    ) -> AsyncGenerator[SpeechEvent, None]:
        taken = 0
        try:
            async for samples in pcm:
                taken += len(samples)
                yield SpeechProgress(taken)
        finally:
            self.stopped += 1


async def samples() -> AsyncIterator[bytes]:
    for _ in range(3):
        yield b"\0" * 100


async def test_a_recogniser_is_opened_once_when_a_recording_comes_and_stopped_with_its_reader() -> (
    None
):
    opened: list[Counting] = []

    async def opening() -> Speech:
        opened.append(Counting())
        return opened[-1]

    speech = SpeechOnUse(OnUse(opening))
    assert opened == []
    events = [event async for event in speech.transcribe("p", samples(), SpeechOptions())]
    assert events == [SpeechProgress(100), SpeechProgress(200), SpeechProgress(300)]
    left_early = speech.transcribe("p", samples(), SpeechOptions())
    assert await anext(left_early) == SpeechProgress(100)
    await left_early.aclose()
    assert [each.stopped for each in opened] == [2]


async def test_sentiment_and_insights_are_opened_together_and_answer_as_their_adapters_do() -> None:
    sentiment, insights = MemorySentiment(), MemoryInsightFinder()
    said = a_version(1, "Good morning.", "I slept badly.").utterances
    times: list[str] = []

    async def opening() -> tuple[Sentiment, InsightFinder]:
        times.append("opened")
        return sentiment, insights

    language = OnUse(opening)
    scored = await SentimentOnUse(language).score("p", ["good", "bad"], "en-US")
    found = await InsightsOnUse(language).find("p", said, "en-US")
    assert scored == await sentiment.score("p", ["good", "bad"], "en-US")
    assert found == await insights.find("p", said, "en-US")
    assert times == ["opened"]


async def test_a_sender_of_pushes_is_opened_with_the_first_push() -> None:
    senders: list[MemoryPushSender] = []

    async def opening() -> PushSender:
        senders.append(MemoryPushSender())
        return senders[-1]

    push = PushOnUse(OnUse(opening))
    assert senders == []
    for message in (a_push(), a_push(id="push-2")):
        assert await push.send(PRACTICE, a_device(), message)
    assert [len(each.sent) for each in senders] == [2]
