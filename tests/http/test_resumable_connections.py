"""Resumable uploads over real connections: what came is kept, if the client stops, is cut off or is slow."""

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.builders import a_wav
from tests.http import tus
from tests.http.clinic import SOUND
from tests.http.server import PATIENCE, Connection, Server, serving

pytestmark = pytest.mark.slow  # they have real servers

RECORDING = a_wav(SOUND * 20)
SENT = 100_000
QUICK = {"THERAPY_IDLE_BODY_SECONDS": "0.4", "THERAPY_BODY_PROGRESS_BYTES": "100"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server"), environment=QUICK) as running:
        yield running


@pytest.fixture
def caller(server: Server) -> Iterator[httpx.Client]:
    headers = tus.TUS | {"Authorization": f"Bearer {server.token()}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", headers=headers) as client:
        yield client


def begun(caller: httpx.Client) -> str:
    length = {"Upload-Length": str(len(RECORDING))}
    return str(caller.post("/uploads", headers=length).headers["Location"])


def begin_to_send(connection: Connection, server: Server, path: str) -> None:
    """Announce the whole recording, and send a part of it."""
    lines = [
        f"PATCH {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {server.token()}",
        "Tus-Resumable: 1.0.0",
        "Upload-Offset: 0",
        "Content-Type: application/offset+octet-stream",
        f"Content-Length: {len(RECORDING)}",
    ]
    connection.sock.sendall("\r\n".join([*lines, "", ""]).encode() + RECORDING[:SENT])


def wait_until_it_is_received(caller: httpx.Client, path: str) -> None:
    """Wait until the server has begun to add to an upload."""
    until, began = time.monotonic() + PATIENCE, caller.get(path).json()["expires_at"]
    while caller.get(path).json()["expires_at"] == began and time.monotonic() < until:
        time.sleep(0.005)


def wait_for(caller: httpx.Client, path: str, offset: int) -> None:
    until = time.monotonic() + PATIENCE
    while (there := caller.get(path).json()["offset"]) != offset and time.monotonic() < until:
        time.sleep(0.02)
    assert there == offset


def finish(caller: httpx.Client, path: str) -> None:
    headers = tus.PIECE | {"Upload-Offset": str(SENT)}
    answer = caller.patch(path, headers=headers, content=RECORDING[SENT:])
    assert answer.headers["Upload-Offset"] == str(len(RECORDING))


def test_what_came_before_a_request_stood_still_is_kept(
    server: Server, caller: httpx.Client
) -> None:
    path = begun(caller)
    with server.connect() as connection:
        begin_to_send(connection, server, path)
        answer = connection.answer()
        assert (answer.status, answer.json()["code"]) == (408, "request_timeout")
    wait_for(caller, path, SENT)
    finish(caller, path)


def test_what_came_before_the_line_was_cut_is_kept(server: Server, caller: httpx.Client) -> None:
    path = begun(caller)
    with server.connect() as connection:
        begin_to_send(connection, server, path)
        wait_until_it_is_received(caller, path)
    answer = caller.head(path)  # at once: the server may not have noticed the cut yet
    assert answer.headers["Upload-Offset"] == str(SENT)
    finish(caller, path)


def test_what_is_longer_than_is_missing_is_refused_before_it_comes(
    server: Server, caller: httpx.Client
) -> None:
    path = begun(caller)
    headers = tus.PIECE | {"Upload-Offset": "0"}
    answer = caller.patch(path, headers=headers, content=RECORDING + b"more")
    assert (answer.status_code, answer.json()["code"]) == (400, "past_upload_length")
    wait_for(caller, path, 0)
