"""Upload limits: how many uploads may be open, and how many bytes may be sent on a day."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from tests.builders import HOUR, MINUTE, PRACTICE, THERAPIST, a_therapist, an_actor
from tests.logins import has_login
from tests.workflows.memory_installation import (
    ACTOR,
    SOUND,
    MemoryInstallation,
    an_installation,
    upload,
)
from therapy.adapters.memory.recordings import MemoryRecordings
from therapy.domain.errors import TooMuchAtOnce, Unavailable
from therapy.domain.person_limits import PersonLimits
from therapy.domain.upload import BLOCK_SIZE, QUIET
from therapy.workflows import accounts
from therapy.workflows.uploads import receiving

COLLEAGUE = an_actor(person_id="therapist-2")


async def limited(**limits: int) -> MemoryInstallation:
    installed = await an_installation(options={"limits": PersonLimits(**limits)})
    colleague = a_therapist(id=COLLEAGUE.person_id, email="alex.lebed2@example.health")
    await accounts.add_person(colleague, records=installed.records)
    await has_login(PRACTICE, COLLEAGUE.person_id, records=installed.records)
    return installed


async def received(installed: MemoryInstallation) -> int:
    day = installed.clock.now.date()
    return (await installed.records.received_bytes.load(PRACTICE, THERAPIST, day)).size


async def test_beyond_what_one_therapist_may_have_open_an_upload_is_refused_before_a_byte():
    installed = await limited(uploads=2)
    intake = installed.intake
    async with receiving(ACTOR, intake=intake), receiving(ACTOR, intake=intake):
        with pytest.raises(TooMuchAtOnce) as refused:
            await upload(intake)
        details = {"retry_after": 30}
        assert (refused.value.code, refused.value.details) == ("too_many_uploads", details)
        assert await upload(intake, actor=COLLEAGUE)
    assert await upload(intake)
    assert not await installed.uploads()


class Unreachable(MemoryRecordings):
    """Recordings that can't be reached while somebody's upload is refused."""

    async def discard(self, practice_id: str, upload_id: str) -> None:
        raise Unavailable(reason="down")


async def test_a_refused_upload_asks_nothing_of_the_recordings_and_leaves_no_record():
    limits = PersonLimits(uploads=1)
    installed = await an_installation(recordings=Unreachable(), options={"limits": limits})
    async with receiving(ACTOR, intake=installed.intake):
        with pytest.raises(TooMuchAtOnce, match="too_many_uploads"):
            await upload(installed.intake)
        (_,) = await installed.uploads()
    assert not await installed.uploads()


async def test_of_many_that_begin_at_the_same_moment_no_more_than_may_be_open_go_on():
    installed = await limited(uploads=3)
    opened, over = 0, asyncio.Event()

    async def open_one() -> None:
        nonlocal opened
        installed.clock.now += timedelta(microseconds=1)
        async with receiving(ACTOR, intake=installed.intake):
            opened += 1
            await over.wait()

    uploads = [asyncio.create_task(open_one()) for _ in range(40)]
    for _ in range(1_000):
        await asyncio.sleep(0)
    assert opened == 3
    over.set()
    ended = await asyncio.gather(*uploads, return_exceptions=True)
    assert [type(each) for each in ended if each] == [TooMuchAtOnce] * 37


async def test_uploads_of_a_process_that_died_count_until_they_are_quiet():
    installed = await limited(uploads=1)
    async with AsyncExitStack() as died:
        await died.enter_async_context(receiving(ACTOR, intake=installed.intake))
        with pytest.raises(TooMuchAtOnce):
            await upload(installed.intake)
        installed.clock.now += QUIET
        assert await upload(installed.intake)


async def test_an_upload_that_goes_on_counts_however_long_it_takes():
    installed = await limited(uploads=1)
    async with receiving(ACTOR, intake=installed.intake) as slow:
        for _ in range(10):
            installed.clock.now += MINUTE
            await slow.write(SOUND)
        installed.clock.now += QUIET - 2 * MINUTE
        with pytest.raises(TooMuchAtOnce):
            await upload(installed.intake)


async def test_beyond_what_a_process_may_have_open_everybodys_uploads_are_refused():
    installed = await limited(uploads_in_all=1)
    async with receiving(ACTOR, intake=installed.intake):
        with pytest.raises(Unavailable) as refused:
            await upload(installed.intake, actor=COLLEAGUE)
        assert (refused.value.code, refused.value.details) == ("uploads_busy", {"retry_after": 30})
    assert await upload(installed.intake, actor=COLLEAGUE)


async def test_what_was_sent_today_counts_whatever_became_of_it_and_not_tomorrow():
    installed = await limited(bytes_a_day=2 * len(SOUND))
    await upload(installed.intake)
    async with receiving(ACTOR, intake=installed.intake) as broken:
        await broken.write(SOUND)
    assert await received(installed) == 2 * len(SOUND)
    with pytest.raises(TooMuchAtOnce) as refused:
        await upload(installed.intake)
    now = installed.clock.now
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    seconds = int((midnight - now).total_seconds())
    limit = 2 * len(SOUND)
    assert refused.value.details == {"limit": limit, "retry_after": seconds}
    assert await upload(installed.intake, actor=COLLEAGUE)
    installed.clock.now = midnight
    assert await upload(installed.intake)


async def test_an_upload_whose_length_is_more_than_is_left_is_refused_before_a_byte():
    installed = await limited(bytes_a_day=1_000)
    with pytest.raises(TooMuchAtOnce, match="daily_bytes"):
        async with receiving(ACTOR, 1_001, intake=installed.intake):
            pytest.fail("it was opened")
    async with receiving(ACTOR, 1_000, intake=installed.intake):
        pass


async def test_an_upload_without_a_length_is_refused_once_it_is_too_much():
    installed = await limited(bytes_a_day=BLOCK_SIZE)
    with pytest.raises(TooMuchAtOnce, match="daily_bytes"):
        await upload(installed.intake, SOUND + bytes(BLOCK_SIZE))
    assert not installed.recordings._staged
    assert await received(installed) > BLOCK_SIZE


async def test_bytes_are_counted_while_they_arrive_so_that_a_crash_forgets_little():
    installed = await limited()
    async with receiving(ACTOR, intake=installed.intake) as slow:
        await slow.write(SOUND)
        installed.clock.now += HOUR / 2
        await slow.write(SOUND)
        assert await received(installed) == 2 * len(SOUND)
