"""Resumable uploads: whatever breaks off goes on elsewhere, nothing acknowledged is lost, nothing is left."""

import asyncio
from datetime import timedelta

import pytest

from tests.builders import HOUR, PRACTICE, a_wav, details
from tests.workflows.memory_installation import ACTOR, an_installation, upload
from therapy.domain.errors import (
    AlreadyExists,
    InvalidInput,
    NotFound,
    Stale,
    StorageFull,
    UnsupportedAudio,
    UploadExpired,
)
from therapy.domain.upload import BLOCK_SIZE, Metadata
from therapy.workflows import resumable_uploads
from therapy.workflows.appended_bytes import appending

AUDIO = a_wav(bytes(range(256)) * (2 * BLOCK_SIZE // 256 + 500))
SMALL = a_wav(b"\x10\x00" * 4_000)
SAID = Metadata(details())


async def begun(installed, audio=AUDIO, metadata=SAID):
    return await resumable_uploads.begin(ACTOR, len(audio), metadata, intake=installed.intake)


async def send(installed, upload_id, offset, piece, **more):
    """Send a piece as one request, and make the session if it was the last one."""
    intake = installed.intake
    async with appending(ACTOR, upload_id, offset, intake=intake, **more) as appended:
        for start in range(0, len(piece), 65_536):
            await appended.write(piece[start : start + 65_536])
    return await resumable_uploads.completed(ACTOR, appended.upload, intake=intake)


async def at_once(installed, upload_id, start, piece):
    """Send a piece that arrives all at once."""
    async with appending(ACTOR, upload_id, start, intake=installed.intake) as appended:
        await appended.write(piece)


async def cut_off(installed, upload_id, start, stop):
    """Send a piece in a request that breaks off."""
    async with appending(ACTOR, upload_id, start, intake=installed.intake) as appended:
        await appended.write(AUDIO[start:stop])
        raise ConnectionError


async def taken_over(installed, upload_id):
    """Send a piece in a request that another process goes on with before it ends."""
    async with appending(ACTOR, upload_id, 1_000, intake=installed.intake) as dead:
        await dead.write(AUDIO[1_000:70_000])
        await send(installed.with_ports(), upload_id, 1_000, AUDIO[1_000:90_000])


async def sent_and_described(installed, upload_id, start):
    """Send what is missing behind `start`, if anything is, and say what the recording is."""
    if start < len(AUDIO):
        await send(installed, upload_id, start, AUDIO[start:])
    await resumable_uploads.describe(ACTOR, upload_id, SAID, intake=installed.intake)


async def removed_meanwhile(installed, upload_id, audio, stop):
    """Send a piece in a request during which the upload is removed."""
    async with appending(ACTOR, upload_id, 0, intake=installed.intake) as appended:
        await appended.write(audio[:1_000])
        await resumable_uploads.terminate(ACTOR, upload_id, intake=installed.intake)
        await appended.write(audio[1_000:stop])


async def look(installed, upload_id):
    return await resumable_uploads.look(ACTOR, upload_id, intake=installed.intake)


async def sent(installed, upload_id):
    """Send what is missing, until the upload is a session; return its recording."""
    offset = (await look(installed, upload_id)).offset
    await send(installed, upload_id, offset, AUDIO[offset:])
    return await recording_of(installed, upload_id)


async def recording_of(installed, upload_id):
    found = await look(installed, upload_id)
    session = await installed.session(found.session_id)
    return await installed.recordings.read(PRACTICE, session.recordings[0].key, 0, 10**9)


async def test_a_request_that_breaks_off_keeps_every_byte_that_came():
    installed = await an_installation()
    upload_id = (await begun(installed)).id
    for stop in (100, 70_000, BLOCK_SIZE - 1, BLOCK_SIZE, BLOCK_SIZE + 1, 2 * BLOCK_SIZE + 3):
        offset = (await look(installed, upload_id)).offset
        with pytest.raises(ConnectionError):
            await cut_off(installed, upload_id, offset, stop)
        assert (await look(installed, upload_id)).offset == stop
    assert await sent(installed, upload_id) == AUDIO
    assert not installed.recordings._staged


async def test_a_process_that_dies_loses_less_than_two_blocks():
    installed = await an_installation()
    upload_id = (await begun(installed)).id
    request = appending(ACTOR, upload_id, 0, intake=installed.intake)
    appended = await request.__aenter__()
    for start in range(0, 2 * BLOCK_SIZE + 9, 65_536):
        await appended.write(AUDIO[start : start + 65_536])
        assert start + 65_536 - (await look(installed, upload_id)).offset < 2 * BLOCK_SIZE
    assert (await look(installed, upload_id)).offset == 2 * BLOCK_SIZE  # the request is never left
    assert await sent(installed.with_ports(), upload_id) == AUDIO


async def test_who_goes_on_takes_over_and_who_was_at_it_writes_nothing_more():
    installed = await an_installation()
    upload_id = (await begun(installed)).id
    await send(installed, upload_id, 0, AUDIO[:1_000])
    with pytest.raises(Stale):
        await taken_over(installed, upload_id)
    found = await look(installed, upload_id)
    assert found.offset == 90_000
    assert {name for _, name in installed.recordings._staged} == {found.tail}
    assert await installed.recordings.staged(PRACTICE, found.tail, 0) == AUDIO[:90_000]
    assert await sent(installed, upload_id) == AUDIO
    assert not installed.recordings._staged


@pytest.mark.parametrize("audio", [SMALL, AUDIO])
@pytest.mark.parametrize("lacks", [0, 500])
async def test_nothing_stays_of_what_comes_of_an_upload_that_is_removed_meanwhile(audio, lacks):
    installed = await an_installation()
    upload_id = (await begun(installed, audio)).id
    with pytest.raises(Stale):
        await removed_meanwhile(installed, upload_id, audio, len(audio) - lacks)
    assert not installed.recordings._staged
    assert not await installed.uploads()


async def test_what_a_dead_process_staged_is_removed_and_what_is_needed_is_not():
    installed = await an_installation()
    upload_id = (await begun(installed)).id
    await send(installed, upload_id, 0, AUDIO[: BLOCK_SIZE + 7])
    tail = (await look(installed, upload_id)).tail
    await installed.recordings.stage(PRACTICE, f"{upload_id}-tail-99", 0, b"of a dead process")
    installed.clock.now += 3 * HOUR
    await installed.sweep()
    assert {name for _, name in installed.recordings._staged} == {upload_id, tail}
    assert await sent(installed, upload_id) == AUDIO


async def test_of_many_at_one_offset_one_is_taken():
    installed = await an_installation()
    upload_id = (await begun(installed)).id
    pieces = [send(installed, upload_id, 0, AUDIO[:5_000]) for _ in range(8)]
    results = await asyncio.gather(*pieces, return_exceptions=True)
    assert sum(not isinstance(each, Exception) for each in results) == 1
    assert await sent(installed, upload_id) == AUDIO


async def test_a_full_storage_loses_nothing_that_was_acknowledged():
    installed = await an_installation()
    upload_id = (await begun(installed)).id
    await send(installed, upload_id, 0, AUDIO[: BLOCK_SIZE + 10])
    installed.recordings.room = installed.recordings._used() + 100
    with pytest.raises(StorageFull):
        await send(installed, upload_id, BLOCK_SIZE + 10, AUDIO[BLOCK_SIZE + 10 :])
    assert (await look(installed, upload_id)).offset == BLOCK_SIZE + 10
    installed.recordings.room = None
    assert await sent(installed, upload_id) == AUDIO


async def test_a_storage_that_is_full_for_a_block_but_not_for_less_loses_nothing():
    installed = await an_installation()
    upload_id = (await begun(installed)).id
    await send(installed, upload_id, 0, AUDIO[: BLOCK_SIZE + 10])
    installed.recordings.room = installed.recordings._used() + BLOCK_SIZE // 2
    with pytest.raises(StorageFull):
        await at_once(installed, upload_id, BLOCK_SIZE + 10, AUDIO[BLOCK_SIZE + 10 : -1])
    assert (await look(installed, upload_id)).offset == BLOCK_SIZE + 10
    installed.recordings.room = None
    assert await sent(installed, upload_id) == AUDIO


@pytest.mark.parametrize("says_it_first", [True, False])
async def test_a_session_that_its_request_did_not_make_is_made_by_the_sweep(says_it_first):
    installed = await an_installation()
    upload_id = (await begun(installed, SMALL, SAID if says_it_first else None)).id
    if not says_it_first:
        found = await look(installed, upload_id)
        await resumable_uploads.noted(found, metadata=SAID, intake=installed.intake)
    async with appending(ACTOR, upload_id, 0, intake=installed.intake) as appended:
        await appended.write(SMALL)  # and the process dies before it makes the session
    await installed.sweep()
    assert not (await look(installed, upload_id)).finished_at
    installed.clock.now += timedelta(minutes=2)
    await installed.sweep()
    assert await recording_of(installed, upload_id) == SMALL
    assert (await look(installed, upload_id)).metadata is None


async def test_an_upload_that_stands_still_is_removed_with_its_bytes():
    installed = await an_installation()
    upload_id = (await begun(installed)).id
    await send(installed, upload_id, 0, AUDIO[: BLOCK_SIZE + 7])
    installed.clock.now += 23 * HOUR
    await installed.sweep()
    assert (await look(installed, upload_id)).offset == BLOCK_SIZE + 7
    installed.clock.now += 2 * HOUR
    with pytest.raises(UploadExpired):
        await send(installed, upload_id, BLOCK_SIZE + 7, b"x")
    with pytest.raises(UploadExpired):
        await resumable_uploads.describe(ACTOR, upload_id, SAID, intake=installed.intake)
    await installed.sweep()
    with pytest.raises(NotFound):
        await look(installed, upload_id)
    assert not installed.recordings._staged
    assert not installed.recordings._kept


async def late_block(installed, upload_id, block):
    """Send a first block in a request that another one goes on with before that is whole."""
    async with appending(ACTOR, upload_id, 0, intake=installed.intake) as late:
        await late.write(block[:1_000])
        async with appending(ACTOR, upload_id, 0, intake=installed.intake) as winner:
            await winner.write(AUDIO[: BLOCK_SIZE + 1])
        await late.write(block[1_000:])


async def with_a_late_block(installed, upload_id, audio):
    """Send a recording, of whose first block a request that was taken over stages another one later."""
    with pytest.raises(Stale):
        await late_block(installed, upload_id, audio[:BLOCK_SIZE])
    return await send(installed, upload_id, BLOCK_SIZE + 1, AUDIO[BLOCK_SIZE + 1 :])


async def test_other_bytes_of_a_request_that_was_taken_over_never_become_part_of_the_recording():
    installed = await an_installation()
    upload_id = (await begun(installed)).id
    with pytest.raises(UploadExpired) as told:
        await with_a_late_block(installed, upload_id, a_wav(bytes(len(AUDIO))))
    assert told.value.code == "upload_lost"
    assert not installed.recordings._kept
    upload_id = (await begun(installed)).id
    await with_a_late_block(installed, upload_id, AUDIO)
    assert await recording_of(installed, upload_id) == AUDIO


async def test_a_block_that_comes_after_the_recording_was_kept_does_not_cost_it():
    installed = await an_installation()
    upload_id = (await begun(installed, metadata=None)).id
    await send(installed, upload_id, 0, AUDIO)
    await installed.recordings.keep(PRACTICE, upload_id, 3, upload_id)  # and the process dies
    await installed.recordings.stage(PRACTICE, upload_id, 1, AUDIO[BLOCK_SIZE : 2 * BLOCK_SIZE])
    await resumable_uploads.describe(ACTOR, upload_id, SAID, intake=installed.intake)
    assert await recording_of(installed, upload_id) == AUDIO


@pytest.mark.parametrize("here", [BLOCK_SIZE, BLOCK_SIZE + 7, len(AUDIO)])
async def test_an_upload_whose_bytes_a_restore_did_not_bring_back_is_over_and_sent_anew(here):
    installed = await an_installation()
    upload_id = (await begun(installed, metadata=None)).id
    await send(installed, upload_id, 0, AUDIO[:here])
    for name in (upload_id, (await look(installed, upload_id)).tail):
        await installed.recordings.discard(PRACTICE, name)
    with pytest.raises(UploadExpired) as told:
        await sent_and_described(installed, upload_id, here)
    assert told.value.code == "upload_lost"
    with pytest.raises(NotFound):
        await look(installed, upload_id)
    assert not installed.recordings._staged
    assert await sent(installed, (await begun(installed)).id) == AUDIO


async def test_a_complete_upload_whose_bytes_are_lost_does_not_wait_for_the_sweep_for_ever():
    installed = await an_installation()
    upload_id = (await begun(installed, SMALL)).id
    async with appending(ACTOR, upload_id, 0, intake=installed.intake) as appended:
        await appended.write(SMALL)  # and the process dies before it makes the session
    await installed.recordings.discard(PRACTICE, upload_id)
    installed.clock.now += timedelta(minutes=2)
    await installed.sweep()
    assert not await installed.uploads()


async def test_a_lost_recording_that_comes_with_other_details_does_not_take_its_place_and_go_again():
    installed = await an_installation()
    session_id = (await upload(installed.intake, SMALL)).session_id
    before = await installed.session(session_id)
    await installed.recordings.delete(PRACTICE, before.recording.key)  # as a restore may have it
    other = await begun(installed, SMALL, Metadata(details(summary="another")))
    with pytest.raises(AlreadyExists):
        await send(installed, other.id, 0, SMALL)
    await resumable_uploads.terminate(ACTOR, other.id, intake=installed.intake)
    assert await installed.session(session_id) == before
    assert not installed.recordings._kept


async def test_what_became_of_an_upload_can_be_asked_for_a_day():
    installed = await an_installation()
    upload_id = (await begun(installed, SMALL)).id
    session_id = (await send(installed, upload_id, 0, SMALL)).session_id
    installed.clock.now += 23 * HOUR
    await installed.sweep()
    assert (await look(installed, upload_id)).session_id == session_id
    installed.clock.now += 2 * HOUR
    await installed.sweep()
    assert not await installed.uploads()
    assert (await installed.session(session_id)).recordings
    assert len(installed.recordings._kept) == 1


async def test_the_same_recording_in_one_request_and_in_pieces_is_one_session():
    installed = await an_installation()
    first = await upload(installed.intake, AUDIO)
    upload_id = (await begun(installed)).id
    for start in range(0, len(AUDIO), 3_000_000):
        await send(installed, upload_id, start, AUDIO[start : start + 3_000_000])
    assert (await look(installed, upload_id)).session_id == first.session_id
    assert len(installed.recordings._kept) == 1


async def test_what_is_no_audio_stays_at_its_beginning():
    installed = await an_installation()
    upload_id = (await begun(installed)).id
    for _ in range(2):
        with pytest.raises(UnsupportedAudio):
            await send(installed, upload_id, 0, b"%PDF-1.7" + bytes(100_000))
        assert (await look(installed, upload_id)).offset == 0


async def test_another_length_than_before_is_refused():
    installed = await an_installation()
    upload_id = (await begun(installed, SMALL)).id
    with pytest.raises(InvalidInput):
        await send(installed, upload_id, 0, SMALL, length=len(SMALL) + 1)
    assert (await look(installed, upload_id)).offset == 0
