"""What does not fit together: each kind is found, and mended where that loses nothing."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace as replaced
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.builders import DAY, HOUR, NOW, PRACTICE, a_person, a_run, an_upload
from tests.workflows.memory_installation import (
    ACTOR,
    SOUND,
    MemoryInstallation,
    an_installation,
    in_session,
    reviewed,
    upload,
)
from therapy.adapters.local.recordings import FileRecordings
from therapy.domain.errors import NotFound, Unavailable
from therapy.domain.run import RunState
from therapy.domain.upload import tail_name
from therapy.ports.store import Delete, Put
from therapy.workflows import review
from therapy.workflows.abandoned_uploads import forget_lost_uploads
from therapy.workflows.inconsistencies import Inconsistency, Inspection, Kind
from therapy.workflows.reindexing import reindex_all
from therapy.workflows.stage_outputs import RECOGNISED, StageOutputs

BLOCK = b"a block"
Break = Callable[[MemoryInstallation, str], Awaitable[None]]


async def closed() -> tuple[MemoryInstallation, str]:
    """An installation with a closed session of two versions."""
    installed = await an_installation()
    session_id = (await upload(installed.intake)).session_id
    await installed.work(session_id)
    lines = await reviewed(installed, session_id)
    await review.submit(ACTOR, session_id, lines, records=installed.records)
    await installed.work(session_id)
    return installed, session_id


def inspection(installed: MemoryInstallation) -> Inspection:
    ports = installed.ports
    return Inspection(
        installed.records, installed.recordings, ports.session_index, ports.people_index
    )


async def stray_audio(installed: MemoryInstallation, _: str) -> None:
    await installed.recordings.stage(PRACTICE, "stray", 0, BLOCK)
    await installed.recordings.keep(PRACTICE, "stray", 1, "stray")


async def lost_audio(installed: MemoryInstallation, session_id: str) -> None:
    session = await installed.session(session_id)
    await installed.recordings.delete(PRACTICE, session.recording.key)


async def left_blocks(installed: MemoryInstallation, _: str) -> None:
    await installed.recordings.stage(PRACTICE, "left", 0, BLOCK)
    installed.clock.now += 3 * HOUR


async def left_output(installed: MemoryInstallation, session_id: str) -> None:
    run = (await installed.runs(session_id))[0]
    await StageOutputs(run, installed.recordings).keep(RECOGNISED, BLOCK)


async def lonely_run(installed: MemoryInstallation, _: str) -> None:
    await installed.write(installed.records.runs.write(a_run(session_id="gone")))


async def dead_worker(installed: MemoryInstallation, session_id: str) -> None:
    now = installed.clock.now
    run = a_run(id="dead", session_id=session_id, state=RunState.CLAIMED, due_at=now, beat_at=now)
    await installed.write(installed.records.runs.write(run))
    await refreshed(installed, session_id)
    installed.clock.now += timedelta(minutes=11)


async def refreshed(installed: MemoryInstallation, session_id: str) -> None:
    one = Inconsistency(Kind.ENTRY_OUT_OF_STEP, PRACTICE, session_id)
    await inspection(installed).mend(one)


async def changed_title(installed: MemoryInstallation, session_id: str) -> None:
    session = replace(await installed.session(session_id), title="Another title")
    await installed.write(installed.records.sessions.write(session))


async def lost_person(installed: MemoryInstallation, _: str) -> None:
    await installed.write(*installed.records.people.new(a_person(id="unfound", number="")))


async def lost_version(installed: MemoryInstallation, session_id: str) -> None:
    lost = [Delete(id="version-000001"), Delete(id="text-000001")]
    await installed.store.commit(in_session(session_id), lost)


async def foreign_file(installed: MemoryInstallation, _: str) -> None:
    installed.recordings._kept[PRACTICE, "stray file"] = BLOCK


async def newer_version(installed: MemoryInstallation, session_id: str) -> None:
    await of_a_newer_program(installed, in_session(session_id), "version-000001")


async def of_a_newer_program(installed: MemoryInstallation, partition: str, item_id: str) -> None:
    """Rewrite an item so that this program can't read it, as a newer one might."""
    item = (await installed.store.get(partition, item_id))[item_id]
    body = json.dumps({**json.loads(item.body), "schema_version": 99}).encode()
    put = Put(id=item_id, kind=item.kind, body=body, queue=item.queue, due_at=item.due_at)
    await installed.store.commit(partition, [put])


BREAKS: dict[Kind, Break] = {
    Kind.AUDIO_WITHOUT_SESSION: stray_audio,
    Kind.SESSION_WITHOUT_AUDIO: lost_audio,
    Kind.STAGED_LEFTOVER: left_blocks,
    Kind.OUTPUT_LEFTOVER: left_output,
    Kind.RUN_WITHOUT_SESSION: lonely_run,
    Kind.STALE_LEASE: dead_worker,
    Kind.ENTRY_OUT_OF_STEP: changed_title,
    Kind.PERSON_NOT_FOUND: lost_person,
    Kind.VERSION_WITHOUT_PARENT: lost_version,
    Kind.FOREIGN_FILE: foreign_file,
    Kind.UNREADABLE_RECORD: newer_version,
}
MENDED = {
    Kind.STAGED_LEFTOVER,
    Kind.OUTPUT_LEFTOVER,
    Kind.RUN_WITHOUT_SESSION,
    Kind.ENTRY_OUT_OF_STEP,
    Kind.PERSON_NOT_FOUND,
}


async def test_in_a_sound_installation_everything_fits() -> None:
    installed, _ = await closed()
    assert await inspection(installed).find() == ()


async def test_what_changed_nothing_that_lists_show_is_not_out_of_step() -> None:
    """Insights are written beside the words of a session, whose lists say nothing of them."""
    installed = await an_installation()
    session_id = (await upload(installed.intake)).session_id
    await installed.work(session_id)
    await installed.work(session_id)
    assert (await installed.insights_run(session_id)).state is RunState.DONE
    assert await inspection(installed).find() == ()


@pytest.mark.parametrize("kind", Kind)
async def test_each_kind_is_found_alone_and_mended_where_that_loses_nothing(kind: Kind) -> None:
    installed, session_id = await closed()
    await BREAKS[kind](installed, session_id)
    inspecting = inspection(installed)
    (found,) = await inspecting.find()
    assert found.kind is kind
    strays = {"stray", "left", "stage", "unfou"}
    assert found.session_id in {session_id, "gone"} or found.name[:5] in strays
    assert await inspecting.mend(found) is (kind in MENDED)
    assert await inspecting.find() == (() if kind in MENDED else (found,))


async def test_the_outputs_of_work_that_goes_on_or_has_failed_are_no_leftovers() -> None:
    installed = await an_installation()
    session_id = (await upload(installed.intake)).session_id
    run = await installed.run(session_id)
    await StageOutputs(run, installed.recordings).keep(RECOGNISED, BLOCK)
    assert await inspection(installed).find() == ()


async def test_the_output_of_a_session_that_was_erased_is_a_leftover() -> None:
    installed = await an_installation()
    session_id = (await upload(installed.intake)).session_id
    await review.cancel(ACTOR, session_id, records=installed.records)
    await left_output(installed, session_id)
    inspecting = inspection(installed)
    (found,) = await inspecting.find()
    assert found.kind is Kind.OUTPUT_LEFTOVER
    assert await inspecting.mend(found)
    assert not installed.recordings._kept


async def test_audio_without_a_session_is_deleted_only_if_that_is_said() -> None:
    installed, session_id = await closed()
    await stray_audio(installed, session_id)
    inspecting = inspection(installed)
    (found,) = await inspecting.find()
    await inspecting.mend(found)
    assert await installed.recordings.size(PRACTICE, "stray") == len(BLOCK)
    assert await inspecting.mend(found, delete_audio=True)
    with pytest.raises(NotFound):
        await installed.recordings.size(PRACTICE, "stray")
    session = await installed.session(session_id)
    assert await installed.recordings.size(PRACTICE, session.recording.key) > 0


async def test_nothing_of_a_session_that_this_program_can_not_read_is_called_left_over() -> None:
    installed = await an_installation()
    session_id = (await upload(installed.intake)).session_id
    await left_output(installed, session_id)
    await of_a_newer_program(installed, in_session(session_id), "session")
    before = await installed.store.list(in_session(session_id))
    kept = dict(installed.recordings._kept)
    inspecting = inspection(installed)
    (found,) = await inspecting.find()
    assert found == Inconsistency(Kind.UNREADABLE_RECORD, PRACTICE, session_id, "session")
    assert not await inspecting.mend(found, delete_audio=True)
    assert await installed.store.list(in_session(session_id)) == before
    assert installed.recordings._kept == kept


@pytest.mark.parametrize("of", ["upload", "run"])
async def test_nothing_of_work_that_this_program_can_not_read_is_called_left_over(of: str) -> None:
    installed = await an_installation()
    session_id = (await upload(installed.intake)).session_id
    if of == "run":
        await left_output(installed, session_id)
        (run,) = await installed.runs(session_id)
        await of_a_newer_program(installed, in_session(session_id), f"run-{run.id}")
    else:
        await stray_audio(installed, session_id)
        stray = an_upload(id="stray", recording_key="stray")
        await installed.write(installed.records.uploads.write(stray))
        await of_a_newer_program(installed, f"uploads|{PRACTICE}", "upload-stray")
    found = await inspection(installed).find()
    assert {each.kind for each in found} - {Kind.ENTRY_OUT_OF_STEP} == {Kind.UNREADABLE_RECORD}


@pytest.mark.parametrize(
    "name", ["kept/{}/..bad.audio", "kept/{}/._x.audio", "staging/{}/.DS_Store"]
)
async def test_a_file_that_is_no_recording_by_its_name_is_named_and_not_called_mended(
    tmp_path: Path, name: str
) -> None:
    installed = await an_installation()
    file = tmp_path / name.format(PRACTICE)
    file.parent.mkdir(parents=True)
    file.write_bytes(BLOCK)
    installed.clock.now = datetime.now(UTC) + DAY
    async with FileRecordings.open(tmp_path) as recordings:
        inspecting = replaced(inspection(installed), recordings=recordings)
        (found,) = await inspecting.find()
        assert found.kind is Kind.FOREIGN_FILE
        assert not await inspecting.mend(found, delete_audio=True)
    assert file.exists()


async def test_a_recording_that_an_open_upload_has_kept_is_no_leftover() -> None:
    installed, session_id = await closed()
    await stray_audio(installed, session_id)
    upload_of_it = an_upload(id="stray", recording_key="stray")
    await installed.write(installed.records.uploads.write(upload_of_it))
    assert await inspection(installed).find() == ()


async def test_the_incomplete_block_of_an_upload_that_goes_on_is_no_leftover() -> None:
    installed, _ = await closed()
    installed.clock.now += HOUR
    going_on = an_upload(id="long", resumable=True, claim=2, expires_at=NOW + 9 * DAY)
    await installed.write(installed.records.uploads.write(going_on))
    for name in ("long", tail_name(going_on)):
        await installed.recordings.stage(PRACTICE, name, 0, BLOCK)
    installed.clock.now += 3 * HOUR
    assert await inspection(installed).find() == ()


async def test_uploads_whose_bytes_no_backup_has_are_forgotten_and_finished_ones_are_not() -> None:
    installed, session_id = await closed()
    await stray_audio(installed, session_id)
    for upload_of_it in (
        an_upload(id="lost", resumable=True, offset=9, length=99),
        an_upload(id="kept", resumable=True, recording_key="stray"),
        an_upload(id="finished", resumable=True, session_id=session_id, finished_at=NOW),
    ):
        await installed.write(installed.records.uploads.write(upload_of_it))
    ports = {"records": installed.records, "recordings": installed.recordings}
    assert await forget_lost_uploads(**ports) == 1
    assert await forget_lost_uploads(**ports) == 0
    left = {each.id async for each in installed.records.uploads.of_practice(PRACTICE)}
    assert {"kept", "finished"} <= left
    assert "lost" not in left
    assert await installed.recordings.size(PRACTICE, "stray") == len(BLOCK)


async def test_a_cancelled_session_needs_no_audio() -> None:
    installed = await an_installation()
    session_id = (await upload(installed.intake)).session_id
    await review.cancel(ACTOR, session_id, records=installed.records)
    assert await inspection(installed).find() == ()


async def test_reindexing_writes_what_lists_should_show() -> None:
    installed, session_id = await closed()
    await changed_title(installed, session_id)
    index = installed.ports.session_index
    assert (await index.get(PRACTICE, session_id)).title != "Another title"
    sessions, people = await reindex_all(
        records=installed.records,
        session_index=index,
        people_index=installed.ports.people_index,
    )
    assert sessions == 1
    assert people >= 1
    assert (await index.get(PRACTICE, session_id)).title == "Another title"
    assert await inspection(installed).find() == ()


async def damaged_words(installed: MemoryInstallation, session_id: str) -> None:
    number = (await installed.session(session_id)).transcript_number
    damaged = Put(id=f"text-{number:06}", kind="text", body=b"{")
    await installed.store.commit(in_session(session_id), [damaged])


async def test_a_session_whose_words_can_not_be_read_is_named() -> None:
    installed, session_id = await closed()
    await damaged_words(installed, session_id)
    found = (Inconsistency(Kind.UNREADABLE_RECORD, PRACTICE, session_id),)
    assert await inspection(installed).find() == found


async def test_reindexing_writes_all_others_before_it_names_a_session_that_can_not_be_read() -> (
    None
):
    installed = await an_installation()
    audios = (SOUND + bytes([low, 0]) * 100 for low in (16, 17, 18))
    ids = [(await upload(installed.intake, audio)).session_id for audio in audios]
    for each in ids:
        await installed.work(each)
        lines = await reviewed(installed, each)
        await review.submit(ACTOR, each, lines, records=installed.records)
        await installed.work(each)
        await changed_title(installed, each)
    await damaged_words(installed, ids[1])
    index = installed.ports.session_index
    with pytest.raises(Unavailable, match=f"damaged.*session={ids[1]}"):
        await reindex_all(
            records=installed.records,
            session_index=index,
            people_index=installed.ports.people_index,
        )
    titles = [(await index.get(PRACTICE, each)).title == "Another title" for each in ids]
    assert titles == [True, False, True]
