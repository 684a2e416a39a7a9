"""A whole session full of canaries: what people say is in no log, error, push, mail or ring."""

import json
import logging
import sqlite3

import pytest

from tests.builders import a_wav, an_utterance
from tests.http.clinic import (
    ALEX,
    JORDAN,
    OLIVIA,
    PASSWORD,
    SOUND,
    as_the_app,
    metadata_of,
    open_clinic,
)
from therapy.adapters.memory.doorbell import MemoryDoorbell
from therapy.adapters.memory.session_index import MemorySessionIndex
from therapy.adapters.memory.speech import MemorySpeech
from therapy.domain.errors import EngineFailed
from therapy.domain.people import Role
from therapy.entrypoints.logs import JsonLines

CANARY = "CANARY-PHI-123"
SPOKEN = (
    an_utterance(f"How is {CANARY} today?", 0, voice="0"),
    an_utterance(f"I told {CANARY} everything.", 3_000, voice="1"),
)


class Recorded(MemoryDoorbell):
    """A doorbell that remembers what was rung."""

    def __init__(self) -> None:
        super().__init__()
        self.rung: list[tuple[str, ...]] = []

    async def ring(self, *what: str) -> None:
        self.rung.append(what)
        await super().ring(*what)


def told(**changes):
    patient = {"id": "111222333", "name": CANARY, "email": f"{CANARY}@example.org"}
    words = {
        "patient": json.dumps(patient),
        "summary": f"About {CANARY}.",
        "general_notes": [f"Note on {CANARY}"],
        "timed_notes": [{"timestamp": "00:01", "content": CANARY}],
    }
    return metadata_of(**(words | changes))


@pytest.fixture
def bell():
    return Recorded()


@pytest.fixture
def lines(caplog):
    """Everything that any logger says, in the form in which the server writes it."""
    caplog.set_level(logging.DEBUG)
    formatter = JsonLines()

    def written() -> list[str]:
        ours = [
            each for each in caplog.records if not each.name.startswith("http")
        ]  # not the client's
        return [
            f"{formatter.format(each)} {each.getMessage()} {each.exc_text or ''}" for each in ours
        ]

    return written


async def test_nothing_that_was_said_gets_out_of_a_whole_session(tmp_path, bell, lines):
    out: list[str] = []  # bodies of errors
    async with open_clinic(tmp_path, speech=MemorySpeech(SPOKEN), doorbell=bell) as clinic:
        headers = {"User-Agent": "app", "Accept-Language": "he"}

        async def fails(method, path, person=OLIVIA, **more):
            answer = await clinic.ask(method, path, person, headers=headers, **more)
            assert 400 <= answer.status_code < 600
            out.append(answer.text + str(answer.headers))

        await clinic.post("/auth/login", None, json={"email": OLIVIA.email, "password": PASSWORD})
        await clinic.post(f"/auth/forgot-password?email={OLIVIA.email}", None)
        for person in (OLIVIA, JORDAN):
            body = {
                "token": f"fcm-{person.id}",
                "platform": "ANDROID",
                "user_id": person.public_id,
                "user_type": CANARY,
            }
            await clinic.post("/devices/register", person, json=body)
        words = {"terms": [CANARY], "corrections": [{"heard": "everything", "correct": CANARY}]}
        put = "PUT", "/practice/vocabulary"
        first = await clinic.ask(*put, json=words, headers={"If-None-Match": "*"})
        assert first.status_code == 200
        await fails(*put, json=words | {"terms": [CANARY * 20]})
        await fails(*put, json=words | {CANARY: CANARY})
        upload = await clinic.upload(metadata=told(), file_name=f"{CANARY}.wav")
        session_id = upload.json()["session_id"]
        out.append((await clinic.upload(metadata=told(summary=f"{CANARY} again"))).text)
        out.append((await clinic.upload(a_wav(SOUND * 2), told(session_date=CANARY))).text)
        out.append((await clinic.upload(a_wav(SOUND * 2), told(patient=CANARY))).text)
        out.append((await clinic.upload(CANARY.encode() * 500, told())).text)
        await clinic.work()
        lines_of_review = (await clinic.get(f"/data/transcript/{session_id}")).json()["transcript"]
        assert CANARY in lines_of_review[0]["text"]
        bad = [as_the_app(lines_of_review)[0] | {"timestamp": CANARY}]
        await fails("PUT", f"/data/transcript/{session_id}", json=bad)
        await fails(
            "PUT", f"/data/transcript/{session_id}", json=[{"speaker": CANARY, "text": CANARY}]
        )
        await fails("PUT", f"/data/transcript/{session_id}", content=f"[{CANARY}".encode())
        await fails(
            "PATCH", f"/sessions/{session_id}", json={"session_date": CANARY, "summary": CANARY}
        )
        await fails("PATCH", f"/sessions/{session_id}", json={f"said {CANARY}": CANARY})
        await fails("GET", f"/sessions/{session_id}/details", ALEX)
        known = {"If-None-Match": CANARY}
        answer = await clinic.get(f"/sessions/{session_id}/transcript", headers=known)
        assert CANARY in answer.json()["lines"][0]["text"]
        await fails("GET", f"/sessions/{session_id}/transcript", ALEX)
        await fails("POST", "/auth/login", None, json={"email": f"{CANARY}@x", "password": CANARY})
        await fails(
            "POST", "/auth/change-password", None, json={"tokenSec": CANARY, "newPassword": CANARY}
        )
        await fails("GET", f"/sessions/search?query={CANARY}", JORDAN)
        await fails("GET", f"/sessions/search?query={CANARY * 50}")
        await fails("GET", f"/sessions/me?before={CANARY}")
        await clinic.ask("PUT", f"/data/transcript/{session_id}", json=as_the_app(lines_of_review))
        await clinic.work()
        found = (await clinic.get("/sessions/search", params={"query": CANARY})).json()
        assert [each["id"] for each in found] == [session_id]
        details = (await clinic.get(f"/sessions/{session_id}/details")).text
        assert details.count(CANARY) >= 6  # it was a whole session
        mailbox = [each.read_text() for each in (tmp_path / "mailbox").rglob("*") if each.is_file()]
        assert len(mailbox) == 2  # the pushes and a letter
        stored = runs_and_outbox(tmp_path)

    assert bell.rung
    for name, texts in {
        "logs": lines(),
        "errors": out,
        "rings": [str(each) for each in bell.rung],
        "pushes and mail": mailbox,
        "runs and outbox": stored,
    }.items():
        assert not [text for text in texts if CANARY in text], name


async def test_a_bug_is_logged_by_kind_and_place_and_answered_without_its_words(tmp_path, lines):
    class Buggy(MemorySpeech):
        async def transcribe(self, practice_id, pcm, options):
            raise ZeroDivisionError(CANARY)
            yield

    class BuggySessionIndex(MemorySessionIndex):
        async def of_therapist(self, *_):
            raise ZeroDivisionError(CANARY)

    async with open_clinic(tmp_path, speech=Buggy()) as clinic:
        session_id = await clinic.session()
        with pytest.raises(ZeroDivisionError):
            await clinic.work()
        told_of_it = (await clinic.get(f"/sessions/{session_id}")).text
    async with open_clinic(tmp_path, session_index=BuggySessionIndex()) as clinic:
        answer = await clinic.get("/sessions/me")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal"
    written = [line for line in lines() if "unexpected" in line]
    assert written
    assert "ZeroDivisionError" in written[0]
    for text in (answer.text, told_of_it, *lines()):
        assert CANARY not in text


async def test_an_engine_that_quotes_what_it_heard_is_not_quoted(tmp_path, lines):
    failure = EngineFailed("engine_failed", transient=False, said=CANARY)
    async with open_clinic(tmp_path, speech=MemorySpeech(failure=failure)) as clinic:
        session_id = await clinic.session()
        await clinic.work()
        answer = await clinic.get(f"/sessions/{session_id}")
    assert answer.json()["state"] == "failed"
    for text in (answer.text, *lines(), *runs_and_outbox(tmp_path)):
        assert CANARY not in text


def runs_and_outbox(directory) -> list[str]:
    connection = sqlite3.connect(directory / "therapy.sqlite3")
    try:
        kinds = "SELECT body FROM items WHERE kind IN ('run', 'outbox', 'upload')"
        bodies = [bytes(body).decode() for (body,) in connection.execute(kinds)]
    finally:
        connection.close()
    assert bodies, "none of these is stored under these kinds any more"
    return bodies


def test_a_person_in_a_repr_is_only_an_id():
    for thing in (OLIVIA, JORDAN):
        assert thing.full_name not in repr(thing)
        assert thing.email not in repr(thing)
    assert OLIVIA.role is Role.THERAPIST
