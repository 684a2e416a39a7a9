"""A link is undone while others link and close: in every order of steps nobody sees what is not theirs.

Each operation stops before every call of a store or index, and a schedule says whose turn it is. In memory
another operation comes in at each step; over every family's stores Hypothesis draws schedules.
"""

import asyncio
import dataclasses
import itertools
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import (
    MINUTE,
    PATIENT,
    PRACTICE,
    SESSION,
    a_person,
    a_practice,
    a_run,
    a_session,
    a_therapist,
    a_version,
    an_actor,
)
from tests.contract.stores import OpenedStores
from therapy.adapters.memory.session_index import MemorySessionIndex
from therapy.adapters.memory.store import MemoryStore
from therapy.domain.access import Actor
from therapy.domain.errors import NotFound, Unavailable
from therapy.domain.people import Role
from therapy.domain.run import RunKind
from therapy.domain.session import Session, State
from therapy.repositories.change import Change
from therapy.testing.clock import Clock
from therapy.testing.memory import memory_ports
from therapy.workflows import accounts, patient_links, session_lists
from therapy.workflows.installation import Installation, install

THERAPIST_ = an_actor()
JORDAN = an_actor(person_id=PATIENT, role=Role.PATIENT)
NOA = an_actor(person_id="patient-noa", role=Role.PATIENT)
NUMBERS = {JORDAN.person_id: "203948571", NOA.person_id: "300000015"}

Turn = Callable[[], Awaitable[None]]


class Stepping:
    """Passes every call on to a port, when its turn has come."""

    def __init__(self, port: Any, turn: Turn) -> None:
        self._port, self._turn = port, turn

    def __getattr__(self, name: str) -> Any:
        called = getattr(self._port, name)

        async def call(*arguments: Any, **named: Any) -> Any:
            await self._turn()
            return await called(*arguments, **named)

        return call


class Away:
    """An index that can't be reached: what is to be listed waits for a sweep."""

    async def put(self, *_: object) -> None:
        raise Unavailable


class Operation:
    """One operation, which goes on to its next call of a port only when told to."""

    def __init__(self, work: Callable[[Turn], Coroutine[Any, Any, Any]]) -> None:
        self._go, self._stopped = asyncio.Event(), asyncio.Event()
        self.task = asyncio.ensure_future(work(self._turn))
        self.task.add_done_callback(lambda _: self._stopped.set())

    async def _turn(self) -> None:
        self._stopped.set()
        await self._go.wait()
        self._go.clear()

    async def step(self) -> bool:
        """Let it do its next call; return False if it was over already."""
        await self._stopped.wait()
        if self.task.done():
            await self.task
            return False
        self._stopped.clear()
        self._go.set()
        await self._stopped.wait()
        return True


async def take_turns(operations: Sequence[Operation], schedule: Iterable[int]) -> None:
    """Go on with the operations in this order, then with each to its end."""
    for each in schedule:
        await operations[each % len(operations)].step()
    for operation in operations:
        while await operation.step():
            pass


class Clinic:
    """A practice whose session is submitted and linked to Jordan; each operation is a process of its own."""

    def __init__(self, store: Any, session_index: Any, clock: Clock) -> None:
        self.clock = clock
        self.index_is_away = False
        self.ports = dataclasses.replace(
            memory_ports(clock=clock), store=store, session_index=session_index
        )
        self.installation = install(self.ports)

    def process(self, turn: Turn) -> Installation:
        index = Away() if self.index_is_away else self.ports.session_index
        stepping: dict[str, Any] = {
            "store": Stepping(self.ports.store, turn),
            "session_index": Stepping(index, turn),
        }
        return install(dataclasses.replace(self.ports, **stepping))

    async def people(self) -> None:
        records = self.installation.records
        await accounts.put_practice(a_practice(), records=records)
        noa = a_person(id=NOA.person_id, email="noa@b.example", full_name="N B", number="300000015")
        for person in (a_therapist(), a_person(), noa):
            await accounts.add_person(person, records=records)

    async def submitted(self, session_id: str, *, closed: bool) -> None:
        records = self.installation.records
        session = a_session(id=session_id, state=State.CLOSING, transcript_number=1)
        run = a_run(session_id=session_id, kind=RunKind.SCORE, due_at=self.clock.now)
        change = Change(records.sessions.write(session), records.runs.write(run))
        version = a_version(session_id=session_id)
        change.add(*await records.transcripts.new(PRACTICE, version))
        await change.commit(records.store)
        await self.link(self.installation, session_id, JORDAN)
        if closed:
            await self.close(self.installation, session_id)

    async def link(self, here: Installation, session_id: str, actor: Actor) -> None:
        number = NUMBERS[actor.person_id]
        await patient_links.link_patient(THERAPIST_, session_id, number, records=here.records)

    async def unlink(self, here: Installation, session_id: str) -> None:
        await patient_links.unlink_patient(THERAPIST_, session_id, records=here.records)

    async def close(self, here: Installation, session_id: str) -> None:
        await here.worker.work_on(PRACTICE, session_id)

    async def listed(self, actor: Actor, session_id: str) -> bool:
        here = self.installation
        entries = await session_lists.closed_sessions(
            actor, records=here.records, session_index=here.session_index
        )
        return session_id in {each.session_id for each in entries}

    async def reads(self, actor: Actor, session_id: str) -> bool:
        records = self.installation.records
        try:
            await session_lists.closed_session(actor, session_id, records=records)
        except NotFound:
            return False
        return True

    async def session(self, session_id: str) -> Session:
        return await self.installation.records.sessions.load(PRACTICE, session_id)

    async def check(self, session_id: str) -> None:
        """Nobody is shown what is not theirs; after a sweep everybody is shown what is."""
        session = await self.session(session_id)
        for swept in (False, True):
            for actor in (JORDAN, NOA):
                patient = session.details.patient
                theirs = session.state is State.CLOSED and patient.person_id == actor.person_id
                assert await self.reads(actor, session_id) == theirs
                if swept or not theirs:
                    assert await self.listed(actor, session_id) == theirs
            self.clock.now += MINUTE
            await self.installation.sweep.once()


OPERATIONS = ("unlink", "unlink", "link Jordan", "link Noa", "close")


def operation(clinic: Clinic, name: str, session_id: str) -> Operation:
    async def work(turn: Turn) -> None:
        here = clinic.process(turn)
        match name:
            case "unlink":
                await clinic.unlink(here, session_id)
            case "close":
                await clinic.close(here, session_id)
            case _:
                actor = JORDAN if name.endswith("Jordan") else NOA
                await clinic.link(here, session_id, actor)

    return Operation(work)


async def race(
    clinic: Clinic, names: Sequence[str], session_id: str, schedule: Iterable[int]
) -> None:
    await take_turns([operation(clinic, name, session_id) for name in names], schedule)
    await clinic.check(session_id)


@pytest.fixture
async def in_memory() -> Clinic:
    clock = Clock()
    clinic = Clinic(MemoryStore(clock), MemorySessionIndex(), clock)
    await clinic.people()
    return clinic


@pytest.mark.parametrize("other", ["link Jordan", "link Noa", "close", "unlink"])
@pytest.mark.slow
async def test_an_undone_link_stays_undone_wherever_another_comes_in_between(
    in_memory: Clinic, other: str
) -> None:
    """The other operation as a whole, or the half of it, before each step of the undoing."""
    cases = itertools.product((False, True), (False, True), range(12), (4, 50))
    for number, (closed, in_memory.index_is_away, before, half) in enumerate(cases):
        session_id = f"{SESSION}-{number}"
        await in_memory.submitted(session_id, closed=closed)
        await race(in_memory, ["unlink", other], session_id, [0] * before + [1] * half)
        patient = (await in_memory.session(session_id)).details.patient
        if other in {"close", "unlink"}:
            assert patient.person_id == ""


@pytest_asyncio.fixture(loop_scope="module")
async def clinic(stores: OpenedStores, clock: Clock) -> Clinic:
    clinic = Clinic(stores.store, stores.session_index, clock)
    await clinic.people()
    return clinic


EXAMPLES = {"memory": 60, "local": 25, "azure": 8}


async def test_in_every_order_nobody_sees_what_is_not_theirs(
    clinic: Clinic, family_name: str
) -> None:
    numbers, loop = itertools.count(1), asyncio.get_running_loop()

    @settings(
        max_examples=EXAMPLES[family_name],
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        names=st.lists(st.sampled_from(OPERATIONS), min_size=2, max_size=3),
        schedule=st.lists(st.integers(0, 2), max_size=40),
        closed=st.booleans(),
        away=st.booleans(),
    )
    def any_order(names: list[str], schedule: list[int], closed: bool, away: bool) -> None:
        async def one() -> None:
            clinic.index_is_away = away
            session_id = f"{SESSION}-{next(numbers)}"
            await clinic.submitted(session_id, closed=closed)
            await race(clinic, names, session_id, schedule)

        asyncio.run_coroutine_threadsafe(one(), loop).result()

    await asyncio.to_thread(any_order)
