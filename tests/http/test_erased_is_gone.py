"""What is erased is in no file of the data directory 5 s later, while the server runs and others use it."""

import json
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.builders import a_wav, an_utterance
from tests.file_search import files_left_with, files_with
from tests.http.clinic import ALEX, BOUNDARY, OLIVIA, SOUND, form, metadata_of
from tests.http.server import PATIENCE, Server, serving
from therapy.adapters.local.sqlite.database import FILE_NAME
from therapy.adapters.local.sqlite.migration import back_up
from therapy.adapters.memory.speech import MemorySpeech
from therapy.domain.people import Person
from therapy.ports.speech import SpeechEvent, SpeechOptions

WITHIN = 5.0
"""Seconds within which it must be gone."""

NAME, NUMBER, EMAIL = "Qexwyzzen Jabberquillon", "998877661", "vexqzomwick@quizzlewump.zwyxk"
SUMMARY, NOTE = "Zyxqwvotle asked about it.", "סבקטצוגן הוזכרה"
TIMED, CHANGED = "Wuzzlefrobnicq at home.", "Krzyxwobbleflitz instead."
SAID = "I dreamt of a plumqzywiggen again."
HEARD = bytes(range(7, 247, 3)) * 2
"""Bytes in the sound, which are nowhere else."""

CANARIES = (NAME, NUMBER, EMAIL, SUMMARY, NOTE, TIMED, CHANGED, SAID, HEARD)


class Listening(MemorySpeech):
    """Hears the canary only in the sound that has it."""

    async def transcribe(
        self, practice_id: str, pcm: AsyncIterator[bytes], options: SpeechOptions
    ) -> AsyncIterator[SpeechEvent]:
        sound = b"".join([chunk async for chunk in pcm])
        said = SAID if HEARD in sound else "Nothing much."

        async def again() -> AsyncIterator[bytes]:
            yield sound

        script = MemorySpeech([an_utterance(said, 0, voice="0"), an_utterance("And?", 3_000)])
        async for event in script.transcribe(practice_id, again(), options):
            yield event


@dataclass
class App:
    """A phone: what it sends over real connections."""

    client: httpx.Client

    def upload(self, sound: bytes, **metadata: Any) -> str:
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        content = form(a_wav(sound), metadata_of(therapist=..., **metadata))
        answer = self.client.post("/sessions/upload", content=content, headers=headers)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["session_id"])

    def wait_for_review(self, session_id: str) -> None:
        end = time.monotonic() + PATIENCE
        while self.client.get(f"/sessions/{session_id}").json()["state"] != "awaiting_review":
            assert time.monotonic() < end
            time.sleep(0.05)

    def erase(self, session_id: str) -> None:
        assert self.client.delete(f"/sessions/{session_id}").status_code == 204
        end = time.monotonic() + PATIENCE
        while self.client.get(f"/sessions/{session_id}").status_code != 404:
            assert time.monotonic() < end
            time.sleep(0.05)


@contextmanager
def app_of(server: Server, person: Person) -> Iterator[App]:
    headers = {"Authorization": f"Bearer {server.token(person)}"}
    address = f"http://127.0.0.1:{server.port}"
    with httpx.Client(base_url=address, headers=headers, timeout=PATIENCE) as client:
        yield App(client)


def with_canaries(app: App) -> str:
    """A session that is full of them, in several versions; gives its id."""
    patient = {"id": NUMBER, "name": NAME, "email": EMAIL}
    session_id = app.upload(
        SOUND + HEARD + SOUND,
        patient=json.dumps(patient),
        summary=SUMMARY,
        general_notes=[{"content": NOTE}],
        timed_notes=[{"timestamp": "00:09", "content": TIMED}],
    )
    app.wait_for_review(session_id)
    for changed in (CHANGED, f"{CHANGED} {CHANGED * 100}", CHANGED):
        path = f"/sessions/{session_id}"
        assert app.client.patch(path, json={"summary": changed}).status_code == 200
    return session_id


@contextmanager
def busy(app: App) -> Iterator[None]:
    """Have a colleague read and write all the time, so that the log is never at rest."""
    session_id, over = app.upload(SOUND + b"\x05\x06"), threading.Event()

    def work() -> None:
        at = 0
        while not over.is_set():
            at += 1
            app.client.patch(f"/sessions/{session_id}", json={"summary": f"The {at}th."})
            app.client.get("/sessions/")

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(PATIENCE)


@contextmanager
def reading(directory: Path, seconds: float) -> Iterator[None]:
    """Keep a snapshot of the database for so long, as another program may."""
    began = threading.Event()

    def read() -> None:
        connection = sqlite3.connect(directory / FILE_NAME)
        connection.execute("BEGIN")
        connection.execute("SELECT COUNT(*) FROM items").fetchone()
        began.set()
        time.sleep(seconds)
        connection.close()

    thread = threading.Thread(target=read)
    thread.start()
    began.wait(PATIENCE)
    try:
        yield
    finally:
        thread.join(PATIENCE)


def checkpoint(directory: Path) -> None:
    """Write what is in the log to the database, as SQLite does from time to time; the log stays."""
    connection = sqlite3.connect(directory / FILE_NAME)
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    connection.close()


@pytest.mark.slow
def test_an_erased_session_is_in_no_file_while_the_server_runs(tmp_path):
    with (
        serving(tmp_path, with_worker=True, speech=Listening()) as server,
        app_of(server, OLIVIA) as app,
        app_of(server, ALEX) as colleague,
    ):
        session_id = with_canaries(app)
        checkpoint(tmp_path)
        found = files_with(tmp_path, CANARIES)
        assert {FILE_NAME, f"{FILE_NAME}-wal"} <= found.keys()
        assert [each for each in found if each.endswith(".audio")]
        app.erase(session_id)
        assert files_left_with(tmp_path, CANARIES, WITHIN) == {}
        copies_and_others(tmp_path, app, colleague)


def copies_and_others(directory: Path, app: App, colleague: App) -> None:
    """Erase another one that is in a copy of the database, while others read and write."""
    session_id = with_canaries(app)
    copy = directory / f"{FILE_NAME}.before-0003"
    back_up(directory / FILE_NAME, copy)
    assert copy.name in files_with(directory, CANARIES)
    with busy(colleague), reading(directory, 1.0):
        app.erase(session_id)
        assert files_left_with(directory, CANARIES, WITHIN) == {}
    assert files_with(directory, ["Came by bus."])  # the colleague's is there
