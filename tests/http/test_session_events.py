"""GET /sessions/{id}/events and GET /events over a real server: what comes, when it ends, what is refused."""

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar import get
from litestar.response import Stream as LitestarStream

from tests.builders import a_wav
from tests.http.clinic import (
    ALEX,
    JORDAN,
    OLIVIA,
    SOUND,
    as_the_app,
    check_problem,
    form,
    metadata_of,
)
from tests.http.event_streams import Stream, first_events
from tests.http.server import PATIENCE, Server, serving
from therapy.domain.access import Actor
from therapy.repositories.change import Change

pytestmark = pytest.mark.slow  # they have real servers

QUICK = {"THERAPY_LOGIN_CHECK_SECONDS": "1", "THERAPY_EVENT_STREAMS": "3"}
LIFETIME = timedelta(minutes=15)
SIGNED_OUT = "login-3"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("events"), with_worker=True, environment=QUICK) as running:
        yield running


def opened(server: Server, path: str, token: str = "", **headers: str) -> Stream:
    return Stream(server.port, token or server.token(), path, **headers)


def wait_until_followed_by(server: Server, count: int) -> None:
    followed = server.therapy.installation.followed_sessions
    end = time.monotonic() + PATIENCE
    while followed.count != count and time.monotonic() < end:
        time.sleep(0.01)
    assert followed.count == count


def asked(server: Server, method: str, path: str, body: object = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    headers = {"Authorization": f"Bearer {server.token()}", "Content-Type": "application/json"}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    assert answer.status < 300, content
    return json.loads(content or b"null")


def uploaded(server: Server, number: int) -> str:
    """Send a recording of its own; return the session's id."""
    with server.connect() as connection:
        connection.head(server.token())
        connection.chunks(form(a_wav(SOUND + bytes([number, 1])), metadata_of()))
        connection.end()
        answer = connection.answer()
    assert answer.status == 202, answer.body
    return str(answer.json()["session_id"])


def submitted(server: Server, session_id: str) -> None:
    lines = asked(server, "GET", f"/data/transcript/{session_id}")["transcript"]
    asked(server, "PUT", f"/data/transcript/{session_id}", as_the_app(lines))


@pytest.fixture(scope="module")
def reviewable(server: Server) -> str:
    """A session of Olivia's that awaits review."""
    with opened(server, "/events") as stream:
        session_id = uploaded(server, 1)
        while stream.event("awaiting_review")[1]["session_id"] != session_id:
            pass
    return session_id


def test_get_session_events_begins_with_how_it_is_now_and_no_proxy_keeps_it_back(
    server, reviewable
):
    with opened(server, f"/sessions/{reviewable}/events") as stream:
        answer = stream.answer
        assert (answer.status, answer.headers["Content-Type"]) == (
            200,
            "text/event-stream; charset=utf-8",
        )
        assert answer.headers["X-Accel-Buffering"] == "no"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Request-ID"]
        assert "Content-Length" not in answer.headers
        assert stream.message() == {"retry": "2000"}
        event_id, data = stream.event()
        assert data == {
            "session_id": reviewable,
            "state": "awaiting_review",
            "stage": "",
            "progress": 1.0,
            "version": 1,
            "seconds_left": None,
        }
        assert event_id.endswith(event_id.rpartition(":")[2])


def test_get_events_tells_of_a_recording_from_its_arrival_until_it_is_closed(server):
    with opened(server, "/events") as every:
        session_id = uploaded(server, 2)
        with Stream(server.port, server.token(), f"/sessions/{session_id}/events") as one:
            for stream in (one, every):
                while stream.event("awaiting_review")[1]["session_id"] != session_id:
                    pass
            submitted(server, session_id)
            assert one.event("closed")[1]["version"] == 2
            while stream_of(every)["state"] != "closed":
                pass


def stream_of(every: Stream) -> dict[str, Any]:
    _, data = every.event()
    assert not {"Jordan", "sister", "slept"} & set(json.dumps(data).split())
    return data


def test_get_session_events_goes_on_after_the_last_event_id_at_another_server_of_the_same_data(
    server, reviewable
):
    with opened(server, f"/sessions/{reviewable}/events") as stream:
        last, _ = stream.event()
    with serving(server.directory, environment=QUICK) as other:
        again = {"Last-Event-ID": last}
        path = f"/sessions/{reviewable}/events"
        with opened(other, path, **again) as quiet, opened(other, "/events") as every:
            assert quiet.message() == {"retry": "2000"}
            every.event()
            asked(server, "PATCH", f"/sessions/{reviewable}", {"summary": "At the other one."})
            newer, data = quiet.event()
            assert (data["session_id"], newer == last) == (reviewable, False)
            while every.event()[1]["session_id"] != reviewable:
                pass  # others may still be worked on beside their review


async def test_events_with_an_id_of_another_stream_or_from_the_future_are_400(clinic):
    session_id = await clinic.reviewable()
    for path in (f"/sessions/{session_id}/events", "/events"):
        begun = (await first_events(clinic, path)).text
        last = next(line for line in begun.splitlines() if line.startswith("id: "))[4:]
        assert (
            await first_events(clinic, path, headers={"Last-Event-ID": last})
        ).status_code == 200
        stem, _, sequence = last.rpartition(":")
        for wrong in (f"{stem}:{int(sequence) + 1}", "17", last.replace(last[:12], "0" * 12)):
            refused = await clinic.get(path, headers={"Last-Event-ID": wrong})
            problem = check_problem(refused, 400, "last_event_id", "Last-Event-ID")
            assert "without Last-Event-ID" in problem["detail"]


async def test_events_of_a_session_of_somebody_else_are_404_and_of_all_for_a_patient_403(clinic):
    session_id = await clinic.closed()
    for stranger in (ALEX, JORDAN):
        check_problem(await clinic.get(f"/sessions/{session_id}/events", stranger), 404)
    check_problem(await clinic.get("/events", JORDAN), 403)


def test_events_take_no_token_from_the_url(server):
    token = server.token()
    for name in ("token", "access_token", "authorization"):
        with Stream(server.port, "", f"/events?{name}={token}") as stream:
            assert stream.answer.status == 401


def test_events_end_when_their_login_ends(server, reviewable):
    actor = Actor(OLIVIA.id, OLIVIA.role, OLIVIA.practice_id, SIGNED_OUT)
    here = server.therapy.installation
    token, _ = here.sign_in.tokens.issue(actor, now=here.records.now())
    path = f"/sessions/{reviewable}/events"
    with opened(server, path, token=token) as ended, opened(server, "/events") as stays:
        ended.event()
        stays.event()
        server.run(sign_out(server))
        assert b"event" not in ended.rest()
        with Stream(server.port, token, path) as refused:
            assert refused.answer.status == 401
        uploaded(server, 3)
        stays.event()


async def sign_out(server: Server) -> None:
    records = server.therapy.installation.records
    login = await records.logins.load(OLIVIA.practice_id, OLIVIA.id, SIGNED_OUT)
    await Change(records.logins.end(login)).commit(records.store)


def test_events_end_when_their_access_token_expires_and_go_on_with_the_next(server, reviewable):
    here = server.therapy.installation
    actor = Actor(OLIVIA.id, OLIVIA.role, OLIVIA.practice_id, "login-1")
    soon = here.records.now() - LIFETIME + timedelta(seconds=4)
    token, _ = here.sign_in.tokens.issue(actor, now=soon)
    path = f"/sessions/{reviewable}/events"
    with opened(server, path, token=token) as stream:
        last, _ = stream.event()
        assert b"event" not in stream.rest()
    with opened(server, path, **{"Last-Event-ID": last}) as stream:
        assert stream.message() == {"retry": "2000"}


def test_too_many_streams_of_one_person_are_429_until_one_is_closed(server, reviewable):
    path = f"/sessions/{reviewable}/events"
    wait_until_followed_by(server, 0)
    with opened(server, path), opened(server, "/events"):
        with opened(server, path), opened(server, path) as fourth:
            assert fourth.answer.status == 429
            assert fourth.answer.headers["Retry-After"] == "30"
            problem = json.loads(fourth.answer.read())
            assert problem["code"] == "too_many_streams"
            assert "/events" in problem["detail"]
        wait_until_followed_by(server, 2)
        with opened(server, path) as third:
            assert third.answer.status == 200


def test_a_server_that_stops_ends_its_streams_at_once_and_whole(tmp_path: Path):
    with (
        ExitStack() as stack,
        serving(tmp_path, environment={"GUNICORN_TIMEOUT": "600"}) as server,
    ):
        streams = [
            stack.enter_context(Stream(server.port, server.token(), "/events")) for _ in range(5)
        ]
        for stream in streams:
            stream.message()
        server.http.should_exit = True
        assert [stream.rest() for stream in streams] == [b""] * 5


def test_a_client_that_goes_away_is_followed_no_more(server, reviewable):
    for _ in range(5):
        with opened(server, f"/sessions/{reviewable}/events") as stream:
            stream.event()
        wait_until_followed_by(server, 0)
    for _ in range(5):
        with opened(server, "/events"):
            pass  # the head was read, nothing else
        wait_until_followed_by(server, 0)


@pytest.mark.skipif(
    not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux ends it in the kernel"
)
def test_a_stream_that_its_client_does_not_read_is_ended_also_if_all_fits_into_the_kernel(
    tmp_path: Path,
):
    gone = threading.Event()

    async def some() -> AsyncIterator[bytes]:
        try:
            yield b"x" * 40_000
            await asyncio.Event().wait()
        finally:
            gone.set()

    @get("/quiet-stream", opt={"no_token": True})
    async def quiet_stream() -> LitestarStream:
        return LitestarStream(some())

    environment = {"THERAPY_UNREAD_ANSWER_SECONDS": "1"}
    with (
        serving(tmp_path, environment=environment, handlers=[quiet_stream]) as server,
        socket.socket() as client,
    ):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connect(("127.0.0.1", server.port))
        client.sendall(b"GET /quiet-stream HTTP/1.1\r\nHost: h\r\n\r\n")
        assert gone.wait(PATIENCE)
