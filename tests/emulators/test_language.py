"""The fake Language service against the real SDK: each kind, the documented limits, each fault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

pytest.importorskip("azure.ai.textanalytics")

from azure.ai.textanalytics.aio import TextAnalyticsClient
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from tests.emulators.faults import Fault
from tests.emulators.language import FakeLanguage

pytestmark = pytest.mark.emulator


def client_of(fake: FakeLanguage, key: str | None = None) -> TextAnalyticsClient:
    credential = AzureKeyCredential(key or fake.key)
    return TextAnalyticsClient(fake.url, credential, retry_total=0)


@pytest.fixture
async def client(fake_language: FakeLanguage) -> AsyncIterator[TextAnalyticsClient]:
    async with client_of(fake_language) as made:
        yield made


async def test_sentiment_is_told_by_sentence(
    client: TextAnalyticsClient, fake_language: FakeLanguage
) -> None:
    fake_language.sentiments = {"my dog": "negative"}
    texts = ["I am happy. It rains.", "הייתי עצוב היום.", "Well, my dog."]
    glad, sad, dog = await client.analyze_sentiment(texts, disable_service_logs=True)
    assert (glad.sentiment, sad.sentiment, dog.sentiment) == ("positive", "negative", "negative")
    assert [one.text for one in glad.sentences] == ["I am happy.", "It rains."]
    assert (glad.sentences[1].offset, glad.sentences[1].length) == (12, 9)
    assert sad.confidence_scores.negative == 0.9
    assert fake_language.calls[0]["logging_opt_out"] is True


async def test_the_documented_limits(
    client: TextAnalyticsClient, fake_language: FakeLanguage
) -> None:
    with pytest.raises(HttpResponseError) as many:
        await client.analyze_sentiment(["one"] * 11)
    assert many.value.status_code == 400
    assert many.value.error.code == "InvalidDocumentBatch"
    fake_language.failures = {"odd": "InternalServerError"}
    texts = ["x" * 5120, "x" * 5121, " ", "an odd one"]
    fine, long, empty, odd = await client.analyze_sentiment(texts)
    assert not fine.is_error
    assert [one.error.code for one in (long, empty, odd)] == [
        *("InvalidDocument", "InvalidDocument", "InternalServerError")
    ]
    with pytest.raises(HttpResponseError):
        await client.recognize_pii_entities(["one"] * 6)


async def test_the_other_kinds(client: TextAnalyticsClient, fake_language: FakeLanguage) -> None:
    (phrases,) = await client.extract_key_phrases(["A journey through mountains"])
    assert "journey" in phrases.key_phrases
    (private,) = await client.recognize_pii_entities(["Call 052-555-0100 now"])
    assert private.redacted_text == "Call ************ now"
    (hebrew,) = await client.detect_language(["שלום"])
    assert hebrew.primary_language.iso6391_name == "he"
    poller = await client.begin_abstract_summary(["A long talk."], polling_interval=0.02)
    (summary,) = [one async for one in await poller.result()]
    assert summary.summaries[0].text.startswith("A long talk.")
    poller = await client.begin_abstract_summary(["x"], language="xx", polling_interval=0.02)
    (refused,) = [one async for one in await poller.result()]
    assert refused.error.code == "UnsupportedLanguageCode"
    assert {call["kind"] for call in fake_language.calls} >= {"AbstractiveSummarization"}


@pytest.mark.parametrize("status", [401, 429, 500, 503])
async def test_a_scripted_status(
    status: int, client: TextAnalyticsClient, fake_language: FakeLanguage
) -> None:
    fake_language.add(Fault("SentimentAnalysis", status=status, headers={"Retry-After": "7"}))
    await client.extract_key_phrases(["not this one"])
    with pytest.raises(HttpResponseError) as failed:
        await client.analyze_sentiment(["one"])
    assert failed.value.status_code == status
    assert failed.value.response.headers["Retry-After"] == "7"
    await client.analyze_sentiment(["one"])


async def test_breaks_stalls_and_a_wrong_key(
    client: TextAnalyticsClient, fake_language: FakeLanguage
) -> None:
    fake_language.add(Fault(kind="reset"), Fault(kind="stall"), Fault(kind="slow", seconds=0.1))
    with pytest.raises((ServiceRequestError, ServiceResponseError)):
        await client.analyze_sentiment(["one"])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.analyze_sentiment(["one"]), 0.2)
    await client.analyze_sentiment(["one"])
    async with client_of(fake_language, "another key") as stranger:
        with pytest.raises(ClientAuthenticationError):
            await stranger.analyze_sentiment(["one"])
