"""Sentiment by VADER."""

import asyncio

import pytest

from therapy.adapters.local.sentiment import VaderSentiment
from therapy.domain.errors import LanguageNotSupported


async def test_texts_are_scored_in_order_and_each_score_sums_to_one():
    texts = ["I feel terrible and afraid.", "I feel wonderful and proud!", "It is Tuesday.", " "]
    sad, glad, plain, nothing = await VaderSentiment().score("practice", texts, "en-US")
    assert sad.negative > sad.positive
    assert glad.positive > glad.negative
    assert plain.neutral == 1
    assert nothing is None
    for each in (sad, glad, plain):
        assert each.positive + each.neutral + each.negative == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("language", ["en", "en-GB", "EN_us"])
async def test_english_in_any_spelling_is_done(language):
    assert await VaderSentiment().score("practice", [], language) == ()


@pytest.mark.parametrize("language", ["ar-IL", "", "fr"])
async def test_other_languages_are_refused(language):
    with pytest.raises(LanguageNotSupported):
        await VaderSentiment().score("practice", ["שלום"], language)


async def test_several_sessions_are_scored_at_once():
    engine = VaderSentiment()
    found = await asyncio.gather(*(engine.score("p", ["I am happy"], "en") for _ in range(8)))
    assert len(set(found)) == 1
