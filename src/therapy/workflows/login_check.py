"""Whether the login of an access token is still alive: asked of the store, and remembered for seconds.

An access token proves that a login existed when it was issued. That the login has not ended since is read
from the store, once in `every` for each login and process, however many requests there are; so a login that
has ended is refused everywhere after `every` at the latest, and at once by the process that has ended it.
While the store can't be reached, a login that was seen alive goes on until then; after that the answer is
Unavailable.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from therapy.domain.access import Actor
from therapy.domain.errors import NotFound, NotSignedIn
from therapy.domain.people import Login
from therapy.repositories.records import Records

EVERY = timedelta(seconds=3)
"""How long a login that was seen alive counts as alive, unless an installation is set otherwise."""

MOST_REMEMBERED = 10_000
"""Logins that one process remembers; one more, and the one asked about the longest ago is forgotten."""

LoginKey = tuple[str, str, str]


async def require_login(actor: Actor, *, records: Records) -> None:
    """Raise NotSignedIn unless the actor's login is alive now, or the actor is a program (`sid` is "").

    Raises:
        Unavailable: the store can't be reached.
    """
    if actor.sid:
        await _require(_key(actor), records=records)


async def _require(key: LoginKey, *, records: Records) -> None:
    try:
        login = await records.late_reads.twice(key[1], lambda: records.logins.load(*key))
    except NotFound:
        raise NotSignedIn from None
    if records.now() >= login.expires_at:
        raise NotSignedIn


def _key(actor: Actor) -> LoginKey:
    return actor.practice_id, actor.person_id, actor.sid


@dataclass(frozen=True)
class LoginCheck:
    """Remembers which logins were alive a moment ago; requests that ask at once share one question."""

    records: Records
    every: timedelta = EVERY
    most: int = MOST_REMEMBERED
    _alive: OrderedDict[LoginKey, datetime] = field(default_factory=OrderedDict, init=False)
    _asked: dict[LoginKey, asyncio.Task[None]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.records.logins.on_end.append(self._forget)

    async def require(self, actor: Actor) -> None:
        """Raise NotSignedIn unless the actor's login is alive, or was so less than `every` ago.

        Raises:
            Unavailable: the store can't be reached.
        """
        key, now = _key(actor), self.records.now()
        seen = self._alive.get(key)
        if seen is not None and timedelta(0) <= now - seen < self.every:  # a clock may be set back
            return
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.create_task(self._ask(key, now))
            task.add_done_callback(lambda done: self._answered(key, done))
        await asyncio.shield(task)  # whoever asked first may be cancelled

    async def _ask(self, key: LoginKey, now: datetime) -> None:
        self._alive.pop(key, None)
        await _require(key, records=self.records)
        if self._asked.get(key) is not asyncio.current_task():
            return  # it has ended since it was read
        self._alive[key] = now
        if len(self._alive) > self.most:
            self._alive.popitem(last=False)

    def _forget(self, login: Login) -> None:
        key = login.practice_id, login.person_id, login.sid
        self._alive.pop(key, None)
        self._asked.pop(key, None)

    def _answered(self, key: LoginKey, done: asyncio.Task[None]) -> None:
        if self._asked.get(key) is done:
            del self._asked[key]
        if not done.cancelled():
            done.exception()  # the ones that wait have it; nobody may be left to
