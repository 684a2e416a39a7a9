"""What the program says about everything: its answers to each person, and what its ports give."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
from people import PASSWORDS
from program import CLOCK, Program

from therapy.domain.people import Person, Role
from therapy.domain.session import Session, State
from therapy.workflows import enrolment

LOOKED_AT = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)
QUERIES = (
    *("sleep", "diary", "WALK", "better glad", "garden", "Please", "nobody said this"),
    *("הליכה", "געגוע", "בפסנתר", "טל", "jordan", "200000017", "02-2026", "2026-01", "Kohen"),
)
PEOPLE = ("טל", "dana", "000017", "example.health", "")
FREE = "free"
Ids = dict[str, tuple[str, str]]
"""Practice and id of each session, by what it stands for."""

STATES = ("awaiting_transcript", "failed", "closing", "closed", "cancelled", "erased")


def plain(value: object) -> Any:
    return msgspec.to_builtins(value)


async def everybody(program: Program) -> list[dict[str, Any]]:
    """Return each practice with its people, the password of each and what a login answers."""
    found = []
    for practice in await enrolment.practices(desk=program.desk):
        people = [
            await _account(program, person)
            async for person in enrolment.everybody(practice, desk=program.desk)
        ]
        found.append(plain(practice) | {"people": people})
    return found


async def _account(program: Program, person: Person) -> dict[str, Any]:
    answer = await program.log_in(person.email, PASSWORDS[person.email])
    login = {name: answer[name] for name in answer if name not in {"token", "refreshToken"}}
    account = plain(person) | {"password": PASSWORDS[person.email], "login": login}
    del account["password_hash"]  # salted at random
    return account


async def answers(program: Program, ids: Ids) -> list[dict[str, Any]]:
    """Sign each person in and ask for everything; returns the requests with their answers."""
    given: list[dict[str, Any]] = []
    for practice in await enrolment.practices(desk=program.desk):
        own = [
            await program.desk.sessions.load(practice.id, session_id)
            for owner, session_id in ids.values()
            if owner == practice.id
        ]
        async for person in enrolment.everybody(practice, desk=program.desk):
            await program.log_in(person.email, PASSWORDS[person.email])
            asked = _of_therapist if person.role is Role.THERAPIST else _of_patient
            for path, params in asked(person, own):
                given.append(await _answer(program, person, path, params))
    return given


Asked = Iterable[tuple[str, dict[str, str]]]


def _of_patient(person: Person, own: list[Session]) -> Asked:
    yield "/profiles/me", {}
    yield "/sessions/me", {}
    yield "/data/pending", {}
    yield from _details(own)


def _of_therapist(person: Person, own: list[Session]) -> Asked:
    """Ask for everything of one's own, and little of what is somebody else's."""
    yield "/profiles/me", {}
    yield "/sessions/me", {}
    yield "/data/pending", {}
    yield "/sessions", {}
    yield from (("/sessions", {"state": state}) for state in STATES)
    yield from (("/sessions/search", {"query": query}) for query in QUERIES)
    yield from (("/profiles/search", {"query": query}) for query in PEOPLE)
    yield from _details(own)
    for each in own:
        yield f"/sessions/{each.id}", {}
        if each.therapist_id == person.id:
            yield f"/sessions/{each.id}/recording", {}
        if each.state in {State.AWAITING_REVIEW, State.CLOSING}:
            yield f"/data/transcript/{each.id}", {}


def _details(own: list[Session]) -> Asked:
    for each in own:
        if each.state in {State.CLOSED, State.AWAITING_REVIEW}:
            yield f"/sessions/{each.id}/details", {}


async def _answer(
    program: Program, person: Person, path: str, params: dict[str, str]
) -> dict[str, Any]:
    """Return a request and its answer: of a recording the digest, of a search the ids that are found."""
    answer = await program.ask("GET", path, person.email, params=params)
    request: dict[str, Any] = {"as": person.email, "path": path}
    request |= {"params": params} if params else {}
    request["status"] = answer.status_code
    if answer.status_code >= 400:
        return request | {"code": answer.json()["code"]}
    if path.endswith("/recording"):
        digest = hashlib.sha256(answer.content).hexdigest()
        return request | {"bytes": len(answer.content), "sha256": digest}
    body = answer.json()
    if params:
        listed = body if isinstance(body, list) else body["sessions"]
        return request | {"ids": [each["id"] for each in listed]}
    if etag := answer.headers.get("etag"):
        request["etag"] = etag
    return request | {"body": body}


async def sessions_of(program: Program, ids: Ids) -> dict[str, Any]:
    """Return each session as it is stored, by what it stands for: with runs, versions and outbox items."""
    found = {}
    for name, (practice_id, session_id) in ids.items():
        desk = program.desk
        session = await desk.sessions.load(practice_id, session_id)
        versions = [
            await desk.sessions.transcript(practice_id, session_id, number + 1)
            for number in range(session.transcript)
        ]
        found[name] = {
            "session": plain(session),
            "runs": [plain(each) for each in await desk.runs.of_session(practice_id, session_id)],
            "outbox": [plain(each) for each in await desk.outbox.pending(practice_id, session_id)],
            "versions": [plain(each) for each in versions],
        }
    return found


async def uploads_of(
    program: Program, practice_id: str, noted: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Add to each noted upload what is stored of it."""
    found = []
    for each in noted:
        upload = None
        if each["known"]:
            upload = plain(await program.desk.uploads.get(practice_id, each["id"]))
        found.append({**each, "practice_id": practice_id, "upload": upload})
    return found


async def devices_of(program: Program) -> list[Any]:
    """Return every device."""
    found = []
    for practice in await enrolment.practices(desk=program.desk):
        async for person in enrolment.everybody(practice, desk=program.desk):
            found += [
                plain(each) for each in await program.desk.devices.of_person(practice.id, person.id)
            ]
    return found


async def reservations_of(
    program: Program, practice_id: str, keys: Iterable[str]
) -> list[dict[str, Any]]:
    """Return each key that is or was reserved with its value, None for one that was released."""
    found = []
    for key in sorted(set(keys)):
        value = await program.desk.reservations.reserve(practice_id, key, FREE)
        await program.desk.reservations.release(practice_id, key, FREE)
        kept = None if value == FREE else value
        found.append({"practice_id": practice_id, "key": key, "value": kept})
    return found


async def tried(program: Program, tokens: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Try each refresh token once, in order; returns them with the answers."""
    found = []
    for each in tokens:
        answer = await program.ask("POST", "/auth/refresh", json={"refreshToken": each["token"]})
        said = answer.json()
        told = (
            {"next": said["refreshToken"]} if answer.status_code == 200 else {"code": said["code"]}
        )
        found.append({**each, "status": answer.status_code, **told})
    return found


async def tried_resets(program: Program, tokens: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what each reset token is good for, by a password that is too weak: that uses none up."""
    found = []
    for each in tokens:
        told = {"tokenSec": each["token"], "newPassword": "weak"}
        answer = await program.ask("POST", "/auth/change-password", json=told)
        good = answer.json()["code"] == "weak_password"
        found.append({**each, "good": good})
    return found


def look_at() -> None:
    """Make it the moment at which everything is looked at."""
    CLOCK.moment = LOOKED_AT
