"""Scores: made up for when they failed, and never made up where an engine does not do the language."""

import pytest

from tests.builders import PRACTICE, SESSION, a_version
from tests.workflows.desks import ACTOR, an_office, begun, lines_of
from therapy.adapters.memory.sentiment import MemorySentiment
from therapy.domain.errors import EngineFailed, LanguageNotSupported
from therapy.domain.session import State
from therapy.workflows import review
from therapy.workflows.recognition import scored


async def test_scoring_that_fails_while_transcribing_is_made_up_for_when_closing():
    class Away(MemorySentiment):
        async def score(self, practice_id, texts, language):
            raise EngineFailed

    office = await an_office()
    await begun(office)
    await office.work(sentiment=Away())
    version = await office.version(1)
    assert (await office.session()).state is State.AWAITING_REVIEW
    assert not [each for each in version.utterances if each.scores]
    await review.submit(ACTOR, SESSION, lines_of(version), desk=office.desk)
    await office.work(sentiment=Away())
    run = next(r for r in await office.desk.runs.of_session(PRACTICE, SESSION) if r.attempt)
    assert (run.kind.value, run.error_code) == ("score", "engine_failed")
    office.clock.on(minutes=1)
    await office.work()
    session = await office.session()
    assert session.state is State.CLOSED
    assert session.scores.positive > 0


@pytest.mark.parametrize(("language", "gap"), [("he-IL", "he-IL"), ("", "und")])
async def test_a_language_that_cannot_be_scored_is_recorded_and_never_made_up(language, gap):
    class EnglishOnly(MemorySentiment):
        async def score(self, practice_id, texts, language):
            if not language.startswith("en"):
                raise LanguageNotSupported
            return await super().score(practice_id, texts, language)

    version = await scored(PRACTICE, a_version(language=language), sentiment=EnglishOnly())
    assert version.sentiment_gap == gap
    assert not [each for each in version.utterances if each.scores]


async def test_a_session_whose_language_cannot_be_scored_is_closed_all_the_same():
    class EnglishOnly(MemorySentiment):
        async def score(self, practice_id, texts, language):
            raise LanguageNotSupported

    office = await an_office()
    await begun(office)
    await office.work(sentiment=EnglishOnly())
    lines = lines_of(await office.version(1))
    await review.submit(ACTOR, SESSION, lines, desk=office.desk)
    await office.work(sentiment=EnglishOnly())
    session = await office.session()
    assert session.state is State.CLOSED
    assert (session.scores.positive, session.scores.neutral) == (0, 1)
    assert (await office.version(2)).sentiment_gap == "en-US"
