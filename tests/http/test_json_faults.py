"""What is wrong with a request is told by its place and kind, whatever words a library has for it."""

import json
import logging

import pytest
from httpx import ASGITransport, AsyncClient
from litestar import Litestar, get
from litestar.datastructures import State
from litestar.exceptions import ClientException, InternalServerException, ValidationException
from litestar.params import FromPath

from tests.http.clinic import Clinic, check_problem, open_clinic
from therapy.domain.codec import LONG
from therapy.entrypoints.http.data import LineIn
from therapy.entrypoints.http.errors import BrokenOff, on_http_error
from therapy.entrypoints.http.json_bodies import JsonRequest
from therapy.entrypoints.http.json_faults import Fault, find_fault
from therapy.entrypoints.http.sessions_schemas import Correction, LinkRequest
from therapy.entrypoints.http.upload_metadata import MetadataIn

PATIENT = {"id": "1", "name": "a"}
GOOD = {"patient": PATIENT, "session_date": "04-03-2026"}
LINE = {"speaker": "Patient", "text": "a", "timestamp": "0:00:00.000"}
FAULTS = [
    (MetadataIn, {"patient": PATIENT}, Fault("session_date", missing=True)),
    (MetadataIn, GOOD | {"patient": {}}, Fault("patient.id", missing=True)),
    (MetadataIn, GOOD | {"session_date": 4}, Fault("session_date", missing=False)),
    (MetadataIn, GOOD | {"patient": PATIENT | {"name": 4}}, Fault("patient.name", missing=False)),
    (MetadataIn, GOOD | {"patient": 4}, Fault("patient", missing=False)),
    (
        MetadataIn,
        GOOD | {"timed_notes": ["a", {"content": "a\0"}]},
        Fault("timed_notes[1].content", missing=False),
    ),
    (MetadataIn, GOOD | {"general_notes": ["a"] * 2_001}, Fault("general_notes", missing=False)),
    (MetadataIn, GOOD | {"unknown": 4, "summary": "a" * 20_001}, Fault("summary", missing=False)),
    (MetadataIn, [GOOD], Fault("", missing=False)),
    (Correction, {"summary": None, "patient": None}, Fault("patient", missing=False)),
    (list[LineIn], [LINE, {"speaker": "a", "text": "a"}], Fault("[1].timestamp", missing=True)),
    (list[LineIn], [LINE, 4], Fault("[1]", missing=False)),
    (Correction, {"sumary": "a"}, Fault("sumary", missing=False, unknown=True)),
    (Correction, {"summary": 4, "sumary": "a"}, Fault("summary", missing=False)),
    (Correction, {"said: I am ill": 4}, Fault("", missing=False, unknown=True)),
    (Correction, {"x" * 101: 4}, Fault("", missing=False, unknown=True)),
    (
        Correction,
        {"patient": PATIENT | {"nam": "a"}},
        Fault("patient.nam", missing=False, unknown=True),
    ),
    (
        Correction,
        {"timed_notes": ["a", {"time": "00:09"}]},
        Fault("timed_notes[1].time", missing=False, unknown=True),
    ),
    (LinkRequest, {"patient": "1"}, Fault("patient_id", missing=True)),
    (list[LineIn], {}, Fault("", missing=False)),
]


@pytest.mark.parametrize(("shape", "value", "fault"), FAULTS)
def test_the_first_place_that_does_not_fit_is_found(shape, value, fault):
    assert find_fault(json.dumps(value), shape) == fault


@pytest.mark.parametrize(
    "raw", [b"{", b"", b'"\xff"', b"[" * 100_000, b'{"a": "\\ud800"}', b"1e999999"]
)
def test_what_is_no_json_has_no_place(raw):
    assert find_fault(raw, MetadataIn) is None


@pytest.mark.parametrize("lines", [1, LONG], ids=["few", "many"])
async def test_a_line_that_is_wrong_is_named_by_its_place(clinic: Clinic, lines: int):
    session_id = await clinic.reviewable()
    path = f"/data/transcript/{session_id}"
    count = max(1, min(lines // 50, 5_000))
    for last, code, field in (
        ({"speaker": "Patient", "timestamp": "0:00:00.000"}, "required", "text"),
        (LINE | {"text": 4}, "invalid", "text"),
        (LINE | {"speaker": "Guest-1"}, "invalid", "speaker"),
    ):
        answer = await clinic.ask("PUT", path, json=[LINE] * count + [last])
        check_problem(answer, 400, code, f"[{count}].{field}")
    answer = await clinic.ask("PUT", path, content=b"[" + b'"a", ' * lines)
    check_problem(answer, 400, "malformed_json", "body")
    too_many = await clinic.ask("PUT", path, json=[LINE] * 20_001)
    check_problem(too_many, 400, "invalid", "body")


@get("/{number:int}", sync_to_thread=False)
def raising(number: FromPath[int]) -> None:
    """Raise what Litestar raises, in words that it has never had."""
    match number:
        case 1:
            raise ValidationException("Fehlt.") from KeyError("email")
        case 2:
            raise ValidationException("Falsch.", extra=[{"message": "Zu lang.", "key": "wanted"}])
        case 3:
            raise ClientException("Wer soll das sein?")
        case _:
            raise InternalServerException("Hoppla, missing required field `x`, disconnected host.")


@pytest.mark.parametrize(
    ("number", "status", "code", "field"),
    [
        (1, 400, "required", "email"),
        (2, 400, "invalid", "query"),
        (3, 400, "invalid", ""),
        (4, 500, "internal", ""),
    ],
)
async def test_errors_of_the_framework_are_told_apart_without_their_words(
    number, status, code, field, caplog
):
    app = Litestar(
        [raising],
        logging_config=None,
        exception_handlers={Exception: on_http_error},
        state=State({"language": "en"}),
    )
    transport = ASGITransport(app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://clinic.test") as client:
        answer = await client.get(f"/{number}")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert problem.get("field", "") == field
    logged = [each for each in caplog.records if each.getMessage() == "an unexpected error"]
    assert [each.error for each in logged] == ["InternalServerException"] * (status == 500)


async def test_a_part_of_the_installation_that_is_none_is_logged_as_the_bug_that_it_is(
    tmp_path, caplog
):
    async with open_clinic(tmp_path, session_index=object()) as clinic:
        answer = await clinic.get("/sessions/me")
    check_problem(answer, 500, "internal")
    assert [each.levelno for each in caplog.records if "unexpected" in each.getMessage()] == [
        logging.ERROR
    ]


async def test_a_client_that_goes_away_in_mid_body_is_no_fault_of_the_server():
    async def receive():
        return {"type": "http.disconnect"}

    app = Litestar([raising], logging_config=None)
    scope = {"type": "http", "app": app, "route_handler": raising, "headers": [], "method": "GET"}
    request = JsonRequest(scope, receive)
    with pytest.raises(BrokenOff):
        await request.body()


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("PATCH", "", {"summary": "new", "sumary": "a"}, "sumary"),
        (
            "PATCH",
            "",
            {"summary": "new", "patient": {"id": "1", "name": "A", "age": 4}},
            "patient.age",
        ),
        (
            "PATCH",
            "",
            {"summary": "new", "general_notes": [{"text": "a"}]},
            "general_notes[0].text",
        ),
        ("PATCH", "", {"summary": "new", "a b": "a"}, "body"),
        ("POST", "/patient-link", {"patient_id": "203948571", "patientId": "1"}, "patientId"),
        ("POST", "/retry", {"language": "he-IL"}, "language"),
    ],
)
async def test_unknown_fields_are_refused_by_name_beyond_the_app(clinic, method, path, body, field):
    session_id = await clinic.reviewable()
    before = (await clinic.get(f"/sessions/{session_id}")).json()
    answer = await clinic.ask(method, f"/sessions/{session_id}{path}", json=body)
    check_problem(answer, 400, "unknown_field", field)
    assert (await clinic.get(f"/sessions/{session_id}")).json() == before


async def test_unknown_fields_stay_ignored_in_what_the_app_calls(clinic):
    person = {"id": "300000015", "name": "Dana Example", "age": 4}
    session_id = await clinic.reviewable(
        patient=person, mood="a", general_notes=[{"content": "a", "colour": "red"}]
    )
    line = LINE | {"mood": "a"}
    answer = await clinic.ask("PUT", f"/data/transcript/{session_id}", json=[line])
    assert answer.status_code == 202
