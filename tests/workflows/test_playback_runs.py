"""Playback follows the transcript in a run of its own: made once, anew after one more recording, erased."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from tests.builders import MINUTE, NOW, PRACTICE, SESSION, a_run, a_wav
from tests.workflows.interrupted_ports import FailingRecordings, InterruptedStore
from tests.workflows.memory_installation import (
    ACTOR,
    MemoryInstallation,
    an_installation,
    begun,
    upload,
)
from tests.workflows.playing import HEAD, PlayingDecoder, sound
from tests.workflows.waiting_runs import waiting
from therapy.adapters.local.backup.contents import KEPT, belongs
from therapy.adapters.memory.store import MemoryStore
from therapy.domain.errors import EngineDied, EngineFailed, NotFound, Unavailable, WrongState
from therapy.domain.playback import PlaybackStatus, all_keys
from therapy.domain.run import RunKind, RunState
from therapy.domain.session import State
from therapy.domain.session_status import SessionStatus
from therapy.domain.upload import BLOCK_SIZE
from therapy.ports.store import Item
from therapy.testing.clock import Clock
from therapy.workflows import playback_access, review
from therapy.workflows.inconsistencies import Inspection, Kind

GAP = bytes(64_000)


async def installed_with(decoder: PlayingDecoder, **options: object) -> MemoryInstallation:
    return await an_installation(audio=decoder, **options)


async def transcribed(decoder: PlayingDecoder, pcm: bytes, **options: object):
    """A session of this sound whose transcript and playback are due or done; and its id."""
    installed = await installed_with(decoder, **options)
    receipt = await upload(installed.intake, a_wav(pcm))
    await worked(installed)
    return installed, receipt.session_id


async def worked(installed: MemoryInstallation) -> None:
    """Do everything that waits, as a worker would."""
    async for practice_id, session_id in waiting(installed.worker):
        await installed.worker.work_on(practice_id, session_id)


def ports_of(installed: MemoryInstallation) -> dict[str, Any]:
    """Return what access to playback needs."""
    audio = installed.installation.engines.audio
    return {"records": installed.records, "recordings": installed.recordings, "audio": audio}


async def file_of(installed: MemoryInstallation, session_id: str) -> bytes:
    played = await playback_access.playback_of(ACTOR, session_id, **ports_of(installed))
    return await installed.recordings.read(PRACTICE, played.key, 0, played.size)


async def progress(installed: MemoryInstallation, session_id: str) -> tuple[PlaybackStatus, str]:
    view = await review.look(ACTOR, session_id, records=installed.records)
    return view.playback.status, view.playback.failure


async def refusal(installed: MemoryInstallation, session_id: str) -> str:
    with pytest.raises(WrongState) as raised:
        await playback_access.peaks_of(ACTOR, session_id, **ports_of(installed))
    return raised.value.code


async def kept(installed: MemoryInstallation) -> set[str]:
    return {key async for _, key in installed.recordings.kept()}


async def tried_again(installed: MemoryInstallation, session_id: str) -> None:
    waiting_list = installed.installation.waiting_list
    await review.retry(ACTOR, session_id, records=installed.records, waiting_list=waiting_list)


def only(kind: RunKind) -> dict[str, object]:
    return {"worker_options": {"kinds": frozenset({kind})}}


async def test_review_begins_before_the_playback_is_made_and_its_player_is_told_to_wait():
    installed, session_id = await transcribed(
        PlayingDecoder(), sound(1), **only(RunKind.TRANSCRIBE)
    )
    view = await review.look(ACTOR, session_id, records=installed.records)
    assert view.progress.state is SessionStatus.AWAITING_REVIEW
    assert await progress(installed, session_id) == (PlaybackStatus.PENDING, "")
    assert await refusal(installed, session_id) == "playback_pending"


async def test_the_file_and_the_peaks_are_made_of_the_recording_and_the_recording_stays():
    decoder, pcm = PlayingDecoder(), sound(1)
    installed, session_id = await transcribed(decoder, pcm)
    assert await progress(installed, session_id) == (PlaybackStatus.READY, "")
    assert await file_of(installed, session_id) == HEAD + pcm
    peaks = await playback_access.peaks_of(ACTOR, session_id, **ports_of(installed))
    assert (peaks.size, peaks.media_type) == (2, "application/octet-stream")
    session = await installed.session(session_id)
    assert await kept(installed) == {session.recording.key, *all_keys(session)}
    await worked(installed)
    assert decoder.times == 1


@pytest.mark.slow
async def test_a_file_of_several_blocks_is_put_together_with_the_head_that_comes_last():
    pcm = bytes(range(256)) * (9 * BLOCK_SIZE // 4 // 256)
    installed, session_id = await transcribed(PlayingDecoder(), pcm)
    assert await file_of(installed, session_id) == HEAD + pcm


async def test_one_more_recording_makes_a_file_of_both_on_one_timeline_and_deletes_the_first():
    first, second = sound(1), sound(1, seed=2)
    installed, session_id = await transcribed(PlayingDecoder(), first)
    await upload(installed.intake, a_wav(second), continues=session_id)
    assert await refusal(installed, session_id) == "playback_pending"
    await worked(installed)
    assert await file_of(installed, session_id) == HEAD + first + GAP + second
    session = await installed.session(session_id)
    assert await kept(installed) == {
        *(each.key for each in session.recordings),
        *all_keys(session)[2:],
    }


async def test_of_a_session_with_a_broken_part_the_rest_is_played_where_the_transcript_has_it():
    second = sound(1, seed=2)
    installed = await installed_with(PlayingDecoder())
    receipt = await upload(installed.intake, a_wav(sound(1)))
    broken = b"fLaC" + bytes(400)
    await upload(installed.intake, broken, continues=receipt.session_id)
    await upload(installed.intake, a_wav(second), continues=receipt.session_id)
    await worked(installed)
    file = await file_of(installed, receipt.session_id)
    number = (await installed.session(receipt.session_id)).transcript_number
    version = await installed.version(number, receipt.session_id)
    assert (len(file) - len(HEAD)) // 32 == version.duration_ms
    assert file.endswith(second)


async def test_what_fails_for_good_is_shown_and_made_when_the_therapist_retries_the_session():
    failure = EngineFailed("not_enough_memory", transient=False)
    installed, session_id = await transcribed(PlayingDecoder(failure), sound(1))
    assert await progress(installed, session_id) == (PlaybackStatus.FAILED, "not_enough_memory")
    assert await refusal(installed, session_id) == "playback_failed"
    view = await review.look(ACTOR, session_id, records=installed.records)
    assert view.progress.state is SessionStatus.AWAITING_REVIEW
    await tried_again(installed, session_id)
    await worked(installed)
    assert await progress(installed, session_id) == (PlaybackStatus.READY, "")
    with pytest.raises(WrongState):
        await tried_again(installed, session_id)


async def test_a_rerun_that_failed_too_does_not_keep_the_playback_from_being_made():
    failure = EngineFailed("not_enough_memory", transient=False)
    installed, session_id = await transcribed(PlayingDecoder(failure), sound(1))
    model = a_run(
        id="rerun-1",
        session_id=session_id,
        kind=RunKind.RERUN,
        state=RunState.FAILED,
        error_code="model",
    )
    await installed.write(installed.records.runs.write(model))
    await tried_again(installed, session_id)
    await worked(installed)
    assert await progress(installed, session_id) == (PlaybackStatus.READY, "")


async def test_a_crash_of_the_encoder_is_tried_again_and_leaves_nothing_staged():
    installed, session_id = await transcribed(PlayingDecoder(EngineDied()), sound(1))
    assert (await progress(installed, session_id))[0] is PlaybackStatus.PENDING
    later = installed.clock() + 100 * MINUTE
    assert await installed.recordings.staged_before(later, 10) == ()
    installed.clock.advance(minutes=1)
    await worked(installed)
    assert (await progress(installed, session_id))[0] is PlaybackStatus.READY


async def test_a_worker_that_dies_between_keeping_and_noting_leaves_work_to_the_next():
    died = []

    async def die(partition, writes):
        if any(each.id == "playback" for each in writes) and not died:
            died.append(partition)
            raise Unavailable

    installed = await installed_with(PlayingDecoder())
    installed.store.before_commit = die
    receipt = await upload(installed.intake, a_wav(sound(1)))
    await worked(installed)
    assert died
    installed.clock.advance(minutes=1)
    await worked(installed)
    assert await file_of(installed, receipt.session_id) == HEAD + sound(1)


async def test_erasing_a_session_takes_its_playback_also_if_nothing_says_that_it_was_made():
    decoder = PlayingDecoder()
    installed, session_id = await transcribed(decoder, sound(1))
    session = await installed.session(session_id)
    made = await installed.records.playbacks.of_session(PRACTICE, session_id)
    await installed.write(installed.records.playbacks.forget(PRACTICE, session_id, made))
    assert set(all_keys(session)) <= await kept(installed)
    await review.cancel(ACTOR, session_id, records=installed.records)
    assert (await installed.session(session_id)).state is State.ERASED
    assert await kept(installed) == set()
    with pytest.raises(NotFound):
        await playback_access.playback_of(ACTOR, session_id, **ports_of(installed))


async def test_what_is_made_while_the_session_is_cancelled_is_deleted():
    decoder = PlayingDecoder()
    decoder.released.clear()
    installed = await installed_with(decoder)
    receipt = await upload(installed.intake, a_wav(sound(1)))
    working = asyncio.create_task(worked(installed))
    async with asyncio.timeout(20):
        await decoder.asked.wait()
    await review.cancel(ACTOR, receipt.session_id, records=installed.records)
    decoder.released.set()
    await working
    assert await kept(installed) == set()


async def test_a_session_of_an_earlier_program_gets_its_playback_once_it_is_asked_for():
    installed, session_id = await transcribed(
        PlayingDecoder(), sound(1), **only(RunKind.TRANSCRIBE)
    )
    for run in await installed.runs(session_id):
        if run.kind is RunKind.PLAYBACK:
            await installed.write(installed.records.runs.write(replace(run, state=RunState.DONE)))
    assert (await progress(installed, session_id))[0] is PlaybackStatus.ABSENT
    assert await refusal(installed, session_id) == "playback_pending"
    installed.clock.advance(minutes=1)
    await installed.installation.worker.work_on(PRACTICE, session_id)
    assert await file_of(installed, session_id) == HEAD + sound(1)


async def test_a_file_that_a_restore_has_lost_is_made_again_once_it_is_asked_for():
    installed, session_id = await transcribed(PlayingDecoder(), sound(1))
    session = await installed.session(session_id)
    for key in all_keys(session):
        await installed.recordings.delete(PRACTICE, key)
    assert await refusal(installed, session_id) == "playback_pending"
    await worked(installed)
    assert await file_of(installed, session_id) == HEAD + sound(1)


class LateStore(InterruptedStore):
    """Gives the playback as it was when it was first read, once it `is_behind`."""

    is_behind = False
    first: Item | None = None

    async def get(self, partition, *ids):
        found = await super().get(partition, *ids)
        if ids == ("playback",) and "playback" in found:
            self.first = self.first or found["playback"]
            return {"playback": self.first if self.is_behind else found["playback"]}
        return found


class LateRecordings(FailingRecordings):
    """Finds no files for players once it `is_behind`."""

    is_behind = False

    async def size(self, practice_id, key):
        if self.is_behind and key.startswith(("playback-", "peaks-")):
            raise NotFound
        return await super().size(practice_id, key)


async def test_who_reads_late_does_not_forget_a_playback_that_was_made_again_meanwhile():
    store, recordings = LateStore(MemoryStore(Clock(NOW))), LateRecordings(now=Clock(NOW))
    decoder = PlayingDecoder()
    installed, session_id = await transcribed(decoder, sound(1), store=store, recordings=recordings)
    await file_of(installed, session_id)  # it is read for the first time
    for key in all_keys(await installed.session(session_id)):
        await recordings.delete(PRACTICE, key)
    assert await refusal(installed, session_id) == "playback_pending"
    await worked(installed)
    made = decoder.times
    store.is_behind = recordings.is_behind = True
    assert await refusal(installed, session_id) == "playback_pending"
    store.is_behind = recordings.is_behind = False
    await worked(installed)
    assert await file_of(installed, session_id) == HEAD + sound(1)
    assert decoder.times == made


async def test_a_decoder_that_makes_nothing_for_players_is_not_asked_to():
    installed = await an_installation()
    await begun(installed)
    await installed.work()
    kinds = {run.kind for run in await installed.runs()}
    assert RunKind.PLAYBACK not in kinds
    assert await refusal(installed, SESSION) == "playback_absent"


class LinkingRecordings(FailingRecordings):
    """Makes links that say what they are of."""

    async def playback_link(self, practice_id, key, lifetime, media_type):
        await self.size(practice_id, key)
        return f"https://recordings.example/{practice_id}/{key}?{media_type}"


async def test_a_link_to_the_playback_is_made_where_the_adapter_makes_links():
    installed = await an_installation(audio=PlayingDecoder(), recordings=LinkingRecordings())
    receipt = await upload(installed.intake, a_wav(sound(1)))
    await worked(installed)
    session = await installed.session(receipt.session_id)
    url, expires_at = await playback_access.playback_link(
        ACTOR, receipt.session_id, **ports_of(installed)
    )
    assert url == f"https://recordings.example/{PRACTICE}/{all_keys(session)[0]}?audio/mp4"
    assert expires_at == installed.clock() + review.LINK_LIFETIME


async def test_doctor_finds_nothing_amiss_in_files_for_players_and_what_nobody_has_is_stray():
    installed, session_id = await transcribed(PlayingDecoder(), sound(1))
    inspection = Inspection(installed.records, installed.recordings, installed.ports.session_index)
    assert await inspection.find() == ()
    made = await installed.records.playbacks.of_session(PRACTICE, session_id)
    await installed.write(installed.records.playbacks.forget(PRACTICE, session_id, made))
    assert await inspection.find() == (), "a worker may have died before it noted them"
    await installed.recordings.stage(PRACTICE, "playback-nobody-1", 0, b"sound")
    await installed.recordings.keep(PRACTICE, "playback-nobody-1", 1, "playback-nobody-1")
    (stray,) = await inspection.find()
    assert (stray.kind, stray.name) == (Kind.AUDIO_WITHOUT_SESSION, "playback-nobody-1")


async def test_a_backup_takes_the_files_for_players_along():
    installed, session_id = await transcribed(PlayingDecoder(), sound(1))
    for key in all_keys(await installed.session(session_id)):
        assert belongs(f"{KEPT}/{PRACTICE}/{key}.audio")
