"""What insights by Azure AI Language do beyond the port's contract: the real SDK, a fake service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.builders import PRACTICE, an_utterance
from tests.emulators.faults import Fault
from tests.emulators.language import FakeLanguage
from therapy.adapters.azure.language.client import language_client
from therapy.adapters.azure.language.insights import PII_DOCUMENTS, LanguageInsightFinder
from therapy.adapters.azure.language.packing import MAX_CHARACTERS, MAX_DOCUMENTS
from therapy.config import read_settings
from therapy.domain.errors import EngineFailed
from therapy.domain.insights import Gap, Part
from therapy.domain.transcript import Speaker
from therapy.entrypoints.cli.faults.diagnosis import diagnose
from therapy.entrypoints.logs import JsonLines
from therapy.wiring.adapters import open_language

SAID = (
    an_utterance("What happened at work this week?", 0, speaker=Speaker.THERAPIST),
    an_utterance("My manager shouted. Call me at 054-555-0100, I said.", 3_000),
    an_utterance("", 6_000),
    an_utterance("Work again: the manager and work.", 9_000),
)


async def no_pause(_: float) -> None:
    """Wait for nothing."""


@pytest.fixture
def language(fake_language: FakeLanguage) -> FakeLanguage:
    return fake_language


@pytest.fixture
async def insight(language: FakeLanguage) -> AsyncIterator[LanguageInsightFinder]:
    async with language_client(language.url, key=language.key, retry_total=0) as client:
        yield LanguageInsightFinder(client, sleep=no_pause)


async def test_all_three_parts_are_found_and_nothing_is_kept_by_the_service(
    language: FakeLanguage, insight: LanguageInsightFinder
) -> None:
    found = await insight.find(PRACTICE, SAID, "en-US")
    assert found.gaps == ()
    assert "manager" in found.key_phrases
    assert found.summary_draft
    assert found.engine == "azure-language"
    assert {call["kind"] for call in language.calls} == {
        "KeyPhraseExtraction",
        "PiiEntityRecognition",
        "AbstractiveSummarization",
    }
    assert all(call["logging_opt_out"] for call in language.calls)


async def test_a_personal_detail_is_found_at_its_place_and_not_repeated(
    insight: LanguageInsightFinder,
) -> None:
    (detail,) = (await insight.find(PRACTICE, SAID, "en-US")).personal_details
    text = SAID[detail.utterance].text
    assert text[detail.start : detail.start + detail.length] == "054-555-0100"
    assert detail.category == "PhoneNumber"
    assert "555" not in repr(detail)


async def test_places_are_right_in_an_utterance_that_is_sent_in_parts(
    language: FakeLanguage, insight: LanguageInsightFinder
) -> None:
    long = "🙂 שלום. " * 900 + "Call 054-555-0100 now. " + "And so on. " * 200
    found = await insight.find(PRACTICE, [SAID[0], an_utterance(long, 3_000)], "en")
    (detail,) = found.personal_details
    assert long[detail.start : detail.start + detail.length] == "054-555-0100"
    for call in language.calls:
        if call["kind"] == "PiiEntityRecognition":
            assert len(call["documents"]) <= PII_DOCUMENTS
        if call["kind"] == "KeyPhraseExtraction":
            assert len(call["documents"]) <= MAX_DOCUMENTS
            assert all(len(each["text"]) <= MAX_CHARACTERS for each in call["documents"])


async def test_the_summary_is_told_who_speaks(
    language: FakeLanguage, insight: LanguageInsightFinder
) -> None:
    await insight.find(PRACTICE, SAID, "en")
    (text,) = (
        document["text"]
        for call in language.calls
        if call["kind"] == "AbstractiveSummarization"
        for document in call["documents"]
    )
    assert text.startswith("Therapist: What happened at work this week?\nPatient: My manager")


@pytest.mark.parametrize(
    ("kind", "part"),
    [
        ("KeyPhraseExtraction", Part.KEY_PHRASES),
        ("PiiEntityRecognition", Part.PERSONAL_DETAILS),
        ("AbstractiveSummarization", Part.SUMMARY),
        ("job", Part.SUMMARY),
    ],
)
@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 429}, {"status": 403}])
async def test_a_part_that_fails_is_a_gap_and_the_others_are_there(
    language: FakeLanguage,
    insight: LanguageInsightFinder,
    kind: str,
    part: Part,
    fault: dict[str, int],
) -> None:
    language.add(Fault(kind, times=None, **fault))
    found = await insight.find(PRACTICE, SAID, "en")
    assert found.gaps == (Gap(part, "engine_failed"),)
    assert bool(found.key_phrases) is (part is not Part.KEY_PHRASES)
    assert bool(found.personal_details) is (part is not Part.PERSONAL_DETAILS)
    assert bool(found.summary_draft) is (part is not Part.SUMMARY)


async def test_why_a_part_fails_is_in_the_log_without_a_word_of_what_was_said(
    language: FakeLanguage, insight: LanguageInsightFinder, caplog: pytest.LogCaptureFixture
) -> None:
    language.add(Fault("KeyPhraseExtraction", times=None, status=403))
    language.failures = {"Work again": "InvalidDocument"}
    await insight.find(PRACTICE, SAID, "en")
    ours = [each for each in caplog.records if each.name.startswith("therapy.")]
    assert {each.levelname for each in ours} == {"WARNING"}
    assert {(each.part, each.reason) for each in ours} >= {
        ("key_phrases", 403),
        ("personal_details", "InvalidDocument"),
    }
    written = "".join(JsonLines().format(each) for each in ours)
    assert '"reason": 403' in written
    assert not any(word in written for word in ("manager", "Work", "054"))


@pytest.mark.parametrize(
    "fault",
    [
        Fault("KeyPhraseExtraction", status=401),
        Fault("PiiEntityRecognition", status=403),
        Fault("AbstractiveSummarization", status=400),
    ],
    ids=lambda fault: f"{fault.on} {fault.status}",
)
async def test_a_check_fails_with_whatever_part_is_refused(
    language: FakeLanguage, insight: LanguageInsightFinder, fault: Fault
) -> None:
    await insight.check()
    language.add(fault)
    with pytest.raises(EngineFailed) as failure:
        await insight.check()
    assert failure.value.details["reason"] == fault.status
    cause = diagnose("azure", "insights", "clinic7", failure.value).cause
    assert ("summaries" in cause) is (fault.status == 400)


async def test_where_summaries_are_turned_off_a_check_asks_for_none(language: FakeLanguage) -> None:
    async with language_client(language.url, key=language.key) as client:
        await LanguageInsightFinder(client, summaries=False).check()
    assert "AbstractiveSummarization" not in {call["kind"] for call in language.calls}


async def test_a_part_that_does_not_do_the_language_is_a_gap_that_says_so(
    language: FakeLanguage, insight: LanguageInsightFinder
) -> None:
    language.failures = {"Therapist:": "UnsupportedLanguageCode"}  # only the summary is told
    found = await insight.find(PRACTICE, SAID, "cy")
    assert found.gaps == (Gap(Part.SUMMARY, "language"),)
    assert found.key_phrases


async def test_half_of_the_personal_details_are_none(
    language: FakeLanguage, insight: LanguageInsightFinder
) -> None:
    language.failures = {"Work again": "InvalidDocument"}
    found = await insight.find(PRACTICE, SAID, "en")
    assert Gap(Part.PERSONAL_DETAILS, "engine_failed") in found.gaps
    assert found.personal_details == ()


async def test_without_summaries_the_service_is_asked_for_none_and_the_gap_says_why(
    language: FakeLanguage,
) -> None:
    async with language_client(language.url, key=language.key) as client:
        found = await LanguageInsightFinder(client, summaries=False).find(PRACTICE, SAID, "en")
    assert found.gaps == (Gap(Part.SUMMARY, "turned_off"),)
    assert found.key_phrases
    assert {call["kind"] for call in language.calls} == {
        *("KeyPhraseExtraction", "PiiEntityRecognition")
    }


async def test_a_summary_is_checked_for_soon_and_then_less_and_less_often(
    language: FakeLanguage,
) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    language.polls_until_done = 7
    async with language_client(language.url, key=language.key) as client:
        found = await LanguageInsightFinder(client, sleep=pause).find(PRACTICE, SAID, "en")
    assert found.summary_draft
    assert pauses == [0.5, 1, 2, 4, 8, 10, 10, 10]


async def test_a_check_that_fails_once_costs_no_summary(
    language: FakeLanguage, insight: LanguageInsightFinder
) -> None:
    language.polls_until_done = 0
    language.add(Fault("job", status=500))
    found = await insight.find(PRACTICE, SAID, "en")
    assert found.gaps == ()
    assert found.summary_draft


async def test_a_summary_that_takes_too_long_is_a_gap_in_time_for_the_rest_to_be_kept(
    language: FakeLanguage,
) -> None:
    language.jobs_held = True
    settings = read_settings(language.settings() | {"THERAPY_INSIGHTS_SECONDS": "2"})
    async with AsyncExitStack() as stack:
        _, finder = await open_language(settings, stack)
        async with asyncio.timeout(settings.insights_time.total_seconds()):
            found = await finder.find(PRACTICE, SAID, "en")
    assert found.gaps == (Gap(Part.SUMMARY, "engine_failed"),)
    assert found.key_phrases


async def test_who_speaks_is_said_once_for_all_that_they_say_in_turn(
    language: FakeLanguage, insight: LanguageInsightFinder
) -> None:
    said = [*SAID, an_utterance("And how was that?", 12_000, speaker=Speaker.THERAPIST)]
    await insight.find(PRACTICE, said, "en")
    (text,) = (
        document["text"]
        for call in language.calls
        if call["kind"] == "AbstractiveSummarization"
        for document in call["documents"]
    )
    assert text == (
        "Therapist: What happened at work this week?\n"
        "Patient: My manager shouted. Call me at 054-555-0100, I said. Work again: the manager and work.\n"
        "Therapist: And how was that?"
    )
