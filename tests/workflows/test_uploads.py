"""Taking recordings in: at once, again, under a dead writer's reservation; and the sweep behind it."""

import asyncio

import pytest

from tests.builders import HOUR, PRACTICE, SESSION, a_wav, an_item, an_upload
from tests.workflows.desks import ACTOR, SOUND, an_office, begun, upload
from therapy.adapters.memory.recordings import MemoryRecordings
from therapy.domain.errors import (
    AlreadyExists,
    Forbidden,
    InvalidInput,
    NotFound,
    StorageFull,
    TooLarge,
    Unavailable,
    UnsupportedAudio,
)
from therapy.domain.session import State
from therapy.domain.upload import block_hash, content_hash
from therapy.ports.sessions import Change
from therapy.workflows import review
from therapy.workflows.desk import Limits
from therapy.workflows.outbox_relay import fingerprint
from therapy.workflows.sweep import sweep
from therapy.workflows.uploads import receiving


def nothing_left(office) -> bool:
    desk = office.desk
    return not (desk.recordings._kept or desk.recordings._staged or desk.uploads._uploads)


async def test_of_the_same_recording_at_once_from_many_one_session_comes():
    office = await an_office()
    receipts = await asyncio.gather(*(upload(office.desk) for _ in range(6)))
    assert len({receipt.session_id for receipt in receipts}) == 1
    assert [receipt.new for receipt in receipts].count(True) == 1
    assert len(office.desk.recordings._kept) == 1
    assert not office.desk.uploads._uploads


async def test_at_once_with_other_details_one_wins_and_the_other_is_told_which():
    office = await an_office()
    results = await asyncio.gather(
        upload(office.desk, summary="one"),
        upload(office.desk, summary="two"),
        return_exceptions=True,
    )
    (receipt,) = [each for each in results if not isinstance(each, Exception)]
    (refused,) = [each for each in results if isinstance(each, AlreadyExists)]
    assert refused.details == {"session": receipt.session_id}
    assert len(office.desk.recordings._kept) == 1


async def test_a_dead_writers_reservation_is_taken_over():
    office = await an_office()
    key = fingerprint(ACTOR.person_id, content_hash([block_hash(SOUND)]))
    await office.desk.reservations.reserve(PRACTICE, key, "session-of-the-dead")
    receipt = await upload(office.desk)
    assert receipt.session_id == "session-of-the-dead"
    assert receipt.new


async def test_a_session_that_is_being_cancelled_gives_way_to_a_new_one():
    office = await an_office()
    first = (await upload(office.desk)).session_id
    discarding, office.desk.recordings.delete = office.desk.recordings.delete, _unavailable
    await review.cancel(ACTOR, first, desk=office.desk)  # its erasure has to wait
    office.desk.recordings.delete = discarding
    second = (await upload(office.desk)).session_id
    assert second != first
    office.clock.on(minutes=5)
    await sweep(desk=office.desk)
    assert (await office.session(first)).state is State.ERASED
    assert (await upload(office.desk)).session_id == second


async def _unavailable(*_: object) -> None:
    raise Unavailable


@pytest.mark.parametrize(
    ("audio", "error"),
    [(b"", InvalidInput), (b"x" * 10_000, UnsupportedAudio), (b"RIFF", UnsupportedAudio)],
    ids=["empty", "text", "short"],
)
async def test_what_is_refused_leaves_nothing(audio, error):
    office = await an_office()
    with pytest.raises(error):
        await upload(office.desk, audio)
    assert nothing_left(office)


async def test_too_many_bytes_are_refused_before_they_are_staged():
    office = await an_office(limits=Limits(upload_bytes=1_000))
    with pytest.raises(TooLarge):
        await upload(office.desk)
    assert nothing_left(office)


async def test_exactly_the_limit_is_accepted():
    office = await an_office(limits=Limits(upload_bytes=len(SOUND)))
    assert (await upload(office.desk)).new


async def test_a_full_disk_leaves_nothing():
    office = await an_office(recordings=MemoryRecordings(room=100))
    with pytest.raises(StorageFull):
        await upload(office.desk)
    assert nothing_left(office)


async def test_another_therapist_in_the_metadata_leaves_nothing():
    office = await an_office()
    with pytest.raises(Forbidden):
        await upload(office.desk, therapist="somebody else")
    assert nothing_left(office)


async def test_an_upload_that_is_cancelled_leaves_nothing():
    office = await an_office()

    async def half() -> None:
        async with receiving(ACTOR, desk=office.desk) as incoming:
            await incoming.write(SOUND)
            await asyncio.sleep(60)

    task = asyncio.create_task(half())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert nothing_left(office)


async def test_what_cannot_be_cleaned_up_now_does_not_undo_the_success():
    office = await an_office()
    remove, office.desk.uploads.remove = office.desk.uploads.remove, _unavailable
    receipt = await upload(office.desk)
    office.desk.uploads.remove = remove
    assert receipt.new
    office.clock.now += 2 * HOUR
    await sweep(desk=office.desk)
    assert not office.desk.uploads._uploads
    key = (await office.session(receipt.session_id)).recording.key
    assert await office.desk.recordings.read(PRACTICE, key, 0, 4) == b"RIFF"


async def test_a_long_upload_is_not_swept_away_while_it_goes_on():
    office = await an_office()
    block = a_wav(b"\x10\x00" * 3_000_000)
    async with receiving(ACTOR, desk=office.desk) as incoming:
        for start in range(0, len(block), 1_000_000):
            await incoming.write(block[start : start + 1_000_000])
            office.clock.on(minutes=9)
            await sweep(desk=office.desk)
        await incoming.end()
        from tests.builders import details

        receipt = await incoming.finish(ACTOR, details(), therapist="", file_name="x")
    assert receipt.new


async def test_the_sweep_removes_what_dead_uploads_left():
    office = await an_office()
    desk = office.desk
    await desk.uploads.put(PRACTICE, an_upload(id="dead", expires_at=office.clock.now + HOUR))
    await desk.recordings.stage(PRACTICE, "dead", 0, b"x")
    await desk.recordings.stage(PRACTICE, "unknown", 0, b"x")
    await sweep(desk=desk)
    assert not nothing_left(office)
    office.clock.now += 3 * HOUR
    await sweep(desk=desk)
    assert nothing_left(office)


async def test_the_sweep_rings_for_due_runs_and_delivers_what_writers_left():
    office = await an_office()
    await begun(office)
    rung = []
    office.desk.doorbell.ring = lambda *what: _note(rung, what)
    item = an_item("left", due_at=office.clock.now)
    await office.desk.sessions.commit(PRACTICE, SESSION, Change(outbox=(item,)))
    await sweep(desk=office.desk)
    assert rung == [(PRACTICE, SESSION)]
    assert await office.desk.outbox.pending(PRACTICE, SESSION) == ()
    assert (await office.desk.session_index.get(PRACTICE, SESSION)).session_id == SESSION


async def _note(rung: list[tuple[str, ...]], what: tuple[str, ...]) -> None:
    rung.append(what)


async def test_one_thing_that_cannot_be_done_does_not_stop_the_rest_of_the_sweep():
    office = await an_office()
    await begun(office)
    item = an_item("left", due_at=office.clock.now)
    await office.desk.sessions.commit(PRACTICE, SESSION, Change(outbox=(item,)))
    put, office.desk.session_index.put = office.desk.session_index.put, _bug
    await office.desk.uploads.put(PRACTICE, an_upload(expires_at=office.clock.now))
    with pytest.raises(ZeroDivisionError):
        await sweep(desk=office.desk)
    assert not office.desk.uploads._uploads
    office.desk.session_index.put = put
    await sweep(desk=office.desk)
    assert await office.desk.outbox.pending(PRACTICE, SESSION) == ()


async def _bug(*_: object) -> None:
    raise ZeroDivisionError


async def test_what_cannot_be_delivered_now_is_delivered_later_each_time_later():
    office = await an_office()
    await begun(office)
    put, office.desk.session_index.put = office.desk.session_index.put, _unavailable
    item = an_item("left", due_at=office.clock.now)
    await office.desk.sessions.commit(PRACTICE, SESSION, Change(outbox=(item,)))
    pauses = []
    for _ in range(9):
        await sweep(desk=office.desk)
        (left,) = await office.desk.outbox.pending(PRACTICE, SESSION)
        pauses.append(left.due_at - office.clock.now)
        office.clock.now = left.due_at
    assert pauses == sorted(pauses)
    assert pauses[0] < pauses[4] < pauses[-1] == HOUR
    office.desk.session_index.put = put
    await sweep(desk=office.desk)
    assert await office.desk.outbox.pending(PRACTICE, SESSION) == ()


async def test_a_store_that_goes_away_after_a_change_refuses_no_change_that_is_written():
    office = await an_office()
    put, office.desk.session_index.put = office.desk.session_index.put, _unavailable
    pending, office.desk.outbox.pending = office.desk.outbox.pending, _unavailable
    receipt = await upload(office.desk)  # neither delivered nor put off, and still taken in
    assert receipt.new
    office.desk.session_index.put, office.desk.outbox.pending = put, pending
    office.clock.now += HOUR
    await sweep(desk=office.desk)
    assert await pending(PRACTICE, receipt.session_id) == ()
    assert await office.desk.session_index.get(PRACTICE, receipt.session_id)


async def test_a_session_of_nobody_is_not_there():
    office = await an_office()
    with pytest.raises(NotFound):
        await review.look(ACTOR, "nowhere", desk=office.desk)
