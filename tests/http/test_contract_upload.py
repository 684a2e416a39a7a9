"""The mobile contract: the upload as the app really sends it."""

import json

import pytest

from tests.builders import PRACTICE, a_wav
from tests.http.clinic import ALEX, JORDAN, OLIVIA, SOUND, check_problem, left_behind, metadata_of
from therapy.domain.people import Role
from therapy.domain.session import Link
from therapy.workflows.accounts import add_person


async def stored(clinic, answer):
    assert answer.status_code == 202, answer.text
    return await clinic.records.sessions.load(PRACTICE, answer.json()["session_id"])


async def test_an_upload_becomes_a_session_of_the_therapist_with_what_was_told(clinic):
    answer = await clinic.upload()
    assert answer.status_code == 202
    assert set(answer.json()) == {"session_id", "status", "message"}
    session = await stored(clinic, answer)
    assert session.therapist_id == OLIVIA.id
    assert session.details.patient.number == "203948571"
    assert session.details.date.isoformat() == "2026-03-04"
    assert session.details.summary == "A first talk."
    assert session.details.general_notes == ("Came by bus.",)
    assert session.recording.file_name == "session_audio_7f9a.wav"
    assert session.recording.media_type == "audio/wav"


async def test_the_recording_is_kept_byte_for_byte(clinic):
    audio = a_wav(SOUND * 1_000)  # more than one block
    session = await stored(clinic, await clinic.upload(audio))
    kept = await clinic.installation.recordings.read(
        PRACTICE, session.recording.key, 0, len(audio) + 1
    )
    assert kept == audio
    assert left_behind(clinic.settings.data_dir)["staging"] == []
    assert left_behind(clinic.settings.data_dir)["uploads"] == []


async def test_metadata_may_come_first(clinic):
    await stored(clinic, await clinic.upload(metadata_first=True))


async def test_people_may_be_plain_objects(clinic):
    people = {
        "therapist": {"id": OLIVIA.id, "name": "Olivia Hayes", "email": "x@example.org"},
        "patient": {"id": "203948571", "name": "Jordan White", "email": None},
    }
    session = await stored(clinic, await clinic.upload(metadata=metadata_of(**people)))
    assert session.details.patient.name == "Jordan White"


@pytest.mark.parametrize("therapist", [..., None, "", {"id": ""}, {}])
async def test_the_therapist_is_who_holds_the_token(clinic, therapist):
    session = await stored(clinic, await clinic.upload(metadata=metadata_of(therapist=therapist)))
    assert session.therapist_id == OLIVIA.id


@pytest.mark.parametrize("absent", ["general_notes", "timed_notes", "summary"])
@pytest.mark.parametrize("value", [..., None])
async def test_notes_and_summary_may_be_absent_or_null(clinic, absent, value):
    session = await stored(clinic, await clinic.upload(metadata=metadata_of(**{absent: value})))
    assert not getattr(session.details, absent)


async def test_notes_may_be_bare_strings(clinic):
    notes = {"general_notes": ["One", {"content": "Two"}], "timed_notes": ["Three"]}
    session = await stored(clinic, await clinic.upload(metadata=metadata_of(**notes)))
    assert session.details.general_notes == ("One", "Two")
    assert [each.content for each in session.details.timed_notes] == ["Three"]


@pytest.mark.parametrize("timestamp", ["00:09", "75:09", "1:00:09", "01:00:09", "01:00:09.250"])
async def test_a_timed_note_keeps_its_timestamp_as_written(clinic, timestamp):
    notes = [{"timestamp": timestamp, "content": "x"}]
    session = await stored(clinic, await clinic.upload(metadata=metadata_of(timed_notes=notes)))
    assert session.details.timed_notes[0].timestamp == timestamp


@pytest.mark.parametrize("timestamp", ["9", "0:99", "soon", "-1:00", "1:2:3:4"])
async def test_a_note_at_no_time_of_the_recording_is_refused(clinic, timestamp):
    notes = [{"timestamp": "00:01", "content": "x"}, {"timestamp": timestamp, "content": "y"}]
    answer = await clinic.upload(metadata=metadata_of(timed_notes=notes))
    check_problem(answer, 400, "timestamp", "timed_notes[1].timestamp")


@pytest.mark.parametrize("written", ["2001-02-28", "28-02-2001", "28/02/2001"])
async def test_a_birthday_is_read_in_each_of_the_three_forms(clinic, written):
    patient = json.dumps({"id": "555666777", "name": "New One", "date_of_birth": written})
    session = await stored(clinic, await clinic.upload(metadata=metadata_of(patient=patient)))
    assert session.details.patient.date_of_birth.isoformat() == "2001-02-28"


async def test_a_patient_typed_by_hand_needs_no_account(clinic):
    patient = json.dumps({"id": "999888777", "name": "Typed By Hand"})
    session = await stored(clinic, await clinic.upload(metadata=metadata_of(patient=patient)))
    assert session.details.patient.link is Link.NO_ACCOUNT


async def test_number_and_name_of_an_account_link_to_it(clinic):
    session = await stored(clinic, await clinic.upload())
    assert session.details.patient.link is Link.LINKED
    assert session.details.patient.person_id == JORDAN.id


async def test_a_number_with_another_name_is_not_linked(clinic):
    patient = json.dumps({"id": JORDAN.number, "name": "Somebody Else"})
    session = await stored(clinic, await clinic.upload(metadata=metadata_of(patient=patient)))
    assert session.details.patient.link is Link.UNCONFIRMED
    assert session.details.patient.person_id == ""


async def test_a_patients_number_is_looked_up_in_the_own_practice_only(clinic):
    patient = json.dumps({"id": JORDAN.number, "name": "Tal Levi"})  # of the other practice
    session = await stored(clinic, await clinic.upload(metadata=metadata_of(patient=patient)))
    assert session.details.patient.person_id == ""


@pytest.mark.parametrize("header", [36 + 2**31 - 1, 36, 0])
async def test_sizes_in_the_wav_header_are_not_trusted(clinic, header):
    audio = a_wav(SOUND, promised=header)
    session = await stored(clinic, await clinic.upload(audio))
    assert session.recording.size == len(audio)
    await clinic.work()
    assert (await clinic.get(f"/data/transcript/{session.id}")).json()["transcript"]


async def test_the_same_recording_twice_is_one_session(clinic):
    first, second = await clinic.upload(), await clinic.upload()
    assert first.json() == second.json()
    left = left_behind(clinic.settings.data_dir)
    assert len(left["sessions"]) == len(left["kept"]) == 1


async def test_the_same_recording_once_more_after_review_is_still_that_session(clinic):
    session_id = await clinic.closed()
    audio = await clinic.installation.recordings.read(
        PRACTICE, (await clinic.records.sessions.load(PRACTICE, session_id)).recording.key, 0, 10**9
    )
    assert (await clinic.upload(audio)).json()["session_id"] == session_id


async def test_the_same_recording_with_other_details_is_refused_naming_the_session(clinic):
    session_id = (await clinic.upload()).json()["session_id"]
    again = await clinic.upload(metadata=metadata_of(summary="Other words."))
    problem = check_problem(again, 409, "duplicate_recording")
    assert problem["session"] == session_id
    assert session_id in problem["error"]
    assert problem["detail"] != problem["error"]  # how to correct it
    assert len(left_behind(clinic.settings.data_dir)["kept"]) == 1


async def test_the_same_recording_of_another_therapist_is_another_session(clinic):
    mine = await clinic.upload()
    his = await clinic.upload(metadata=metadata_of(therapist=...), person=ALEX)
    assert his.status_code == 202
    assert his.json()["session_id"] != mine.json()["session_id"]


async def test_after_cancelling_the_same_recording_is_a_new_session(clinic):
    first = (await clinic.upload()).json()["session_id"]
    assert (await clinic.ask("DELETE", f"/sessions/{first}")).status_code == 204
    second = (await clinic.upload()).json()["session_id"]
    assert second != first
    await clinic.work()
    assert (await clinic.get(f"/data/transcript/{second}")).status_code == 200


async def test_a_patient_may_not_upload(clinic):
    check_problem(await clinic.upload(person=JORDAN), 403)


@pytest.mark.parametrize("other", [ALEX.id, JORDAN.number, "nobody"])
async def test_metadata_that_names_another_therapist_is_refused(clinic, other):
    therapist = json.dumps({"id": other, "name": "x", "email": "y"})
    answer = await clinic.upload(metadata=metadata_of(therapist=therapist))
    check_problem(answer, 403, "other_therapist")
    assert left_behind(clinic.settings.data_dir)["sessions"] == []


async def test_unknown_fields_are_ignored(clinic):
    told = metadata_of(new_field={"a": [1]}, patient=json.dumps({"id": "1", "name": "n", "x": 1}))
    await stored(clinic, await clinic.upload(metadata=told))


async def test_the_answer_is_in_the_language_that_is_asked_for(clinic):
    token = clinic.token(OLIVIA)
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": "he-IL, en;q=0.5"}
    answer = await clinic.get("/sessions/none/details", None, headers=headers)
    problem = check_problem(answer, 404)
    assert any("א" <= letter <= "ת" for letter in problem["error"])
    assert answer.headers["content-language"] == "he"


async def test_an_account_of_a_therapist_is_never_a_sessions_patient(clinic):
    strange = {"number": "777777777", "full_name": "Jordan White"}
    person = type(OLIVIA)(
        "t-9", PRACTICE, Role.THERAPIST, "t9@example.org", strange["full_name"], "", OLIVIA.created_at,
        number=strange["number"],
    )  # fmt: skip
    await add_person(person, records=clinic.records)
    patient = json.dumps({"id": "777777777", "name": "Jordan White"})
    session = await stored(clinic, await clinic.upload(metadata=metadata_of(patient=patient)))
    assert session.details.patient.link is Link.NO_ACCOUNT
