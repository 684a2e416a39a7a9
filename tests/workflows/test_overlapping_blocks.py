"""Two blocks of an upload are staged while the next one arrives; if that ends badly, nothing is left."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.builders import a_wav, details
from tests.workflows.memory_installation import ACTOR, MemoryInstallation, an_installation
from therapy.adapters.memory.recordings import MemoryRecordings
from therapy.domain.errors import StorageFull, TooLarge
from therapy.domain.upload import BLOCK_SIZE, block_hash, content_hash
from therapy.workflows.uploads import receiving

SOUND = a_wav(bytes(range(250)) * 4 * (BLOCK_SIZE // 250))
BLOCKS = [SOUND[at : at + BLOCK_SIZE] for at in range(0, len(SOUND), BLOCK_SIZE)]


class SlowRecordings(MemoryRecordings):
    """Stages blocks, from number `first` on, once they are let go; how many are being staged at most?"""

    def __init__(self, first: int = 0) -> None:
        super().__init__()
        self.first = first
        self.let_go = asyncio.Event()
        self.begun, self.both = asyncio.Event(), asyncio.Event()
        self.now, self.most = 0, 0

    async def stage(self, practice_id: str, upload_id: str, number: int, block: bytes) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        if self.now == 2:
            self.both.set()
        if number >= self.first:
            self.begun.set()
            await self.let_go.wait()
        await super().stage(practice_id, upload_id, number, block)
        self.now -= 1


async def nothing_left(installed: MemoryInstallation) -> bool:
    recordings = installed.recordings
    return not (recordings._kept or recordings._staged or await installed.uploads())


async def one_block(installed: MemoryInstallation, then: Callable[[], Awaitable[object]]) -> None:
    async with receiving(ACTOR, intake=installed.intake) as incoming:
        await incoming.write(BLOCKS[0])
        await then()


async def test_the_next_block_arrives_while_two_are_staged_and_no_more_than_two_are() -> None:
    recordings = SlowRecordings()
    installed = await an_installation(recordings=recordings)
    async with receiving(ACTOR, intake=installed.intake) as incoming:
        for block in BLOCKS[:2]:
            await incoming.write(block)
        async with asyncio.timeout(10):
            await recordings.both.wait()
        await incoming.write(BLOCKS[2][:100])
        recordings.let_go.set()
        for block in (BLOCKS[2][100:], *BLOCKS[3:]):
            await incoming.write(block)
        await incoming.end()
        receipt = await incoming.finish(ACTOR, details(), therapist="", file_name="x")
    recording = (await installed.session(receipt.session_id)).recording
    assert recording.size == len(SOUND)
    assert recording.content_hash == content_hash(map(block_hash, BLOCKS))
    assert recordings.most == 2


async def test_an_upload_cancelled_while_a_block_is_staged_leaves_nothing() -> None:
    recordings = SlowRecordings()
    installed = await an_installation(recordings=recordings)

    async def half() -> None:
        async with receiving(ACTOR, intake=installed.intake) as incoming:
            await incoming.write(BLOCKS[0])
            await asyncio.sleep(60)

    task = asyncio.create_task(half())
    await recordings.begun.wait()
    task.cancel()
    await asyncio.sleep(0.01)
    recordings.let_go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await nothing_left(installed)


async def all_blocks(installed: MemoryInstallation, written: list[bytes]) -> None:
    async with receiving(ACTOR, intake=installed.intake) as incoming:
        for block in BLOCKS:
            await incoming.write(block)
            written.append(block)


async def test_a_disk_that_is_full_is_told_at_the_next_block_at_the_latest() -> None:
    installed = await an_installation(recordings=MemoryRecordings(room=BLOCK_SIZE + 100))
    written = list[bytes]()
    with pytest.raises(StorageFull):
        await all_blocks(installed, written)
    assert written == BLOCKS[:2]  # the second one has no room, the third is not taken
    assert await nothing_left(installed)


async def test_a_disk_that_is_full_ends_the_wait_for_more_bytes() -> None:
    installed = await an_installation(recordings=MemoryRecordings(room=100))
    async with asyncio.timeout(10):
        with pytest.raises(StorageFull):
            await one_block(installed, asyncio.Event().wait)
    assert await nothing_left(installed)


async def test_a_body_that_is_late_for_its_own_reasons_is_not_taken_for_a_block_that_failed() -> (
    None
):
    async def late() -> None:
        raise TimeoutError

    installed = await an_installation()
    with pytest.raises(TimeoutError):
        await one_block(installed, late)
    assert await nothing_left(installed)


async def test_the_block_that_is_being_staged_counts_for_the_largest_recording() -> None:
    recordings = SlowRecordings()
    options = {"max_upload_bytes": BLOCK_SIZE + 10}
    installed = await an_installation(recordings=recordings, options=options)
    async with receiving(ACTOR, intake=installed.intake) as incoming:
        await incoming.write(BLOCKS[0])
        with pytest.raises(TooLarge):
            await incoming.write(b"more than ten bytes")
        recordings.let_go.set()
    assert await nothing_left(installed)


class ThirdFails(SlowRecordings):
    """Has no room for the third block, while the second is still being staged."""

    async def stage(self, practice_id: str, upload_id: str, number: int, block: bytes) -> None:
        if number == 2:
            raise StorageFull
        await super().stage(practice_id, upload_id, number, block)


async def test_a_block_that_fails_beside_another_ends_the_wait_and_the_other_is_thrown_away() -> (
    None
):
    recordings = ThirdFails(first=1)
    installed = await an_installation(recordings=recordings)

    async def stalled() -> None:
        async with receiving(ACTOR, intake=installed.intake) as incoming:
            for block in BLOCKS[:3]:
                await incoming.write(block)
            await asyncio.sleep(60)

    task = asyncio.create_task(stalled())
    await recordings.begun.wait()
    await asyncio.sleep(0.01)
    recordings.let_go.set()
    async with asyncio.timeout(10):
        with pytest.raises(StorageFull):
            await task
    assert await nothing_left(installed)


class BothFail(SlowRecordings):
    """Has no room for the second block, nor a moment later, `turns` of the event loop, for the third."""

    def __init__(self, turns: int) -> None:
        super().__init__()
        self.turns = turns

    async def stage(self, practice_id: str, upload_id: str, number: int, block: bytes) -> None:
        if not number:
            return
        await self.let_go.wait()
        for _ in range(self.turns * (number - 1)):
            await asyncio.sleep(0)
        raise StorageFull


async def test_two_blocks_that_fail_at_once_end_the_wait_once() -> None:
    errors = list[object]()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: errors.append(context["message"]))
    for turns in range(5):
        recordings = BothFail(turns)
        installed = await an_installation(recordings=recordings)
        with pytest.raises(StorageFull):
            await stalled(installed, recordings)
    assert not errors


async def stalled(installed: MemoryInstallation, recordings: SlowRecordings) -> None:
    async with receiving(ACTOR, intake=installed.intake) as incoming:
        for block in BLOCKS[:3]:
            await incoming.write(block)
        asyncio.get_running_loop().call_soon(recordings.let_go.set)
        await asyncio.Event().wait()
