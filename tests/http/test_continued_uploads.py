"""A session in several files, over HTTP: sent, shown, played; what is refused leaves nothing behind."""

import asyncio

import pytest

from tests.builders import PRACTICE, a_wav
from tests.http.clinic import ALEX, BOUNDARY, SOUND, check_problem, form, left_behind, metadata_of
from therapy.ports.store import LAST_MOMENT
from therapy.repositories.runs import RUN_QUEUES

NEXT = a_wav(b"\x20\x00" * 6_000)


async def continued(clinic, session_id, audio=NEXT, **more):
    return await clinic.upload(audio, metadata_of(continues=session_id), **more)


@pytest.mark.parametrize("metadata_first", [True, False])
async def test_a_recording_may_continue_a_session(clinic, metadata_first):
    first = (await clinic.upload()).json()
    await clinic.work()
    answer = await continued(clinic, first["session_id"], metadata_first=metadata_first)
    assert (answer.status_code, answer.json()) == (202, first)
    path = f"/sessions/{first['session_id']}"
    shown = (await clinic.get(path)).json()
    assert shown["state"] == "awaiting_transcript"
    assert [(each["part"], each["bytes"], each["type"]) for each in shown["recordings"]] == [
        (1, len(a_wav(SOUND)), "audio/wav"),
        (2, len(NEXT), "audio/wav"),
    ]
    await clinic.work()
    assert (await clinic.get(f"/data/transcript/{first['session_id']}")).json()["transcript"]
    version = await clinic.records.transcripts.load(PRACTICE, first["session_id"], 2)
    assert [each.reason for each in version.missing] == ["between_recordings"]
    again = await continued(clinic, first["session_id"])
    assert again.json() == first
    assert not await clinic.records.store.due(RUN_QUEUES, LAST_MOMENT, 10)


async def test_each_recording_of_a_session_is_played_by_its_number(clinic):
    session_id = (await clinic.upload()).json()["session_id"]
    await continued(clinic, session_id)
    path = f"/sessions/{session_id}/recording"
    for query, audio in (("", a_wav(SOUND)), ("?part=1", a_wav(SOUND)), ("?part=2", NEXT)):
        assert (await clinic.get(path + query)).content == audio
    some = await clinic.get(f"{path}?part=2", headers={"Range": "bytes=44-47"})
    assert (some.status_code, some.content) == (206, NEXT[44:48])
    check_problem(await clinic.get(f"{path}?part=3"), 404)
    check_problem(await clinic.get(f"{path}?part=0"), 400, field="part")
    check_problem(await clinic.post(f"{path}-link?part=2"), 404, "not_offered")


async def test_a_session_that_is_not_there_is_told_before_the_audio_is_sent(clinic):
    async def sent():
        yield form(NEXT, metadata_of(continues="missing"), metadata_first=True)[:1_200]
        await asyncio.Event().wait()  # the audio never comes

    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = await clinic.post("/sessions/upload", content=sent(), headers=headers)
    check_problem(answer, 404, "no_session_to_continue")


async def test_what_may_not_continue_a_session_is_refused_and_leaves_nothing(clinic):
    session_id = (await clinic.upload()).json()["session_id"]
    before = left_behind(clinic.settings.data_dir)
    alien = {"continues": session_id, "therapist": None}
    stranger = metadata_of(continues=session_id, patient={"id": "999999999", "name": "A Stranger"})
    for metadata, person, status, code in (
        (metadata_of(continues="missing"), None, 404, "no_session_to_continue"),
        (metadata_of(**alien), ALEX, 404, "no_session_to_continue"),
        (stranger, None, 400, "other_patient"),
    ):
        who = {"person": person} if person else {}
        check_problem(await clinic.upload(NEXT, metadata, **who), status, code)
        assert left_behind(clinic.settings.data_dir) == before
    await clinic.ask("DELETE", f"/sessions/{session_id}")
    assert (await continued(clinic, session_id)).status_code in {404, 409}
