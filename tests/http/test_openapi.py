"""The OpenAPI document: valid, stable, and whole enough to make a client of it."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.http.clinic import ROOT, settings_in
from tests.http.documented import PROBLEM_TYPE, Document
from therapy.domain.errors import TherapyError
from therapy.domain.messages import TEXTS
from therapy.entrypoints.http import errors
from therapy.entrypoints.http.app import make_app
from therapy.entrypoints.http.openapi_document import document_of
from therapy.entrypoints.http.problem_answers import CODES
from therapy.entrypoints.http.upload_metadata import read_metadata

OPERATION_IDS = [
    "amend_transcript",
    "append_to_upload",
    "cancel_session",
    "change_draft_lines",
    "change_draft_speakers",
    "change_password",
    "check_live",
    "check_ready",
    "check_ready_for_uploads",
    "compare_versions",
    "correct_session",
    "count_work",
    "create_upload",
    "delete_upload",
    "describe_upload",
    "discard_draft",
    "find_patients",
    "follow_session",
    "follow_sessions",
    "forgot_password",
    "get_closed_session",
    "get_draft",
    "get_my_profile",
    "get_peaks",
    "get_playback",
    "get_recording",
    "get_session",
    "get_transcript",
    "get_transcript_for_review",
    "get_upload",
    "get_version",
    "get_vocabulary",
    "head_peaks",
    "head_playback",
    "head_recording",
    "head_upload",
    "link_patient",
    "list_closed_sessions",
    "list_sessions",
    "list_sessions_for_review",
    "list_uploads",
    "list_versions",
    "log_in",
    "make_playback_link",
    "make_recording_link",
    "refresh_login",
    "register_device",
    "replace_in_draft",
    "rerun_session",
    "restore_version",
    "retry_session",
    "save_draft",
    "search_closed_sessions",
    "submit_reviewed_transcript",
    "submit_transcript",
    "unlink_patient",
    "unregister_devices",
    "upload_recording",
    "write_vocabulary",
]
"""Clients are made with these as names of functions: one may be added, none may change."""

APP = {
    *("change_password", "forgot_password", "log_in", "refresh_login"),
    *("register_device", "unregister_devices", "find_patients", "get_my_profile"),
    *("list_closed_sessions", "search_closed_sessions", "get_closed_session", "upload_recording"),
    *("list_sessions_for_review", "get_transcript_for_review", "submit_reviewed_transcript"),
}
"""What the app calls: the forms of dates in what these take and give are its contract's."""
DATED = re.compile(r"(.+_)?(at|date|day|since|until)|date_.+")
"""The names of fields that are a day or a moment."""
DATE = re.compile(r"\d{4}-\d\d-\d\d(T.+)?|\d\d[-/]\d\d[-/]\d{4}")

MADE = """
import json, sys
from pathlib import Path
from tests.http.clinic import settings_in
from therapy.entrypoints.http.app import make_app
from therapy.entrypoints.http.openapi_document import document_of
document = document_of(make_app(settings_in(Path()), with_worker=False)).to_schema()
sys.stdout.write(json.dumps(document))
"""


async def test_the_document_is_completed_when_it_is_first_asked_for_by_however_many(content):
    app = make_app(settings_in(Path()), with_worker=False)
    assert app.openapi_schema.to_schema() != content  # a start does not wait for it
    async with AsyncClient(transport=ASGITransport(app), base_url="http://h") as client:
        asked = [client.get("/schema/openapi.json") for _ in range(4)]
        answers = [each.json() for each in await asyncio.gather(*asked)]
    assert answers == [content] * 4


@pytest.fixture(scope="module")
def content() -> dict[str, Any]:
    document = document_of(make_app(settings_in(Path()), with_worker=False)).to_schema()
    content: dict[str, Any] = json.loads(json.dumps(document))
    return content


def operations(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in content["paths"].values():
        yield from methods.values()


def bodies(content: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every body of a request or an answer, and what it is called here."""
    for operation in operations(content):
        name = operation["operationId"]
        for media in operation.get("requestBody", {}).get("content", {}).values():
            yield f"{name} request", media
        for status, answer in operation["responses"].items():
            for media in answer.get("content", {}).values():
                yield f"{name} {status}", media


def test_the_document_is_valid(content):
    assert list(OpenAPIV31SpecValidator(content).iter_errors()) == []


@pytest.mark.slow
def test_the_document_is_the_same_in_every_process():
    made = [
        subprocess.run(
            [sys.executable, "-c", MADE],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert made[0] == made[1] != b""


def test_operation_ids_stay_what_they_are(content):
    assert sorted(each["operationId"] for each in operations(content)) == OPERATION_IDS


def test_no_two_operations_have_one_summary_and_no_description_is_shown_as_code(content):
    summaries = [each["summary"] for each in operations(content)]
    assert sorted(summaries) == sorted({*summaries})
    assert not [each for each in summaries if each.endswith("?")]
    schemas = content["components"]["schemas"]
    indented = re.compile(r"^ {4}", re.MULTILINE)
    assert not [
        name for name, each in schemas.items() if indented.search(each.get("description", ""))
    ]


def test_every_operation_and_parameter_is_described(content):
    tags = {each["name"] for each in content["tags"] if each["description"]}
    for operation in operations(content):
        name = operation["operationId"]
        assert operation["summary"][0].isupper(), name
        assert operation["description"].rstrip().endswith("."), name
        assert operation["description"] != operation["summary"], name
        assert set(operation["tags"]) <= tags, name
        for parameter in operation.get("parameters", ()):
            assert parameter["description"], (name, parameter["name"])
            assert parameter["examples"], (name, parameter["name"])


def test_every_answer_that_may_be_tried_again_has_the_header_that_says_when(content):
    for operation in operations(content):
        for status in {"429", "503", "507"} & operation["responses"].keys():
            headers = operation["responses"][status]["headers"]
            assert "Retry-After" in headers, (operation["operationId"], status)


def test_what_may_be_left_out_has_no_default(content):
    for name, schema in content["components"]["schemas"].items():
        optional = schema.get("properties", {}).keys() - set(schema.get("required", ()))
        assert [each for each in optional if "default" in schema["properties"][each]] == [], name


def test_every_schema_and_field_is_described(content):
    for name, schema in content["components"]["schemas"].items():
        assert schema["description"], name
        for field, described in schema.get("properties", {}).items():
            assert described.get("description"), (name, field)


def test_every_body_has_examples_that_fit_its_schema(content):
    document = Document(content)
    for name, media in bodies(content):
        if media["schema"].get("format") == "binary":
            continue
        given = media.get("examples", {})
        examples = [each["value"] for each in given.values()] or [media["example"]]
        for example in examples:
            assert not list(document.validator(media).iter_errors(example)), (name, example)


def test_examples_of_requests_are_read(content):
    example = content["paths"]["/sessions/upload"]["post"]["requestBody"]["content"]
    metadata = example["multipart/form-data"]["example"]["metadata"]
    read = read_metadata(json.dumps(metadata).encode(), today=date(2026, 11, 25))
    assert read.details.patient.name == metadata["patient"]["name"]
    assert read.details.date.isoformat() == metadata["session_date"]


def test_errors_are_documented_as_problems_with_an_example_of_each_code(content):
    for operation in operations(content):
        for status, answer in operation["responses"].items():
            if int(status) < 400 or operation["operationId"].startswith("head_"):
                continue
            assert list(answer["content"]) == [PROBLEM_TYPE]
            for code, example in answer["content"][PROBLEM_TYPE]["examples"].items():
                assert (example["value"]["status"], example["value"]["code"]) == (int(status), code)


def test_whatever_needs_a_token_says_what_happens_without(content):
    for operation in operations(content):
        if operation.get("security") != []:
            assert {"401", "503"} <= set(operation["responses"]), operation["operationId"]


def test_every_code_that_is_documented_has_a_sentence_and_its_errors_status():
    assert CODES.keys() <= TEXTS.keys()
    for kind in _kinds(TherapyError):
        if kind.code in CODES and kind in errors.STATUS:
            assert CODES[kind.code][0] == errors.STATUS[kind], kind


def _kinds(kind: type[TherapyError]) -> Iterator[type[TherapyError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _kinds(each)


def schemas_of(content: dict[str, Any], *parts: Any) -> set[str]:
    """The names of the schemas that parts of the document are made of, at any depth."""
    found: set[str] = set()
    for part in (waiting := list(parts)):
        named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(part))) - found
        found |= named
        waiting += [content["components"]["schemas"][each] for each in named]
    return found


def texts(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """What a field is where it is a text: itself, or what of it is not null."""
    return [each for each in schema.get("anyOf", [schema]) if each.get("type") == "string"]


def is_dated(field: str, schema: dict[str, Any]) -> bool:
    examples = [each for each in schema.get("examples", ()) if isinstance(each, str)]
    shown = any(DATE.fullmatch(each) for each in examples) or "yyyy" in schema["description"]
    return bool(texts(schema)) and (shown or DATED.fullmatch(field) is not None)


def test_dates_beyond_the_app_are_iso_8601(content):
    apps = [each for each in operations(content) if each["operationId"] in APP]
    assert len(apps) == len(APP)
    beyond = [each for each in operations(content) if each["operationId"] not in APP]
    answers = [each["responses"].get(status) for each in apps for status in ("200", "202", "204")]
    of_the_app = schemas_of(content, *answers, *(each.get("requestBody") for each in apps))
    formats: dict[tuple[str, str], set[str | None]] = {}
    for name in schemas_of(content, *beyond) - of_the_app:
        schema = content["components"]["schemas"][name]
        for field, described in schema.get("properties", {}).items():
            if is_dated(field, described):
                formats[name, field] = {each.get("format") for each in texts(described)}
                for example in filter(None, described.get("examples", ())):
                    given = "date-time" if "T" in example else "date"
                    assert formats[name, field] == {given}, (name, field, example)
    assert {at: each for at, each in formats.items() if each not in ({"date"}, {"date-time"})} == {}
    assert formats["Correction", "session_date"] == formats["SessionAnswer", "session_date"]
    assert formats["PersonCorrection", "date_of_birth"] == formats["PatientState", "date_of_birth"]
    for name, field in (("Problem", "at"), ("Problem", "changed_at"), ("Waiting", "since")):
        assert formats[name, field] == {"date-time"}, (name, field)
    assert len(formats) > 15


def test_a_wrong_answer_does_not_pass_for_a_documented_one(content):
    from httpx import Request, Response

    document = Document(content)
    request = Request("GET", "http://clinic.test/health/live")
    headers = {"X-Request-ID": "1", "Content-Type": "application/json"}
    document.check(Response(200, json={"status": "live"}, headers=headers, request=request))
    wrong = (
        Response(409, json={}, headers=headers, request=request),
        Response(200, json={"status": 1}, headers=headers, request=request),
        Response(200, json={"status": "live"}, request=request),
    )
    for answer in wrong:
        with pytest.raises(AssertionError):
            document.check(answer)
