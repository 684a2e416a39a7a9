"""Scores: made up for when they failed, and never made up where an engine does not do the language."""

import pytest

from tests.builders import PRACTICE, SESSION, a_version
from tests.workflows.memory_installation import (
    ACTOR,
    an_installation,
    begun,
    lines_of,
)
from therapy.adapters.memory.sentiment import MemorySentiment
from therapy.domain.errors import EngineFailed, LanguageNotSupported
from therapy.domain.session import State
from therapy.workflows import review
from therapy.workflows.recognition import scored


async def test_scoring_that_fails_while_transcribing_is_made_up_for_when_closing():
    class Away(MemorySentiment):
        async def score(self, practice_id, texts, language):
            raise EngineFailed

    installed = await an_installation()
    await begun(installed)
    await installed.work(sentiment=Away())
    version = await installed.version(1)
    assert (await installed.session()).state is State.AWAITING_REVIEW
    assert not [each for each in version.utterances if each.scores]
    await review.submit(ACTOR, SESSION, lines_of(version), records=installed.records)
    await installed.work(sentiment=Away())
    run = next(r for r in await installed.runs() if r.attempt)
    assert (run.kind.value, run.error_code) == ("score", "engine_failed")
    installed.clock.advance(minutes=1)
    await installed.work()
    session = await installed.session()
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

    installed = await an_installation()
    await begun(installed)
    await installed.work(sentiment=EnglishOnly())
    lines = lines_of(await installed.version(1))
    await review.submit(ACTOR, SESSION, lines, records=installed.records)
    await installed.work(sentiment=EnglishOnly())
    session = await installed.session()
    assert session.state is State.CLOSED
    assert (session.scores.positive, session.scores.neutral) == (0, 1)
    assert (await installed.version(2)).sentiment_gap == "en-US"
