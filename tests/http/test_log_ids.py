"""Every line of the log names what it belongs to: a request, or a run of a session. Whoever writes it."""

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from tests.http.clinic import OLIVIA, SCRIPT, open_clinic
from therapy.adapters.memory.mail import MemoryMail
from therapy.adapters.memory.sentiment import MemorySentiment
from therapy.adapters.memory.speech import MemorySpeech
from therapy.domain.errors import Unavailable
from therapy.entrypoints.logs import JsonLines
from therapy.entrypoints.worker import working

LIBRARY = logging.getLogger("azure.core")


class Lines(logging.Handler):
    """Writes each line in the moment it is logged, as the server does."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[dict[str, Any]] = []
        self.setFormatter(JsonLines())

    def emit(self, record: logging.LogRecord) -> None:
        self.written.append(json.loads(self.format(record)))

    def of(self, event: str) -> list[dict[str, Any]]:
        return [each for each in self.written if each["event"] == event]


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler, root, ours = Lines(), logging.getLogger(), logging.getLogger("therapy")
    level = ours.level
    ours.setLevel(logging.INFO)
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)
    ours.setLevel(level)


class TalkativeSpeech(MemorySpeech):
    """Logs by a library's logger while it listens."""

    async def transcribe(self, practice_id, pcm, options):
        LIBRARY.warning("listening")
        async for event in super().transcribe(practice_id, pcm, options):
            yield event


class TalkativeSentiment(MemorySentiment):
    """Logs by a library's logger, in a thread, while it scores."""

    async def score(self, practice_id, texts, language):
        await asyncio.to_thread(LIBRARY.warning, "scoring")
        return await super().score(practice_id, texts, language)


class AwayMail(MemoryMail):
    """A mail server that is out of reach."""

    async def send(self, practice_id, letter):
        LIBRARY.warning("connecting")
        raise Unavailable(reason="disconnected")


async def test_what_a_request_begins_is_logged_with_its_id_to_the_end(tmp_path, lines):
    async with open_clinic(tmp_path, mail=AwayMail()) as clinic:
        asked = await clinic.post(f"/auth/forgot-password?email={OLIVIA.email}", None)
        other = await clinic.get("/data/inbox")
    for event in ("request", "connecting", "a mail was not sent"):
        assert lines.of(event)[0]["request_id"] == asked.headers["X-Request-ID"], event
    assert lines.of("request")[1]["request_id"] == other.headers["X-Request-ID"]
    LIBRARY.warning("afterwards")
    assert "request_id" not in lines.of("afterwards")[0]


async def test_what_is_logged_while_a_session_is_worked_on_names_the_run(tmp_path, lines):
    engines = {"speech": TalkativeSpeech(SCRIPT), "sentiment": TalkativeSentiment()}
    async with open_clinic(tmp_path, **engines) as clinic, working(clinic.therapy):
        session_id = await clinic.session()
        for _ in range(400):
            state = (await clinic.get(f"/sessions/{session_id}")).json()["state"]
            if state == "awaiting_review":
                break
            await asyncio.sleep(0.05)
        runs = await clinic.records.runs.of_session(OLIVIA.practice_id, session_id)
    ids = [(each["practice"], each["session"], each["run"]) for each in lines.of("listening")]
    assert ids == [(OLIVIA.practice_id, session_id, runs[0].id)]
    assert {(each["session"], each["run"]) for each in lines.of("scoring")} == {
        (session_id, runs[0].id)
    }
