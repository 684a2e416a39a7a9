"""The mobile contract: the inbox, the transcript under review, submitting it."""

import asyncio
import re

import pytest

from tests.builders import PRACTICE, a_wav, an_utterance
from tests.http.clinic import (
    ALEX,
    JORDAN,
    OLIVIA,
    SCRIPT,
    as_the_app,
    check_problem,
    metadata_of,
    open_clinic,
    said,
)
from therapy.adapters.local.push import sent_pushes


async def lines_of(clinic, session_id):
    return as_the_app((await clinic.get(f"/data/transcript/{session_id}")).json()["transcript"])


async def submit(clinic, session_id, lines, **more):
    return await clinic.ask("PUT", f"/data/transcript/{session_id}", json=lines, **more)


async def test_the_inbox_has_the_fields_and_the_date_of_the_contract(clinic):
    session_id = await clinic.reviewable(summary="A summary that is longer than twenty characters.")
    answer = await clinic.get("/data/pending")
    assert answer.status_code == 200
    assert answer.json() == [
        {
            "id": session_id,
            "patientName": "Jordan White",
            "sessionDate": "04-03-2026",
            "summaryPreview": "A summary that is lo",
        }
    ]


async def test_the_inbox_is_newest_first_and_the_callers_own(clinic):
    dates = ["04-03-2026", "01-01-2026", "05-03-2026", "31-12-2025"]
    ids = {day: await clinic.reviewable(session_date=day) for day in dates}
    listed = [each["id"] for each in (await clinic.get("/data/pending")).json()]
    newest = ["05-03-2026", "04-03-2026", "01-01-2026", "31-12-2025"]
    assert listed == [ids[day] for day in newest]
    assert (await clinic.get("/data/pending", ALEX)).json() == []
    later = (await clinic.get("/data/pending", params={"before": listed[1]})).json()
    assert [each["id"] for each in later] == listed[2:]


async def test_only_what_awaits_review_is_in_the_inbox(clinic):
    waiting = await clinic.session()
    assert (await clinic.get("/data/pending")).json() == []
    await clinic.work()
    assert [each["id"] for each in (await clinic.get("/data/pending")).json()] == [waiting]
    await submit(clinic, waiting, await lines_of(clinic, waiting))
    assert (await clinic.get("/data/pending")).json() == []  # at once: the app reloads it then


async def test_a_patient_has_no_inbox(clinic):
    check_problem(await clinic.get("/data/pending", JORDAN), 403)


async def test_a_transcript_has_the_fields_and_formats_of_the_contract(clinic):
    session_id = await clinic.reviewable()
    answer = await clinic.get(f"/data/transcript/{session_id}")
    assert answer.status_code == 200
    told = answer.json()
    assert set(told) == {"patientName", "sessionDate", "summary", "transcript"}
    assert told["patientName"] == "Jordan White"
    assert told["sessionDate"] == "04-03-2026"
    assert told["summary"] == "A first talk."
    assert {"speaker", "text", "timestamp"} <= set(told["transcript"][0])
    assert [each["text"] for each in told["transcript"]] == said(SCRIPT)
    assert [each["timestamp"] for each in told["transcript"]][:3] == [
        "0:00:00.000",
        "0:00:03.000",
        "0:00:07.000",
    ]
    assert answer.headers["etag"] == '"1"'


async def test_voices_become_therapist_and_patient_and_any_other_stays_unknown(clinic):
    session_id = await clinic.reviewable()
    speakers = [each["speaker"] for each in await lines_of(clinic, session_id)]
    assert speakers == ["Therapist", "Patient", "Therapist", "Patient", "Unknown"]


async def test_lines_under_review_have_the_scores_of_what_the_patient_said(clinic):
    session_id = await clinic.reviewable()
    lines = (await clinic.get(f"/data/transcript/{session_id}")).json()["transcript"]
    glad, sad = (line for line in lines if line["speaker"] == "Patient")
    assert glad["positive"] > 0
    assert sad["negative"] > 0
    for line in lines:
        assert line["positive"] + line["neutral"] + line["negative"] == pytest.approx(1, abs=0.001)


async def test_timestamps_beyond_an_hour_are_written_with_one_digit_of_hours(tmp_path):
    from therapy.adapters.memory.speech import MemorySpeech

    late = (an_utterance("Late.", 3_723_045), an_utterance("Very late.", 10 * 3_600_000 + 7))
    async with open_clinic(tmp_path, speech=MemorySpeech(late)) as clinic:
        session_id = await clinic.reviewable()
        stamps = [each["timestamp"] for each in await lines_of(clinic, session_id)]
    assert stamps == ["1:02:03.045", "10:00:00.007"]
    assert all(re.fullmatch(r"\d+:[0-5]\d:[0-5]\d\.\d{3}", each) for each in stamps)


async def test_a_transcript_is_not_there_before_the_machine_wrote_it_nor_after_it_was_submitted(
    clinic,
):
    session_id = await clinic.session()
    check_problem(await clinic.get(f"/data/transcript/{session_id}"), 409, "not_awaiting_review")
    await clinic.work()
    await submit(clinic, session_id, await lines_of(clinic, session_id))
    check_problem(await clinic.get(f"/data/transcript/{session_id}"), 409)
    await clinic.work()
    check_problem(await clinic.get(f"/data/transcript/{session_id}"), 409)


async def test_a_therapist_edits_swaps_deletes_and_submits(clinic):
    session_id = await clinic.reviewable()
    lines = await lines_of(clinic, session_id)
    lines[1]["text"] = "I slept much better."
    lines[0]["speaker"], lines[4]["speaker"] = "Patient", "Therapist"
    del lines[2]
    answer = await submit(clinic, session_id, lines)
    assert answer.status_code == 202
    assert set(answer.json()) == {"message"}
    await clinic.work()
    told = (await clinic.get(f"/sessions/{session_id}/details")).json()
    assert [(each["speaker"], each["text"]) for each in told["sentiment_scores"]] == [
        ("Patient", SCRIPT[0].text),
        ("Patient", "I slept much better."),
        ("Patient", SCRIPT[3].text),
        ("Therapist", "Mm."),
    ]


@pytest.mark.parametrize("speaker", ["THERAPIST", "patient", " Unknown "])
async def test_a_speaker_is_read_in_any_case(clinic, speaker):
    session_id = await clinic.reviewable()
    lines = [{"speaker": speaker, "text": "Hello.", "timestamp": "0:00:00.000"}]
    assert (await submit(clinic, session_id, lines)).status_code == 202


async def test_lines_that_are_new_or_out_of_order_are_put_in_order_of_time(clinic):
    session_id = await clinic.reviewable()
    lines = await lines_of(clinic, session_id)
    lines.append({"speaker": "Patient", "text": "In between.", "timestamp": "0:00:05.500"})
    assert (await submit(clinic, session_id, lines)).status_code == 202
    await clinic.work()
    told = (await clinic.get(f"/sessions/{session_id}/details")).json()["sentiment_scores"]
    assert [each["text"] for each in told][1:3] == [SCRIPT[1].text, "In between."]


BAD_LINES = {
    "no array": {},
    "null": None,
    "a text": "x",
    "numbers": [1, 2],
    "no speaker": [{"text": "a", "timestamp": "0:00:00.000"}],
    "null speaker": [{"speaker": None, "text": "a", "timestamp": "0:00:00.000"}],
    "number as speaker": [{"speaker": 1, "text": "a", "timestamp": "0:00:00.000"}],
    "unknown speaker": [{"speaker": "Guest-1", "text": "a", "timestamp": "0:00:00.000"}],
    "no text": [{"speaker": "Patient", "timestamp": "0:00:00.000"}],
    "null text": [{"speaker": "Patient", "text": None, "timestamp": "0:00:00.000"}],
    "blank text": [{"speaker": "Patient", "text": "  ", "timestamp": "0:00:00.000"}],
    "no timestamp": [{"speaker": "Patient", "text": "a"}],
    "bad timestamp": [{"speaker": "Patient", "text": "a", "timestamp": "soon"}],
    "nul": [{"speaker": "Patient", "text": "a\x00b", "timestamp": "0:00:00.000"}],
    "long text": [{"speaker": "Patient", "text": "a" * 300_000, "timestamp": "0:00:00.000"}],
    "empty": [],
}


@pytest.mark.parametrize("lines", BAD_LINES.values(), ids=BAD_LINES)
async def test_what_is_no_transcript_is_refused_and_the_session_still_awaits_review(clinic, lines):
    session_id = await clinic.reviewable()
    check_problem(await submit(clinic, session_id, lines), 400)
    good = await lines_of(clinic, session_id)
    assert (await submit(clinic, session_id, good)).status_code == 202


async def test_an_empty_array_closes_a_silent_session(clinic):
    session_id = (await clinic.upload(a_wav(b"\0\0" * 16_000))).json()["session_id"]
    await clinic.work()
    assert await lines_of(clinic, session_id) == []
    assert (await submit(clinic, session_id, [])).status_code == 202
    assert (await submit(clinic, session_id, [])).status_code == 202
    await clinic.work()
    told = (await clinic.get(f"/sessions/{session_id}/details")).json()
    assert told["sentiment_scores"] == []
    assert (told["positive"], told["neutral"], told["negative"]) == (0, 1, 0)


async def test_the_same_lines_sent_again_are_accepted_again_and_others_are_not(clinic):
    session_id = await clinic.reviewable()
    lines = await lines_of(clinic, session_id)
    assert (await submit(clinic, session_id, lines)).status_code == 202
    assert (await submit(clinic, session_id, lines)).status_code == 202
    check_problem(await submit(clinic, session_id, lines[:-1]), 409, "not_awaiting_review")
    await clinic.work()
    assert (await submit(clinic, session_id, lines)).status_code == 202
    check_problem(await submit(clinic, session_id, lines[:-1]), 409)
    runs = await clinic.records.runs.of_session(PRACTICE, session_id)
    assert sorted(run.kind.value for run in runs) == ["insights", "score", "transcribe"]


async def test_of_eight_that_submit_at_once_one_wins_and_the_work_is_done_once(clinic):
    session_id = await clinic.reviewable()
    lines = await lines_of(clinic, session_id)
    sent = [[line | {"text": f"{line['text']} {number}"} for line in lines] for number in range(8)]
    answers = await asyncio.gather(*(submit(clinic, session_id, each) for each in sent))
    assert sorted(each.status_code for each in answers) == [202] + [409] * 7
    runs = await clinic.records.runs.of_session(PRACTICE, session_id)
    assert sorted(run.kind.value for run in runs) == ["insights", "score", "transcribe"]


async def test_submitting_before_there_is_a_transcript_is_refused(clinic):
    session_id = await clinic.session()
    lines = [{"speaker": "Patient", "text": "a", "timestamp": "0:00:00.000"}]
    check_problem(await submit(clinic, session_id, lines), 409)


async def test_the_therapist_is_told_once_and_with_nothing_about_anybody(clinic):
    device = {
        "token": "fcm-1",
        "platform": "ANDROID",
        "user_id": OLIVIA.id,
        "user_type": "THERAPIST",
    }
    await clinic.post("/devices/register", json=device)
    session_id = await clinic.reviewable()
    (sent,) = sent_pushes(clinic.settings.data_dir / "mailbox")
    assert sent.token == "fcm-1"
    assert sent.data == {
        "notification_type": "SESSION_READY",
        "dataId": session_id,
        "title": sent.message.title,
        "body": sent.message.body,
    }
    assert all(isinstance(value, str) for value in sent.data.values())
    for word in ("Jordan", "White", "Olivia", "2026", "203948571", "talk"):
        assert word not in sent.message.title + sent.message.body


async def test_very_long_machine_lines_can_be_submitted_again(tmp_path):
    from therapy.adapters.memory.speech import MemorySpeech

    monologue = (an_utterance("word " * 20_000, 0),)
    async with open_clinic(tmp_path, speech=MemorySpeech(monologue)) as clinic:
        session_id = await clinic.reviewable(**metadata_of())
        assert (
            await submit(clinic, session_id, await lines_of(clinic, session_id))
        ).status_code == 202
