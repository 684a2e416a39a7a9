"""What `ports.sessions` promises."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.builders import (
    NOW,
    OTHER_PRACTICE,
    PRACTICE,
    SESSION,
    a_run,
    a_session,
    a_version,
    an_item,
    details,
)
from tests.contract.conftest import Family
from tests.strategies import ids, moments, texts
from therapy.domain.errors import LeaseLost, NotFound, Stale
from therapy.domain.insights import Insights
from therapy.domain.run import done
from therapy.domain.sentiment import Scores
from therapy.domain.session import SessionPatient, State, TimedNote
from therapy.domain.transcript import TranscriptVersion
from therapy.ports.sessions import Change


async def committed(family: Family, change: Change, practice_id: str = PRACTICE) -> None:
    await family.sessions.commit(practice_id, SESSION, change)


async def test_a_new_session_is_loaded_with_version_1(family: Family) -> None:
    await committed(family, Change(session=a_session()))
    assert await family.sessions.load(PRACTICE, SESSION) == a_session(version=1)


async def test_each_write_of_a_session_counts(family: Family) -> None:
    await committed(family, Change(session=a_session()))
    await committed(family, Change(session=a_session(version=1, title="Another")))
    assert await family.sessions.load(PRACTICE, SESSION) == a_session(version=2, title="Another")


async def test_every_part_of_a_change_is_written(family: Family) -> None:
    change = Change(a_session(transcript_number=1), a_version(), (a_run(),), (an_item(),))
    await committed(family, change)
    assert (await family.sessions.load(PRACTICE, SESSION)).transcript_number == 1
    assert await family.sessions.transcript(PRACTICE, SESSION, 1) == a_version()
    assert await family.runs.of_session(PRACTICE, SESSION) == (a_run(version=1),)
    assert await family.outbox.pending(PRACTICE, SESSION) == (an_item(),)


async def test_a_change_without_parts_writes_nothing(family: Family) -> None:
    await committed(family, Change())
    with pytest.raises(NotFound):
        await family.sessions.load(PRACTICE, SESSION)


async def test_a_session_that_is_missing_is_not_found(family: Family) -> None:
    with pytest.raises(NotFound):
        await family.sessions.load(PRACTICE, "missing")


async def test_a_session_of_another_practice_is_not_found(family: Family) -> None:
    await committed(family, Change(session=a_session(), transcript=a_version()))
    with pytest.raises(NotFound):
        await family.sessions.load(OTHER_PRACTICE, SESSION)
    with pytest.raises(NotFound):
        await family.sessions.transcript(OTHER_PRACTICE, SESSION, 1)


async def test_practices_may_use_the_same_id(family: Family) -> None:
    await committed(family, Change(session=a_session(title="Ours")))
    theirs = a_session(practice_id=OTHER_PRACTICE, title="Theirs")
    await committed(family, Change(session=theirs), OTHER_PRACTICE)
    assert (await family.sessions.load(PRACTICE, SESSION)).title == "Ours"
    assert (await family.sessions.load(OTHER_PRACTICE, SESSION)).title == "Theirs"


@pytest.mark.parametrize("version", [0, 1, 3])
async def test_a_session_with_another_version_than_the_stored_one_is_stale(
    family: Family, version: int
) -> None:
    await committed(family, Change(session=a_session()))
    await committed(family, Change(session=a_session(version=1)))
    with pytest.raises(Stale):
        await committed(family, Change(session=a_session(version=version, title="Late")))
    assert await family.sessions.load(PRACTICE, SESSION) == a_session(version=2)


async def test_a_missing_session_with_a_version_is_stale(family: Family) -> None:
    with pytest.raises(Stale):
        await committed(family, Change(session=a_session(version=1)))
    with pytest.raises(NotFound):
        await family.sessions.load(PRACTICE, SESSION)


async def test_a_stale_session_keeps_the_whole_change_out(family: Family) -> None:
    await committed(family, Change(session=a_session(), transcript=a_version()))
    late = Change(a_session(), a_version(2), (a_run(),), (an_item(),), drop_transcripts=True)
    with pytest.raises(Stale):
        await committed(family, late)
    assert await family.sessions.transcript(PRACTICE, SESSION, 1) == a_version()
    with pytest.raises(NotFound):
        await family.sessions.transcript(PRACTICE, SESSION, 2)
    assert await family.runs.of_session(PRACTICE, SESSION) == ()
    assert await family.outbox.pending(PRACTICE, SESSION) == ()


@pytest.mark.parametrize("version", [0, 2])
async def test_a_run_with_another_version_than_the_stored_one_has_lost_its_lease(
    family: Family, version: int
) -> None:
    await committed(family, Change(runs=(a_run(),)))
    with pytest.raises(LeaseLost):
        await committed(family, Change(runs=(done(a_run(version=version)),)))
    assert await family.runs.of_session(PRACTICE, SESSION) == (a_run(version=1),)


async def test_a_missing_run_with_a_version_has_lost_its_lease(family: Family) -> None:
    with pytest.raises(LeaseLost):
        await committed(family, Change(runs=(a_run(version=1),)))
    assert await family.runs.of_session(PRACTICE, SESSION) == ()


async def test_a_lost_lease_keeps_the_whole_change_out(family: Family) -> None:
    await committed(family, Change(session=a_session(), runs=(a_run(),)))
    change = Change(
        session=a_session(version=1, state=State.AWAITING_REVIEW, transcript_number=1),
        transcript=a_version(),
        runs=(a_run(id="run-2"), done(a_run(version=7))),
        outbox=(an_item(),),
    )
    with pytest.raises(LeaseLost):
        await committed(family, change)
    assert await family.sessions.load(PRACTICE, SESSION) == a_session(version=1)
    assert await family.runs.of_session(PRACTICE, SESSION) == (a_run(version=1),)
    assert await family.outbox.pending(PRACTICE, SESSION) == ()
    with pytest.raises(NotFound):
        await family.sessions.transcript(PRACTICE, SESSION, 1)


async def test_a_run_is_changed_together_with_its_session(family: Family) -> None:
    await committed(family, Change(session=a_session(), runs=(a_run(),)))
    over = done(a_run(version=1))
    await committed(family, Change(session=a_session(version=1), runs=(over,)))
    assert await family.runs.of_session(PRACTICE, SESSION) == (replace(over, version=2),)
    assert (await family.sessions.load(PRACTICE, SESSION)).version == 2


async def test_of_writers_that_race_exactly_one_wins(family: Family) -> None:
    await committed(family, Change(session=a_session()))
    attempts = [
        committed(family, Change(session=a_session(version=1, title=f"Number {number}")))
        for number in range(8)
    ]
    results = await asyncio.gather(*attempts, return_exceptions=True)
    winners = [number for number, result in enumerate(results) if result is None]
    assert [type(result) for result in results if result is not None] == [Stale] * 7
    stored = await family.sessions.load(PRACTICE, SESSION)
    assert stored == a_session(version=2, title=f"Number {winners[0]}")


@pytest.mark.parametrize("number", [0, 2, -1, 10**30])
async def test_a_number_that_no_transcript_has_is_not_found(family: Family, number: int) -> None:
    await committed(family, Change(session=a_session(), transcript=a_version()))
    with pytest.raises(NotFound):
        await family.sessions.transcript(PRACTICE, SESSION, number)


async def test_every_version_of_a_transcript_stays(family: Family) -> None:
    await committed(family, Change(transcript=a_version(1)))
    await committed(family, Change(transcript=a_version(2, "Something else.")))
    assert await family.sessions.transcript(PRACTICE, SESSION, 1) == a_version(1)
    assert await family.sessions.transcript(PRACTICE, SESSION, 2) == a_version(2, "Something else.")


def scored(version: TranscriptVersion) -> TranscriptVersion:
    utterances = [replace(each, scores=Scores(0.5, 0.25, 0.25)) for each in version.utterances]
    insights = Insights(key_phrases=("a week",), engine="test")
    return replace(version, utterances=tuple(utterances), sentiment_gap="he", insights=insights)


async def test_a_transcript_may_be_written_again_with_other_scores_and_insights(
    family: Family,
) -> None:
    await committed(family, Change(transcript=a_version()))
    await committed(family, Change(transcript=scored(a_version())))
    assert await family.sessions.transcript(PRACTICE, SESSION, 1) == scored(a_version())


@pytest.mark.parametrize(
    "other",
    [
        a_version(1, "Other words."),
        scored(a_version(1, "Other words.")),
        a_version(author_id="somebody"),
    ],
    ids=["words", "words and scores", "author"],
)
async def test_a_transcript_never_changes_its_words(
    family: Family, other: TranscriptVersion
) -> None:
    await committed(family, Change(session=a_session(), transcript=a_version()))
    with pytest.raises(Stale):
        await committed(family, Change(session=a_session(version=1), transcript=other))
    assert await family.sessions.transcript(PRACTICE, SESSION, 1) == a_version()
    assert (await family.sessions.load(PRACTICE, SESSION)).version == 1


async def test_dropped_transcripts_are_gone_with_the_change_that_drops_them(family: Family) -> None:
    await committed(family, Change(session=a_session(transcript_number=2), transcript=a_version(1)))
    await committed(family, Change(transcript=a_version(2)))
    bare = a_session(version=1, state=State.ERASED, transcript_number=0)
    await committed(family, Change(session=bare, drop_transcripts=True))
    for number in (1, 2):
        with pytest.raises(NotFound):
            await family.sessions.transcript(PRACTICE, SESSION, number)
    assert await family.sessions.load(PRACTICE, SESSION) == replace(bare, version=2)


async def test_dropping_touches_no_other_session(family: Family) -> None:
    await committed(family, Change(transcript=a_version()))
    await family.sessions.commit(PRACTICE, "session-2", Change(drop_transcripts=True))
    await committed(family, Change(drop_transcripts=True), OTHER_PRACTICE)
    assert await family.sessions.transcript(PRACTICE, SESSION, 1) == a_version()


async def test_an_outbox_item_whose_id_is_there_is_replaced(family: Family) -> None:
    await committed(family, Change(outbox=(an_item("a"), an_item("b"))))
    again = an_item("a", due_at=NOW)
    await committed(family, Change(outbox=(again,)))
    pending = await family.outbox.pending(PRACTICE, SESSION)
    assert sorted(pending, key=lambda item: item.id) == [again, an_item("b")]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    session_id=ids, words=st.lists(texts, min_size=1, max_size=5), name=texts, created_at=moments
)
async def test_whatever_is_written_is_read_as_it_was(
    family: Family, session_id: str, words: list[str], name: str, created_at: object
) -> None:
    said = details(
        patient=SessionPatient("203948571", name),
        summary=words[0],
        general_notes=tuple(words),
        timed_notes=(TimedNote("00:01", name),),
    )
    session = a_session(id=session_id, details=said, created_at=created_at, state=State.ERASED)
    version = a_version(1, *words)
    practice_id = f"{PRACTICE}-{session_id}-{len(words)}"
    try:
        stored = (await family.sessions.load(practice_id, session_id)).version
    except NotFound:
        stored = 0
    change = Change(replace(session, version=stored), version, drop_transcripts=True)
    await family.sessions.commit(practice_id, session_id, change)
    assert await family.sessions.load(practice_id, session_id) == replace(
        session, version=stored + 1
    )
    assert await family.sessions.transcript(practice_id, session_id, 1) == version
