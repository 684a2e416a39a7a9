"""Whoever follows sessions is told how far they are: when, of what, from where, and how often it is read."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.builders import (
    NOW,
    OTHER_PRACTICE,
    PRACTICE,
    SESSION,
    THERAPIST,
    a_run,
    a_session,
    an_actor,
)
from tests.workflows.following import (
    PATIENCE,
    Deaf,
    Lost,
    following,
    is_silent,
    next_of,
    told,
)
from tests.workflows.interrupted_ports import InterruptedStore, nothing
from tests.workflows.memory_installation import (
    ACTOR,
    IN_SESSION,
    SHORT_LEASE,
    MemoryInstallation,
    an_installation,
    begun,
    reviewed,
)
from tests.workflows.test_progress import StepwiseSpeech
from therapy.adapters.memory.store import MemoryStore
from therapy.domain.errors import Forbidden, InvalidInput, NotFound, TooMuchAtOnce, Unavailable
from therapy.domain.people import Role
from therapy.domain.person_limits import PersonLimits
from therapy.domain.session_event import scope_of_person
from therapy.domain.session_status import SessionStatus
from therapy.testing.clock import Clock
from therapy.workflows import review
from therapy.workflows.session_entries import current_entry

SELDOM = timedelta(hours=1)
COLLEAGUE = replace(ACTOR, person_id="a-colleague")


@pytest.fixture
async def installed() -> AsyncIterator[MemoryInstallation]:
    opened = await an_installation(options={"events_poll": SELDOM})
    yield opened
    await opened.installation.followed_sessions.close()


@pytest.fixture
async def deaf() -> AsyncIterator[MemoryInstallation]:
    """An installation of which every publication is lost, and that looks into the store often."""
    poll = {"events_poll": timedelta(milliseconds=20)}
    opened = await an_installation(options=poll, session_events=Lost())
    yield opened
    await opened.installation.followed_sessions.close()


@pytest.mark.slow
async def test_a_follower_is_told_how_it_is_now_and_of_every_state_that_follows(installed):
    await begun(installed)
    async with following(installed) as stream:
        assert (await told(stream, SessionStatus.AWAITING_TRANSCRIPT))[1].version is None
        await installed.work()
        _, event = await told(stream, SessionStatus.AWAITING_REVIEW)
        assert (event.session_id, event.version, event.progress) == (SESSION, 1, 1.0)
        lines = await reviewed(installed)
        await review.submit(ACTOR, SESSION, lines, records=installed.records)
        await told(stream, SessionStatus.CLOSING)
        await installed.work()
        assert (await told(stream, SessionStatus.CLOSED))[1].version == 2


async def listed(installed: MemoryInstallation, session_id: str = SESSION) -> None:
    """Put the entry of a session into the lists, and say that it has changed."""
    session = await installed.session(session_id)
    entry = await current_entry(session, records=installed.records)
    await installed.installation.session_index.put(PRACTICE, entry)
    await installed.ports.session_events.publish(PRACTICE, session_id)


async def test_one_stream_tells_of_all_sessions_that_are_not_finished_and_of_new_ones(installed):
    await begun(installed)
    await listed(installed)
    async with following(installed, "") as stream:
        assert [event.session_id for _, event in await next_of(stream)] == [SESSION]
        records = installed.records
        await installed.write(
            records.sessions.write(a_session(id="session-2")),
            records.runs.write(a_run(id="run-2", session_id="session-2")),
        )
        await listed(installed, "session-2")
        assert [event.session_id for _, event in await next_of(stream)] == ["session-2"]


async def test_progress_that_a_beat_writes_is_told():
    speech = StepwiseSpeech((5_000,))
    installed = await an_installation(
        options={"events_poll": SELDOM},
        worker_options=SHORT_LEASE,
        speech=speech,
    )
    await begun(installed)
    async with following(installed) as stream:
        work = asyncio.create_task(installed.work())
        async with asyncio.timeout(PATIENCE):
            while (news := await next_of(stream))[0][1].progress < 0.4:
                pass
        event = news[0][1]
        assert (event.state, event.stage) == (SessionStatus.TRANSCRIBING, "recognising")
        assert event.seconds_left == 0  # by the clock of the test no time has passed
        speech.go.release()
        await work
    await installed.installation.followed_sessions.close()


async def test_a_colleague_a_patient_and_another_practice_follow_nothing_of_it(installed):
    await begun(installed)
    followed = installed.installation.followed_sessions
    elsewhere = replace(ACTOR, practice_id=OTHER_PRACTICE)
    for stranger in (COLLEAGUE, elsewhere, an_actor(role=Role.PATIENT)):
        with pytest.raises(NotFound):
            await followed.follow(stranger, SESSION)
    with pytest.raises(Forbidden):
        await followed.follow(an_actor(role=Role.PATIENT))
    async with following(installed, "", actor=COLLEAGUE) as stream:
        await installed.work()
        assert await is_silent(stream)
    assert followed.count == 0


async def test_a_stream_goes_on_after_the_last_event_id_with_what_has_changed_since(installed):
    await begun(installed)
    async with following(installed) as stream:
        last, _ = await told(stream, SessionStatus.AWAITING_TRANSCRIPT)
    async with following(installed, last_event_id=last) as stream:
        assert await is_silent(stream)
    await installed.work()
    async with following(installed, last_event_id=last) as stream:
        await told(stream, SessionStatus.AWAITING_REVIEW)


async def test_another_process_goes_on_with_all_of_somebodys_sessions_also_those_that_were_closed(
    installed,
):
    await begun(installed)
    await installed.work()
    async with following(installed, "") as stream:
        last, _ = await told(stream, SessionStatus.AWAITING_REVIEW)
    other = installed.with_ports()
    async with following(other, "", last_event_id=last) as stream:
        assert await is_silent(stream)
    lines = await reviewed(installed)
    await review.submit(ACTOR, SESSION, lines, records=installed.records)
    await installed.work()
    async with following(other, "", last_event_id=last) as stream:
        await told(stream, SessionStatus.CLOSED)


async def test_an_id_of_another_session_or_from_the_future_is_refused(installed):
    await begun(installed)
    followed = installed.installation.followed_sessions
    async with following(installed) as stream:
        last, event = await told(stream, SessionStatus.AWAITING_TRANSCRIPT)
    future = last.replace(f":{event.sequence}", f":{event.sequence + 1}")
    of_all = f"{scope_of_person(PRACTICE, THERAPIST)}~{SESSION}:{event.sequence + 1}"
    for session_id, wrong in ((SESSION, future), ("", last), ("", of_all), (SESSION, of_all)):
        with pytest.raises(InvalidInput, match="last_event_id"):
            await followed.follow(ACTOR, session_id, last_event_id=wrong)
    assert followed.count == 0


async def test_an_id_that_names_a_session_of_somebody_else_tells_nothing_about_it(installed):
    await begun(installed)
    for sequence in (0, 10**12):
        forged = f"{scope_of_person(PRACTICE, COLLEAGUE.person_id)}~{SESSION}:{sequence}"
        async with following(installed, "", actor=COLLEAGUE, last_event_id=forged) as stream:
            assert await is_silent(stream)


async def test_a_session_that_is_cancelled_and_erased_says_so_and_ends_its_own_stream(installed):
    await begun(installed)
    await listed(installed)
    async with following(installed) as one, following(installed, "") as every:
        await told(one, SessionStatus.AWAITING_TRANSCRIPT)
        await told(every, SessionStatus.AWAITING_TRANSCRIPT)
        await review.cancel(ACTOR, SESSION, records=installed.records)
        await told(every, SessionStatus.ERASED)
        await told(one, SessionStatus.ERASED)
        with pytest.raises(StopAsyncIteration):
            await anext(one)
    with pytest.raises(NotFound):
        await installed.installation.followed_sessions.follow(ACTOR, SESSION)


async def test_publications_that_are_lost_are_made_up_for_by_looking(deaf):
    await begun(deaf)
    await listed(deaf)
    async with following(deaf) as one, following(deaf, "") as every:
        await told(one, SessionStatus.AWAITING_TRANSCRIPT)
        await told(every, SessionStatus.AWAITING_TRANSCRIPT)
        await deaf.work()
        await told(one, SessionStatus.AWAITING_REVIEW)
        await told(every, SessionStatus.AWAITING_REVIEW)
        await review.cancel(ACTOR, SESSION, records=deaf.records)
        await told(every, SessionStatus.ERASED)


async def test_where_listening_fails_looking_goes_on_and_the_failure_is_noted():
    poll = {"events_poll": timedelta(milliseconds=20)}
    installed = await an_installation(options=poll, session_events=Deaf())
    followed, failures = installed.installation.followed_sessions, list[Exception]()
    followed.note_failure = failures.append
    await begun(installed)
    async with following(installed) as stream:
        await told(stream, SessionStatus.AWAITING_TRANSCRIPT)
        await installed.work()
        await told(stream, SessionStatus.AWAITING_REVIEW)
    await followed.close()
    assert [type(each) for each in failures] == [PermissionError]


async def test_a_store_that_is_away_for_a_while_ends_no_stream(deaf):
    await begun(deaf)
    async with following(deaf) as stream:
        await told(stream, SessionStatus.AWAITING_TRANSCRIPT)
        asked = asyncio.Event()

        async def away(partition: str, _: object) -> None:
            if partition == IN_SESSION:
                asked.set()
                raise Unavailable

        deaf.store.after_get = away
        async with asyncio.timeout(PATIENCE):
            await asked.wait()
        deaf.store.after_get = nothing
        await deaf.work()
        await told(stream, SessionStatus.AWAITING_REVIEW)


async def test_where_nobody_follows_a_publication_reads_nothing(installed):
    await begun(installed)
    installed.store.forget_reads()
    for _ in range(10):
        await installed.ports.session_events.publish(PRACTICE, SESSION)
    installed.installation.followed_sessions.on_published(PRACTICE, SESSION)
    await asyncio.sleep(0)
    assert (installed.store.gets, installed.store.lists) == ([], [])


async def test_a_hundred_changes_at_once_are_read_twice_however_many_follow(installed):
    await begun(installed)
    followed = installed.installation.followed_sessions
    followers = [await followed.follow(ACTOR, SESSION) for _ in range(20)]
    installed.store.forget_reads()
    for _ in range(100):
        followed.on_published(PRACTICE, SESSION)
        await asyncio.sleep(0)
    assert len(installed.store.gets) == 1
    second = asyncio.Event()

    async def read(_: str, __: object) -> None:
        second.set()

    installed.store.after_get = read
    async with asyncio.timeout(PATIENCE):
        await second.wait()
    for each in followers:
        followed.leave(each)
    assert len(installed.store.gets) == 2


async def test_a_follower_that_does_not_read_keeps_the_newest_state_only(installed):
    await begun(installed)
    async with following(installed) as stream:
        await asyncio.sleep(0)
        await installed.work()
        lines = await reviewed(installed)
        await review.submit(ACTOR, SESSION, lines, records=installed.records)
        await installed.work()
        async with asyncio.timeout(PATIENCE):
            while (news := await next_of(stream))[0][1].state is not SessionStatus.CLOSED:
                assert len(news) == 1
        assert await is_silent(stream)


async def test_one_person_follows_only_so_much_at_once_and_so_do_all_together():
    limits = PersonLimits(event_streams=2, event_streams_in_all=3)
    installed = await an_installation(options={"limits": limits, "events_poll": SELDOM})
    await begun(installed)
    followed = installed.installation.followed_sessions
    first, second = [await followed.follow(ACTOR, SESSION), await followed.follow(ACTOR)]
    with pytest.raises(TooMuchAtOnce, match="too_many_streams"):
        await followed.follow(ACTOR, SESSION)
    await followed.follow(COLLEAGUE)
    with pytest.raises(Unavailable, match="streams_busy"):
        await followed.follow(replace(COLLEAGUE, person_id="another"))
    followed.leave(first)
    followed.leave(first)  # counted once
    third = await followed.follow(ACTOR, SESSION)
    with pytest.raises(TooMuchAtOnce):
        await followed.follow(ACTOR, SESSION)
    for each in (second, third):
        followed.leave(each)
    await followed.close()


class Behind(InterruptedStore):
    """A store whose reads may miss what another process wrote a moment ago."""

    lag = timedelta(milliseconds=20)


async def test_where_a_read_may_be_late_a_session_is_read_once_more_after_it_was_published():
    store = Behind(MemoryStore(Clock(NOW)))
    was_read, written = asyncio.Event(), asyncio.Event()
    installed = await an_installation(options={"events_poll": SELDOM}, store=store)
    await begun(installed)
    async with following(installed) as stream:
        await told(stream, SessionStatus.AWAITING_TRANSCRIPT)

        async def read(_: str, __: object) -> None:
            """Written between the first read and its answer: the second begins afterwards."""
            was_read.set()
            await written.wait()

        store.after_get = read
        await installed.ports.session_events.publish(PRACTICE, SESSION)
        await was_read.wait()
        other = installed.with_ports(
            store=InterruptedStore(store.store), session_events=Lost()
        )  # has written before, but is seen only now
        await other.work()
        written.set()
        await told(stream, SessionStatus.AWAITING_REVIEW)
    await installed.installation.followed_sessions.close()
