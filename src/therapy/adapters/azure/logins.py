"""Logins in Cosmos DB: by practice and sid; a refresh token's hash says where its login is.

    refresh|<hash>                token   whose login it is; only true if the login still names that hash
    login|<practice>|<sid>        login
    reset|<hash>                  reset   `used` once it was
    signed-in|<practice>|<person> ...     the sids and reset hashes that a person may have, to end them all

What points to something is written before it. All of it expires by itself, a day after it is worth
nothing any more; until then old pointers are harmless, as what they point to decides.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from therapy.adapters.azure.cosmos.client import Cosmos
from therapy.adapters.azure.cosmos.container import ATTEMPTS, Item
from therapy.adapters.azure.cosmos.errors import contended
from therapy.adapters.azure.cosmos.keys import key, part
from therapy.adapters.azure.cosmos.partition import body_of, read_body
from therapy.domain.errors import NotFound, Stale
from therapy.domain.people import Login, Reset
from therapy.ports.logins import Logins

LOGIN, TOKEN, RESET = "login", "token", "reset"
DAY = timedelta(days=1)


class CosmosLogins(Logins):
    """Logins and reset tokens of all practices."""

    def __init__(self, cosmos: Cosmos) -> None:
        self._container = cosmos.tokens

    async def add(self, practice_id: str, login: Login) -> Login:
        written = replace(login, version=1)
        await self._list(practice_id, login)
        await self._point(practice_id, login.sid, login.refresh_hash, login.expires_at)
        await self._point(practice_id, login.sid, login.previous_hash, login.expires_at)
        await self._container.put(_login(practice_id, login.sid), LOGIN, _login_fields(written))
        return written

    async def by_refresh(self, refresh_hash: str) -> Login:
        token = await self._container.read(_token(refresh_hash), TOKEN)
        found = token and await self._container.read(
            _login(token["practice_id"], token["sid"]), LOGIN
        )
        if not found or not refresh_hash:
            raise NotFound
        login = read_body(Login, found)
        if refresh_hash not in {login.refresh_hash, login.previous_hash}:
            raise NotFound
        return login

    async def rotate(self, practice_id: str, login: Login) -> Login:
        written = replace(login, version=login.version + 1)
        for _ in range(ATTEMPTS):
            there = await self._container.read(_login(practice_id, login.sid), LOGIN)
            if there is None or there["version"] != login.version:
                raise Stale(login=login.sid)
            stored = read_body(Login, there)
            if login.expires_at > stored.expires_at:
                await self._list(practice_id, login)
            for each in {login.refresh_hash, login.previous_hash} - {stored.refresh_hash}:
                await self._point(practice_id, login.sid, each, login.expires_at)
            if await self._container.replace(there, _login_fields(written)):
                return written
        raise contended()

    async def end(self, practice_id: str, sid: str) -> None:
        await self._container.delete(_login(practice_id, sid), LOGIN)

    async def end_all(self, practice_id: str, person_id: str) -> None:
        pk = _person(practice_id, person_id)
        entries = await self._container.query(pk, 'c.kind != ""', select="c.kind, c.name")
        for entry in entries:
            if entry["kind"] == LOGIN:
                await self._container.delete(_login(practice_id, entry["name"]), LOGIN)
            else:
                await self._container.delete(_reset(entry["name"]), RESET)

    async def add_reset(self, practice_id: str, reset: Reset) -> None:
        owned = replace(reset, practice_id=practice_id)
        name, ttl = reset.token_hash, _ttl(reset.expires_at)
        entry = {"kind": RESET, "name": name, "ttl": ttl}
        person = _person(practice_id, reset.person_id)
        await self._container.put(person, f"reset-{part(name)}", entry)
        fields = {"used": False, "body": body_of(owned), "ttl": ttl}
        await self._container.put(_reset(name), RESET, fields)

    async def reset(self, token_hash: str, now: datetime) -> Reset:
        return _usable(await self._container.read(_reset(token_hash), RESET), now)

    async def use_reset(self, token_hash: str, now: datetime) -> Reset:
        for _ in range(ATTEMPTS):
            there = await self._container.read(_reset(token_hash), RESET)
            reset = _usable(there, now)
            fields = {"used": True, "body": body_of(reset), "ttl": _ttl(reset.expires_at)}
            if there and await self._container.replace(there, fields):
                return reset
        raise contended()

    async def _list(self, practice_id: str, login: Login) -> None:
        entry = {"kind": LOGIN, "name": login.sid, "ttl": _ttl(login.expires_at)}
        person = _person(practice_id, login.person_id)
        await self._container.put(person, f"login-{part(login.sid)}", entry)

    async def _point(self, practice_id: str, sid: str, token_hash: str, end: datetime) -> None:
        if token_hash:
            fields = {"practice_id": practice_id, "sid": sid, "ttl": _ttl(end)}
            await self._container.put(_token(token_hash), TOKEN, fields)


def _usable(found: Item | None, now: datetime) -> Reset:
    reset = None if found is None or found["used"] else read_body(Reset, found)
    if reset is None or reset.expires_at <= now:
        raise NotFound
    return reset


def _login_fields(login: Login) -> dict[str, Any]:
    return {"version": login.version, "body": body_of(login), "ttl": _ttl(login.expires_at)}


def _ttl(end: datetime) -> int:
    """Seconds until Cosmos forgets an item: a day after its end, and no sooner than in a day."""
    return int(max(DAY, end - datetime.now(UTC) + DAY).total_seconds())


def _token(token_hash: str) -> str:
    return key("refresh", token_hash)


def _login(practice_id: str, sid: str) -> str:
    return key("login", practice_id, sid)


def _reset(token_hash: str) -> str:
    return key("reset", token_hash)


def _person(practice_id: str, person_id: str) -> str:
    return key("signed-in", practice_id, person_id)
