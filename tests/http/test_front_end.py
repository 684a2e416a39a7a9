"""Behind a front end with time limits: what an upload shows, and whose address an actor has."""

import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from litestar import get

from tests.builders import a_wav
from tests.emulators.front_end import FrontEnd
from tests.http.clinic import OLIVIA, SOUND, form, metadata_of
from tests.http.server import PATIENCE, Answer, Connection, Server, audio_part, serving
from therapy.adapters.memory.recordings import MemoryRecordings
from therapy.entrypoints.http.dependencies import Caller

pytestmark = pytest.mark.emulator
BEHIND = {"THERAPY_TRUSTED_PROXIES": "127.0.0.1"}


@get("/address", sync_to_thread=False)
def address(actor: Caller) -> str:
    """Return what every workflow gets as the actor's address."""
    return actor.address


class SlowRecordings(MemoryRecordings):
    """Takes recordings in, and keeps one once it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    async def keep(self, practice_id: str, upload_id: str, blocks: int, key: str) -> int:
        self.begun.set()
        await self.go.wait()
        return await super().keep(practice_id, upload_id, blocks, key)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("server")
    with serving(directory, environment=BEHIND, handlers=[address]) as running:
        yield running


def connect(front: FrontEnd) -> Connection:
    return Connection(socket.create_connection(("127.0.0.1", front.port), timeout=PATIENCE))


def send(front: FrontEnd, server: Server) -> Answer:
    """Upload a whole recording at once."""
    body = form(a_wav(SOUND), metadata_of())
    with connect(front) as connection:
        connection.head(server.token(), length=len(body))
        connection.sock.sendall(body)
        return connection.answer()


def test_an_upload_that_takes_longer_than_the_front_end_waits_is_504_and_leaves_nothing(
    server: Server,
) -> None:
    with FrontEnd(server.port, answer=0.4) as front:
        with connect(front) as connection:
            connection.head(server.token())
            connection.chunk(audio_part(a_wav(SOUND))[:2_000])
            began = time.monotonic()
            while time.monotonic() < began + 0.3:  # steady bytes do not put it off
                connection.chunk(b"\x01\x00" * 100)
                time.sleep(0.05)
            answer = connection.answer()
            assert (answer.status, answer.headers["content-type"]) == (504, "text/html")
        server.wait_for_nothing()
        assert front.cut == 1
    with FrontEnd(server.port) as patient:
        assert send(patient, server).status == 202


def test_a_client_that_pauses_for_longer_than_the_front_end_waits_is_cut_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    with serving(tmp_path) as server, FrontEnd(server.port, client_idle=0.2) as front:
        with connect(front) as connection:
            connection.head(server.token())
            connection.chunk(audio_part(a_wav(SOUND))[:2_000])
            assert connection.closed() == b""
        server.wait_for_nothing()
        assert front.cut == 1


def test_a_recording_that_was_taken_in_behind_a_504_is_the_same_session_when_it_is_sent_again(
    tmp_path: Path,
) -> None:
    recordings = SlowRecordings()
    with serving(tmp_path, recordings=recordings) as server:
        with FrontEnd(server.port, answer=2.0) as front:  # the whole body has come by then
            assert send(front, server).status == 504
        server.run(recordings.begun.wait())
        server.run(_set(recordings.go))
        with FrontEnd(server.port) as front:
            answers = [send(front, server) for _ in range(2)]
            assert {each.status for each in answers} == {202}
        sessions = {each.json()["session_id"] for each in answers}
    assert len(sessions) == 1


def test_where_steady_bytes_put_the_end_off_a_slow_upload_is_taken_in(tmp_path: Path) -> None:
    body = form(a_wav(SOUND), metadata_of())
    piece = len(body) // 7
    with (
        serving(tmp_path) as server,
        FrontEnd(server.port, answer=1.5, steady_bytes_count=True) as front,
        connect(front) as connection,
    ):
        connection.head(server.token(), length=len(body))
        for start in range(0, len(body), piece):
            connection.sock.sendall(body[start : start + piece])
            time.sleep(0.3)
        assert connection.answer().status == 202


async def _set(event: asyncio.Event) -> None:
    event.set()


def test_an_actor_behind_a_front_end_has_the_clients_address(server: Server) -> None:
    client = httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.5"))
    forged = {"X-Forwarded-For": "198.51.100.1"}
    with FrontEnd(server.port) as front, client:
        headers = {"Authorization": f"Bearer {server.token(OLIVIA)}"} | forged
        answer = client.get(f"http://127.0.0.1:{front.port}/address", headers=headers)
    assert answer.status_code == 200
    assert answer.text == "127.0.0.5"
