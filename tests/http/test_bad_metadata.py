"""Bad metadata of an upload, by name: what is told of each in both languages, and that nothing is left.

One clinic refuses them all: what one of them left would be found by itself and by the next.
"""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.builders import a_wav
from tests.http.clinic import (
    BOUNDARY,
    NOTHING,
    OLIVIA,
    SOUND,
    Clinic,
    check_problem,
    form,
    left_behind,
    metadata_of,
    open_clinic,
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clinic(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Clinic]:
    async with open_clinic(tmp_path_factory.mktemp("refusing")) as opened:
        yield opened


def told(**changes):
    return json.dumps(metadata_of(**changes)).encode()


def patient(**changes):
    return told(patient=json.dumps({"id": "203948571", "name": "Jordan White"} | changes))


BAD_METADATA = {
    "no date": (told(session_date=...), "session_date"),
    "null date": (told(session_date=None), "session_date"),
    "number as date": (told(session_date=31022026), "session_date"),
    "list": (b"[1]", "metadata"),
    "text": (b'"x"', "metadata"),
    "number": (b"1", "metadata"),
    "null": (b"null", "metadata"),
    "empty": (b"", "metadata"),
    "no json": (b"{", "metadata"),
    "no unicode": (b"\xff\xfe\x00", "metadata"),
    "too deep": (b"[" * 100_000, "metadata"),
    "deep in an unknown field": (b'{"x":' + b"[" * 100_000 + b"}", "metadata"),
    "no patient": (told(patient=...), "patient"),
    "null patient": (told(patient=None), "patient"),
    "number as patient": (told(patient=203948571), "patient"),
    "patient that is no json": (told(patient="Jordan White"), "patient"),
    "patient that is a list in json": (told(patient="[]"), "patient"),
    "patient too deep": (told(patient="[" * 4_000), "patient"),
    "no patient id": (told(patient='{"name": "x"}'), "patient.id"),
    "blank patient id": (patient(id=" "), "patient.id"),
    "number as patient id": (patient(id=1), "patient.id"),
    "long patient id": (patient(id="1" * 4_000), "patient.id"),
    "nul in the patient id": (patient(id="1\x00"), "patient.id"),
    "no patient name": (told(patient='{"id": "1"}'), "patient.name"),
    "blank patient name": (patient(name="\t"), "patient.name"),
    "long patient name": (patient(name="x" * 1_000), "patient.name"),
    "therapist that is no json": (told(therapist="{"), "therapist"),
    "number as therapist": (told(therapist=7), "therapist"),
    "long summary": (told(summary="x" * 30_000), "summary"),
    "nul in the summary": (told(summary="x\x00"), "summary"),
    "number as summary": (told(summary=1), "summary"),
    "text as notes": (told(general_notes="x"), "general_notes"),
    "number as a note": (told(general_notes=[1]), "general_notes[0]"),
    "too many notes": (told(general_notes=["x"] * 2_001), "general_notes"),
    "nul in a note": (
        told(timed_notes=[{"timestamp": "00:01", "content": "\x00"}]),
        "timed_notes[0].content",
    ),
}


@pytest.mark.parametrize(("metadata", "field"), BAD_METADATA.values(), ids=BAD_METADATA)
@pytest.mark.parametrize("language", ["en", "he"])
@pytest.mark.asyncio(loop_scope="module")
async def test_bad_metadata_is_refused_by_the_name_of_its_field(clinic, metadata, field, language):
    token = {"Authorization": f"Bearer {clinic.token(OLIVIA)}", "Accept-Language": language}
    headers = token | {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    body = form(a_wav(SOUND), metadata)
    answer = await clinic.client.post("/sessions/upload", content=body, headers=headers)
    problem = check_problem(answer, 400, field=field)
    assert any("א" <= letter <= "ת" for letter in problem["error"]) is (language == "he")
    assert left_behind(clinic.settings.data_dir) == NOTHING
