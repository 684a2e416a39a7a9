"""What `repositories.sessions` promises, with what else is written in the same change."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.builders import (
    OTHER_PRACTICE,
    PRACTICE,
    SESSION,
    a_run,
    a_session,
    a_version,
    an_item,
    details,
)
from tests.repositories.changes import NO_UNICODE, ODD_IDS, at_once, commit, everything
from therapy.domain.errors import InvalidInput, LeaseLost, NotFound, Stale, TherapyError
from therapy.domain.run import Run, done
from therapy.domain.session import Session, SessionPatient, State, TimedNote
from therapy.repositories.change import Change
from therapy.repositories.records import Records
from therapy.repositories.sessions import session_partition
from therapy.testing.strategies import ids, moments, texts

PARTITION = session_partition(PRACTICE, SESSION)


async def write(records: Records, *sessions: Session) -> None:
    for session in sessions:
        await commit(records, records.sessions.write(session))


async def pending_ids(records: Records) -> list[str]:
    return [placed.item.id for placed in await records.outbox.pending(PARTITION)]


async def test_a_new_session_is_loaded_with_version_1(records: Records) -> None:
    await write(records, a_session())
    assert await records.sessions.load(PRACTICE, SESSION) == a_session(version=1)


async def test_each_write_of_a_session_counts(records: Records) -> None:
    await write(records, a_session(), a_session(version=1, title="Another"))
    assert await records.sessions.load(PRACTICE, SESSION) == a_session(version=2, title="Another")


async def test_every_part_of_a_change_is_written(records: Records) -> None:
    await everything(records, a_session(transcript_number=1), a_version(), (a_run(),), (an_item(),))
    assert (await records.sessions.load(PRACTICE, SESSION)).transcript_number == 1
    assert await records.transcripts.load(PRACTICE, SESSION, 1) == a_version()
    assert await records.runs.of_session(PRACTICE, SESSION) == (a_run(version=1),)
    (placed,) = await records.outbox.pending(PARTITION)
    assert placed.item == an_item(version=1)


async def test_a_change_without_parts_writes_nothing(records: Records) -> None:
    await commit(records)
    with pytest.raises(NotFound):
        await records.sessions.load(PRACTICE, SESSION)


async def test_a_change_of_two_partitions_is_refused_before_anything_is_written(
    records: Records,
) -> None:
    change = Change(records.sessions.write(a_session()))
    with pytest.raises(ValueError, match="one partition"):
        change.add(records.sessions.write(a_session(id="session-2")))


async def test_a_session_that_is_missing_is_not_found(records: Records) -> None:
    with pytest.raises(NotFound):
        await records.sessions.load(PRACTICE, "missing")


async def test_a_session_of_another_practice_is_not_found(records: Records) -> None:
    await everything(records, a_session(), a_version())
    with pytest.raises(NotFound):
        await records.sessions.load(OTHER_PRACTICE, SESSION)
    with pytest.raises(NotFound):
        await records.transcripts.load(OTHER_PRACTICE, SESSION, 1)


async def test_practices_may_use_the_same_id(records: Records) -> None:
    await write(records, a_session(title="Ours"))
    await write(records, a_session(practice_id=OTHER_PRACTICE, title="Theirs"))
    assert (await records.sessions.load(PRACTICE, SESSION)).title == "Ours"
    assert (await records.sessions.load(OTHER_PRACTICE, SESSION)).title == "Theirs"


@pytest.mark.parametrize("version", [0, 1, 3])
async def test_a_session_with_another_version_than_the_stored_one_is_stale(
    records: Records, version: int
) -> None:
    await write(records, a_session(), a_session(version=1))
    with pytest.raises(Stale):
        await write(records, a_session(version=version, title="Late"))
    assert await records.sessions.load(PRACTICE, SESSION) == a_session(version=2)


async def test_a_missing_session_with_a_version_is_stale(records: Records) -> None:
    with pytest.raises(Stale):
        await write(records, a_session(version=1))
    with pytest.raises(NotFound):
        await records.sessions.load(PRACTICE, SESSION)


async def test_a_stale_session_keeps_the_whole_change_out(records: Records) -> None:
    await everything(records, a_session(), a_version())
    with pytest.raises(Stale):
        await everything(records, a_session(), a_version(2), (a_run(),), (an_item(),))
    assert await records.transcripts.load(PRACTICE, SESSION, 1) == a_version()
    with pytest.raises(NotFound):
        await records.transcripts.load(PRACTICE, SESSION, 2)
    assert await records.runs.of_session(PRACTICE, SESSION) == ()
    assert await pending_ids(records) == []


@pytest.mark.parametrize("version", [0, 2])
async def test_a_run_with_another_version_than_the_stored_one_has_lost_its_lease(
    records: Records, version: int
) -> None:
    await commit(records, records.runs.write(a_run()))
    with pytest.raises(LeaseLost):
        await commit(records, records.runs.write(done(a_run(version=version))))
    assert await records.runs.of_session(PRACTICE, SESSION) == (a_run(version=1),)


@pytest.mark.parametrize(
    ("session", "run", "error"),
    [
        (a_session(version=1, state=State.AWAITING_REVIEW), done(a_run(version=7)), LeaseLost),
        (a_session(version=7, state=State.AWAITING_REVIEW), done(a_run(version=1)), Stale),
    ],
    ids=["the run", "the session"],
)
async def test_whichever_part_is_refused_its_error_is_raised_and_nothing_is_written(
    records: Records, session: Session, run: Run, error: type[TherapyError]
) -> None:
    await everything(records, a_session(), runs=(a_run(),))
    with pytest.raises(error):
        await everything(records, session, a_version(), (a_run(id="run-2"), run), (an_item(),))
    assert await records.sessions.load(PRACTICE, SESSION) == a_session(version=1)
    assert await records.runs.of_session(PRACTICE, SESSION) == (a_run(version=1),)
    assert await pending_ids(records) == []
    with pytest.raises(NotFound):
        await records.transcripts.load(PRACTICE, SESSION, 1)


async def test_a_run_is_changed_together_with_its_session(records: Records) -> None:
    await everything(records, a_session(), runs=(a_run(),))
    over = done(a_run(version=1))
    await everything(records, a_session(version=1), runs=(over,))
    assert await records.runs.of_session(PRACTICE, SESSION) == (replace(over, version=2),)
    assert (await records.sessions.load(PRACTICE, SESSION)).version == 2


async def test_of_writers_that_race_exactly_one_wins(records: Records, replica: Records) -> None:
    await write(records, a_session())
    won, failed = await at_once(
        *(
            write(each, a_session(version=1, title=f"Number {number}"))
            for number, each in enumerate([records, replica] * 4)
        )
    )
    assert failed == [Stale] * 7
    stored = a_session(version=2, title=f"Number {won[0]}")
    for each in (records, replica):
        assert await each.sessions.load(PRACTICE, SESSION) == stored


async def test_what_one_process_writes_the_next_one_reads_and_changes(
    records: Records, replica: Records
) -> None:
    await write(records, a_session())
    for each in (replica, records, replica, replica, records):
        session = await each.sessions.load(PRACTICE, SESSION)
        await write(each, session)
    assert (await replica.sessions.load(PRACTICE, SESSION)).version == 6


async def test_no_two_odd_ids_share_a_session(records: Records) -> None:
    for practice_id in (PRACTICE, OTHER_PRACTICE):
        for number, session_id in enumerate(ODD_IDS):
            session = a_session(practice_id=practice_id, id=session_id, title=f"{number}")
            await write(records, session)
    for practice_id in (PRACTICE, OTHER_PRACTICE):
        for number, session_id in enumerate(ODD_IDS):
            session = await records.sessions.load(practice_id, session_id)
            assert (session.id, session.title) == (session_id, f"{number}")


async def test_practice_and_session_never_run_into_each_other(records: Records) -> None:
    pairs = [("a", "b|c"), ("a|b", "c"), ("a|b|c", ""), ("", "a|b|c"), ("~a", "b"), ("a", "~b")]
    for practice_id, session_id in pairs:
        await write(records, a_session(practice_id=practice_id, id=session_id))
    for practice_id, session_id in pairs:
        session = await records.sessions.load(practice_id, session_id)
        assert (session.practice_id, session.id) == (practice_id, session_id)


async def test_what_is_no_unicode_is_refused_without_quoting_it_and_not_found(
    records: Records,
) -> None:
    for session in (a_session(id=NO_UNICODE), a_session(title=NO_UNICODE)):
        with pytest.raises(InvalidInput) as caught:
            await write(records, session)
        assert "said" not in str(caught.value)
        with pytest.raises(NotFound):
            await records.sessions.load(PRACTICE, session.id)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    session_id=ids, words=st.lists(texts, min_size=1, max_size=5), name=texts, created_at=moments
)
async def test_whatever_is_written_is_read_as_it_was(
    records: Records, session_id: str, words: list[str], name: str, created_at: object
) -> None:
    said = details(
        patient=SessionPatient("203948571", name),
        summary=words[0],
        general_notes=tuple(words),
        timed_notes=(TimedNote("00:01", name),),
    )
    practice_id = f"{PRACTICE}-{records.new_id()}"
    session = a_session(
        id=session_id,
        practice_id=practice_id,
        details=said,
        created_at=created_at,
        state=State.ERASED,
    )
    version = a_version(1, *words, session_id=session_id)
    await everything(records, session, version)
    assert await records.sessions.load(practice_id, session_id) == replace(session, version=1)
    assert await records.transcripts.load(practice_id, session_id, 1) == version
