"""Logins in memory."""

from datetime import datetime

from msgspec.structs import replace

from therapy.domain import codec
from therapy.domain.errors import NotFound, Stale
from therapy.domain.people import Login, Reset
from therapy.ports.logins import Logins


class MemoryLogins(Logins):
    """Logins by practice and sid, reset tokens by their hash."""

    def __init__(self) -> None:
        self._logins: dict[tuple[str, str], bytes] = {}
        self._resets: dict[str, bytes] = {}

    async def add(self, practice_id: str, login: Login) -> Login:
        written = replace(login, version=1)
        self._logins[practice_id, login.sid] = codec.encode(written)
        return written

    async def by_refresh(self, refresh_hash: str) -> Login:
        for stored in self._logins.values():
            login = codec.decode(Login, stored)
            if refresh_hash and refresh_hash in {login.refresh_hash, login.previous_hash}:
                return login
        raise NotFound

    async def rotate(self, practice_id: str, login: Login) -> Login:
        stored = self._logins.get((practice_id, login.sid))
        if stored is None or codec.decode(Login, stored).version != login.version:
            raise Stale(login=login.sid)
        written = replace(login, version=login.version + 1)
        self._logins[practice_id, login.sid] = codec.encode(written)
        return written

    async def end(self, practice_id: str, sid: str) -> None:
        self._logins.pop((practice_id, sid), None)

    async def end_all(self, practice_id: str, person_id: str) -> None:
        for key, stored in list(self._logins.items()):
            if key[0] == practice_id and codec.decode(Login, stored).person_id == person_id:
                del self._logins[key]
        for token_hash, stored in list(self._resets.items()):
            reset = codec.decode(Reset, stored)
            if (reset.practice_id, reset.person_id) == (practice_id, person_id):
                del self._resets[token_hash]

    async def add_reset(self, practice_id: str, reset: Reset) -> None:
        self._resets[reset.token_hash] = codec.encode(replace(reset, practice_id=practice_id))

    async def reset(self, token_hash: str, now: datetime) -> Reset:
        stored = self._resets.get(token_hash)
        found = None if stored is None else codec.decode(Reset, stored)
        if found is None or found.expires_at <= now:
            raise NotFound
        return found

    async def use_reset(self, token_hash: str, now: datetime) -> Reset:
        found = await self.reset(token_hash, now)
        del self._resets[token_hash]
        return found
