"""Every operation of the OpenAPI document, asked by every kind of caller: a route without a row fails.

A row has the status for each actor, in the order of ACTORS. Operations on a session are asked about one of
Olivia's with Jordan, in a state in which she may do it; she comes last, so that nobody before her finds it
changed. Whatever is 404 there is the same for a session that does not exist. Every POST is asked under one
Idempotency-Key by everybody: nobody gets another's answer, and the therapist gets her own again.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from httpx import Response

from tests.builders import a_wav
from tests.http import tus
from tests.http.clinic import (
    ALEX,
    BOUNDARY,
    JAMIE,
    JORDAN,
    NOA,
    OLIVIA,
    SOUND,
    TAL,
    Clinic,
    account,
    add_signed_in,
    form,
    metadata_of,
    open_clinic,
)
from tests.http.event_streams import first_events
from tests.workflows.playing import PlayingDecoder
from therapy.adapters.memory.speech import MemorySpeech
from therapy.domain.errors import EngineFailed
from therapy.domain.people import Person, Role
from therapy.repositories.change import Change
from therapy.workflows import account_changes

pytestmark = pytest.mark.asyncio(loop_scope="module")

RUTH = account("therapist-ruth", Role.THERAPIST, "Ruth Stein", "ruth.stein@example.health")
ENDED = "login-3"
ABSENT = "0" * 32
KEY = "one-key-of-everybody"


@dataclass(frozen=True)
class Asking:
    """Who asks, and with the token of which login; without a person there is no token."""

    person: Person | None
    sid: str = "login-1"


ACTORS = {
    "nobody": Asking(None),
    "an ended login": Asking(OLIVIA, ENDED),
    "a disabled account": Asking(RUTH),
    "a colleague": Asking(ALEX),
    "a therapist elsewhere": Asking(NOA),
    "the patient": Asking(JORDAN),
    "another patient": Asking(JAMIE),
    "a patient elsewhere with the same number": Asking(TAL),
    "the therapist": Asking(OLIVIA),
}
OPEN_TO_ALL = "200 200 200 200 200 200 200 200 200"
FOR_THERAPISTS = "401 401 401 200 200 403 403 403 200"
OWN_UPLOAD = "401 401 401 404 404 403 403 403 200"
TABLE = {
    "log_in": "400 400 400 400 400 400 400 400 400",
    "refresh_login": "401 401 401 401 401 401 401 401 401",
    "forgot_password": "400 400 400 400 400 400 400 400 400",
    "change_password": "400 400 400 400 400 400 400 400 400",
    "register_device": "401 401 401 403 403 403 403 403 204",
    "unregister_devices": "401 401 401 403 403 403 403 403 204",
    "get_my_profile": "401 401 401 200 200 200 200 200 200",
    "find_patients": FOR_THERAPISTS,
    "get_vocabulary": FOR_THERAPISTS,
    "write_vocabulary": FOR_THERAPISTS,
    "list_closed_sessions": "401 401 401 200 200 200 200 200 200",
    "search_closed_sessions": FOR_THERAPISTS,
    "get_closed_session": "401 401 401 404 404 200 404 404 200",
    "upload_recording": "401 401 401 403 403 403 403 403 202",
    "create_upload": "401 401 401 201 201 403 403 403 201",
    "list_uploads": FOR_THERAPISTS,
    "get_upload": OWN_UPLOAD,
    "head_upload": OWN_UPLOAD,
    "describe_upload": OWN_UPLOAD,
    "append_to_upload": "401 401 401 404 404 403 403 403 204",
    "delete_upload": "401 401 401 404 404 403 403 403 204",
    "get_recording": "401 401 401 404 404 404 404 404 200",
    "head_recording": "401 401 401 404 404 404 404 404 200",
    "make_recording_link": "401 401 401 404 404 404 404 404 404",  # files have no links
    "follow_session": "401 401 401 404 404 404 404 404 200",
    "follow_sessions": FOR_THERAPISTS,
    "get_playback": "401 401 401 404 404 404 404 404 200",
    "head_playback": "401 401 401 404 404 404 404 404 200",
    "get_peaks": "401 401 401 404 404 404 404 404 200",
    "head_peaks": "401 401 401 404 404 404 404 404 200",
    "make_playback_link": "401 401 401 404 404 404 404 404 404",  # files have no links
    "get_transcript": "401 401 401 404 404 404 404 404 200",
    "list_versions": "401 401 401 404 404 404 404 404 200",
    "get_version": "401 401 401 404 404 404 404 404 200",
    "compare_versions": "401 401 401 404 404 404 404 404 200",
    "submit_transcript": "401 401 401 404 404 404 404 404 202",
    "amend_transcript": "401 401 401 404 404 404 404 404 202",
    "restore_version": "401 401 401 404 404 404 404 404 202",
    "rerun_session": "401 401 401 404 404 404 404 404 202",
    "get_draft": "401 401 401 404 404 404 404 404 200",
    "save_draft": "401 401 401 404 404 404 404 404 200",
    "change_draft_speakers": "401 401 401 404 404 404 404 404 200",
    "change_draft_lines": "401 401 401 404 404 404 404 404 200",
    "replace_in_draft": "401 401 401 404 404 404 404 404 200",
    "discard_draft": "401 401 401 404 404 404 404 404 204",
    "list_sessions": FOR_THERAPISTS,
    "get_session": "401 401 401 404 404 404 404 404 200",
    "cancel_session": "401 401 401 404 404 404 404 404 204",
    "correct_session": "401 401 401 404 404 404 404 404 200",
    "retry_session": "401 401 401 404 404 404 404 404 202",
    "link_patient": "401 401 401 404 404 404 404 404 200",
    "unlink_patient": "401 401 401 404 404 404 404 404 204",
    "list_sessions_for_review": FOR_THERAPISTS,
    "get_transcript_for_review": "401 401 401 404 404 404 404 404 200",
    "submit_reviewed_transcript": "401 401 401 404 404 404 404 404 202",
    "check_live": OPEN_TO_ALL,
    "check_ready": OPEN_TO_ALL,
    "check_ready_for_uploads": OPEN_TO_ALL,
    "count_work": "401 401 401 401 401 401 401 401 401",
}
A_DRAFT = {
    "base_version": 1,
    "lines": [{"start_ms": 0, "speaker": "Patient", "text": "How did you sleep?"}],
}
BODIES: dict[str, Any] = {
    "write_vocabulary": {"terms": ["sertraline"], "corrections": []},
    "log_in": {},
    "change_password": {},
    "register_device": {
        "token": "token-1",
        "platform": "ANDROID",
        "user_id": OLIVIA.id,
        "user_type": "THERAPIST",
    },
    "correct_session": {"summary": "mine"},
    "link_patient": {"patient_id": JORDAN.number},
    "describe_upload": metadata_of(),
    "amend_transcript": {
        "reason": "misheard",
        "lines": [{"start_ms": 0, "speaker": "Patient", "text": "a"}],
    },
    "restore_version": {"version": 1},
    "save_draft": A_DRAFT,
    "change_draft_speakers": {"swap": True},
    "change_draft_lines": {"split": {"start_ms": 0, "at_word": 1}},
    "replace_in_draft": {"find": "you", "replace_with": "they", "preview": True},
    "submit_transcript": {"lines": [{"start_ms": 0, "speaker": "Patient", "text": "a"}]},
    "submit_reviewed_transcript": [{"speaker": "Patient", "text": "a", "timestamp": "0:00:00.000"}],
}
MANY = {"THERAPY_UNFINISHED_UPLOADS": "500"}
TUS_HEADERS: dict[str, dict[str, str]] = {
    "create_upload": {"Upload-Length": "1000"},
    "append_to_upload": tus.PIECE | {"Upload-Offset": "0"},
    "head_upload": {},
    "delete_upload": {},
}
IF_MATCH = {
    "submit_transcript": '"1"',
    "amend_transcript": '"2"',
    "save_draft": "*",
    "write_vocabulary": "*",
}
STATES = {
    "get_draft": "drafted",
    "save_draft": "drafted",
    "change_draft_speakers": "drafted",
    "change_draft_lines": "drafted",
    "replace_in_draft": "drafted",
    "discard_draft": "drafted",
    "get_closed_session": "closed",
    "amend_transcript": "to be amended",
    "restore_version": "closed",
    "retry_session": "failed",
    "cancel_session": "waiting",
    "submit_transcript": "submitted in the app",
    "submit_reviewed_transcript": "submitted",
}
"""The state of the session that an operation is asked about; of any other it is "in review"."""


class Operation:
    """An operation of the document."""

    def __init__(self, clinic: Clinic, method: str, path: str, name: str) -> None:
        self.name = name
        self.is_about_a_session = "{session_id}" in path
        self.takes_a_key = method == "post" and not path.startswith("/auth/")
        self._clinic, self._method, self._path = clinic, method.upper(), path

    async def ask(self, asking: Asking, session_id: str) -> Response:
        path = self._path.replace("{session_id}", session_id).replace("{user_id}", OLIVIA.id)
        path = path.replace("{number}/diff", "1/diff?to=1").replace("{number}", "1")
        more: dict[str, Any] = {"headers": {"Idempotency-Key": KEY} if self.takes_a_key else {}}
        if asking.person is not None:
            token = self._clinic.token(asking.person, asking.sid)
            more["headers"]["Authorization"] = f"Bearer {token}"
        if self.name in IF_MATCH:
            more["headers"]["If-Match"] = IF_MATCH[self.name]
        if "{upload_id}" in path:
            path = path.replace("{upload_id}", await self._upload())
        if self.name in TUS_HEADERS:
            more["headers"] |= tus.TUS | TUS_HEADERS[self.name]
        if self.name == "upload_recording":
            more["headers"]["Content-Type"] = f"multipart/form-data; boundary={BOUNDARY}"
            more["content"] = form(a_wav(SOUND * 2), metadata_of())
        elif self.name in BODIES:
            more["json"] = BODIES[self.name]
        if self.name.startswith("follow_"):
            return await first_events(self._clinic, path, None, **more)
        return await self._clinic.ask(self._method, path, None, **more)

    async def _upload(self) -> str:
        """Begin an upload of Olivia's; return its id."""
        return (await tus.created(self._clinic, 1_000)).rpartition("/")[2]


@dataclass
class Matrix:
    """The operations of the running application by their ids, and a session in each state."""

    operations: dict[str, Operation]
    sessions: dict[str, str]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def matrix(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Matrix]:
    speech = MemorySpeech(failure=EngineFailed("model", transient=False))
    async with open_clinic(
        tmp_path_factory.mktemp("matrix"), environment=MANY, speech=speech, audio=PlayingDecoder()
    ) as clinic:
        failed = await clinic.reviewable(summary="failed")
        speech.failure = None
        sessions = {"failed": failed, "closed": await clinic.closed()}
        sessions["to be amended"] = await clinic.closed(summary="f")
        sessions["in review"] = await clinic.reviewable(summary="b")
        sessions["submitted"] = await clinic.reviewable(summary="c")
        sessions["submitted in the app"] = await clinic.reviewable(summary="e")
        sessions["drafted"] = await clinic.reviewable(summary="f")
        path, new = f"/sessions/{sessions['drafted']}/draft", {"If-None-Match": "*"}
        assert (await clinic.ask("PUT", path, json=A_DRAFT, headers=new)).status_code == 200
        sessions["waiting"] = await clinic.session(summary="d")
        records = clinic.records
        await add_signed_in(RUTH, records=records)
        await account_changes.disable(RUTH.email, records=records)
        ended = await records.logins.load(OLIVIA.practice_id, OLIVIA.id, ENDED)
        await Change(records.logins.end(ended)).commit(records.store)
        document = (await clinic.get("/schema/openapi.json", None)).json()
        operations = {
            each["operationId"]: Operation(clinic, method, path, each["operationId"])
            for path, methods in document["paths"].items()
            for method, each in methods.items()
        }
        yield Matrix(operations, sessions)


async def test_every_operation_has_a_row_and_every_row_is_an_operation(matrix: Matrix) -> None:
    assert matrix.operations.keys() == TABLE.keys()


@pytest.mark.parametrize("name", TABLE)
async def test_each_actor_gets_the_answer_that_the_table_says(matrix: Matrix, name: str) -> None:
    operation, session_id = matrix.operations[name], matrix.sessions[STATES.get(name, "in review")]
    answers = {actor: await operation.ask(who, session_id) for actor, who in ACTORS.items()}
    statuses = {actor: str(answer.status_code) for actor, answer in answers.items()}
    assert statuses == dict(zip(ACTORS, TABLE[name].split(), strict=True))
    for actor, answer in answers.items():
        is_refused = actor != "the therapist" and answer.status_code in {401, 404}
        if operation.is_about_a_session and is_refused:
            nowhere = await operation.ask(ACTORS[actor], ABSENT)
            assert told(answer, session_id) == told(nowhere, ABSENT), actor
    if operation.takes_a_key:
        again = await operation.ask(ACTORS["the therapist"], session_id)
        assert told(again, session_id) == told(answers["the therapist"], session_id)


def told(answer: Response, session_id: str) -> tuple[object, ...]:
    """Return what an answer tells, but for the id that was asked for and the request's own."""
    text = answer.text.replace(session_id, "ID")
    is_json = answer.headers.get("content-type", "").endswith("json")
    body = json.loads(text) | {"request_id": ""} if text and is_json else text
    headers = {
        name: value
        for name, value in answer.headers.items()
        if name not in {"x-request-id", "date", "content-length"}
    }
    return answer.status_code, body, headers
