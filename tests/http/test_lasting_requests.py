"""Requests that last: what is behind them on their connection, and what a stop makes of them."""

import asyncio
import time

import pytest
from litestar import Request, get

from tests.http.server import (
    CHUNKED,
    LIVE,
    PATIENCE,
    Server,
    check_refused,
    serving,
    wait_for_no_connection,
)
from therapy.entrypoints.http.bounded_protocol import BoundedProtocol

pytestmark = pytest.mark.slow  # they have real servers


class Slow:
    """A request that lasts until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    def handler(self):
        @get("/slow", opt={"no_token": True}, media_type="text/plain")
        async def slow(request: Request) -> str:
            await request.body()  # from now on it is noticed if the client goes away
            self.begun.set()
            await self.go.wait()
            return "done"

        return slow


async def _set(event: asyncio.Event) -> None:
    event.set()


@pytest.mark.parametrize("ahead", [0, 1])
def test_what_is_refused_behind_other_requests_leaves_them_their_answers(tmp_path, ahead):
    slow = Slow()
    with serving(tmp_path, handlers=[slow.handler()]) as server, server.connect() as connection:
        connection.sock.sendall(
            b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n"
            + (LIVE + b"\r\n") * ahead
            + b"POST /auth/login HTTP/1.1\r\nHost: h\r\n"
            + CHUNKED
            + b"no number\r\n"
        )
        server.run(slow.begun.wait())
        server.run(_set(slow.go))
        answers = [connection.answer() for _ in range(1 + ahead)]
        assert answers[0].body == b"done"
        assert answers[-1].headers["connection"] == "close"
        assert connection.closed() == b""


def test_a_client_that_goes_away_with_requests_behind_is_no_error(tmp_path, caplog):
    slow = Slow()
    with serving(tmp_path, handlers=[slow.handler()]) as server:
        with server.connect() as connection:
            connection.sock.sendall(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n" + LIVE + b"\r\n")
            server.run(slow.begun.wait())
        wait_for_no_connection(server)
        server.run(_set(slow.go))
    assert [each.getMessage() for each in caplog.records if each.levelname == "ERROR"] == []


# --- a stop --------------------------------------------------------------------------------------


def stop(server: Server) -> None:
    server.http.should_exit = True
    end = time.monotonic() + PATIENCE
    while not server.http.connections.stopping and time.monotonic() < end:
        time.sleep(0.005)
    assert server.http.connections.stopping


def wait_until_begun(server: Server) -> None:
    """Wait until the server has read the beginning of a head."""
    end = time.monotonic() + PATIENCE
    while not any(each._unparsed for each in open_connections(server)) and time.monotonic() < end:
        time.sleep(0.005)
    assert any(each._unparsed for each in open_connections(server))


def open_connections(server: Server) -> list[BoundedProtocol]:
    return [*server.http.server_state.connections]


def test_a_stop_answers_what_is_under_way_and_tells_the_rest_to_come_back(tmp_path):
    slow = Slow()
    with (
        serving(
            tmp_path, environment={"GUNICORN_TIMEOUT": "9"}, handlers=[slow.handler()]
        ) as server,
        server.connect() as busy,
        server.connect() as begun,
    ):
        busy.sock.sendall(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n" + LIVE + b"\r\n")
        server.run(slow.begun.wait())
        begun.sock.sendall(LIVE)
        wait_until_begun(server)
        stop(server)
        begun.sock.sendall(b"\r\n")
        check_refused(begun, 503, "stopping")
        server.run(_set(slow.go))
        assert busy.answer().body == b"done"
        check_refused(busy, 503, "stopping")


def test_a_request_that_a_stop_interrupts_is_told_to_come_back(tmp_path):
    slow = Slow()
    environment = {"GUNICORN_TIMEOUT": "0.1", "THERAPY_LANGUAGE": "he"}
    with (
        serving(tmp_path, environment=environment, handlers=[slow.handler()]) as server,
        server.connect() as busy,
    ):
        busy.sock.sendall(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
        server.run(slow.begun.wait())
        stop(server)
        check_refused(busy, 503, "stopping")


def test_a_stop_closes_idle_connections(tmp_path):
    with (
        serving(tmp_path, environment={"GUNICORN_TIMEOUT": "60"}) as server,
        server.connect() as idle,
        server.connect() as used,
    ):
        used.sock.sendall(LIVE + b"\r\n")
        assert used.answer().status == 200
        stop(server)
        assert idle.closed() == used.closed() == b""
