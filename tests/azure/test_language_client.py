"""What sentiment by Azure AI Language does beyond the port's contract: the real SDK, a fake service."""

import inspect
from collections.abc import AsyncIterator

import azure.ai.textanalytics
import azure.core.exceptions
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import PRACTICE
from tests.emulators.faults import Fault
from tests.emulators.language import FakeLanguage
from therapy.adapters.azure.engine_errors import FAILURES
from therapy.adapters.azure.language.client import (
    LANGUAGES,
    language_client,
    language_of,
)
from therapy.adapters.azure.language.packing import FULL_DOCUMENT, MAX_DOCUMENTS, split
from therapy.adapters.azure.language.sentiment import LanguageSentiment
from therapy.domain.errors import EngineFailed, ErrorClass, LanguageNotSupported

GOOD = "I am happy and calm."
BAD = "I am sad and afraid."
KIND = "SentimentAnalysis"


@pytest.fixture
def language(fake_language: FakeLanguage) -> FakeLanguage:
    return fake_language


@pytest.fixture
async def sentiment(language: FakeLanguage) -> AsyncIterator[LanguageSentiment]:
    async with language_client(language.url, key=language.key, retry_total=0) as client:
        yield LanguageSentiment(client)


async def test_nothing_that_is_sent_is_kept_by_the_service(
    language: FakeLanguage, sentiment: LanguageSentiment
) -> None:
    await sentiment.score(PRACTICE, [GOOD], "en-US")
    assert [call["logging_opt_out"] for call in language.calls] == [True]


async def test_hebrew_is_asked_for_as_the_service_calls_it(
    language: FakeLanguage, sentiment: LanguageSentiment
) -> None:
    good, bad = await sentiment.score(PRACTICE, ["אני שמחה.", "אני מפחדת."], "he-IL")
    assert good
    assert bad
    assert good.positive > good.negative
    assert bad.negative > bad.positive
    assert {document["language"] for document in language.calls[0]["documents"]} == {"he"}


async def test_texts_go_in_batches_that_the_service_takes(
    language: FakeLanguage, sentiment: LanguageSentiment
) -> None:
    texts = [GOOD, BAD] * 12 + ["word " * 990] * 11
    scores = await sentiment.score(PRACTICE, texts, "en")
    assert len(scores) == 35
    assert None not in scores
    assert [len(call["documents"]) for call in language.calls] == [MAX_DOCUMENTS, 2]
    for call in language.calls:
        assert all(len(each["text"]) <= FULL_DOCUMENT for each in call["documents"])


async def test_a_long_text_is_scored_in_parts_that_weigh_by_their_length(
    language: FakeLanguage, sentiment: LanguageSentiment
) -> None:
    (short_good,) = await sentiment.score(PRACTICE, [GOOD], "en")
    text = f"{GOOD} " * 240 + f"{BAD} " * 240
    (scores,) = await sentiment.score(PRACTICE, [text], "en")
    assert scores
    assert short_good
    assert scores.positive == pytest.approx(scores.negative, abs=0.02)
    (mostly_good,) = await sentiment.score(PRACTICE, [f"{GOOD} " * 480 + BAD], "en")
    assert mostly_good
    assert mostly_good.positive == pytest.approx(short_good.positive, abs=0.02)


async def test_a_text_that_the_service_refuses_has_no_score_and_harms_no_other(
    language: FakeLanguage, sentiment: LanguageSentiment
) -> None:
    language.failures = {"forbidden": "InvalidDocument"}
    long = f"{GOOD} " * 300 + "forbidden."
    scores = await sentiment.score(PRACTICE, [GOOD, "forbidden", BAD, long, " "], "en")
    assert [each is None for each in scores] == [False, True, False, True, True]


@pytest.mark.parametrize("code", ["InternalServerError", "ServiceUnavailable"])
async def test_a_document_that_met_a_broken_service_is_tried_again(
    language: FakeLanguage, sentiment: LanguageSentiment, code: str
) -> None:
    language.failures = {"happy": code}
    with pytest.raises(EngineFailed) as caught:
        await sentiment.score(PRACTICE, [GOOD, BAD], "en")
    assert caught.value.error_class is ErrorClass.TRANSIENT


async def test_a_language_that_only_the_service_knows_it_lacks_is_not_supported(
    language: FakeLanguage, sentiment: LanguageSentiment
) -> None:
    language.failures = {"happy": "UnsupportedLanguageCode"}
    with pytest.raises(LanguageNotSupported):
        await sentiment.score(PRACTICE, [GOOD], "cy")


@pytest.mark.parametrize(
    ("fault", "transient"),
    [
        (Fault(KIND, status=429), True),
        (Fault(KIND, status=500), True),
        (Fault(KIND, status=503), True),
        (Fault(KIND, kind="reset"), True),
        (Fault(KIND, kind="empty"), True),
        (Fault(KIND, status=200, headers={"Content-Encoding": "gzip"}), True),  # it is none
        (Fault(KIND, status=400), False),
        (Fault(KIND, status=401), False),
        (Fault(KIND, status=403), False),
        (Fault(KIND, status=404), False),
    ],
    ids=lambda given: f"{given.kind}-{given.status}" if isinstance(given, Fault) else "",
)
async def test_a_fault_is_tried_again_or_given_up_and_quotes_nothing(
    language: FakeLanguage, sentiment: LanguageSentiment, fault: Fault, transient: bool
) -> None:
    language.add(fault)
    with pytest.raises(EngineFailed) as caught:
        await sentiment.score(PRACTICE, [GOOD], "en")
    assert (caught.value.error_class is ErrorClass.TRANSIENT) is transient
    assert "happy" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert await sentiment.score(PRACTICE, [GOOD], "en")


async def test_the_sdk_waits_as_long_as_the_service_asks(language: FakeLanguage) -> None:
    language.add(Fault(KIND, status=429, headers={"Retry-After": "0"}, times=2))
    async with language_client(language.url, key=language.key) as client:
        assert await LanguageSentiment(client).score(PRACTICE, [GOOD], "en")
    assert len(language.calls) == 3


async def test_a_wrong_key_is_given_up_and_not_told(language: FakeLanguage) -> None:
    async with language_client(language.url, key="a-wrong-key") as client:
        with pytest.raises(EngineFailed) as caught:
            await LanguageSentiment(client).score(PRACTICE, [GOOD], "en")
    assert caught.value.error_class is ErrorClass.PERMANENT
    assert "a-wrong-key" not in str(caught.value)


def test_every_exception_of_the_sdk_is_mapped() -> None:
    found = {
        each
        for module in (azure.core.exceptions, azure.ai.textanalytics)
        for each in vars(module).values()
        if inspect.isclass(each) and issubclass(each, azure.core.exceptions.AzureError)
    }
    assert found - set(FAILURES) == set()


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("he-IL", "he"),
        ("iw_IL", "he"),
        ("EN-us", "en"),
        ("pt", "pt-PT"),
        ("pt-BR", "pt-BR"),
        ("zh-CN", "zh-hans"),
        ("zh-Hant-TW", "zh-hant"),
        ("zh-TW", "zh-hant"),
        ("nb-NO", "no"),
        ("sr-Latn-RS", "sr"),
    ],
)
def test_a_tag_becomes_the_services_code(tag: str, code: str) -> None:
    assert language_of(tag) == code


@pytest.mark.parametrize("tag", ["", "tlh", "x", "-", "en2"])
def test_a_tag_that_means_nothing_there_is_not_supported(tag: str) -> None:
    with pytest.raises(LanguageNotSupported):
        language_of(tag)


def test_the_list_has_as_many_languages_as_the_documentation() -> None:
    assert len(LANGUAGES) == 94


@given(st.text(max_size=200), st.integers(1, 20))
def test_splitting_loses_nothing_and_keeps_the_limit(text: str, limit: int) -> None:
    parts = list(split(text, limit))
    assert "".join(parts) == text
    assert all(len(part) <= limit for part in parts)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One two. Three four.", ["One two. ", "Three four."]),
        ("מה שלומך? הכול בסדר.", ["מה שלומך? ", "הכול בסדר."]),
        ("nothing but words here", ["nothing but ", "words here"]),
        ("onewordthatistoolong", ["onewordthati", "stoolong"]),
        ("1.2.3.4.5.6.7.8.9", ["1.2.3.4.5.6.", "7.8.9"]),
    ],
)
def test_a_text_is_cut_after_a_sentence_else_after_a_word(text: str, parts: list[str]) -> None:
    assert list(split(text, 12)) == parts


def test_a_cut_does_not_part_a_letter_from_its_marks() -> None:
    pointed = "\u05d0\u05b8\u05bc" * 3
    assert list(split(pointed, 4)) == ["\u05d0\u05b8\u05bc"] * 3
