"""GET /sessions/{id}/transcript, and what GET /sessions/{id} says of holes and doubts."""

import pytest

from tests.http.clinic import ALEX, JORDAN, OLIVIA, as_the_app, check_problem, open_clinic
from tests.http.recordings_with_doubts import a_line, doubtful_ports
from therapy.adapters.memory.speech import MemorySpeech


@pytest.fixture
async def doubtful(tmp_path):
    async with open_clinic(tmp_path, **doubtful_ports()) as clinic:
        yield clinic


async def transcript_of(clinic, session_id, **more):
    return await clinic.get(f"/sessions/{session_id}/transcript", **more)


async def submit(clinic, session_id, *, change):
    path = f"/data/transcript/{session_id}"
    lines = as_the_app((await clinic.get(path)).json()["transcript"])
    change(lines)
    assert (await clinic.ask("PUT", path, json=lines)).status_code == 202
    await clinic.work()


async def test_a_transcript_has_its_words_its_doubts_and_what_is_missing(doubtful):
    session_id = await doubtful.reviewable()
    answer = await transcript_of(doubtful, session_id)
    assert answer.status_code == 200
    assert answer.headers["etag"] == '"1"'
    told = answer.json()
    lines = told.pop("lines")
    at = told.pop("at")
    assert at.endswith("Z")
    assert told == {
        "version": 1,
        "source": "machine",
        "author": None,
        "engine": "for 0 people",
        "language": "en-US",
        "partial": True,
        "missing": [
            {"start_ms": 600_000, "end_ms": 720_000, "reason": "hole"},
            {"start_ms": 2_400_000, "end_ms": 2_401_500, "reason": "cut_off"},
        ],
        "remarks": ["silent_channel"],
        "coverage": {"speech_ms": 9_000, "without_words_ms": 700, "longest_ms": 400},
    }
    assert lines[2] == {
        "start_ms": 7_000,
        "end_ms": lines[2]["end_ms"],
        "speaker": lines[1]["speaker"],
        "voice": "1",
        "confidence": lines[2]["confidence"],
        "text": "A happy happy.",
        "words": [
            ["A", 7_000, 7_200, 0.2],
            ["happy", 7_200, 7_400, 0.1],
            ["happy.", 7_400, 7_600, 0.3],
        ],
        "word_confidence": 0.2,
        "flags": ["guess", "loop"],
        "edited": False,
        "heard": "",
    }
    assert [each["flags"] for each in lines] == [[], [], ["guess", "loop"]]


async def test_a_recording_that_is_whole_is_not_partial(clinic):
    session_id = await clinic.reviewable()
    told = (await transcript_of(clinic, session_id)).json()
    found = {name: told[name] for name in ("partial", "missing", "remarks", "coverage")}
    assert found == {"partial": False, "missing": [], "remarks": [], "coverage": None}
    heard = (await clinic.get(f"/sessions/{session_id}")).json()["heard"]
    assert {name: heard[name] for name in found} == found
    assert heard["doubtful_lines"] == []


async def test_what_is_missing_is_said_in_the_language_of_the_reader(doubtful):
    session_id = await doubtful.reviewable()
    heard = (await doubtful.get(f"/sessions/{session_id}")).json()["heard"]
    assert heard["partial"] is True
    assert [each["sentence"] for each in heard["missing"]] == [
        "2 minutes from 0:10:00 are missing: the recording has a gap there.",
        "1.5 seconds from 0:40:00 are missing: the recording ends earlier than it states.",
    ]
    assert heard["remarks"] == ["silent_channel"]
    assert heard["coverage"]["longest_ms"] == 400
    assert heard["doubtful_lines"] == [{"start_ms": 7_000, "flags": ["guess", "loop"]}]
    hebrew = await doubtful.get(f"/sessions/{session_id}", headers={"Accept-Language": "he"})
    assert hebrew.json()["heard"]["missing"][0]["sentence"].startswith("חסרות 2 דקות החל מ-0:10:00")


async def test_a_line_that_a_person_changed_says_so_and_the_others_do_not(doubtful):
    session_id = await doubtful.reviewable()

    def change(lines):
        lines[0]["text"] = "How was your sleep?"
        lines[1]["speaker"] = "Unknown"
        lines.append({"speaker": "Patient", "text": "Bye.", "timestamp": "0:00:09.000"})

    await submit(doubtful, session_id, change=change)
    told = (await transcript_of(doubtful, session_id)).json()
    assert (told["version"], told["source"], told["author"]) == (2, "edit", OLIVIA.id)
    assert [each["edited"] for each in told["lines"]] == [True, True, False, True]
    assert [bool(each["words"]) for each in told["lines"]] == [True, True, True, False]
    assert [word[3] for word in told["lines"][0]["words"]] == [0.9, 0, 0, 1]
    assert [each["word_confidence"] for each in told["lines"]] == [0.95, 0.8, 0.2, 1.0]
    assert told["partial"] is True
    assert told["lines"][2]["flags"] == ["guess", "loop"]


async def test_what_is_known_already_is_not_sent_again(doubtful):
    session_id = await doubtful.reviewable()
    for known in ('"1"', 'W/"1"', '"7", "1"', "*"):
        answer = await transcript_of(doubtful, session_id, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b""), known
        assert answer.headers["etag"] == '"1"'
    for other in ('"2"', "1", '"11"', ""):
        answer = await transcript_of(doubtful, session_id, headers={"If-None-Match": other})
        assert answer.status_code == 200, other
    await submit(doubtful, session_id, change=list.pop)
    answer = await transcript_of(doubtful, session_id, headers={"If-None-Match": '"1"'})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')


async def test_there_is_no_transcript_before_the_review_nor_of_a_cancelled_session(clinic):
    session_id = await clinic.session()
    problem = check_problem(await transcript_of(clinic, session_id), 409, "no_transcript")
    assert problem["state"] == "awaiting_transcript"
    await clinic.work()
    await clinic.ask("DELETE", f"/sessions/{session_id}")
    gone = await transcript_of(clinic, session_id, headers={"If-None-Match": '"1"'})
    assert gone.status_code in {404, 409}  # erased, or about to be


async def test_a_transcript_is_its_therapists_alone(doubtful):
    session_id = await doubtful.reviewable()
    for person in (ALEX, JORDAN):
        known = {"If-None-Match": "*"}
        answer = await transcript_of(doubtful, session_id, person=person, headers=known)
        check_problem(answer, 404, "not_found")


async def test_a_therapist_is_asked_who_is_who_where_the_rule_does_not_know(tmp_path):
    lines = (
        a_line("Yes, fine.", 0, 0.9, 0.9, voice="0"),
        a_line("Well, good.", 3_000, 0.9, 0.9, voice="1"),
    )
    async with open_clinic(tmp_path, speech=MemorySpeech(lines)) as clinic:
        session_id = await clinic.reviewable()
        hebrew = {"Accept-Language": "he"}
        shown = (await clinic.get(f"/sessions/{session_id}")).json()
        assert shown["heard"]["role_confidence"] < 0.6
        (hint,) = shown["hints"]
        assert hint["code"] == "speakers_to_assign"
        assert hint["reason"].startswith("It is not clear who is the therapist")
        (in_hebrew,) = (await clinic.get(f"/sessions/{session_id}", headers=hebrew)).json()["hints"]
        assert in_hebrew["advice"] == "יש לקבוע מי הדוברים לפני הגשת התמליל."

        def assign(lines):
            lines[0]["speaker"], lines[1]["speaker"] = "Therapist", "Patient"

        await submit(clinic, session_id, change=assign)
        assert (await clinic.get(f"/sessions/{session_id}")).json()["hints"] == []


async def test_nobody_is_asked_who_is_who_where_the_rule_knows(clinic):
    session_id = await clinic.reviewable()
    assert (await clinic.get(f"/sessions/{session_id}")).json()["hints"] == []
