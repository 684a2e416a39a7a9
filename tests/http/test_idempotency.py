"""The header Idempotency-Key: requests that are sent again are answered as before, and done once."""

import asyncio
import base64
import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from httpx import Response
from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.routes import HTTPRoute
from litestar.types import Empty

from tests.builders import a_wav
from tests.http import tus
from tests.http.clinic import (
    ALEX,
    BOUNDARY,
    JAMIE,
    JORDAN,
    OLIVIA,
    SOUND,
    Clinic,
    check_problem,
    form,
    metadata_of,
    settings_in,
)
from tests.http.server import PATIENCE, Answer, Server, audio_part, serving, wait_for_no_connection
from therapy.adapters.local.sqlite.database import FILE_NAME
from therapy.entrypoints.http.app import make_app
from therapy.entrypoints.http.buffered_answer import KEPT, OPTION, SHOWN
from therapy.entrypoints.http.idempotency_key import takes_key
from therapy.entrypoints.http.openapi_document import document_of
from therapy.entrypoints.http.operation_names import FORMER_NAMES

KEY = "3c1f9a52-0000-4b1a-9d6c-2e5f4a3b1c0d"
KEYED = {"Idempotency-Key": KEY}
DEVICE = {"token": "t-1", "platform": "ANDROID", "user_id": OLIVIA.id, "user_type": "THERAPIST"}


def same(one: Response, other: Response) -> bool:
    """Return whether two answers say the same, but for their request's id."""
    ignored = {"x-request-id", "date"}
    told = [
        (each.status_code, each.content, {**each.headers} | dict.fromkeys(ignored, ""))
        for each in (one, other)
    ]
    return told[0] == told[1]


async def upload(clinic: Clinic, body: bytes, boundary: str = BOUNDARY, **headers: str) -> Response:
    headers |= {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    content = body.replace(BOUNDARY.encode(), boundary.encode())
    return await clinic.post("/sessions/upload", content=content, headers=headers)


async def keyed_records(clinic: Clinic) -> list[str]:
    with closing(sqlite3.connect(clinic.settings.data_dir / FILE_NAME)) as connection:
        found = connection.execute("SELECT body FROM items WHERE kind = 'keyed_request'")
        return [bytes(body).decode() for (body,) in found]


async def test_a_request_sent_again_gets_its_answer_and_is_not_done_again(clinic: Clinic):
    await clinic.post("/devices/register", json=DEVICE)
    path = f"/devices/unregister/{OLIVIA.id}"
    first = await clinic.post(path, headers=KEYED)
    await clinic.post("/devices/register", json=DEVICE)
    again = await clinic.post(path, headers=KEYED)
    assert first.status_code == 204
    assert same(first, again)
    assert (await clinic.post(path)).status_code == 204  # the device of after is still there
    assert (await clinic.post(path)).status_code == 404


async def test_an_upload_sent_again_with_another_boundary_is_the_same_request(clinic: Clinic):
    body = form(a_wav(SOUND), metadata_of())
    first = await upload(clinic, body, **KEYED)
    await clinic.ask("DELETE", f"/sessions/{first.json()['session_id']}")
    again = await upload(clinic, body, boundary="quite-another-boundary", **KEYED)
    assert first.status_code == 202
    assert same(first, again)
    other_key = await upload(clinic, body, **{"Idempotency-Key": "another"})
    assert other_key.json()["session_id"] != first.json()["session_id"]


@pytest.mark.parametrize(
    "changed",
    [
        {"audio": a_wav(SOUND + b"\x01\x00")},
        {"audio": a_wav(SOUND[:-2])},
        {"metadata": metadata_of(summary="Another.")},
        {"metadata_first": True},
    ],
)
async def test_another_upload_under_the_same_key_is_refused_and_nothing_of_it_is_taken_in(
    clinic: Clinic, changed: dict[str, Any]
):
    usual: dict[str, Any] = {"audio": a_wav(SOUND), "metadata": metadata_of()}
    first = await upload(clinic, form(**usual), **KEYED)
    refused = await upload(clinic, form(**usual | changed), **KEYED)
    assert first.status_code == 202
    check_problem(refused, 422, "idempotency_key_reused")
    assert len((await clinic.get("/sessions")).json()["sessions"]) == 1


async def test_another_body_or_address_under_the_same_key_is_refused(clinic: Clinic):
    path = "/devices/register"
    assert (await clinic.post(path, json=DEVICE, headers=KEYED)).status_code == 204
    for body in (DEVICE | {"platform": "IOS"}, DEVICE | {"token": "t-1" * 1_000}):
        check_problem(await clinic.post(path, json=body, headers=KEYED), 422)
    check_problem(await clinic.post(f"{path}?a=b", json=DEVICE, headers=KEYED), 422)
    assert (await clinic.post(path, json=DEVICE, headers=KEYED)).status_code == 204


async def test_another_resumable_upload_under_the_same_key_is_refused(clinic: Clinic):
    said = KEYED | tus.said(metadata_of())
    first = await tus.create(clinic, 10_000, headers=said)
    assert first.status_code == 201
    assert same(await tus.create(clinic, 10_000, headers=said), first)
    other = KEYED | tus.said(metadata_of(summary="else"))
    for length, headers in ((10_001, said), (None, said), (10_000, other), (10_000, KEYED)):
        refused = await tus.create(clinic, length, headers=headers)
        check_problem(refused, 422, "idempotency_key_reused")
    assert len((await clinic.get("/uploads")).json()["items"]) == 1


async def test_what_was_refused_may_be_corrected_under_the_same_key(clinic: Clinic):
    path = "/devices/register"
    wrong = await clinic.post(path, json=DEVICE | {"token": ""}, headers=KEYED)
    check_problem(wrong, 400, field="token")
    assert (await clinic.post(path, json=DEVICE, headers=KEYED)).status_code == 204


async def test_two_people_may_use_the_same_key(clinic: Clinic):
    for person in (OLIVIA, ALEX, JORDAN):
        body = DEVICE | {"user_id": person.id, "token": f"of {person.id}"}
        answer = await clinic.post("/devices/register", person, json=body, headers=KEYED)
        assert answer.status_code == 204


async def test_a_link_that_was_undone_is_not_made_again_by_an_old_request(clinic: Clinic):
    session_id = await clinic.reviewable()
    path, linking = f"/sessions/{session_id}/patient-link", {"patient_id": JAMIE.number}
    first = await clinic.post(path, json=linking, headers=KEYED)
    again = await clinic.post(path, json=linking, headers=KEYED)
    assert first.json()["patient"]["link"] == "linked"
    assert same(first, again)
    await clinic.ask("DELETE", path)
    late = await clinic.post(path, json=linking, headers=KEYED)
    assert late.json()["patient"]["link"] != "linked"
    assert late.json() == (await clinic.get(f"/sessions/{session_id}")).json()
    await clinic.ask("DELETE", f"/sessions/{session_id}")
    check_problem(await clinic.post(path, json=linking, headers=KEYED), 404)


async def test_what_is_kept_says_nothing_about_a_person(clinic: Clinic):
    told = metadata_of(summary="A canary sang.")
    session_id = (await upload(clinic, form(a_wav(SOUND), told), **KEYED)).json()["session_id"]
    linking = {"patient_id": JAMIE.number}
    await clinic.post(f"/sessions/{session_id}/patient-link", json=linking, headers=KEYED)
    stored = await keyed_records(clinic)
    answers = [base64.b64decode(json.loads(each)["answer"].get("body", "")) for each in stored]
    assert min(map(len, answers)) == 0
    text = "".join(stored) + b"".join(answers).decode()
    assert session_id in text
    for canary in ("canary", JAMIE.number, JAMIE.full_name, JORDAN.full_name, KEY):
        assert canary not in text


async def test_fingerprints_of_one_body_under_two_keys_differ_so_that_no_body_can_be_guessed(
    clinic: Clinic,
):
    for key in ("key-1", "key-2"):
        headers = {"Idempotency-Key": key}
        await clinic.post("/devices/register", json=DEVICE, headers=headers)
    found = {json.loads(each)["fingerprint"] for each in await keyed_records(clinic)}
    assert [len(each) for each in found] == [64, 64]


async def test_without_a_key_nothing_is_kept(clinic: Clinic):
    await clinic.session()
    assert await keyed_records(clinic) == []


@pytest.mark.parametrize("key", ["", " ", "a" * 201, "two words", "a\tb", '""'])
async def test_a_key_that_is_none_is_refused_and_nothing_done(clinic: Clinic, key: str):
    headers = {"Idempotency-Key": key}
    refused = await clinic.post("/devices/register", json=DEVICE, headers=headers)
    check_problem(refused, 400, "idempotency_key", "Idempotency-Key")
    check_problem(await clinic.post(f"/devices/unregister/{OLIVIA.id}"), 404)


async def test_quotes_around_a_key_are_no_part_of_it(clinic: Clinic):
    await clinic.post("/devices/register", json=DEVICE)
    for key in (KEY, f'"{KEY}"'):
        path, headers = f"/devices/unregister/{OLIVIA.id}", {"Idempotency-Key": key}
        assert (await clinic.post(path, headers=headers)).status_code == 204


async def test_refusals_are_in_hebrew_too(clinic: Clinic):
    hebrew = {"Accept-Language": "he", "Idempotency-Key": "a b"}
    refused = check_problem(await clinic.post("/devices/register", headers=hebrew), 400)
    assert "הכותרת" in refused["error"]


def wait_for(what: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not (found := what()) and time.monotonic() < end:
        time.sleep(0.01)
    assert found


@pytest.mark.slow
def test_while_an_upload_runs_another_replica_says_when_to_ask_again(tmp_path):
    body, header = form(a_wav(SOUND), metadata_of()), f"Idempotency-Key: {KEY}"
    begun = body[:4_000]
    with serving(tmp_path) as server, serving(tmp_path) as replica:
        with server.connect() as first, replica.connect() as second:
            first.head(server.token(), more=header)
            first.chunk(begun)
            wait_for(lambda: server.left()["uploads"])
            second.head(replica.token(), more=header)
            second.chunks(body)
            refused = second.answer()
            first.chunks(body[len(begun) :])
            first.end()
            done = first.answer()
        again = sent(replica, body, header)
    assert (refused.status, refused.json()["code"]) == (409, "request_under_way")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert (done.status, again.status) == (202, 202)
    assert done.body == again.body


def test_an_upload_that_was_cut_off_may_be_sent_again_at_once(tmp_path):
    body, header = form(a_wav(SOUND), metadata_of()), f"Idempotency-Key: {KEY}"
    with serving(tmp_path) as server:
        with server.connect() as cut:
            cut.head(server.token(), more=header)
            cut.chunk(audio_part(a_wav(SOUND)))
            wait_for(lambda: server.left()["uploads"])
        end = time.monotonic() + PATIENCE  # less than the claim of a process that died would last
        while (answer := sent(server, body, header)).status == 409 and time.monotonic() < end:
            time.sleep(0.02)
        assert answer.status == 202


def sent(server: Server, body: bytes, header: str) -> Answer:
    with server.connect() as connection:
        connection.head(server.token(), more=header)
        connection.chunks(body)
        connection.end()
        return connection.answer()


def test_a_longer_upload_under_a_used_key_is_refused_before_its_end(tmp_path):
    header = f"Idempotency-Key: {KEY}"
    with serving(tmp_path) as server:
        assert sent(server, form(a_wav(SOUND), metadata_of()), header).status == 202
        with server.connect() as longer:
            longer.head(server.token(), more=header)
            longer.chunks(audio_part(a_wav(SOUND * 3)))
            assert longer.answer().status == 422


def test_who_still_sends_much_gets_to_read_that_the_key_was_used(tmp_path):
    header, much = f"Idempotency-Key: {KEY}", bytes(32 * 1024 * 1024)
    with serving(tmp_path) as server:
        assert sent(server, form(a_wav(SOUND), metadata_of()), header).status == 202
        assert sent(server, form(a_wav(much), metadata_of()), header).status == 422


def test_what_a_client_that_left_had_asked_for_is_not_done_again(tmp_path):
    times, go = [], asyncio.Event()

    @post("/counted", status_code=204)
    async def counted() -> None:
        times.append(1)
        await go.wait()

    with serving(tmp_path, handlers=[counted]) as server:
        request = (
            f"POST /counted HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {server.token()}\r\n"
            f"Idempotency-Key: {KEY}\r\nContent-Length: 2\r\n\r\n{{}}"
        ).encode()
        with server.connect() as leaving:
            leaving.sock.sendall(request)
            wait_for(lambda: times)
        wait_for_no_connection(server)
        server.loop.call_soon_threadsafe(go.set)
        wait_for(lambda: _asked(server, request).status == 204)
    assert times == [1]


def test_a_key_is_known_after_a_parameter_of_its_path_was_renamed(tmp_path):
    done = []

    @post("/counted/{name:str}", status_code=204, operation_id="count")
    async def before(name: FromPath[str]) -> None:
        done.append(name)

    @post("/counted/{named:str}", status_code=204, operation_id="count")
    async def after(named: FromPath[str]) -> None:
        done.append(named)

    for handler in (before, after):
        with serving(tmp_path, handlers=[handler]) as server:
            request = (
                f"POST /counted/one HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {server.token()}\r\n"
                f"Idempotency-Key: {KEY}\r\nContent-Length: 0\r\n\r\n"
            )
            assert _asked(server, request.encode()).status == 204
    assert done == ["one"]


def _asked(server: Server, request: bytes) -> Answer:
    with server.connect() as connection:
        connection.sock.sendall(request)
        return connection.answer()


def test_every_post_says_what_may_be_kept_of_its_answer_and_documents_the_header(tmp_path):
    app = make_app(settings_in(tmp_path), with_worker=False)
    document = document_of(app).to_schema()["paths"]
    found = {
        (route.path_format, handler)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if takes_key(handler)
    }
    assert {handler.operation_id for _, handler in found} >= FORMER_NAMES.keys()
    for path, handler in found:
        assert isinstance(handler, HTTPRouteHandler)
        assert isinstance(handler.operation_id, str)
        answers = handler.parsed_fn_signature.return_type.annotation
        said = handler.opt.get(OPTION)
        assert said in {KEPT, SHOWN} or answers in {None, type(None), Empty}, (
            f"POST {path}: its handler needs opt=KEPT_ANSWER or opt=SHOWN_ANEW (idempotency_key.py)"
        )
        operation = document[path]["post"]
        assert "Idempotency-Key" in {each["name"] for each in operation["parameters"]}
        assert {"400", "409", "422"} <= operation["responses"].keys()
    without = [path for path, methods in document.items() if path.startswith("/auth/") and methods]
    assert "Idempotency-Key" not in json.dumps([document[path] for path in without])
