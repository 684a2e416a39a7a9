"""The program at 148999e, opened in this process under a clock that we set, and asked as its app asks it.

Changed in it are what time it is (`desk.now`, the dates of mails and pushes) and where ids and secrets
come from, so that the story has the same ones over every family of stores.
"""

from __future__ import annotations

import base64
import dataclasses
import os
import random
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from httpx import ASGITransport, AsyncClient, Response

import therapy.adapters.local.directory
import therapy.adapters.local.mail
import therapy.adapters.local.notices
import therapy.wiring
from tests.http.clinic import BOUNDARY, as_the_app, form
from therapy.domain.access import Actor
from therapy.entrypoints.cli.app_client import metadata_of
from therapy.entrypoints.http.afterwards import Afterwards
from therapy.entrypoints.http.app import make_app
from therapy.wiring.ports import MAILBOX
from therapy.workflows.desk import Desk
from therapy.workflows.working import work_on

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FAR = datetime(2090, 1, 1, tzinfo=UTC)
"""When what must not expire expires: Cosmos counts at most 68 years in `ttl`."""


class Clock:
    """The time that the program is told."""

    moment = BEGIN

    def on(self, **span: float) -> None:
        self.moment += timedelta(**span)

    @contextmanager
    def at(self, moment: datetime) -> Iterator[None]:
        """Make it another moment while the body runs."""
        before, self.moment = self.moment, moment
        try:
            yield
        finally:
            self.moment = before


CLOCK = Clock()


class _Told(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return CLOCK.moment


class SeededRandom:
    """Stands for the modules `uuid` and `secrets`; returns the same for the same seed."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def uuid4(self) -> uuid.UUID:
        return uuid.UUID(bytes=self._random.randbytes(16), version=4)

    def token_hex(self, size: int) -> str:
        return self._random.randbytes(size).hex()

    def token_urlsafe(self, size: int) -> str:
        return base64.urlsafe_b64encode(self._random.randbytes(size)).rstrip(b"=").decode()


def begin() -> None:
    """Set the clock to `BEGIN` and start ids, tokens and the signing secret from their seeds."""
    CLOCK.moment = BEGIN
    for module in (therapy.wiring, therapy.adapters.local.mail, therapy.adapters.local.notices):
        module.datetime = _Told
    therapy.wiring.uuid, therapy.wiring.secrets = SeededRandom("ids"), SeededRandom("tokens")
    therapy.adapters.local.directory.secrets = SeededRandom("signing secret")


SIGNING_SECRET = SeededRandom("signing secret").token_hex(32)
"""What the data directory's own is then; the production adapters get the same one."""


def command(*arguments: str, **environment: str) -> None:
    """Run `therapy` with these arguments, and these settings besides those of this process."""
    from therapy.entrypoints.cli.commands import therapy as commands

    before = dict(os.environ)
    os.environ.update(environment)
    try:
        commands.main(list(arguments), prog_name="therapy", standalone_mode=False)
    finally:
        os.environ.clear()
        os.environ.update(before)


class Died(BaseException):
    """A process was killed here: nothing in the program catches it, so nothing is tidied up."""


@dataclasses.dataclass
class Dying:
    """A port in whose `method` the process dies, after `after` calls that went well."""

    port: Any
    method: str
    after: int = 0

    def __getattr__(self, name: str) -> Any:
        if name != self.method:
            return getattr(self.port, name)
        if self.after:
            self.after -= 1
            return getattr(self.port, name)
        return self._die

    def _die(self, *_: object, **__: object) -> Any:
        raise Died


@contextmanager
def killed() -> Iterator[None]:
    """Run the body, which must die."""
    try:
        yield
    except Died:
        return
    raise AssertionError("nobody died")


class Program:
    """The application while it is open; `signed_in` are the answers to logins by e-mail."""

    def __init__(self, app: Any, client: AsyncClient, afterwards: Afterwards) -> None:
        self._app = app
        self._client = client
        self._afterwards = afterwards
        self.signed_in: dict[str, dict[str, Any]] = {}
        self.actors: dict[str, Actor] = {}

    @property
    def desk(self) -> Desk:
        return self._app.state.therapy.desk

    @property
    def mailbox(self) -> Path:
        return self._app.state.therapy.data_dir / MAILBOX

    def with_ports(self, **changes: Any) -> Desk:
        return dataclasses.replace(self.desk, **changes)

    def goes_on_from(self, before: Program) -> None:
        """Keep whoever was signed in before the program was started again."""
        self.signed_in, self.actors = before.signed_in, before.actors

    @contextmanager
    def limits(self, **changes: Any) -> Iterator[None]:
        """Answer requests under other limits while the body runs."""
        before = self._app.state.therapy
        desk = self.with_ports(limits=dataclasses.replace(self.desk.limits, **changes))
        self._app.state.therapy = dataclasses.replace(before, desk=desk)
        try:
            yield
        finally:
            self._app.state.therapy = before

    async def log_in(self, email: str, password: str) -> dict[str, Any]:
        answer = await self.ask(
            "POST", "/auth/login", json={"email": email, "password": password}, expected=200
        )
        self.signed_in[email] = answer.json()
        self.actors[email] = self.desk.tokens.read(answer.json()["token"], now=CLOCK.moment)
        return answer.json()

    async def ask(
        self, method: str, path: str, email: str = "", *, expected: int = 0, **more: Any
    ) -> Response:
        """Send one request as whoever signed in with this e-mail last; `expected` 0 takes any answer."""
        headers = dict(more.pop("headers", {}))
        if email:
            token, _ = self.desk.tokens.issue(self.actors[email], now=CLOCK.moment)
            headers["Authorization"] = f"Bearer {token}"
        answer = await self._client.request(method, path, headers=headers, **more)
        await self._afterwards.settled()
        if expected and answer.status_code != expected:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer

    async def upload(
        self,
        email: str,
        audio: bytes,
        patient: dict[str, str],
        day: date,
        *,
        file_name: str = "session_audio_1.wav",
        languages: Sequence[str] = (),
        **told: Any,
    ) -> str:
        """Send a recording; returns the session's id."""
        metadata = self.metadata(email, patient, day, languages, **told)
        body = form(audio, metadata, file_name=file_name)
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        answer = await self.ask(
            "POST", "/sessions/upload", email, content=body, headers=headers, expected=202
        )
        return str(answer.json()["session_id"])

    def metadata(
        self, email: str, patient: dict[str, str], day: date, languages: Sequence[str], **told: Any
    ) -> dict[str, object]:
        user = self.signed_in[email]
        therapist = {"id": user["userId"], "name": user["userFullName"], "email": email}
        told = metadata_of(therapist=therapist, patient=patient, day=day, **told)
        return told | ({"languages": list(languages)} if languages else {})

    async def work(self, practice_id: str, session_id: str, **ports: Any) -> None:
        """Do what is due of a session, as a worker does."""
        await work_on(practice_id, session_id, desk=self.with_ports(**ports))

    async def hand_in(self, email: str, session_id: str, edit: Any = lambda lines: lines) -> None:
        """Send the transcript back as the app does, edited."""
        path = f"/data/transcript/{session_id}"
        lines = (await self.ask("GET", path, email, expected=200)).json()["transcript"]
        await self.ask("PUT", path, email, json=edit(as_the_app(lines)), expected=202)


@asynccontextmanager
async def opened() -> AsyncIterator[Program]:
    """Open the program with the settings of this process's environment; without a worker."""
    from therapy.entrypoints.cli.environment import settings_of_this_machine

    settings = settings_of_this_machine()
    app = make_app(settings, with_worker=False)
    async with (
        therapy.wiring.open_therapy(settings) as therapy_,
        AsyncClient(transport=ASGITransport(app), base_url="http://practice.test") as client,
        Afterwards() as afterwards,
    ):
        app.state.therapy, app.state.afterwards = therapy_, afterwards
        yield Program(app, client, afterwards)
