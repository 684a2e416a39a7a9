"""What `ports.sentiment` promises."""

import pytest

from therapy.domain.errors import LanguageNotSupported
from therapy.domain.sentiment import Scores
from therapy.ports.sentiment import Sentiment
from therapy.testing.optional_promises import (
    ENGINE_ERRORS,
    CutOff,
    ask_what_is_cut_off,
    ask_what_is_well,
)
from therapy.testing.samples import PRACTICE

GOOD = "I am so happy, this was a great week and I love it."
BAD = "I am sad and angry, it was a bad week and I hate it."
PLAIN = "The train leaves at nine."


async def score(
    sentiment: Sentiment, *texts: str, language: str = "en-US"
) -> tuple[Scores | None, ...]:
    return await sentiment.score(PRACTICE, texts, language)


async def test_each_text_gets_one_entry_in_its_place(sentiment: Sentiment) -> None:
    texts = (BAD, "", GOOD, "...", PLAIN, GOOD)
    assert await score(sentiment, *texts) == tuple(
        [(await score(sentiment, text))[0] for text in texts]
    )


async def test_every_score_sums_to_1(sentiment: Sentiment) -> None:
    for scores in await score(sentiment, GOOD, BAD, PLAIN, "ok", "x" * 5_000, "happy " * 500):
        assert scores is not None
        assert min(scores.positive, scores.neutral, scores.negative) >= 0
        assert scores.positive + scores.neutral + scores.negative == pytest.approx(1, abs=0.001)


async def test_good_and_bad_feelings_are_told_apart(sentiment: Sentiment) -> None:
    good, bad, plain = await score(sentiment, GOOD, BAD, PLAIN)
    assert good
    assert bad
    assert plain
    assert good.positive > good.negative
    assert bad.negative > bad.positive
    assert plain.neutral > max(plain.positive, plain.negative)


async def test_a_text_without_anything_in_it_may_stay_without_a_score(sentiment: Sentiment) -> None:
    (scores,) = await score(sentiment, "  ")
    assert scores is None or scores.neutral == 1


async def test_no_texts_give_no_scores(sentiment: Sentiment) -> None:
    assert await score(sentiment) == ()


@pytest.mark.parametrize("language", ["en", "en-US", "en-GB", "EN-us"])
async def test_any_kind_of_a_language_that_is_done_is_done(
    sentiment: Sentiment, language: str
) -> None:
    assert await score(sentiment, GOOD, language=language) == await score(sentiment, GOOD)


@pytest.mark.parametrize("texts", [(GOOD,), ()], ids=["a text", "no text"])
async def test_a_language_that_is_not_done_is_refused(
    sentiment: Sentiment, texts: tuple[str, ...]
) -> None:
    with pytest.raises(LanguageNotSupported):
        await score(sentiment, *texts, language="tlh")


async def test_a_check_of_sentiment_changes_no_score(sentiment: Sentiment) -> None:
    before = await score(sentiment, GOOD, BAD)
    await ask_what_is_well(sentiment)
    assert await score(sentiment, GOOD, BAD) == before


async def test_a_check_tells_of_sentiment_that_is_out_of_reach(
    sentiment: Sentiment, cut_off: CutOff | None
) -> None:
    await ask_what_is_cut_off(sentiment, cut_off, ENGINE_ERRORS)
