"""What one connection may cost, on real connections: heads, idleness, pipelines, answers nobody reads."""

import socket
import time
from collections.abc import Iterator

import pytest
from litestar import Request, get, post

from tests.http.server import (
    CHUNKED,
    LIVE,
    PATIENCE,
    Connection,
    Server,
    check_refused,
    serving,
    wait_for_no_connection,
)
from therapy.entrypoints.http.bounded_protocol import MOST_PIPELINED

pytestmark = pytest.mark.slow  # they have real servers

HEAD = 2_000
HEADERS = 20
QUICK = {
    "THERAPY_MAX_HEAD_BYTES": str(HEAD),
    "THERAPY_MAX_HEADERS": str(HEADERS),
    "THERAPY_HEAD_SECONDS": "0.4",
    "THERAPY_IDLE_CONNECTION_SECONDS": "0.4",
    "THERAPY_UNREAD_ANSWER_SECONDS": "0.3",
    "THERAPY_IDLE_BODY_SECONDS": "0.4",
    "THERAPY_BODY_PROGRESS_BYTES": "100",
}
LARGE = 64 * 1024 * 1024


@post("/headers", status_code=200, opt={"no_token": True})
async def headers_after_body(request: Request) -> list[str]:
    """Return the names of the headers that are there once the body has been read."""
    await request.body()
    return sorted({name.decode() for name, _ in request.scope["headers"]})


@get("/large", opt={"no_token": True}, media_type="text/plain")
async def large() -> bytes:
    """Return more than any connection holds."""
    return b"a" * LARGE


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("server")
    with serving(directory, environment=QUICK, handlers=[headers_after_body, large]) as running:
        yield running


def send_without_end(connection: Connection, first: bytes, more: bytes) -> None:
    """Send until the server has had enough."""
    connection.sock.sendall(first)
    for _ in range(50):
        try:
            connection.sock.sendall(more)
        except ConnectionError:
            return
        time.sleep(0.001)


ENDLESS = {
    "a header": (b"GET /health/live HTTP/1.1\r\nX-A: ", b"a" * 500),
    "a header's name": (b"GET /health/live HTTP/1.1\r\nX-", b"a" * 500),
    "an address": (b"GET /", b"a" * 500),
    "a query": (b"GET /?", b"a" * 500),
    "short headers": (b"GET /health/live HTTP/1.1\r\n", b"X-A: " + b"a" * 500 + b"\r\n"),
    "blank lines": (b"\r\n", b"\r\n" * 250),
}


@pytest.mark.parametrize(("first", "more"), ENDLESS.values(), ids=ENDLESS)
def test_a_head_without_end_is_refused(server, first, more):
    with server.connect() as connection:
        send_without_end(connection, first, more)
        check_refused(connection, 431, "head_too_large")


def test_a_large_head_is_refused_although_it_came_at_once(server):
    with server.connect() as connection:
        connection.sock.sendall(LIVE + b"X-A: " + b"a" * HEAD + b"\r\n\r\n")
        check_refused(connection, 431, "head_too_large")


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 431)])
def test_headers_are_counted(server, more, status):
    fields = b"".join(b"X-%d: 1\r\n" % at for at in range(HEADERS - 1 + more))
    with server.connect() as connection:
        connection.sock.sendall(LIVE + fields + b"\r\n")
        if status == 200:
            assert connection.answer().status == 200
        else:
            check_refused(connection, 431, "head_too_large")


def test_a_head_that_comes_byte_by_byte_is_given_up(server):
    with server.connect() as connection:
        connection.trickle(LIVE + b"X-A: " + b"a" * HEAD)
        check_refused(connection, 408, "request_timeout")


def test_a_silent_connection_is_closed_without_an_answer(server):
    with server.connect() as connection:
        assert connection.closed() == b""


def test_a_connection_that_is_silent_after_an_answer_is_closed(server):
    with server.connect() as connection:
        connection.sock.sendall(LIVE + b"\r\n")
        assert connection.answer().status == 200
        assert connection.closed() == b""


def test_blank_lines_do_not_keep_a_connection_open(server):
    with server.connect() as connection:
        connection.trickle(b"\r\n" * 400)
        assert connection.closed() == b""


ENDLESS_FRAMES = {
    "a chunk's length": b"0" * 500,
    "a chunk's extension": b"5;" + b"a" * 500,
    "a trailer": b"0\r\nX-A: " + b"a" * 500,
}


@pytest.mark.parametrize("frame", ENDLESS_FRAMES.values(), ids=ENDLESS_FRAMES)
def test_lines_around_chunks_are_bounded(server, frame):
    with server.connect() as connection:
        connection.sock.sendall(b"POST /headers HTTP/1.1\r\nHost: h\r\n" + CHUNKED)
        send_without_end(connection, frame, frame[-500:])
        check_refused(connection, 431, "head_too_large")


def test_trailers_are_counted_and_never_become_headers(server):
    body = b"POST /headers HTTP/1.1\r\nHost: h\r\n" + CHUNKED + b"2\r\n{}\r\n0\r\n"
    fields = [b"X-Trailer-%d: 1\r\n" % at for at in range(HEADERS + 1)]
    with server.connect() as connection:
        connection.sock.sendall(body + b"Authorization: Bearer a\r\n\r\n")
        assert connection.answer().json() == ["host", "transfer-encoding"]
        connection.sock.sendall(body + b"".join(fields) + b"\r\n")
        check_refused(connection, 431, "head_too_large")


def test_what_is_no_http_is_refused_in_the_middle_of_a_body(server):
    with server.connect() as connection:
        connection.sock.sendall(
            b"POST /headers HTTP/1.1\r\nHost: h\r\n" + CHUNKED + b"no number\r\n"
        )
        check_refused(connection, 400, "malformed_request")


H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
WEBSOCKET = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"


@pytest.mark.parametrize("offer", [H2C, WEBSOCKET], ids=["h2c", "websocket"])
@pytest.mark.parametrize(
    "framing",
    [b"Content-Length: 45\r\n\r\n", CHUNKED + b"2d\r\n"],
    ids=["of a length", "chunked"],
)
def test_the_body_of_a_request_that_offers_another_protocol_never_becomes_a_request(
    server, offer, framing
):
    with server.connect() as connection:
        connection.sock.sendall(b"POST /headers HTTP/1.1\r\nHost: h\r\n" + offer + framing)
        time.sleep(0.05)  # the body in a packet of its own
        connection.sock.sendall(LIVE + b"X: 12\r\n\r\n")
        check_refused(connection, 400, "upgrade_with_body")


@pytest.mark.parametrize(
    "offer",
    [H2C, WEBSOCKET, H2C + b"Content-Length: 0\r\n"],
    ids=["h2c", "websocket", "h2c without bytes"],
)
def test_a_request_that_offers_another_protocol_is_answered_by_http_1_and_the_connection_closed(
    server, caplog, offer
):
    with server.connect() as connection:
        connection.sock.sendall(LIVE + offer + b"\r\n" + LIVE + b"\r\n")
        answer = connection.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert connection.closed() == b""
    assert "WebSocket" not in caplog.text


def test_of_many_requests_sent_ahead_a_few_are_answered_then_the_connection_is_closed(server):
    with server.connect() as connection:
        connection.sock.sendall((LIVE + b"\r\n") * 100)
        answers = [connection.answer() for _ in range(1 + MOST_PIPELINED)]
        assert {answer.status for answer in answers} == {200}
        assert answers[-1].headers["connection"] == "close"
        assert connection.closed() == b""


def test_an_answer_that_nobody_reads_is_dropped(server):
    with server.connect() as connection:
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.sock.sendall(b"GET /large HTTP/1.1\r\nHost: h\r\n\r\n")
        connection.sock.recv(1)
        wait_for_no_connection(server)
        assert (
            len(connection.closed()) < LARGE // 64
        )  # nor does the kernel go on with what it holds


def test_a_body_that_comes_byte_by_byte_is_given_up_and_the_connection_closed(server):
    with server.connect() as connection:
        connection.sock.sendall(
            b"POST /auth/login HTTP/1.1\r\nHost: h\r\nContent-Length: 90\r\n\r\n"
        )
        connection.trickle(b'{"email": "' + b"a" * 70)
        check_refused(connection, 408, "request_timeout")


def test_an_upload_that_stands_still_is_given_up_and_leaves_nothing(server):
    with server.connect() as connection:
        connection.head(server.token())
        connection.chunk(b"--")
        check_refused(connection, 408, "request_timeout")
    server.wait_for_nothing()


def test_a_slow_body_of_which_enough_comes_is_read(server):
    with server.connect() as connection:
        connection.sock.sendall(b"POST /headers HTTP/1.1\r\nHost: h\r\n" + CHUNKED)
        for _ in range(8):
            connection.chunk(b" " * 100)
            time.sleep(0.1)
        connection.end()
        assert connection.answer().status == 200


def test_the_rest_of_a_refused_body_is_read_only_as_long_as_enough_of_it_comes(server):
    with server.connect() as connection:
        connection.head()
        assert connection.answer().status == 401
        for _ in range(8):
            connection.chunk(b"a" * 100)
            time.sleep(0.1)
        connection.trickle(b"1\r\na\r\n" * 50)
        assert connection.closed() == b""


@pytest.mark.parametrize("requests", [0, 1])
def test_a_connection_goes_on_after_the_rest_of_a_refused_body(server, requests):
    with server.connect() as connection:
        connection.head()
        assert connection.answer().status == 401
        connection.chunk(b"a" * 100)
        connection.end()
        for _ in range(requests):
            connection.sock.sendall(LIVE + b"\r\n")
            assert connection.answer().status == 200
        assert connection.closed() == b""


def test_a_refused_client_that_still_sends_gets_its_answer(server):
    with server.connect() as connection:
        connection.sock.sendall(LIVE + b"X-A: " + b"a" * HEAD)
        answer = connection.answer()
        for _ in range(5):
            connection.sock.sendall(b"a" * 1_000)  # a closed connection would fail
            time.sleep(0.02)
        assert answer.status == 431


@pytest.mark.parametrize("path", ["/auth/login", "/auth/refresh", "/auth/change-password"])
def test_a_length_over_the_routes_limit_is_refused_before_the_body(server, path):
    with server.connect() as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {16 * 1024 + 1}\r\n\r\n"
        connection.sock.sendall(head.encode())
        answer = connection.answer()
        assert (answer.status, answer.json()["code"]) == (413, "too_large")
        assert answer.json()["limit"] == 16 * 1024


def test_connections_beyond_the_limit_are_told_to_come_back(tmp_path):
    with (
        serving(tmp_path, environment={"THERAPY_MAX_CONNECTIONS": "2"}) as server,
        server.connect() as first,
        server.connect(),
    ):
        first.sock.sendall(LIVE + b"\r\n")
        assert first.answer().status == 200
        for _ in range(3):
            with server.connect() as beyond:
                beyond.sock.sendall(LIVE + b"\r\n")
                check_refused(beyond, 503, "too_many_connections")
        first.sock.close()
        end = time.monotonic() + PATIENCE
        status = 503
        while status == 503 and time.monotonic() < end:
            with server.connect() as another:
                another.sock.sendall(LIVE + b"\r\n")
                status = another.answer().status
        assert status == 200
