"""The mobile contract: the upload as the app really sends it."""

import asyncio
import json

import pytest
from msgspec.structs import replace

from tests.builders import PRACTICE, a_wav
from tests.http.clinic import (
    ALEX,
    BOUNDARY,
    JORDAN,
    OLIVIA,
    SOUND,
    check_problem,
    form,
    left_behind,
    metadata_of,
)
from therapy.domain.people import Role
from therapy.domain.session import Link
from therapy.workflows.accounts import add_person


async def stored(clinic, answer):
    assert answer.status_code == 202, answer.text
    return await clinic.records.sessions.load(PRACTICE, answer.json()["session_id"])


async def hints(clinic, session):
    shown = (await clinic.get(f"/sessions/{session.id}")).json()
    assert shown["session_date_assumed"] is ("session_date_assumed" in str(shown["hints"]))
    assert all(each["reason"] and each["advice"] for each in shown["hints"])
    return [each["code"] for each in shown["hints"]]


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
    answer = await clinic.upload(metadata=metadata_of(timed_notes=notes), metadata_first=True)
    check_problem(answer, 400, "timestamp", "timed_notes[1].timestamp")
    session = await stored(clinic, await clinic.upload(metadata=metadata_of(timed_notes=notes)))
    assert [each.content for each in session.details.timed_notes] == ["x"]
    assert session.details.general_notes == ("Came by bus.", f"[{timestamp}] y")
    assert await hints(clinic, session) == ["note_time_unread"]
    await clinic.ask("PATCH", f"/sessions/{session.id}", json={"timed_notes": ["y"]})
    assert await hints(clinic, session) == []


@pytest.mark.parametrize("timestamp", ["٠٠:٠٩", "۰۰:۰۹", "\u200f00:09", "00\u200f:09"])
async def test_a_timed_notes_time_is_read_in_digits_of_any_script(clinic, timestamp):
    notes = [{"timestamp": timestamp, "content": "x"}]
    session = await stored(clinic, await clinic.upload(metadata=metadata_of(timed_notes=notes)))
    assert [each.content for each in session.details.timed_notes] == ["x"]
    assert await hints(clinic, session) == []


UNREADABLE_DAYS = ["04-03-2569", "5787-06-15", "01-01-0026", "31-02-2026", "03/31/2026", "soon", ""]


@pytest.mark.parametrize("written", UNREADABLE_DAYS)
async def test_a_day_that_cannot_be_read_never_costs_the_recording(clinic, written):
    answer = await clinic.upload(metadata=metadata_of(session_date=written))
    session = await stored(clinic, answer)
    assert session.details.date == clinic.records.now().date()
    assert await hints(clinic, session) == ["session_date_assumed"]
    again = await clinic.upload(metadata=metadata_of(session_date=written))
    assert again.json() == answer.json()
    await clinic.ask("PATCH", f"/sessions/{session.id}", json={"session_date": "04-03-2026"})
    assert await hints(clinic, session) == []
    again = await clinic.upload(metadata=metadata_of(session_date=written))
    assert again.json() == answer.json()


@pytest.mark.parametrize("written", ["04-03-2569", "soon"])
async def test_a_day_that_cannot_be_read_is_refused_before_the_audio_is_sent(clinic, written):
    async def sent():
        yield form(a_wav(SOUND), metadata_of(session_date=written), metadata_first=True)[:1_200]
        await asyncio.Event().wait()  # the audio never comes

    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = await clinic.post("/sessions/upload", content=sent(), headers=headers)
    problem = check_problem(answer, 400, field="session_date")
    assert problem["code"] in {"date", "implausible_year"}


@pytest.mark.parametrize("written", ["٠٤-٠٣-٢٠٢٦", "\u200f04-03-2026", "4-3-2026", "4.3.2026"])
@pytest.mark.parametrize("metadata_first", [False, True])
async def test_a_day_is_read_as_it_was_typed(clinic, written, metadata_first):
    metadata = metadata_of(session_date=written)
    session = await stored(
        clinic, await clinic.upload(metadata=metadata, metadata_first=metadata_first)
    )
    assert session.details.date.isoformat() == "2026-03-04"
    assert await hints(clinic, session) == []


async def test_a_correction_to_an_implausible_day_is_refused(clinic):
    session = await stored(clinic, await clinic.upload())
    answer = await clinic.ask(
        "PATCH", f"/sessions/{session.id}", json={"session_date": "04-03-2569"}
    )
    check_problem(answer, 400, "implausible_year", "session_date")


async def test_a_birthday_that_cannot_be_read_is_left_out_with_a_hint(clinic):
    typed = {"id": "555666777", "name": "New One", "date_of_birth": "30-02-2000"}
    metadata = metadata_of(patient=json.dumps(typed))
    session = await stored(clinic, await clinic.upload(metadata=metadata))
    assert session.details.patient.date_of_birth is None
    assert await hints(clinic, session) == ["date_of_birth_unread"]
    right = typed | {"date_of_birth": "28-02-2000"}
    await clinic.ask("PATCH", f"/sessions/{session.id}", json={"patient": right})
    assert await hints(clinic, session) == []


ADA = replace(
    JORDAN, id="patient-ada", email="ada@example.health", number="012345678", full_name="Ada Zero"
)


async def test_a_number_without_its_leading_zero_links_by_the_name_or_gives_a_hint(clinic):
    await add_person(ADA, records=clinic.records)
    for name, link, found in (
        ("Ada Zero", Link.LINKED, []),
        ("Somebody Else", Link.UNCONFIRMED, ["patient_number_completed"]),
    ):
        patient = json.dumps({"id": "12345678", "name": name})
        audio = a_wav(SOUND + name.encode() + b"x" * (len(name) % 2))
        answer = await clinic.upload(audio, metadata_of(patient=patient))
        session = await stored(clinic, answer)
        assert (session.details.patient.link, await hints(clinic, session)) == (link, found)
        again = await clinic.upload(audio, metadata_of(patient=patient))
        assert again.json() == answer.json()
    link_path = f"/sessions/{session.id}/patient-link"
    guessed = await clinic.post(link_path, json={"patient_id": "12345678"})
    check_problem(guessed, 400, "no_such_patient", "patient_id")
    linked = await clinic.post(link_path, json={"patient_id": ADA.number})
    assert linked.json()["patient"]["id"] == ADA.number
    assert await hints(clinic, session) == []


@pytest.mark.parametrize(
    ("number", "found"),
    [
        ("123", ["patient_number_unlikely"]),
        ("5556667770", ["patient_number_unlikely"]),
        ("ask her", ["patient_number_unlikely"]),
        ("555-666 777", []),
        ("٥٥٥٦٦٦٧٧٧", []),
    ],
)
async def test_a_number_without_nine_digits_is_kept_with_a_hint(clinic, number, found):
    patient = {"id": number, "name": "New One"}
    answer = await clinic.upload(metadata=metadata_of(patient=json.dumps(patient)))
    session = await stored(clinic, answer)
    assert await hints(clinic, session) == found
    right = patient | {"id": "555666777"}
    await clinic.ask("PATCH", f"/sessions/{session.id}", json={"patient": right})
    assert await hints(clinic, session) == []


@pytest.mark.parametrize("written", ["2001-02-28", "28-02-2001", "28/02/2001"])
async def test_a_birthday_is_read_in_each_of_the_three_forms(clinic, written):
    patient = json.dumps({"id": "555666777", "name": "New One", "date_of_birth": written})
    session = await stored(clinic, await clinic.upload(metadata=metadata_of(patient=patient)))
    assert session.details.patient.date_of_birth.isoformat() == "2001-02-28"


@pytest.mark.parametrize("written", ["2026-02-28", "28-02-2026", "28/02/2026"])
async def test_days_are_corrected_in_each_of_the_three_forms(clinic, written):
    session_id = await clinic.session()
    born = {"id": "555666777", "name": "New One", "date_of_birth": written.replace("2026", "2001")}
    change = {"session_date": written, "patient": born}
    told = (await clinic.ask("PATCH", f"/sessions/{session_id}", json=change)).json()
    assert told["session_date"] == "2026-02-28"
    assert told["patient"]["date_of_birth"] == "2001-02-28"
    cleared = {"patient": born | {"date_of_birth": ""}}
    told = (await clinic.ask("PATCH", f"/sessions/{session_id}", json=cleared)).json()
    assert told["patient"]["date_of_birth"] is None


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
