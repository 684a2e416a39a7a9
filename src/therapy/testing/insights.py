"""What `ports.insights` promises."""

from collections.abc import Sequence

import pytest

from therapy.domain.insights import MAX_KEY_PHRASES, Insights, Part
from therapy.domain.messages import TEXTS
from therapy.domain.transcript import Speaker, Utterance
from therapy.ports.insights import InsightFinder
from therapy.testing.optional_promises import (
    ENGINE_ERRORS,
    CutOff,
    ask_what_is_cut_off,
    ask_what_is_well,
)
from therapy.testing.samples import PRACTICE, an_utterance

SAID = (
    an_utterance("How was the meeting with your brother?", 0, speaker=Speaker.THERAPIST),
    an_utterance("Difficult. Call him at 054-555-0100, or at 054-555-0101.", 3_000),
    an_utterance("", 6_000),
    an_utterance("The meeting ended early.", 9_000),
    an_utterance("His other number is 054-555-0102.", 12_000),
)
HEBREW = (an_utterance("היה לי שבוע קשה מאוד בעבודה.", 0),)
MANY = tuple(
    an_utterance(f"somebody{number:03d} something{number:03d}", number * 3_000)
    for number in range(50)
)


async def find(
    insights: InsightFinder, utterances: Sequence[Utterance] = SAID, language: str = "en-US"
) -> Insights:
    return await insights.find(PRACTICE, utterances, language)


def parts_in(found: Insights) -> set[Part]:
    there = {
        Part.KEY_PHRASES: found.key_phrases,
        Part.PERSONAL_DETAILS: found.personal_details,
        Part.SUMMARY: found.summary_draft,
    }
    return {part for part, what in there.items() if what}


async def test_every_part_is_there_or_has_a_gap(insights: InsightFinder) -> None:
    found = await find(insights)
    gaps = [gap.part for gap in found.gaps]
    assert len(set(gaps)) == len(gaps)
    assert parts_in(found) | set(gaps) == set(Part)
    assert parts_in(found) & set(gaps) == set()


@pytest.mark.parametrize("utterances", [SAID, HEBREW], ids=["english", "hebrew"])
@pytest.mark.parametrize("language", ["en-US", "he-IL", "tlh", ""])
async def test_whatever_the_language_nothing_is_raised_and_every_gap_says_why(
    insights: InsightFinder, utterances: Sequence[Utterance], language: str
) -> None:
    found = await find(insights, utterances, language)
    assert all(gap.code in TEXTS for gap in found.gaps)


async def test_a_language_that_is_none_finds_nothing(insights: InsightFinder) -> None:
    found = await find(insights, language="tlh")
    assert parts_in(found) == set()
    assert {gap.part for gap in found.gaps} == set(Part)


@pytest.mark.parametrize(
    "utterances", [(), (an_utterance(""), an_utterance("  ", 3_000))], ids=["none", "blank"]
)
@pytest.mark.parametrize("language", ["en-US", "tlh"])
async def test_where_nothing_was_said_nothing_is_found_or_missed(
    insights: InsightFinder, utterances: Sequence[Utterance], language: str
) -> None:
    assert await find(insights, utterances, language) == Insights()


async def test_key_phrases_come_once_each_and_not_too_many(insights: InsightFinder) -> None:
    for utterances in (SAID, MANY):
        phrases = (await find(insights, utterances)).key_phrases
        assert len({phrase.casefold() for phrase in phrases}) == len(phrases) <= MAX_KEY_PHRASES


async def test_personal_details_are_inside_their_utterance_and_in_order(
    insights: InsightFinder,
) -> None:
    details = (await find(insights)).personal_details
    places = [(each.utterance, each.start) for each in details]
    assert places == sorted(places)
    for each in details:
        assert 0 <= each.start < each.start + each.length <= len(SAID[each.utterance].text)
        assert each.category
        found = SAID[each.utterance].text[each.start : each.start + each.length]
        assert found.startswith("054-555-010")


async def test_a_check_of_insights_changes_nothing_that_is_found(insights: InsightFinder) -> None:
    before = await find(insights)
    await ask_what_is_well(insights)
    assert await find(insights) == before


async def test_a_check_tells_of_insights_that_are_out_of_reach(
    insights: InsightFinder, cut_off: CutOff | None
) -> None:
    await ask_what_is_cut_off(insights, cut_off, ENGINE_ERRORS)
