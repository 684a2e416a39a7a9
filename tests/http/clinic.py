"""A clinic to test against: the real application on real local stores, with an engine from a script.

`open_clinic` runs it in this process; `serve.py` runs the same one behind a real server.
"""

import dataclasses
import json
import sqlite3
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from argon2 import PasswordHasher
from httpx import ASGITransport, AsyncClient, Response
from litestar import Litestar

from tests.builders import NOW, OTHER_PRACTICE, PRACTICE, a_wav, an_utterance
from tests.file_search import files_below
from tests.http.documented import Document
from tests.logins import LOGIN, has_login
from tests.workflows.waiting_runs import waiting
from therapy.adapters.local.sqlite.database import FILE_NAME
from therapy.adapters.memory.audio import MemoryAudioDecoder
from therapy.adapters.memory.sentiment import MemorySentiment
from therapy.adapters.memory.speech import MemorySpeech
from therapy.config import Settings, read_settings
from therapy.domain.access import Actor
from therapy.domain.people import Person, Practice, Role
from therapy.domain.transcript import Speaker, Utterance, Word
from therapy.entrypoints.http.after_response import AfterResponse
from therapy.entrypoints.http.app import Opening, make_app
from therapy.entrypoints.http.health import share_answers
from therapy.entrypoints.http.openapi_document import document_of
from therapy.repositories.records import Records
from therapy.wiring import Engines, Ports, Therapy, open_therapy
from therapy.workflows.accounts import add_person, put_practice
from therapy.workflows.installation import Installation

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse 42"
BOUNDARY = "the-boundary-of-the-tests"
SOUND = b"\x10\x00" * 8_000
"""Half a second that is no silence."""

NEVER = datetime(2100, 1, 1, tzinfo=UTC)

SCRIPT = (
    an_utterance(
        "How did you sleep this week?",
        0,
        speaker=Speaker.UNKNOWN,
        voice="0",
        words=(Word("How", 0, 180, 0.9), Word("did", 180, 300), Word("you…", 300, 1_200, 0.45)),
    ),
    an_utterance("I slept better, and I feel glad.", 3_000, speaker=Speaker.UNKNOWN, voice="1"),
    an_utterance("What helped you?", 7_000, speaker=Speaker.UNKNOWN, voice="0"),
    an_utterance(
        "My sister did. I was sad and alone before.", 9_500, speaker=Speaker.UNKNOWN, voice="1"
    ),
    an_utterance("Mm.", 14_000, speaker=Speaker.UNKNOWN, voice=""),
)


@cache
def hashed() -> str:
    """The hash of `PASSWORD`, made once and cheaply; the real hasher can check it."""
    return PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)


def account(person_id: str, role: Role, name: str, email: str, **more: Any) -> Person:
    person = Person(person_id, PRACTICE, role, email, name, hashed(), NOW)
    return msgspec.structs.replace(person, **more)


OLIVIA = account("therapist-olivia", Role.THERAPIST, "Olivia Hayes", "Olivia.Hayes1@example.health")
ALEX = account("therapist-alex", Role.THERAPIST, "Alex Lebed", "alex.lebed2@example.health")
JORDAN = account(
    "patient-jordan",
    Role.PATIENT,
    "Jordan White",
    "jordan.white1@example.health",
    number="203948571",
    date_of_birth=date(1990, 5, 7),
)
JAMIE = account(
    "patient-jamie", Role.PATIENT, "Jamie Davis", "jamie.davis2@example.health", number="318274659"
)
NOA = account(
    "therapist-noa", Role.THERAPIST, "Noa Bar", "noa.bar@example.org", practice_id=OTHER_PRACTICE
)
TAL = account(
    "patient-tal",
    Role.PATIENT,
    "Tal Levi",
    "tal.levi@example.org",
    number="203948571",
    practice_id=OTHER_PRACTICE,
)
EVERYBODY = (OLIVIA, ALEX, JORDAN, JAMIE, NOA, TAL)


def settings_in(directory: Path, **environment: str) -> Settings:
    names = {
        "THERAPY_DATA_DIR": str(directory),
        "THERAPY_DISK_RESERVE_BYTES": "0",
        "THERAPY_LEASE_SECONDS": "60",  # what takes longer is left to a sweep, which a clinic has not
        "THERAPY_SEARCH_SECONDS": "60",  # however busy this machine is
        "THERAPY_SWEEP_SECONDS": "0.3",
        "THERAPY_EVEN_TIMES_MS": "0",
        "THERAPY_OPEN_UPLOADS": "100",
        "SPEECH_LANGUAGE": "en-US",
        "JWT_SECRET_KEY": "a signing secret of the tests, which is long enough",
    }
    return read_settings(names | environment)


ENGINES = {field.name for field in dataclasses.fields(Engines)}


def opening(**ports: object) -> Opening:
    """Return what opens the local family with other engines, ports or `checks`, and people in it.

    `wrapped` maps a port's name to what is put around the local adapter.
    """
    engines: dict[str, Any] = {
        "audio": MemoryAudioDecoder(),
        "speech": MemorySpeech(SCRIPT),
        "sentiment": MemorySentiment(),
    }
    engines |= {name: ports.pop(name) for name in ENGINES & ports.keys()}
    checks: Any = ports.pop("checks", {})
    wrapped: Any = ports.pop("wrapped", {})

    @asynccontextmanager
    async def opened(settings: Settings) -> AsyncIterator[Therapy]:
        def exchange(local: Ports) -> Ports:
            around = {name: wrap(getattr(local, name)) for name, wrap in wrapped.items()}
            others = dataclasses.replace(local.engines, **engines)
            return dataclasses.replace(local, engines=others, **around, **ports)

        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        database = settings.data_dir / FILE_NAME
        if not database.exists():
            database.write_bytes(await populated_database())
        async with open_therapy(settings, exchange) as therapy:
            yield dataclasses.replace(therapy, checks={**therapy.checks, **checks})

    return opened


_POPULATED: list[bytes] = []


async def populated_database() -> bytes:
    """Return a database with everybody in it, made once in a process: to write it takes 30 commits."""
    if not _POPULATED:
        with TemporaryDirectory() as name:
            async with open_therapy(settings_in(Path(name))) as therapy:
                await populate(therapy.installation.records)
            _POPULATED.append((Path(name) / FILE_NAME).read_bytes())
    return _POPULATED[0]


async def add_signed_in(person: Person, *, records: Records) -> None:
    """Write an account with the logins that `Clinic.token` is for."""
    await add_person(person, records=records)
    sids = (LOGIN, "login-2", "login-3")
    await has_login(person.practice_id, person.id, *sids, records=records, expires_at=NEVER)


async def populate(records: Records) -> None:
    """Write both practices and everybody in them."""
    await put_practice(Practice(PRACTICE, "A practice"), records=records)
    await put_practice(Practice(OTHER_PRACTICE, "Another", "he"), records=records)
    for person in EVERYBODY:
        await add_signed_in(person, records=records)


@dataclass
class Clinic:
    """The running application, and what lies behind it."""

    client: AsyncClient
    therapy: Therapy
    after_response: AfterResponse

    @property
    def installation(self) -> Installation:
        return self.therapy.installation

    @property
    def records(self) -> Records:
        return self.installation.records

    @property
    def settings(self) -> Settings:
        return self.therapy.settings

    def token(self, person: Person, sid: str = LOGIN) -> str:
        actor = Actor(person.id, person.role, person.practice_id, sid)
        return self.installation.sign_in.tokens.issue(actor, now=self.records.now())[0]

    async def ask(
        self, method: str, path: str, person: Person | None = OLIVIA, **more: Any
    ) -> Response:
        headers = dict(more.pop("headers", {}))
        if person is not None:
            headers.setdefault("Authorization", f"Bearer {self.token(person)}")
        answer = await self.client.request(method, path, headers=headers, **more)
        await self.after_response.settled()
        _document().check(answer)
        return answer

    async def get(self, path: str, person: Person | None = OLIVIA, **more: Any) -> Response:
        return await self.ask("GET", path, person, **more)

    async def post(self, path: str, person: Person | None = OLIVIA, **more: Any) -> Response:
        return await self.ask("POST", path, person, **more)

    async def upload(
        self,
        audio: bytes | None = None,
        metadata: object = None,
        person: Person | None = OLIVIA,
        **more: Any,
    ) -> Response:
        """Send a recording with the parts that the app sends; `metadata` is the JSON, or its bytes."""
        audio = a_wav(SOUND) if audio is None else audio
        body = form(audio, metadata_of() if metadata is None else metadata, **more)
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        return await self.post("/sessions/upload", person, content=body, headers=headers)

    async def work(self) -> None:
        """Do all work that waits, as a worker would."""
        async for practice_id, session_id in waiting(self.installation.worker):
            await self.installation.worker.work_on(practice_id, session_id)

    async def session(self, **metadata: Any) -> str:
        """Take in a recording of its own; gives the session's id."""
        kept = files_below(self.settings.data_dir / "recordings" / "kept")
        number = len(kept)
        answer = await self.upload(
            a_wav(SOUND + bytes([number % 256, 1 + number // 256])), metadata_of(**metadata)
        )
        assert answer.status_code == 202, answer.text
        return str(answer.json()["session_id"])

    async def reviewable(self, **metadata: Any) -> str:
        """Take in a recording and transcribe it."""
        session_id = await self.session(**metadata)
        await self.work()
        return session_id

    async def closed(self, **metadata: Any) -> str:
        """Take in a recording, transcribe it, submit it as it is."""
        session_id = await self.reviewable(**metadata)
        lines = (await self.get(f"/data/transcript/{session_id}")).json()["transcript"]
        answer = await self.ask("PUT", f"/data/transcript/{session_id}", json=as_the_app(lines))
        assert answer.status_code == 202, answer.text
        await self.work()
        return session_id


@cache
def _shared_app() -> Litestar:
    """One application for all tests of a process: it takes longer to make than stores to open."""
    return make_app(settings_in(Path()), with_worker=False)


@cache
def _document() -> Document:
    return Document(json.loads(json.dumps(document_of(_shared_app()).to_schema())))


@asynccontextmanager
async def open_clinic(
    directory: Path, *, environment: Mapping[str, str] | None = None, **ports: object
) -> AsyncIterator[Clinic]:
    """Open the application in this process and this loop, without a worker."""
    app = _shared_app()
    transport = ASGITransport(app, raise_app_exceptions=False)
    async with (
        opening(**ports)(settings_in(directory, **(environment or {}))) as therapy,
        AsyncClient(transport=transport, base_url="http://clinic.test") as client,
        AfterResponse(tick_seconds=0.01) as after_response,
    ):
        # Which its lifespan does in a server.
        app.state.therapy, app.state.after_response = therapy, after_response
        share_answers(app.state, therapy)
        yield Clinic(client, therapy, after_response)


def as_the_app(lines: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Lines with the three fields that the app sends back."""
    return [{name: each[name] for name in ("speaker", "text", "timestamp")} for each in lines]


def metadata_of(**changes: Any) -> dict[str, Any]:
    """The metadata as the app writes it: people are JSON texts inside the JSON."""
    told: dict[str, Any] = {
        "therapist": json.dumps({"id": OLIVIA.id, "name": OLIVIA.full_name, "email": OLIVIA.email}),
        "patient": json.dumps(
            {
                "id": JORDAN.number,
                "name": JORDAN.full_name,
                "email": JORDAN.email,
                "date_of_birth": "1990-05-07",
            }
        ),
        "session_date": "04-03-2026",
        "summary": "A first talk.",
        "general_notes": [{"content": "Came by bus."}],
        "timed_notes": [{"timestamp": "00:09", "content": "Mentions the sister."}],
    }
    told |= changes
    return {name: value for name, value in told.items() if value is not ...}


def form(
    audio: bytes | None,
    metadata: object,
    *,
    file_name: str = "session_audio_7f9a.wav",
    content_type: str = "audio/wav",
    metadata_first: bool = False,
    more: bytes = b"",
) -> bytes:
    """A multipart body; a part that is None is left out."""
    raw = metadata if isinstance(metadata, bytes | None) else json.dumps(metadata).encode()
    parts = [
        _part(f'audio_file"; filename="{file_name}', content_type, audio),
        _part("metadata", "application/json", raw),
    ]
    if metadata_first:
        parts.reverse()
    return b"".join(parts) + more + f"--{BOUNDARY}--\r\n".encode()


def _part(name: str, content_type: str, content: bytes | None) -> bytes:
    if content is None:
        return b""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n'
    return f"{head}Content-Type: {content_type}\r\n\r\n".encode() + content + b"\r\n"


def left_behind(directory: Path) -> dict[str, list[str]]:
    """What is on the disk, and the uploads and sessions in the store."""
    recordings = directory / "recordings"
    found = {
        folder: [str(each.relative_to(recordings)) for each in files_below(recordings / folder)]
        for folder in ("staging", "kept")
    }
    connection = sqlite3.connect(f"file:{directory / FILE_NAME}?mode=ro", uri=True)
    try:
        for name, kind in (("uploads", "upload"), ("sessions", "session")):
            items = connection.execute("SELECT partition FROM items WHERE kind = ?", (kind,))
            found[name] = [partition for (partition,) in items]
    finally:
        connection.close()
    return found


NOTHING: dict[str, list[str]] = {"staging": [], "kept": [], "uploads": [], "sessions": []}


def said(utterances: Iterable[Utterance]) -> list[str]:
    return [each.text for each in utterances]


def check_problem(answer: Response, status: int, code: str = "", field: str = "") -> dict[str, Any]:
    """Assert that an answer is a problem as the app can show it; gives its body."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["error"].strip().endswith((".", "?", "!"))
    assert "\n" not in problem["error"]
    assert "<" not in problem["error"]
    assert problem["title"]
    assert problem["detail"]
    assert problem["type"].startswith("urn:therapy:problem:")
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "no-store"
    if code:
        assert problem["code"] == code
    if field:
        assert problem["field"] == field
    return problem
