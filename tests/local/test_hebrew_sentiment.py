"""The feeling of Hebrew texts, which is approximate: word lists, prefixes and negation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from therapy.adapters.local.hebrew_sentiment import score
from therapy.adapters.local.sentiment import VaderSentiment
from therapy.domain.sentiment import NEUTRAL


@pytest.mark.parametrize(
    "text",
    [
        "היה לי שבוע נפלא ואני שמח מאוד",
        "הרגשתי גאה ומסופקת אחרי הפגישה",
        "היה כיף עם הילדים בים",
        "אני אוהבת את הבת שלי",
        "אני מרגישה רגועה ובטוחה",
    ],
)
def test_good_feelings_are_positive(text):
    found = score(text)
    assert found.positive > found.negative == 0


@pytest.mark.parametrize(
    "text",
    [
        "אני עצובה ומיואשת כבר שבועות",
        "אני מרגיש חרדה כל בוקר",
        "אני כועס על אחי והוא פגע בי",
        "אני מתביישת במה שעשיתי",
        "אני בדיכאון ובודד",
    ],
)
def test_bad_feelings_are_negative(text):
    found = score(text)
    assert found.negative > found.positive == 0


@pytest.mark.parametrize("text", ["הרכבת יוצאת בתשע", "קניתי לחם וחלב במכולת", "", "hello", "123"])
def test_what_carries_no_feeling_is_neutral(text):
    assert score(text) == NEUTRAL


def test_a_negation_turns_a_feeling_around():
    assert score("אני שמח בעבודה").positive > 0
    negated = score("אני לא שמח בעבודה")
    assert negated.positive == 0
    assert negated.negative > 0


def test_letters_that_belong_to_the_next_word_change_nothing():
    assert score("עצוב").negative == score("ועצוב").negative == score("שהעצוב").negative == 1


@given(st.text(alphabet="אבגדהוזחטיכלמנסעפצקרשתםןץףך \"',.", max_size=200))
def test_any_text_has_shares_that_sum_to_1(text):
    found = score(text)
    assert min(found.positive, found.neutral, found.negative) >= 0
    assert found.positive + found.neutral + found.negative == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("language", ["he", "he-IL", "iw_IL"])
async def test_the_local_family_scores_hebrew_in_any_spelling_of_its_name(language):
    sad, nothing = await VaderSentiment().score("practice", ["אני עצובה ומיואשת", " "], language)
    assert sad is not None
    assert sad.negative > sad.positive
    assert nothing is None
