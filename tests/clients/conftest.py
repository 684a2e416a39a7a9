"""A running server with a session that awaits review, and the OpenAPI document it serves."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.builders import a_wav
from tests.http.clinic import OLIVIA, SOUND, form, metadata_of
from tests.http.server import Server, serving

PATIENCE = 60.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("called"), with_worker=True) as running:
        with running.connect() as connection:
            connection.head(running.token())
            connection.chunks(form(a_wav(SOUND), metadata_of()))
            connection.end()
            session_id = connection.answer().json()["session_id"]
        await_review(running, session_id)
        yield running


def await_review(server: Server, session_id: str) -> None:
    """Wait until a session has its transcript."""
    headers = {"Authorization": f"Bearer {server.token(OLIVIA)}"}
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        told = httpx.get(f"{url_of(server)}/sessions/{session_id}", headers=headers).json()
        if told["state"] == "awaiting_review":
            return
        time.sleep(0.1)
    raise AssertionError("the session has no transcript")


def url_of(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}"


@pytest.fixture(scope="module")
def document(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The document as the server gives it, in a file."""
    path = tmp_path_factory.mktemp("document") / "openapi.json"
    path.write_bytes(httpx.get(f"{url_of(server)}/schema/openapi.json").content)
    return path
