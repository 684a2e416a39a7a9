"""How many people speak: what an upload, a retry and the setting say reaches the engine."""

import pytest

from tests.builders import PRACTICE, a_wav
from tests.http.clinic import NOTHING as NOTHING_LEFT
from tests.http.clinic import SOUND, check_problem, left_behind, metadata_of, open_clinic
from tests.http.recordings_with_doubts import SCRIPT, CountedSpeech
from therapy.domain.errors import EngineFailed

WRONG = [0, 7, -1, 2**70, 1.5, "2", True, [2]]


async def told_engine(clinic, session_id):
    """For how many people the engine recognised the session, as its name says."""
    return (await clinic.get(f"/sessions/{session_id}")).json()["heard"]["engine"]


@pytest.mark.parametrize(
    ("setting", "metadata", "people"),
    [
        ("", {}, 0),
        ("auto", {"people": None}, 0),
        ("", {"people": 1}, 1),
        ("", {"people": 6}, 6),
        ("3", {}, 3),
        ("3", {"people": 2}, 2),
    ],
)
async def test_the_engine_is_told_what_the_upload_says_else_the_setting(
    tmp_path, setting, metadata, people
):
    environment = {"THERAPY_SPEECH_PEOPLE": setting}
    async with open_clinic(
        tmp_path, environment=environment, speech=CountedSpeech(SCRIPT)
    ) as clinic:
        session_id = await clinic.reviewable(**metadata)
        assert await told_engine(clinic, session_id) == f"for {people} people"


@pytest.mark.parametrize("wrong", WRONG)
async def test_an_upload_for_another_number_of_people_is_refused_by_the_fields_name(
    tmp_path, wrong
):
    async with open_clinic(tmp_path) as clinic:
        answer = await clinic.upload(metadata=metadata_of(people=wrong))
        check_problem(answer, 400, field="people")
        assert left_behind(clinic.settings.data_dir) == NOTHING_LEFT


async def test_a_failed_session_is_tried_again_for_as_many_people_as_are_named(tmp_path):
    speech = CountedSpeech(SCRIPT, failure=EngineFailed("model", transient=False))
    async with open_clinic(tmp_path, speech=speech) as clinic:
        session_id = await clinic.reviewable(people=2)
        again = f"/sessions/{session_id}/retry"
        for wrong in WRONG:
            answer = await clinic.post(again, json={"people": wrong})
            check_problem(answer, 400, field="people")
        assert (await clinic.post(again, json={"people": 3})).status_code == 202
        await clinic.work()
        speech.failure = None
        assert (await clinic.post(again, json={"languages": ["en-US"]})).status_code == 202
        await clinic.work()
        assert await told_engine(clinic, session_id) == "for 3 people"
        session = await clinic.records.sessions.load(PRACTICE, session_id)
        assert (session.people, session.languages) == (3, ("en-US",))


async def test_the_same_failed_recording_sent_again_may_name_its_people(tmp_path):
    speech = CountedSpeech(SCRIPT, failure=EngineFailed("model", transient=False))
    async with open_clinic(tmp_path, speech=speech) as clinic:
        sound = a_wav(SOUND)
        first = (await clinic.upload(sound)).json()["session_id"]
        await clinic.work()
        speech.failure = None
        again = await clinic.upload(sound, metadata_of(people=3))
        assert again.json()["session_id"] == first
        await clinic.work()
        assert await told_engine(clinic, first) == "for 3 people"
