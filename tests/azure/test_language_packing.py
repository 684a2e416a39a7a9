"""Texts packed into documents: none is lost, each is found again, no sentence runs from one into the next."""

import unicodedata
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.azure.language_sessions import a_long_session
from tests.builders import PRACTICE, an_utterance
from tests.emulators.language import FakeLanguage, text_elements
from tests.emulators.language_answers import SENTENCE, personal_data
from tests.emulators.language_answers import sentiment as answer_of
from therapy.adapters.azure.language.client import language_client
from therapy.adapters.azure.language.insights import PII_DOCUMENTS, LanguageInsightFinder
from therapy.adapters.azure.language.packing import (
    FULL_DOCUMENT,
    MAX_DOCUMENTS,
    Document,
    batches,
    pack,
    pieces_of,
    split,
)
from therapy.adapters.azure.language.sentiment import LanguageSentiment, scores_in
from therapy.domain.sentiment import Scores
from therapy.domain.transcript import Speaker

GOOD, BAD = "I am happy and calm.", "I am sad and afraid."
BUDGET = 180
"""Text records that a session of 600 utterances may cost, all four operations together."""

WORDS = st.sampled_from(
    [
        "happy",
        "sad",
        "אני שמחה",
        "עצוב",
        "3.14",
        "e.g.",
        "…",
        "?!",
        "שָׁלוֹם",
        "👩‍👩‍👧",
        "🇮🇱",
        "י",
        "\u05b8",
    ]
)
LINES = st.one_of(
    st.text(max_size=80),
    st.lists(WORDS, max_size=12).map(" ".join),
    st.sampled_from(["", " ", "\n", ".", "yes", "yes ", "No. Yes", "a\r", "\u2028"]),
)
LIMITS = st.integers(4, 120)


@given(st.lists(LINES, max_size=40), LIMITS)
def test_every_text_is_in_the_documents_once_and_found_again_at_its_place(
    texts: list[str], limit: int
) -> None:
    documents = list(pack(texts, limit))
    found = dict.fromkeys(range(len(texts)), "")
    for document in documents:
        assert 0 < len(document.text) <= limit
        for piece, begins in zip(document.pieces, document.begins, strict=True):
            assert document.text[begins : begins + len(piece.text)] == piece.text
            assert texts[piece.place][piece.start :].startswith(piece.text)
            found[piece.place] += piece.text
    for place, text in enumerate(texts):
        blank = [part for part in split(text, limit) if not part.strip()]
        assert len(found[place]) + sum(map(len, blank)) == len(text)
    pieces = [piece for document in documents for piece in document.pieces]
    assert pieces == list(pieces_of(texts, limit))


@given(st.lists(LINES, max_size=30), LIMITS, st.data())
def test_any_stretch_of_a_document_is_found_in_the_texts_that_it_covers(
    texts: list[str], limit: int, data: st.DataObject
) -> None:
    for document in pack(texts, limit):
        offset = data.draw(st.integers(0, len(document.text)))
        length = data.draw(st.integers(0, len(document.text) - offset))
        covered = dict(document.places(offset, length))
        between = 0
        for number, (piece, begins) in enumerate(
            zip(document.pieces, document.begins, strict=True)
        ):
            end = begins + len(piece.text)
            cut = document.text[max(begins, offset) : max(begins, min(end, offset + length))]
            if number in covered:
                part = covered[number]
                assert part.text == cut
                assert texts[part.place][part.start : part.start + len(cut)] == cut
                between += len(cut)
            else:
                assert not cut
        assert between <= length


@given(st.lists(LINES, max_size=40), LIMITS)
def test_no_sentence_runs_from_one_text_into_the_next(texts: list[str], limit: int) -> None:
    """By a reader to whom only a full stop ends a sentence, not the end of a line."""
    for document in pack(texts, limit):
        for sentence in SENTENCE.finditer(document.text):
            said = sentence.group().rstrip()
            assert len(list(document.places(sentence.start(), len(said)))) <= 1


def packed_scores(texts: Sequence[str], limit: int) -> tuple[Scores | None, ...]:
    """Return the scores of texts by the fake service's rules, without asking it over HTTP."""
    answered = [(document, answered_about(document)) for document in pack(texts, limit)]
    return scores_in(answered, len(texts))


def answered_about(document: Document) -> SimpleNamespace:
    return SimpleNamespace(
        sentences=[
            SimpleNamespace(
                offset=each["offset"],
                length=each["length"],
                confidence_scores=SimpleNamespace(**each["confidenceScores"]),
            )
            for each in answer_of(document.text, {})["sentences"]
        ]
    )


@example(["0", "… 000000000000000 HAPPY"], 20)
@given(st.lists(LINES, max_size=40), st.integers(20, 200))
def test_a_text_has_the_scores_among_others_that_it_has_alone(texts: list[str], limit: int) -> None:
    assert packed_scores(texts, limit) == tuple([packed_scores([text], limit)[0] for text in texts])


@given(st.lists(st.sampled_from([GOOD, BAD, "054-555-0100", "🙂 שלום", ""]), max_size=60))
def test_a_personal_detail_is_found_in_its_text(texts: list[str]) -> None:
    found = [
        (part.place, part.text)
        for document in pack(texts, 100)
        for each in personal_data(document.text, {})["entities"]
        for _, part in document.places(each["offset"], each["length"])
    ]
    assert found == [(place, text) for place, text in enumerate(texts) if text[:3] == "054"]


def test_a_text_longer_than_a_document_is_found_again_across_documents() -> None:
    text = "Well, 🙂 then it was so. " * 500 + "x" * 6_000
    documents = list(pack(["before", text, "after"]))
    assert [len(each.text) <= FULL_DOCUMENT for each in documents] == [True] * len(documents)
    pieces = [piece for document in documents for piece in document.pieces]
    assert "".join(each.text for each in pieces if each.place == 1) == text


@pytest.mark.parametrize(
    ("texts", "document"),
    [
        (["Yes", "No"], "Yes.\nNo"),
        (["Yes.", "No?", "So!", "End"], "Yes.\nNo?\nSo!\nEnd"),
        (["כן", "", "לא…", "3,"], "כן.\nלא….\n3,"),
        (["Yes. ", "No"], "Yes. \nNo"),
    ],
)
def test_each_text_ends_a_sentence_and_a_line(texts: list[str], document: str) -> None:
    assert [each.text for each in pack(texts)] == [document]


@given(st.lists(st.integers(), max_size=50), st.integers(1, 10))
def test_batches_keep_the_order_and_the_limit(items: list[int], most: int) -> None:
    made = list(batches(items, most))
    assert [item for batch in made for item in batch] == items
    assert all(0 < len(batch) <= most for batch in made)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("abc", 3),
        ("שָׁלוֹם", 4),
        ("👩‍👩‍👧👍🏽", 2),
        ("🇮🇱🇮🇱", 2),
        ("a\r\nb", 3),
        ("\u05b8", 1),
        ("", 0),
    ],
)
def test_the_service_counts_what_a_reader_sees_and_never_more_than_code_points(
    text: str, count: int
) -> None:
    assert text_elements(text) == count <= len(text)


@pytest.fixture
def language(fake_language: FakeLanguage) -> FakeLanguage:
    return fake_language


@pytest.fixture
async def sentiment(language: FakeLanguage) -> AsyncIterator[LanguageSentiment]:
    async with language_client(language.url, key=language.key, retry_total=0) as client:
        yield LanguageSentiment(client)


async def no_pause(_: float) -> None:
    """Wait for nothing."""


@pytest.fixture
async def insights(language: FakeLanguage) -> AsyncIterator[LanguageInsightFinder]:
    async with language_client(language.url, key=language.key, retry_total=0) as client:
        yield LanguageInsightFinder(client, sleep=no_pause)


@pytest.mark.parametrize("tongue", ["en-US", "he-IL"])
async def test_a_session_of_600_utterances_costs_at_most_180_text_records(
    language: FakeLanguage,
    sentiment: LanguageSentiment,
    insights: LanguageInsightFinder,
    tongue: str,
) -> None:
    said = a_long_session(tongue)
    assert len(said) == 600
    language.budget = BUDGET
    patient = [each.text for each in said if each.speaker is Speaker.PATIENT]
    assert None not in await sentiment.score(PRACTICE, patient, tongue)
    assert (await insights.find(PRACTICE, said, tongue)).gaps == ()
    billed = language.text_records
    assert billed.total() <= BUDGET, dict(billed)
    assert set(billed) == {
        *("SentimentAnalysis", "KeyPhraseExtraction"),
        *("PiiEntityRecognition", "AbstractiveSummarization"),
    }
    letters = sum(len(each.text) for each in said)
    assert billed["PiiEntityRecognition"] <= letters / 1_000 * 1.1
    for call in language.calls:
        most = PII_DOCUMENTS if call["kind"] == "PiiEntityRecognition" else MAX_DOCUMENTS
        assert len(call["documents"]) <= most


async def test_what_exceeds_the_budget_is_refused_and_costs_nothing(
    language: FakeLanguage, insights: LanguageInsightFinder
) -> None:
    language.budget = 0
    found = await insights.find(PRACTICE, [an_utterance("What a week.", 0)], "en")
    assert {gap.code for gap in found.gaps} == {"engine_failed"}
    assert language.text_records.total() == 0


async def test_a_refused_text_is_singled_out_and_the_others_of_its_document_are_scored(
    language: FakeLanguage, sentiment: LanguageSentiment
) -> None:
    language.failures = {"forbidden": "InvalidDocument"}
    texts = [GOOD if place % 2 else BAD for place in range(200)]
    texts[77] = "forbidden"
    scores = await sentiment.score(PRACTICE, texts, "en")
    assert [place for place, each in enumerate(scores) if each is None] == [77]
    (good,), (bad,) = [await sentiment.score(PRACTICE, [text], "en") for text in (GOOD, BAD)]
    assert {each for each in scores if each} == {good, bad}


async def test_marks_that_the_service_does_not_count_make_no_text_too_long(
    language: FakeLanguage, sentiment: LanguageSentiment
) -> None:
    pointed = unicodedata.normalize("NFD", "שִׂמְחָה ") * 2_000
    (scores,) = await sentiment.score(PRACTICE, [pointed], "he")
    assert scores
    assert all(text_elements(each["text"]) <= 5_120 for each in language.calls[0]["documents"])
