"""A session in several files: one timeline, transcribed together whenever the next file comes; or refused."""

import asyncio
import dataclasses

import pytest
from msgspec.structs import replace

from tests.builders import PRACTICE, THERAPIST, a_session, a_therapist, a_wav, an_actor, details
from tests.logins import has_login
from tests.workflows.memory_installation import (
    ACTOR,
    SCRIPT,
    SHORT_LEASE,
    SOUND,
    an_installation,
    reviewed,
    upload,
)
from tests.workflows.test_run_worker import SlowSpeech
from therapy.adapters.memory.speech import MemorySpeech
from therapy.domain.audio_findings import Missing
from therapy.domain.errors import (
    AlreadyExists,
    EngineFailed,
    InvalidInput,
    NotFound,
    TooLarge,
    UndecodableAudio,
    WrongState,
)
from therapy.domain.run import RunState
from therapy.domain.session import MOST_RECORDINGS, SessionPatient, State, TimedNote
from therapy.ports.audio import BYTES_PER_MS
from therapy.repositories.unique_keys import UniqueKey
from therapy.workflows import accounts, review
from therapy.workflows.fingerprints import fingerprint

SECOND_PART = a_wav(b"\x20\x00" * 5_000)
THIRD_PART = a_wav(b"\x30\x00" * 5_000)
FIRST_MS, SECOND_MS = 250, 313
SECOND_STARTS = 2_300
PATIENT = details().patient


class ListeningSpeech(MemorySpeech):
    """Keeps what it hears."""

    def __init__(self, *given: object) -> None:
        super().__init__(*given)
        self.heard: list[bytes] = []

    async def transcribe(self, practice_id, pcm, options):
        heard = bytearray()

        async def overheard():
            async for chunk in pcm:
                heard.extend(chunk)
                yield chunk
            self.heard.append(bytes(heard))

        async for event in super().transcribe(practice_id, overheard(), options):
            yield event


async def installation_that_listens(**options):
    return await an_installation(speech=ListeningSpeech(SCRIPT), **options)


async def in_two_files(installed) -> str:
    session_id = (await upload(installed.intake)).session_id
    receipt = await upload(installed.intake, SECOND_PART, continues=session_id)
    assert (receipt.session_id, receipt.new) == (session_id, True)
    return session_id


async def check_joined(installed, session_id: str, number: int) -> None:
    version = await installed.version(number, session_id)
    assert version.missing == (Missing(FIRST_MS, SECOND_STARTS, "between_recordings"),)
    assert version.partial
    pcm = installed.ports.engines.speech.heard[-1]
    at = SECOND_STARTS * BYTES_PER_MS
    assert pcm[: len(SOUND) - 44] == SOUND[44:]
    assert pcm[at:] == SECOND_PART[44:]
    assert not any(pcm[len(SOUND) - 44 : at])
    assert version.duration_ms == len(pcm) // BYTES_PER_MS


async def test_a_file_that_continues_a_waiting_session_is_transcribed_with_it():
    installed = await installation_that_listens()
    session_id = await in_two_files(installed)
    session = await installed.session(session_id)
    assert [each.size for each in session.recordings] == [len(SOUND), len(SECOND_PART)]
    await installed.work(session_id)
    assert (await installed.session(session_id)).state is State.AWAITING_REVIEW
    await check_joined(installed, session_id, 1)
    assert sorted(run.kind.value for run in await installed.runs(session_id)) == [
        "insights",
        "transcribe",
    ]
    assert not await installed.uploads()


async def test_a_file_that_continues_a_session_in_review_makes_a_new_version_of_the_whole():
    installed = await installation_that_listens()
    session_id = (await upload(installed.intake)).session_id
    await installed.work(session_id)
    await upload(installed.intake, SECOND_PART, continues=session_id)
    assert (await installed.session(session_id)).state is State.AWAITING_TRANSCRIPT
    with pytest.raises(WrongState):
        await review.for_review(ACTOR, session_id, records=installed.records)
    installed.clock.advance(hours=-2)  # no clock matters
    await installed.sweep()
    await installed.work(session_id)
    await check_joined(installed, session_id, 2)
    version = await installed.version(2, session_id)
    assert (version.parent, version.number) == (1, 2)
    lines = await reviewed(installed, session_id)
    await review.submit(ACTOR, session_id, lines, records=installed.records)
    await installed.work(session_id)
    assert (await installed.session(session_id)).state is State.CLOSED


async def test_no_transcript_of_the_first_file_alone_is_written_once_the_second_is_there():
    installed = await an_installation(speech=SlowSpeech(SCRIPT), worker_options=SHORT_LEASE)
    session_id = (await upload(installed.intake)).session_id
    work = asyncio.create_task(installed.work(session_id))
    await asyncio.wait_for(installed.ports.engines.speech.listening.wait(), 60)
    await upload(installed.intake, SECOND_PART, continues=session_id)
    installed.ports.engines.speech.go.set()
    await asyncio.wait_for(work, 60)
    session = await installed.session(session_id)
    assert (session.state, session.transcript_number) == (State.AWAITING_TRANSCRIPT, 0)
    assert (await installed.run(session_id)).state is RunState.DUE
    await installed.work(session_id)
    assert (await installed.version(1, session_id)).partial


async def test_a_file_that_continues_a_failed_session_has_the_whole_tried_again():
    speech = ListeningSpeech(SCRIPT)
    speech.failure = EngineFailed("decode", transient=False)
    installed = await an_installation(speech=speech)
    session_id = (await upload(installed.intake)).session_id
    await installed.work(session_id)
    assert (await installed.run(session_id)).state is RunState.FAILED
    speech.failure = None
    await upload(installed.intake, SECOND_PART, continues=session_id)
    await installed.work(session_id)
    await check_joined(installed, session_id, 1)


async def test_a_file_that_continues_an_invented_session_is_heard_with_as_many_people():
    installed = await installation_that_listens()
    session = a_session(languages=("en-US",), people=3)
    await installed.write(installed.records.sessions.write(session))
    await upload(installed.intake, SECOND_PART, continues=session.id)
    run = await installed.run(session.id)
    assert (run.state, run.languages, run.people) == (RunState.DUE, ("en-US",), 3)


async def test_the_same_file_again_changes_nothing():
    installed = await installation_that_listens()
    session_id = await in_two_files(installed)
    await installed.work(session_id)
    before = await installed.session(session_id)
    for audio in (SOUND, SECOND_PART):
        for continues in (session_id, ""):
            receipt = await upload(installed.intake, audio, continues=continues)
            assert (receipt.session_id, receipt.new) == (session_id, False)
    assert await installed.session(session_id) == before
    assert len(installed.recordings._kept) == 2


async def test_files_that_come_at_once_are_all_taken():
    installed = await installation_that_listens()
    session_id = (await upload(installed.intake)).session_id
    audios = (SECOND_PART, THIRD_PART, SECOND_PART)
    receipts = await asyncio.gather(
        *(upload(installed.intake, each, continues=session_id) for each in audios)
    )
    assert sorted(receipt.new for receipt in receipts) == [False, True, True]
    assert len((await installed.session(session_id)).recordings) == 3
    assert len(installed.recordings._kept) == 3
    await installed.work(session_id)
    assert len((await installed.version(1, session_id)).missing) == 2


async def test_notes_of_the_next_file_are_added_under_its_number():
    installed = await an_installation()
    session_id = (await upload(installed.intake, summary="One", general_notes=("a",))).session_id
    note = TimedNote("00:09", "later")
    more = {"summary": "Two", "general_notes": ("a", "b"), "timed_notes": (note,)}
    await upload(installed.intake, SECOND_PART, continues=session_id, **more)
    given = (await installed.session(session_id)).details
    assert given.summary == "One\nTwo"
    assert given.general_notes == ("a", "b", "[2, 00:09] later")
    assert given.timed_notes == ()


async def nothing_but(installed, session_id: str, kept: int = 1) -> None:
    session = await installed.session(session_id)
    assert len(session.recordings) == 1
    assert len(installed.recordings._kept) == kept
    assert not installed.recordings._staged
    assert not await installed.uploads()


@pytest.mark.parametrize("state", [State.CLOSING, State.CLOSED])
async def test_a_session_that_was_submitted_is_not_continued(state):
    installed = await an_installation()
    session_id = (await upload(installed.intake)).session_id
    await installed.work(session_id)
    lines = await reviewed(installed, session_id)
    await review.submit(ACTOR, session_id, lines, records=installed.records)
    if state is State.CLOSED:
        await installed.work(session_id)
    with pytest.raises(WrongState, match="too_late_to_continue"):
        await upload(installed.intake, SECOND_PART, continues=session_id)
    await nothing_but(installed, session_id)
    assert (await upload(installed.intake, SECOND_PART)).new


async def test_another_therapists_session_and_one_that_is_not_there_are_not_found():
    installed = await an_installation()
    other = a_therapist(id="therapist-2", email="other@example.health")
    await accounts.add_person(other, records=installed.records)
    await has_login(PRACTICE, other.id, records=installed.records)
    session_id = (await upload(installed.intake)).session_id
    for actor, continues in ((an_actor(person_id=other.id), session_id), (ACTOR, "missing")):
        with pytest.raises(NotFound):
            await upload(installed.intake, SECOND_PART, actor, continues=continues)
    await nothing_but(installed, session_id)


async def test_another_patients_recording_is_no_part_of_a_session():
    installed = await an_installation()
    session_id = (await upload(installed.intake)).session_id
    stranger = SessionPatient("999999999", PATIENT.name)
    with pytest.raises(InvalidInput, match="other_patient"):
        await upload(installed.intake, SECOND_PART, continues=session_id, patient=stranger)
    await nothing_but(installed, session_id)


async def test_a_recording_of_another_session_is_refused_naming_it():
    installed = await an_installation()
    session_id = (await upload(installed.intake)).session_id
    other = (await upload(installed.intake, SECOND_PART)).session_id
    with pytest.raises(AlreadyExists) as caught:
        await upload(installed.intake, SECOND_PART, continues=session_id)
    assert caught.value.details["session"] == other
    await nothing_but(installed, session_id, kept=2)
    await review.cancel(ACTOR, other, records=installed.records)
    assert (await upload(installed.intake, SECOND_PART, continues=session_id)).new


async def test_a_part_of_a_session_that_is_lost_and_sent_again_takes_its_place():
    installed = await installation_that_listens()
    session_id = await in_two_files(installed)
    (lost,) = (await installed.session(session_id)).more_recordings
    await installed.recordings.delete(PRACTICE, lost.key)  # as a restore may have it
    await installed.work(session_id)
    assert not (await upload(installed.intake, SECOND_PART, continues=session_id)).new
    await installed.work(session_id)
    assert (await installed.session(session_id)).state is State.AWAITING_REVIEW
    await check_joined(installed, session_id, 1)


async def test_a_session_has_a_greatest_number_of_files():
    installed = await an_installation()
    session_id = (await upload(installed.intake)).session_id
    session = await installed.session(session_id)
    full = replace(session, more_recordings=(session.recording,) * (MOST_RECORDINGS - 1))
    await installed.write(installed.records.sessions.write(full))
    with pytest.raises(WrongState, match="too_many_recordings"):
        await upload(installed.intake, SECOND_PART, continues=session_id)


async def test_a_fingerprint_left_by_a_writer_that_died_keeps_no_recording_out():
    """It names a session that the recording never became a part of."""
    for continues in (True, False):
        installed = await an_installation()
        session_id = (await upload(installed.intake)).session_id
        await upload(installed.intake, SECOND_PART, continues=session_id)
        session = await installed.session(session_id)
        key = fingerprint(THERAPIST, session.recordings[1].content_hash)
        await installed.write(
            installed.records.sessions.write(replace(session, more_recordings=()))
        )
        assert (await installed.records.unique_keys.load(PRACTICE, key)).value == session_id
        again = await upload(
            installed.intake, SECOND_PART, continues=session_id if continues else ""
        )
        assert again.new
        assert (again.session_id == session_id) is continues
        owner = await installed.records.unique_keys.load(PRACTICE, key)
        assert isinstance(owner, UniqueKey)
        assert owner.value == again.session_id


async def test_cancelling_erases_every_file_and_frees_every_fingerprint():
    installed = await an_installation()
    session_id = await in_two_files(installed)
    await review.cancel(ACTOR, session_id, records=installed.records)
    session = await installed.session(session_id)
    assert session.state is State.ERASED
    assert session.more_recordings == ()
    assert not installed.recordings._kept
    for audio in (SOUND, SECOND_PART):
        assert (await upload(installed.intake, audio)).new


BROKEN = b"fLaC" + bytes(5_000)


async def test_a_file_that_cannot_be_decoded_is_missing_and_only_if_none_can_it_is_a_failure():
    installed = await installation_that_listens()
    session_id = (await upload(installed.intake)).session_id
    await upload(installed.intake, BROKEN, continues=session_id)
    await installed.work(session_id)
    version = await installed.version(1, session_id)
    assert [each.reason for each in version.missing] == ["between_recordings", "damaged"]
    installed = await an_installation()
    session_id = (await upload(installed.intake, BROKEN)).session_id
    await upload(installed.intake, BROKEN + b"2", continues=session_id)
    await installed.work(session_id)
    run = await installed.run(session_id)
    assert (run.state, run.error_code) == (RunState.FAILED, UndecodableAudio.code)


async def test_what_is_transcribed_already_counts_when_one_more_recording_comes():
    installed = await an_installation()
    session_id = (await upload(installed.intake)).session_id
    await installed.work(session_id)
    intake = dataclasses.replace(installed.intake, longest_ms=SECOND_STARTS + SECOND_MS - 2)
    with pytest.raises(TooLarge) as raised:
        await upload(intake, SECOND_PART, continues=session_id)
    assert (raised.value.code, raised.value.details) == ("too_long", {"longest": 2})
    assert (await installed.session(session_id)).state is State.AWAITING_REVIEW
    assert not (await upload(intake, SOUND, continues=session_id)).new
    assert (await upload(installed.intake, SECOND_PART, continues=session_id)).new


async def test_the_recordings_of_a_session_have_one_limit_together():
    installed = await an_installation(worker_options={"longest_ms": SECOND_STARTS + SECOND_MS - 1})
    session_id = await in_two_files(installed)
    await installed.work(session_id)
    (run,) = await installed.runs(session_id)
    assert (run.state, run.error_code) == (RunState.FAILED, "too_long")
    assert run.error_details == {"longest": "2"}
