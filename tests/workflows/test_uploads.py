"""Taking recordings in: at once, again, under a dead writer's fingerprint; what is refused leaves nothing."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.builders import HOUR, PRACTICE, a_wav, details
from tests.workflows.interrupted_ports import nothing
from tests.workflows.memory_installation import ACTOR, SOUND, an_installation, upload
from therapy.adapters.memory.recordings import MemoryRecordings
from therapy.domain.errors import (
    AlreadyExists,
    Forbidden,
    InvalidInput,
    StorageFull,
    TooLarge,
    Unavailable,
    UnsupportedAudio,
)
from therapy.domain.session import State
from therapy.domain.upload import block_hash, content_hash
from therapy.ports.store import Delete, Write
from therapy.repositories.unique_keys import UniqueKey
from therapy.workflows import review
from therapy.workflows.fingerprints import fingerprint
from therapy.workflows.uploads import receiving


async def nothing_left(installed) -> bool:
    recordings = installed.recordings
    return not (recordings._kept or recordings._staged or await installed.uploads())


async def test_of_the_same_recording_at_once_from_many_one_session_comes():
    installed = await an_installation()
    receipts = await asyncio.gather(*(upload(installed.intake) for _ in range(6)))
    assert len({receipt.session_id for receipt in receipts}) == 1
    assert [receipt.new for receipt in receipts].count(True) == 1
    assert len(installed.recordings._kept) == 1
    assert not await installed.uploads()


async def let_others_go_first(partition: str, what: Sequence[object]) -> None:
    """Give way at each read and write, so that several at once really meet."""
    await asyncio.sleep(0)


async def test_of_several_at_once_that_meet_at_every_step_one_session_comes():
    installed = await an_installation()
    installed.store.after_get = installed.store.before_commit = let_others_go_first
    receipts = await asyncio.gather(*(upload(installed.intake) for _ in range(6)))
    assert len({receipt.session_id for receipt in receipts}) == 1
    assert [receipt.new for receipt in receipts].count(True) == 1
    assert len(installed.recordings._kept) == 1
    assert not await installed.uploads()
    assert len(await installed.runs(receipts[0].session_id)) == 1


async def test_of_several_at_once_over_a_cancelled_session_one_new_session_comes():
    installed = await an_installation()
    first = (await upload(installed.intake)).session_id
    installed.recordings.failure = Unavailable()
    await review.cancel(ACTOR, first, records=installed.records)  # its erasure has to wait
    installed.recordings.failure = None
    installed.store.after_get = installed.store.before_commit = let_others_go_first
    receipts = await asyncio.gather(*(upload(installed.intake) for _ in range(4)))
    assert len({receipt.session_id for receipt in receipts}) == 1
    assert [receipt.new for receipt in receipts].count(True) == 1
    assert receipts[0].session_id != first


async def test_at_once_with_other_details_one_wins_and_the_other_is_told_which():
    installed = await an_installation()
    results = await asyncio.gather(
        upload(installed.intake, summary="one"),
        upload(installed.intake, summary="two"),
        return_exceptions=True,
    )
    (receipt,) = [each for each in results if not isinstance(each, Exception)]
    (refused,) = [each for each in results if isinstance(each, AlreadyExists)]
    assert refused.details == {"session": receipt.session_id}
    assert len(installed.recordings._kept) == 1


async def test_a_dead_writers_reservation_is_taken_over():
    installed = await an_installation()
    key = fingerprint(ACTOR.person_id, content_hash([block_hash(SOUND)]))
    taken = UniqueKey(PRACTICE, key, "session-of-the-dead")
    await installed.write(installed.records.unique_keys.take(taken))
    receipt = await upload(installed.intake)
    assert receipt.session_id == "session-of-the-dead"
    assert receipt.new


async def test_a_session_that_is_being_cancelled_gives_way_to_a_new_one():
    installed = await an_installation()
    first = (await upload(installed.intake)).session_id
    installed.recordings.failure = Unavailable()
    await review.cancel(ACTOR, first, records=installed.records)  # its erasure has to wait
    installed.recordings.failure = None
    second = (await upload(installed.intake)).session_id
    assert second != first
    installed.clock.advance(minutes=5)
    await installed.sweep()
    assert (await installed.session(first)).state is State.ERASED
    assert (await upload(installed.intake)).session_id == second


@pytest.mark.parametrize(
    ("audio", "error"),
    [(b"", InvalidInput), (b"x" * 10_000, UnsupportedAudio), (b"RIFF", UnsupportedAudio)],
    ids=["empty", "text", "short"],
)
async def test_what_is_refused_leaves_nothing(audio, error):
    installed = await an_installation()
    with pytest.raises(error):
        await upload(installed.intake, audio)
    assert await nothing_left(installed)


async def test_too_many_bytes_are_refused_before_they_are_staged():
    installed = await an_installation(options={"max_upload_bytes": 1_000})
    with pytest.raises(TooLarge):
        await upload(installed.intake)
    assert await nothing_left(installed)


async def test_exactly_the_limit_is_accepted():
    installed = await an_installation(options={"max_upload_bytes": len(SOUND)})
    assert (await upload(installed.intake)).new


async def test_a_full_disk_leaves_nothing():
    installed = await an_installation(recordings=MemoryRecordings(room=100))
    with pytest.raises(StorageFull):
        await upload(installed.intake)
    assert await nothing_left(installed)


async def test_another_therapist_in_the_metadata_leaves_nothing():
    installed = await an_installation()
    with pytest.raises(Forbidden):
        await upload(installed.intake, therapist="somebody else")
    assert await nothing_left(installed)


async def test_an_upload_that_is_cancelled_leaves_nothing():
    installed = await an_installation()

    async def half() -> None:
        async with receiving(ACTOR, intake=installed.intake) as incoming:
            await incoming.write(SOUND)
            await asyncio.sleep(60)

    task = asyncio.create_task(half())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await nothing_left(installed)


@pytest.mark.parametrize("works_meanwhile", [True, False])
async def test_a_recording_that_is_lost_and_sent_again_takes_its_place(works_meanwhile):
    installed = await an_installation()
    first = await upload(installed.intake)
    (lost,) = (await installed.session(first.session_id)).recordings
    await installed.recordings.delete(PRACTICE, lost.key)  # as a restore may have it
    if works_meanwhile:
        await installed.work(first.session_id)
    again = await upload(installed.intake)
    assert (again.session_id, again.new) == (first.session_id, False)
    (there,) = (await installed.session(first.session_id)).recordings
    assert await installed.recordings.read(PRACTICE, there.key, 0, 10**9) == SOUND
    await installed.work(first.session_id)
    assert (await installed.session(first.session_id)).state is State.AWAITING_REVIEW


async def test_what_cannot_be_cleaned_up_now_does_not_undo_the_success():
    installed = await an_installation()

    async def keep_the_record(_: str, writes: Sequence[Write]) -> None:
        if any(isinstance(write, Delete) and write.id.startswith("upload-") for write in writes):
            raise Unavailable

    installed.store.before_commit = keep_the_record
    receipt = await upload(installed.intake)
    installed.store.before_commit = nothing
    assert await installed.uploads()
    assert receipt.new
    installed.clock.now += 2 * HOUR
    await installed.sweep()
    assert not await installed.uploads()
    key = (await installed.session(receipt.session_id)).recording.key
    assert await installed.recordings.read(PRACTICE, key, 0, 4) == b"RIFF"


async def test_a_long_upload_is_not_swept_away_while_it_goes_on():
    installed = await an_installation()
    block = a_wav(b"\x10\x00" * 3_000_000)
    async with receiving(ACTOR, intake=installed.intake) as incoming:
        for start in range(0, len(block), 1_000_000):
            await incoming.write(block[start : start + 1_000_000])
            installed.clock.advance(minutes=9)
            await installed.sweep()
        await incoming.end()
        receipt = await incoming.finish(ACTOR, details(), therapist="", file_name="x")
    assert receipt.new
