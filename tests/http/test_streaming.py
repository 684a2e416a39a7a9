"""Uploads over real connections: what happens while a body is still on its way."""

import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar import Litestar
from uvicorn.server import ServerState

from tests.builders import a_wav
from tests.http.clinic import JORDAN, NOTHING, OLIVIA, SOUND, form, metadata_of, settings_in
from tests.http.server import Connection, Server, audio_part, serving
from therapy.domain.upload import BLOCK_SIZE
from therapy.entrypoints.http.bounded_protocol import BoundedProtocol
from therapy.entrypoints.http.connection_limits import OpenConnections, connection_limits
from therapy.entrypoints.http.server import server_config

pytestmark = pytest.mark.slow  # they have real servers

LIMIT = 6 * 1024 * 1024
PROMPT = 10.0
"""Seconds within which an answer is there that waits for nothing."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("server")
    with serving(directory, environment={"THERAPY_MAX_UPLOAD_BYTES": str(LIMIT)}) as running:
        yield running


def problem(answer, status: int) -> dict:
    assert answer.status == status, answer
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["error"]
    return answer.json()


def timed(connection: Connection):
    began = time.monotonic()
    answer = connection.answer()
    return answer, time.monotonic() - began


def test_an_upload_in_chunks_without_a_length_is_accepted(tmp_path):
    with serving(tmp_path) as server, server.connect() as connection:
        connection.head(server.token())
        connection.chunks(form(a_wav(SOUND * 300), metadata_of()), size=1_000)
        connection.end()
        answer, seconds = timed(connection)
        assert answer.status == 202
        assert seconds < PROMPT
        assert server.left()["staging"] == server.left()["uploads"] == []
        assert len(server.left()["kept"]) == 1


def test_without_a_token_the_answer_is_there_before_a_byte_of_the_body(server):
    with server.connect() as connection:
        connection.head()
        answer, seconds = timed(connection)
        problem(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"
        assert seconds < PROMPT
    assert server.left() == NOTHING


def test_a_patients_upload_is_refused_before_a_byte_of_the_body(server):
    with server.connect() as connection:
        connection.head(server.token(JORDAN))
        answer, seconds = timed(connection)
        problem(answer, 403)
        assert seconds < PROMPT
    assert server.left() == NOTHING


def test_a_recording_over_the_limit_is_refused_while_it_is_sent(server):
    with server.connect() as connection:
        connection.head(server.token())
        connection.chunk(audio_part(a_wav(b"")))
        sent = 0
        while sent < LIMIT + BLOCK_SIZE:
            connection.chunk(SOUND * 16)
            sent += len(SOUND) * 16
        answer, seconds = timed(connection)  # it still sends, as far as the server knows
        told = problem(answer, 413)
        assert "6 MiB" in told["error"]
        assert seconds < PROMPT
    server.wait_for_nothing()


def test_a_length_over_the_limit_is_refused_before_the_body(server):
    with server.connect() as connection:
        connection.head(server.token(), length=10**12)
        answer, seconds = timed(connection)
        problem(answer, 413)
        assert seconds < PROMPT
    assert server.left() == NOTHING


def test_a_client_that_sends_everything_first_gets_the_refusal_too(server):
    with server.connect() as connection:
        connection.head(server.token())
        connection.chunks(form(a_wav(SOUND * 2_000), metadata_of()), size=64 * 1024)
        connection.end()
        answer, seconds = timed(connection)
        problem(answer, 413)
        assert seconds < PROMPT
        # ... on a connection that goes on
        connection.sock.sendall(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert connection.answer().status == 200
    server.wait_for_nothing()


def test_a_full_disk_is_said_while_the_recording_is_sent(tmp_path):
    with (
        serving(tmp_path, environment={"THERAPY_DISK_RESERVE_BYTES": str(2**59)}) as server,
        server.connect() as connection,
    ):
        connection.head(server.token())
        connection.chunk(audio_part(a_wav(b"")))
        for _ in range(BLOCK_SIZE // len(SOUND * 16) + 2):
            connection.chunk(SOUND * 16)
        answer, seconds = timed(connection)
        problem(answer, 507)
        assert int(answer.headers["retry-after"]) > 0
        assert seconds < PROMPT
        server.wait_for_nothing()


BAD_BODIES = {
    "bad metadata": form(a_wav(SOUND), b"[1]"),
    "no metadata": form(a_wav(SOUND), None),
    "no audio": form(None, metadata_of()),
    "no boundary at the end": form(a_wav(SOUND), metadata_of())[:-20],
    "not multipart": b"{}",
    "nothing": b"",
    "text": form(b"this is no recording at all" * 500, metadata_of()),
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
@pytest.mark.parametrize("how", ["chunked", "with a length"])
def test_a_bad_body_that_has_arrived_is_answered_at_once_and_leaves_nothing(server, body, how):
    with server.connect() as connection:
        connection.head(server.token(), length=None if how == "chunked" else len(body))
        if how == "chunked":
            connection.chunks(body)
            connection.end()
        else:
            connection.sock.sendall(body)
        answer, seconds = timed(connection)
        assert 400 <= answer.status < 500
        problem(answer, answer.status)
        assert seconds < PROMPT
    assert server.left() == NOTHING


def test_a_text_is_refused_by_its_first_bytes_while_more_of_it_comes(server):
    with server.connect() as connection:
        connection.head(server.token())
        connection.chunk(audio_part(b"this is no recording at all" * 3_000))
        answer, seconds = timed(connection)
        problem(answer, 415)
        assert seconds < PROMPT
    assert server.left() == NOTHING


@pytest.mark.parametrize("sent", [0, 100, BLOCK_SIZE + 1_000], ids=["no byte", "little", "a block"])
def test_a_client_that_goes_away_leaves_nothing(server, sent):
    with server.connect() as connection:
        connection.head(server.token())
        if sent:
            connection.chunk(audio_part(a_wav(b"")))
            connection.chunk(b"\x10\x00" * (sent // 2))
        time.sleep(0.1)
    server.wait_for_nothing()


def test_a_client_that_goes_away_in_the_metadata_leaves_nothing(server):
    body = form(a_wav(SOUND * 400), metadata_of())
    with server.connect() as connection:
        connection.head(server.token())
        connection.chunks(body[:-60])
        time.sleep(0.1)
    server.wait_for_nothing()


def test_slow_uploads_keep_nobody_waiting(server):
    slow = [server.connect() for _ in range(12)]
    try:
        for connection in slow:
            connection.head(server.token())
            connection.chunk(audio_part(a_wav(SOUND)))
        with server.connect() as other:
            signed = f"Authorization: Bearer {server.token(OLIVIA)}"
            other.sock.sendall(f"GET /profiles/me HTTP/1.1\r\nHost: h\r\n{signed}\r\n\r\n".encode())
            answer, seconds = timed(other)
            assert answer.status == 200
            assert seconds < PROMPT
    finally:
        for connection in slow:
            connection.sock.close()
    server.wait_for_nothing()


def test_metadata_has_a_limit_of_its_own(server):
    with server.connect() as connection:
        connection.head(server.token())
        connection.chunks(
            form(a_wav(SOUND), b'{"summary": "' + b"x" * (3 * 1024 * 1024)), size=64 * 1024
        )
        connection.end()
        problem(connection.answer(), 413)
    server.wait_for_nothing()


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nHost: <b>\r\n\r\n",
        b"FETCH /sessions/me HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /sessions/" + b"a" * 4_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /%00%ff/..%2f HTTP/1.1\r\nHost: h\r\n\r\n",
        b"POST /auth/login HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n{]}",
    ],
)
def test_odd_requests_get_a_problem_and_no_page(server, raw):
    with server.connect() as connection:
        connection.sock.sendall(raw)
        answer = connection.answer()
        assert 400 <= answer.status < 500
        problem(answer, answer.status)


async def test_a_body_never_waits_until_its_head_is_acknowledged(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    connections = OpenConnections(connection_limits(settings), ())
    config = server_config(Litestar(), settings, connections)
    config.load()
    accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    class Watched(BoundedProtocol):
        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            here = transport.get_extra_info("socket")
            accepted.set_result(here.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            transport.close()

    listener = socket.create_server(("127.0.0.1", 0))
    server = await asyncio.get_running_loop().create_server(
        lambda: Watched(config, ServerState(), {}, connections=connections, language="en"),
        sock=listener,
    )
    async with server:
        _, writer = await asyncio.open_connection(*listener.getsockname())
        assert await accepted
        writer.close()
        await writer.wait_closed()
