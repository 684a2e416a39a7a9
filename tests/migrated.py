"""The program of this checkout over what 148999e left, asked as that one was: does it say the same?

`tests/data/README.md` says what was left. It is the moment at which that program was asked, and no worker
runs. Where an answer may be another one, `OTHERWISE` says which and why.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from httpx import ASGITransport, AsyncClient, Response
from litestar import Litestar

from tests.answers_of_148999e import as_worded_now
from tests.builders import UNHURRIED
from tests.local.data_directory import expected, session_id
from tests.repositories.changes import headers_of
from therapy.adapters.local.mail import FileMail, sent_letters
from therapy.adapters.local.push import FilePushSender, sent_pushes
from therapy.adapters.local.recordings import FileRecordings
from therapy.adapters.passwords import Argon2Passwords
from therapy.adapters.tokens import JwtTokens
from therapy.config import Settings, read_settings
from therapy.domain.people import Role
from therapy.domain.text_folding import fold
from therapy.entrypoints.http.after_response import AfterResponse
from therapy.entrypoints.http.app import make_app
from therapy.repositories.records import Records
from therapy.repositories.sessions import session_partition
from therapy.testing.clock import Clock
from therapy.testing.memory import memory_ports
from therapy.wiring import Therapy
from therapy.wiring.stores import Stores
from therapy.workflows.devices import devices_of
from therapy.workflows.installation import Installation, install

LOOKED_AT = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)
"""When 148999e was asked."""

AT_ONCE = 6

OTHERWISE = {"of a login that expired in the past": {"code": "not_signed_in"}}
"""What is answered to a refresh token now, where that is not what 148999e answered, and why.

An expired login is forgotten a day after its end. 148999e over SQLite kept it for ever, and so could still
say what had become of it. The grace for a lost answer is 30 seconds in place of 10: a token that was used
so short a time ago would be good again, but of those here one was used weeks ago and one is about to be.
"""

LOST_ANSWER = next(
    each["next"] for each in expected()["refresh_tokens"] if "within its grace" in each["why"]
)
"""The token that an app gets that asks once more, because 148999e's answer was lost on the way."""

EXPIRED_LETTERS = {"omer.gal@example.org", "jamie.davis2@example.health"}
"""Whose letters were sent more than a day before `LOOKED_AT`: the sweep deletes them; 148999e kept them."""

TAGS = {
    "RunDue": "run_due",
    "RowChanged": "session_entry_changed",
    "NoticeDue": "push_due",
    "EraseDue": "erase_due",
}
"""What the consequences of 148999e are called now."""


def plain(value: object) -> Any:
    """Return a struct as JSON has it."""
    return msgspec.json.decode(msgspec.json.encode(value))


@dataclass
class Program:
    """The application while it is open, the directory of its files, and who has signed in."""

    installation: Installation
    client: AsyncClient
    directory: Path
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def records(self) -> Records:
        return self.installation.records

    async def ask(self, method: str, path: str, email: str = "", **more: Any) -> Response:
        """Send a request as whoever has this e-mail; signs them in once."""
        if email and email not in self.tokens:
            self.tokens[email] = (await self.log_in(email))["token"]
        headers = {"Authorization": f"Bearer {self.tokens[email]}"} if email else {}
        return await self.client.request(method, path, headers=headers, **more)

    async def log_in(self, email: str) -> dict[str, Any]:
        told = {"email": email, "password": password_of(email)}
        answer = await self.client.post("/auth/login", json=told)
        assert answer.status_code == 200, (email, answer.text)
        said: dict[str, Any] = answer.json()
        return said


@cache
def _app() -> Litestar:
    return make_app(settings_in(Path()), with_worker=False)


def settings_in(directory: Path, **environment: str) -> Settings:
    names = {"THERAPY_DATA_DIR": str(directory), "THERAPY_DISK_RESERVE_BYTES": "0"}
    secret = {"JWT_SECRET_KEY": expected()["jwt_secret"]}
    return read_settings(names | secret | environment)


@asynccontextmanager
async def opened(stores: Stores, directory: Path, clock: Clock) -> AsyncIterator[Program]:
    """Open the application over these stores and the files of a data directory."""
    numbered = memory_ports(clock=clock)
    ports = replace(
        numbered,
        store=stores.store,
        session_index=stores.session_index,
        people_index=stores.people_index,
        recordings=FileRecordings(directory / "recordings", 0),
        push=FilePushSender(directory / "mailbox", clock),
        mail=FileMail(directory / "mailbox", clock),
        passwords=Argon2Passwords(),
        tokens=JwtTokens(expected()["jwt_secret"]),
    )
    installation = install(ports, limits=UNHURRIED)
    app = _app()
    async with (
        AsyncClient(transport=ASGITransport(app), base_url="http://practice.test") as client,
        AfterResponse() as after_response,
    ):
        app.state.therapy = Therapy(installation, settings_in(directory), directory, {})
        app.state.after_response = after_response
        yield Program(installation, client, directory)


def people() -> list[dict[str, Any]]:
    """Return every account that there was."""
    return [person for practice in expected()["practices"] for person in practice["people"]]


def password_of(email: str) -> str:
    return next(str(each["password"]) for each in people() if each["email"] == email)


async def check_everything(program: Program) -> None:
    """Assert that everything is there and answered as 148999e did; changes no record but logins."""
    await check_people(program)
    await check_answers(program, expected()["answers"])
    await check_sessions(program)
    await check_what_waits(program)


async def check_people(program: Program) -> None:
    """Assert that everybody can sign in, is told who they are, and is stored as they were."""
    records = program.records
    practices = [plain(each) for each in await records.practices.all()]
    bare = [
        {name: each[name] for name in each if name != "people"} for each in expected()["practices"]
    ]
    assert practices == bare
    for person in people():
        said = await program.log_in(person["email"])
        assert {name: said[name] for name in person["login"]} == person["login"]
        stored = plain(await records.people.load(person["practice_id"], person["id"]))
        del stored["password_hash"]
        assert stored == {name: person[name] for name in stored}
        if person.get("number"):
            owner = await records.people.by_number(person["practice_id"], person["number"])
            assert owner.id == person["id"]


async def check_answers(program: Program, answers: Iterable[dict[str, Any]]) -> None:
    """Assert that each of these requests is answered as it was."""
    places = asyncio.Semaphore(AT_ONCE)

    async def ask(answer: dict[str, Any]) -> dict[str, Any]:
        async with places:
            return await _answer(program, answer)

    for person in people():
        await program.ask("GET", "/profiles/me", person["email"])  # each signs in once
    wanted = list(answers)
    found = await asyncio.gather(*(ask(each) for each in wanted))
    wanted = [as_worded_now(each) for each in wanted]
    different = [pair for pair in zip(found, wanted, strict=True) if pair[0] != pair[1]]
    assert different == [], different[:1]
    assert len(found) > 10


async def _answer(program: Program, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a request in the form in which `expected` holds it."""
    request = {name: asked[name] for name in ("as", "path", "params") if name in asked}
    params = asked.get("params", {})
    answer = await program.ask("GET", asked["path"], asked["as"], params=params)
    request["status"] = answer.status_code
    if answer.status_code >= 400:
        return request | {"code": answer.json()["code"]}
    if asked["path"].endswith("/recording"):
        digest = hashlib.sha256(answer.content).hexdigest()
        return request | {"bytes": len(answer.content), "sha256": digest}
    body = answer.json()
    if params:
        listed = body if isinstance(body, list) else body["sessions"]
        return request | {"ids": [each["id"] for each in listed]}
    if etag := answer.headers.get("etag"):
        request["etag"] = etag
    return request | {"body": body}


async def check_sessions(program: Program) -> None:
    """Assert that sessions, runs, versions and outbox items are stored as they were."""
    for name, stored in expected()["sessions"].items():
        practice_id, own_id = stored["session"]["practice_id"], session_id(name)
        records = program.records
        session = await records.sessions.load(practice_id, own_id)
        assert plain(session) == stored["session"], name
        runs = await records.runs.of_session(practice_id, own_id)
        assert [plain(each) for each in runs] == stored["runs"], name
        headers = await headers_of(records, practice_id, own_id)
        assert [each.number for each in headers] == [each["number"] for each in stored["versions"]]
        versions = [
            await records.transcripts.load(practice_id, own_id, each.number) for each in headers
        ]
        assert [plain(each) for each in versions] == stored["versions"], name
        assert await _outbox(records, practice_id, own_id) == [
            _renamed(each) for each in stored["outbox"]
        ], name


async def _outbox(records: Records, practice_id: str, own_id: str) -> list[Any]:
    waiting = await records.outbox.pending(session_partition(practice_id, own_id))
    return [plain(each.item) for each in waiting]


def _renamed(old: dict[str, Any]) -> dict[str, Any]:
    """Return an outbox item of 148999e as it is now."""
    what = {**old["what"], "type": TAGS[old["what"]["type"]], "session_id": old["session_id"]}
    new = {**old, "what": what, "version": 1}
    del new["session_id"]
    return new


async def check_what_waits(program: Program) -> None:
    """Assert that uploads, reserved fingerprints and devices are as they were."""
    records = program.records
    for each in expected()["uploads"]:
        if each["known"]:
            upload = await records.uploads.load(each["practice_id"], each["id"])
            assert plain(upload) == each["upload"] | {"version": 1}
    for each in expected()["reservations"]:
        held = await records.unique_keys.load(each["practice_id"], each["key"])
        assert (held.value if held else None) == each["value"]
    devices: list[Any] = []
    for person in people():
        found = await devices_of(person["practice_id"], person["id"], records=records)
        devices += [{**plain(each), "version": 0} for each in found]
    assert devices == [each | {"version": 0} for each in expected()["devices"]]


async def check_search_over_people(program: Program) -> None:
    """Assert that each practice finds its own people, in order of their names, and nobody else's."""
    search = program.installation.people_index.search
    for practice in expected()["practices"]:
        own = sorted(practice["people"], key=lambda each: fold(each["full_name"]))
        for role in (None, *Role):
            wanted = [each["id"] for each in own if role is None or each["role"] == role.value]
            found = await search(practice["id"], role, "", "", 100)
            assert [each.id for each in found] == wanted
        for person in own:
            for text in (person["full_name"], person["email"].upper(), person.get("number", "")):
                found = await search(practice["id"], None, text, "", 100)
                assert (person["id"] in {each.id for each in found}) or not text
        number = await search(practice["id"], Role.PATIENT, "200000017", "", 100)
        assert [(each.practice_id, each.number) for each in number] == [
            (practice["id"], "200000017")  # which is a patient of each practice
        ]


async def check_tokens(program: Program) -> None:
    """Assert that refresh and reset tokens are good for what they were; each refresh token is used up."""
    given: list[str] = []
    for each in expected()["refresh_tokens"]:
        answer = await _refreshed(program, each["token"])
        wanted = each | OTHERWISE.get(each["why"], {})
        assert answer.status_code == wanted["status"], each["why"]
        if answer.status_code == 200:
            given.append(answer.json()["refreshToken"])
            assert _secret(given[-1]) == wanted["next"], each["why"]
        else:
            assert answer.json()["code"] == wanted["code"], each["why"]
    assert LOST_ANSWER in given  # word for word: it was given out before tokens had addresses
    for token in given:
        assert (await _refreshed(program, token)).status_code == 200
    for each in expected()["reset_tokens"]:
        told = {"tokenSec": each["token"], "newPassword": "weak"}  # a weak password uses none up
        answer = await program.ask("POST", "/auth/change-password", json=told)
        assert (answer.json()["code"] == "weak_password") == each["good"], each["why"]


async def check_spent_token(program: Program) -> None:
    """Assert that a token of 148999e that was used twice since ends its login, as any spent one does."""
    first = next(each for each in expected()["refresh_tokens"] if each["why"].startswith("current"))
    second = (await _refreshed(program, first["token"])).json()["refreshToken"]
    third = (await _refreshed(program, second)).json()["refreshToken"]
    for token in (first["token"], third):
        assert (await _refreshed(program, token)).status_code == 401


async def check_expired_token(program: Program) -> None:
    """Assert that a token whose login has just expired, which all had in common, is told so."""
    current = next(each for each in expected()["refresh_tokens"] if each["why"] == "current")
    answer = await _refreshed(program, current["token"])
    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")


async def _refreshed(program: Program, token: str) -> Response:
    return await program.ask("POST", "/auth/refresh", json={"refreshToken": token})


def _secret(token: str) -> str:
    """Return the part of a refresh token that the signing secret decides: the last one."""
    return token.rpartition(".")[2]


async def check_after_sweep(program: Program, *, all_answers: bool = True) -> None:
    """Let one sweep do what is due; assert that it comes to what 148999e made of it, but for old letters.

    What is answered as before it is asked again, too, if `all_answers`; else only what is answered otherwise.
    """
    assert _mailbox(program) == expected()["mailbox"]
    await program.installation.sweep.once()
    after = expected()["after_sweep"]
    changed = {_asked(each): each for each in after["answers"]}
    before = {_asked(each): each for each in expected()["answers"] if all_answers}
    await check_answers(program, (before | changed).values())
    left = {}
    for name, stored in expected()["sessions"].items():
        practice_id = stored["session"]["practice_id"]
        if waiting := await _outbox(program.records, practice_id, session_id(name)):
            left[name] = waiting
    assert left == after["outbox"]
    mailbox = dict(after["mailbox"])
    mailbox["letters"] = [each for each in mailbox["letters"] if each["to"] not in EXPIRED_LETTERS]
    assert len(mailbox["letters"]) == len(after["mailbox"]["letters"]) - len(EXPIRED_LETTERS)
    assert _mailbox(program) == mailbox


def _asked(answer: dict[str, Any]) -> tuple[str, ...]:
    return answer["as"], answer["path"], str(answer.get("params", ""))


def _mailbox(program: Program) -> dict[str, Any]:
    mailbox = program.directory / "mailbox"
    return {
        "notices": [
            {
                "token": each.token,
                "kind": each.message.kind.value,
                "session": each.message.session_id,
            }
            for each in sent_pushes(mailbox)
        ],
        "letters": [{"to": each.to, "subject": each.subject} for each in sent_letters(mailbox)],
    }
