"""Followed sessions: who follows sessions is told how far they are, from the store, whenever they change.

A publication (`ports.session_events`) says only which session has changed. It is then read once, however many
follow it, and at most twice a second; each follower keeps no more than the newest state of each session.
Where nobody follows nothing is read. What was published and got lost is found by looking, slowly.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from msgspec.structs import replace

from therapy.domain.access import Action, Actor, may, require
from therapy.domain.concurrency_limit import ConcurrencyLimit
from therapy.domain.errors import InvalidInput, NotFound
from therapy.domain.person_limits import PersonLimits
from therapy.domain.session import Session, State
from therapy.domain.session_entry import MOST_ENTRIES, SessionEntry
from therapy.domain.session_event import (
    AT_WORK,
    FIELD,
    UNFINISHED,
    SessionEvent,
    event_of,
    scope_of_person,
    scope_of_session,
    told_by,
)
from therapy.ports.session_events import SessionEvents
from therapy.ports.session_index import SessionIndex
from therapy.repositories.records import Records
from therapy.workflows.followers import Follower
from therapy.workflows.review import own_session

PAUSE_SECONDS = 0.5
"""Between two reads of one session."""

READS_AT_ONCE = 8
COME_AGAIN_SECONDS = 30
POLL = timedelta(seconds=15)

Key = tuple[str, str]
K = TypeVar("K")


def ignore(exc: Exception) -> None:
    """Do nothing about a failure: what is not received or read now is found by the next look."""
    del exc


class FollowedSessions:
    """Everybody who follows sessions in this process; `poll` is how often the store is looked into.

    `note_failure` is called with what fails, which ends nobody's following.
    """

    def __init__(
        self,
        records: Records,
        session_index: SessionIndex,
        events: SessionEvents,
        limits: PersonLimits,
        poll: timedelta = POLL,
    ) -> None:
        self._records, self._session_index, self._events = records, session_index, events
        self.note_failure: Callable[[Exception], None] = ignore
        self._poll_seconds = poll.total_seconds()
        self._lag = records.late_reads.lag
        self._admitted = ConcurrencyLimit(
            limits.event_streams_in_all,
            "streams_busy",
            of_one=limits.event_streams,
            too_many="too_many_streams",
            retry_after=COME_AGAIN_SECONDS,
        )
        self._followers: set[Follower] = set()
        self._of_session: defaultdict[Key, set[Follower]] = defaultdict(set)
        self._of_practice: defaultdict[str, set[Follower]] = defaultdict(set)
        self._reads = asyncio.Semaphore(READS_AT_ONCE)
        self._reading: dict[Key, asyncio.Task[None]] = {}
        self._again: set[Key] = set()
        self._listening: asyncio.Task[None] | None = None
        self._listens = asyncio.Event()

    @property
    def count(self) -> int:
        """How many follow."""
        return len(self._followers)

    async def follow(
        self, actor: Actor, session_id: str = "", *, last_event_id: str = ""
    ) -> Follower:
        """Return a follower of one session, or of all of the actor's; `leave` has to be called for it.

        It is told at once how everything is now, or what has changed since `last_event_id`.

        Raises:
            NotFound: the session is absent, erased or someone else's.
            Forbidden: the actor is a patient, who has no sessions to follow.
            InvalidInput: the id is of another stream, or of a state that the store has not reached.
            TooMuchAtOnce, Unavailable: the person follows too much, or too many do.
        """
        if session_id:
            await own_session(actor, session_id, records=self._records)
            scope = scope_of_session(actor.practice_id, session_id)
        else:
            require(actor, Action.SEE_INBOX)
            scope = scope_of_person(actor.practice_id, actor.person_id)
        told = told_by(last_event_id, scope)
        follower = Follower(replace(actor, request_id=""), session_id, scope, told)
        self._admitted.begin(_whose(actor))
        self._add(follower)
        try:
            await self._begin(follower, dict(told))
        except BaseException:
            self.leave(follower)
            raise
        return follower

    def leave(self, follower: Follower) -> None:
        """Tell a follower nothing more. Idempotent."""
        if follower not in self._followers:
            return
        actor = follower.actor
        self._followers.discard(follower)
        self._admitted.end(_whose(actor))
        if follower.session_id:
            _discard(self._of_session, (actor.practice_id, follower.session_id), follower)
        else:
            _discard(self._of_practice, actor.practice_id, follower)
        if not self._followers and self._listening is not None:
            self._listening.cancel()
            self._listening = None
            self._listens = asyncio.Event()

    def end_all(self) -> None:
        """End everybody's following, e.g. because this process stops."""
        for follower in self._followers:
            follower.end()

    async def close(self) -> None:
        """End everybody's following, and what is done for it."""
        self.end_all()
        tasks = [*self._reading.values(), *filter(None, [self._listening])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def on_published(self, practice_id: str, session_id: str) -> None:
        """Have a session read that has changed, if anybody follows it."""
        key = practice_id, session_id
        if key not in self._of_session and practice_id not in self._of_practice:
            return
        if key in self._reading:
            self._again.add(key)
            return
        self._reading[key] = asyncio.create_task(self._read_while_news(key))

    def _add(self, follower: Follower) -> None:
        self._followers.add(follower)
        practice_id = follower.actor.practice_id
        if follower.session_id:
            self._of_session[practice_id, follower.session_id].add(follower)
        else:
            self._of_practice[practice_id].add(follower)

    # --- the beginning ---------------------------------------------------------------------------

    async def _begin(self, follower: Follower, told: dict[str, int]) -> None:
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen(self._listens))
        await self._listens.wait()  # changes from now on are received, those before are read
        wanted = {follower.session_id: None} if follower.session_id else {}
        if not follower.session_id:
            actor = follower.actor
            for entry in await self._unfinished(actor.practice_id, actor.person_id):
                if entry.state not in AT_WORK and told.get(entry.session_id) == entry.sequence:
                    follower.expect(entry.session_id)
                else:
                    wanted[entry.session_id] = None
            wanted |= dict.fromkeys(each for each in told if each not in follower.expected)
        await asyncio.gather(*(self._first(follower, each, told.get(each, 0)) for each in wanted))

    async def _first(self, follower: Follower, session_id: str, told: int) -> None:
        """Tell a follower of a session as it is now.

        Raises:
            InvalidInput: more was told of it than has happened.
        """
        practice_id = follower.actor.practice_id
        try:
            session, event = await self._look(practice_id, session_id)
            if told > event.sequence and self._lag:
                await asyncio.sleep(self._lag.total_seconds())
                session, event = await self._look(practice_id, session_id)
        except NotFound:
            return
        if told > event.sequence and _is_of(session, follower.actor):
            raise InvalidInput(FIELD, "last_event_id")
        _tell(follower, session, event)

    # --- reading ---------------------------------------------------------------------------------

    async def _read_while_news(self, key: Key) -> None:
        """Read a session now, and again after each pause in which it was published."""
        try:
            while True:
                self._again.discard(key)
                await self._read(key)
                if self._lag:
                    await asyncio.sleep(self._lag.total_seconds())
                    await self._read(key)
                await asyncio.sleep(PAUSE_SECONDS)
                if key not in self._again:
                    return
        finally:
            del self._reading[key]

    async def _read(self, key: Key) -> None:
        """Read a session and tell its followers; what fails is found by the next look."""
        practice_id = key[0]
        try:
            session, event = await self._look(*key)
        except NotFound:
            return
        except Exception as exc:  # noqa: BLE001 - whatever it was, the others must be told
            self.note_failure(exc)
            return
        for follower in (*self._of_session.get(key, ()), *self._of_practice.get(practice_id, ())):
            _tell(follower, session, event)

    async def _look(self, practice_id: str, session_id: str) -> tuple[Session, SessionEvent]:
        records = self._records
        async with self._reads:
            session, runs = await asyncio.gather(
                records.sessions.load(practice_id, session_id),
                records.runs.of_session(practice_id, session_id),
            )
        return session, event_of(session, runs, records.now())

    # --- listening, and looking ------------------------------------------------------------------

    async def _listen(self, listens: asyncio.Event) -> None:
        """Receive what is published, and look into the store now and then."""
        try:
            async with self._events.listen(self.on_published):
                listens.set()
                await self._look_forever()
        except Exception as exc:  # noqa: BLE001 - e.g. a folder that can't be written: looking goes on
            self.note_failure(exc)
            listens.set()
            await self._look_forever()

    async def _look_forever(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            for key in tuple(self._of_session):
                await self._read(key)
            for practice_id, followers in tuple(self._of_practice.items()):
                for person_id in {each.actor.person_id for each in followers}:
                    await self._look_at_all(practice_id, person_id)

    async def _look_at_all(self, practice_id: str, person_id: str) -> None:
        """Read what of a person's sessions has changed, as their list says, or may have: what is at work."""
        try:
            listed = await self._unfinished(practice_id, person_id)
        except Exception as exc:  # noqa: BLE001 - whatever it was, it is found by the next look
            self.note_failure(exc)
            return
        entries = {each.session_id: each for each in listed}
        changed = dict[str, None]()
        for follower in self._of_practice.get(practice_id, ()):
            if follower.actor.person_id == person_id:
                changed |= {
                    name: None
                    for name, each in entries.items()
                    if each.state in AT_WORK or follower.last(name) < each.sequence
                }
                changed |= dict.fromkeys(follower.expected - entries.keys())
        for session_id in changed:
            await self._read((practice_id, session_id))

    async def _unfinished(self, practice_id: str, person_id: str) -> tuple[SessionEntry, ...]:
        return await self._session_index.of_therapist(
            practice_id, person_id, UNFINISHED, "", MOST_ENTRIES
        )


def _whose(actor: Actor) -> str:
    return f"{actor.practice_id}|{actor.person_id}"


def _is_of(session: Session, actor: Actor) -> bool:
    """Return whether a session is the actor's to follow; that it was erased is told, too."""
    bare = replace(session, state=State.CANCELLED) if session.state is State.ERASED else session
    return may(actor, Action.REVIEW, bare)


def _tell(follower: Follower, session: Session, event: SessionEvent) -> None:
    if _is_of(session, follower.actor):
        follower.tell(event)
    if follower.session_id and not may(follower.actor, Action.REVIEW, session):
        follower.end()


def _discard(followers: defaultdict[K, set[Follower]], key: K, follower: Follower) -> None:
    followers[key].discard(follower)
    if not followers[key]:
        del followers[key]
