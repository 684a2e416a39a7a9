"""The upload as it is documented, field by field: each error that a field's description names comes about."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders import a_wav
from tests.http.clinic import (
    BOUNDARY,
    OLIVIA,
    SOUND,
    check_problem,
    form,
    metadata_of,
    open_clinic,
    settings_in,
)
from therapy.adapters.audio import PyAvAudioDecoder
from therapy.entrypoints.http.app import make_app
from therapy.entrypoints.http.openapi_document import document_of

PATIENT = {"id": "203948571", "name": "Jordan White"}
NOTE = "timed_notes[0]"
WRONG: dict[tuple[str, str], dict[str, Any]] = {
    ("patient", "required"): {"patient": ...},
    ("patient", "invalid"): {"patient": "no JSON"},
    ("patient.id", "required"): {"patient": {"name": "Jordan White"}},
    ("patient.id", "invalid"): {"patient": PATIENT | {"id": 203948571}},
    ("patient.name", "required"): {"patient": {"id": "203948571"}},
    ("patient.name", "invalid"): {"patient": PATIENT | {"name": "x" * 201}},
    ("patient.email", "invalid"): {"patient": PATIENT | {"email": 7}},
    ("patient.date_of_birth", "invalid"): {"patient": PATIENT | {"date_of_birth": 7}},
    ("patient.date_of_birth", "date"): {"patient": PATIENT | {"date_of_birth": "soon"}},
    ("patient.date_of_birth", "implausible_year"): {
        "patient": PATIENT | {"date_of_birth": "1800-01-01"}
    },
    ("session_date", "required"): {"session_date": ...},
    ("session_date", "invalid"): {"session_date": None},
    ("session_date", "date"): {"session_date": "31-02-2026"},
    ("session_date", "implausible_year"): {"session_date": "04-03-5787"},
    ("therapist", "invalid"): {"therapist": 7},
    ("therapist.id", "invalid"): {"therapist": {"id": 7}},
    ("therapist.name", "invalid"): {"therapist": {"name": 7}},
    ("therapist.email", "invalid"): {"therapist": {"email": 7}},
    ("summary", "invalid"): {"summary": 7},
    ("general_notes", "invalid"): {"general_notes": "one"},
    ("timed_notes", "invalid"): {"timed_notes": "one"},
    (f"{NOTE}.content", "invalid"): {"timed_notes": [{"content": 7}]},
    (f"{NOTE}.timestamp", "invalid"): {"timed_notes": [{"timestamp": 7}]},
    (f"{NOTE}.timestamp", "timestamp"): {"timed_notes": [{"timestamp": "at nine"}]},
    ("languages", "invalid"): {"languages": "en-US"},
    ("languages", "languages"): {"languages": ["English, please"]},
    ("people", "invalid"): {"people": "two"},
    ("people", "people"): {"people": 7},
    ("continues", "invalid"): {"continues": 7},
}
"""What is sent in the metadata for each error of a field."""
WITHOUT_FIELD: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {
    ("therapist", "other_therapist"): (403, {"therapist": {"id": "somebody else"}}),
    ("therapist.id", "other_therapist"): (403, {"therapist": {"id": "somebody else"}}),
    ("continues", "no_session_to_continue"): (404, {"continues": "nothing"}),
}
BODIES: dict[tuple[str, str], tuple[int, bytes]] = {
    ("audio_file", "required"): (400, form(None, metadata_of())),
    ("audio_file", "empty_file"): (400, form(b"", metadata_of())),
    ("audio_file", "unsupported_audio"): (415, form(b"Dear diary", metadata_of())),
    ("metadata", "required"): (400, form(a_wav(SOUND), None)),
    ("metadata", "metadata"): (400, form(a_wav(SOUND), b"[]")),
    ("metadata", "too_large"): (413, form(a_wav(SOUND), b" " * 1_100_000)),
}
ELSEWHERE = {
    *(("audio_file", code) for code in ("too_large", "too_long", "duplicate_recording")),
    *(("audio_file", code) for code in ("compressed_audio", "unsupported_sound")),
    *(("continues", code) for code in ("other_patient", "too_late_to_continue")),
    ("continues", "too_many_recordings"),
    *(("therapist.date_of_birth", code) for code in ("date", "implausible_year", "invalid")),
}
"""Tested where limits, recordings and continued sessions are; a therapist's date of birth is a patient's."""
PREFIXES = {"PersonIn": "patient.", "TherapistIn": "therapist.", "NoteIn": f"{NOTE}."}


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    document = document_of(make_app(settings_in(Path()), with_worker=False)).to_schema()
    found: dict[str, Any] = json.loads(json.dumps(document))["components"]["schemas"]
    return found


@pytest.fixture
async def clinic(tmp_path):
    async with open_clinic(tmp_path, audio=PyAvAudioDecoder()) as opened:
        yield opened


def documented(schemas: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every field and each code that its description names."""
    for name in ("UploadForm", "MetadataIn", *PREFIXES):
        for field, schema in schemas[name]["properties"].items():
            _, sign, errors = schema["description"].partition(" Errors: ")
            assert sign, (name, field)
            yield from ((PREFIXES.get(name, "") + field, c) for c in re.findall(r"`(\w+)`", errors))


def test_every_error_that_a_field_of_the_upload_names_is_tried(schemas):
    assert {*documented(schemas)} == WRONG.keys() | WITHOUT_FIELD.keys() | BODIES.keys() | ELSEWHERE


async def upload(clinic, body, language="en"):
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    headers["Accept-Language"] = language
    return await clinic.post("/sessions/upload", OLIVIA, content=body, headers=headers)


@pytest.mark.parametrize("named", WRONG, ids=" ".join)
async def test_what_is_wrong_in_the_metadata_is_named_with_what_to_send(clinic, named):
    field, code = named
    metadata = metadata_of(therapist=...) | WRONG[named]
    metadata = {name: value for name, value in metadata.items() if value is not ...}
    for metadata_first in (True, False):
        if not metadata_first and code in {"date", "implausible_year", "timestamp"}:
            continue  # the audio is here already, and is not lost for that
        body = form(a_wav(SOUND), metadata, metadata_first=metadata_first)
        problem = check_problem(await upload(clinic, body), 400, code, field)
        assert ("missing" in problem["error"]) == (code == "required")
        assert field in problem["error"]
        assert problem["detail"] != problem["error"]
        hebrew = check_problem(await upload(clinic, body, "he"), 400, code, field)
        assert any("א" <= letter <= "ת" for letter in hebrew["detail"])
        assert hebrew["detail"] != hebrew["error"]


async def test_a_person_as_json_in_a_text_lacks_what_an_object_lacks(clinic):
    for text, field in (('{"name": "Jordan White"}', "patient.id"), ("{}", "patient.id")):
        body = form(a_wav(SOUND), metadata_of(patient=text))
        check_problem(await upload(clinic, body), 400, "required", field)


@pytest.mark.parametrize("named", WITHOUT_FIELD, ids=" ".join)
async def test_who_or_what_is_not_there_has_its_own_code(clinic, named):
    status, more = WITHOUT_FIELD[named]
    body = form(a_wav(SOUND), metadata_of(**more), metadata_first=True)
    check_problem(await upload(clinic, body), status, named[1])


@pytest.mark.parametrize("named", BODIES, ids=" ".join)
async def test_what_is_wrong_with_a_part_is_said_with_what_to_send(clinic, named):
    (field, code), (status, body) = named, BODIES[named]
    problem = check_problem(await upload(clinic, body), status, code)
    assert problem["detail"] != problem["error"]
    assert problem.get("field", field) == field


async def test_a_body_that_is_no_form_says_which_form_to_send(clinic):
    answer = await clinic.post("/sessions/upload", OLIVIA, json={"patient": PATIENT})
    problem = check_problem(answer, 415, "unsupported_media_type")
    assert {"audio_file", "metadata"} <= {*re.findall(r"\w+", problem["detail"])}


def test_the_document_says_what_each_part_is_and_what_a_patient_needs(schemas):
    document = document_of(make_app(settings_in(Path()), with_worker=False)).to_schema()
    body = document["paths"]["/sessions/upload"]["post"]["requestBody"]["content"]
    encoding = body["multipart/form-data"]["encoding"]
    assert encoding["metadata"]["contentType"] == "application/json"
    assert encoding["audio_file"]["contentType"].startswith("audio/*")
    assert schemas["UploadForm"]["required"] == ["audio_file", "metadata"]
    assert schemas["MetadataIn"]["required"] == ["patient", "session_date"]
    assert schemas["PersonIn"]["required"] == ["id", "name"]
    assert "required" not in schemas["TherapistIn"] or schemas["TherapistIn"]["required"] == []
