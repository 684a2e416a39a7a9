"""Sessions, runs and outbox under any sequence of calls, beside a model that is a few dicts.

Writers hold on to what they read and save it whenever they like, so most of what they save is stale;
workers claim, beat, die and are taken over, items are claimed and delivered as a fake clock moves on. It
adds to the examples in the other files and replaces none of them.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Coroutine, Iterator
from datetime import timedelta
from typing import Any, ClassVar, NamedTuple, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace

from tests.builders import MINUTE, NOW, SECOND, a_run, a_session, a_version, an_item
from tests.repositories.changes import commit, headers_of
from therapy.domain.errors import ErrorClass, LeaseLost, NotFound, Stale, TherapyError
from therapy.domain.run import Run, RunKind, beaten, claimable, claimed, done, failed, put_back
from therapy.domain.session import Session
from therapy.domain.transcript import TranscriptVersion
from therapy.ports.store import Item
from therapy.repositories.change import Change
from therapy.repositories.outbox import OUTBOX_QUEUES, Placed
from therapy.repositories.records import Records
from therapy.repositories.runs import RUN_QUEUES
from therapy.repositories.sessions import session_partition
from therapy.testing.clock import Clock

T = TypeVar("T")
Place = tuple[str, str]

HOLD = 30 * SECOND
NUMBERS = (1, 2, 3)
EVERYTHING = 500

places = st.integers(0, 3)
numbers = st.integers(0, 3)
pauses = st.sampled_from([SECOND, 20 * SECOND, HOLD, 5 * MINUTE])
picks = st.integers(0, 50)


class Parts(NamedTuple):
    """What is written together."""

    session: Session | None
    version: TranscriptVersion | None
    runs: list[Run]
    placed: list[Placed]

    async def commit(self, practice_id: str, records: Records) -> None:
        change = Change(*(records.runs.write(run) for run in self.runs))
        if self.session:
            change.add(records.sessions.write(self.session))
        if self.version:
            change.add(*await records.transcripts.new(practice_id, self.version))
        for each in self.placed:
            position = int(each.item_id.split("-")[1])
            change.add(records.outbox.new(each.partition, each.item, position)[1])
        await change.commit(records.store)


class Seen(NamedTuple):
    """What everybody sees at a place; `said` are the versions of NUMBERS."""

    session: Session | None
    runs: tuple[Run, ...]
    pending: tuple[Placed, ...]
    numbers: list[int]
    said: list[TranscriptVersion | None]


async def seen(records: Records, place: Place) -> Seen:
    """Look, one thing after the other: in one go, because the machine waits for it in a thread."""
    return Seen(
        await there(records.sessions.load(*place)),
        await records.runs.of_session(*place),
        await records.outbox.pending(session_partition(*place)),
        [each.number for each in await headers_of(records, *place)],
        [await there(records.transcripts.load(*place, number)) for number in NUMBERS],
    )


async def there(loading: Awaitable[T]) -> T | None:
    """Return what is loaded; None if it is not there."""
    try:
        return await loading
    except NotFound:
        return None


class SessionMachine(RuleBasedStateMachine):
    """The model: what each place holds, and what some writers have read of it and may yet save.

    One store serves all examples, each in practices of its own; two processes take turns at it.
    """

    processes: ClassVar[tuple[Records, Records]]
    clock: ClassVar[Clock]
    loop: ClassVar[asyncio.AbstractEventLoop]
    examples: ClassVar[Iterator[int]]

    def __init__(self) -> None:
        super().__init__()
        example = next(self.examples)
        self.places: list[Place] = [
            (f"{example}-{practice}", f"s{at}") for practice in ("p", "q") for at in (1, 2)
        ]
        self.sessions: dict[Place, Session] = {}
        self.transcripts: dict[Place, dict[int, TranscriptVersion]] = {at: {} for at in self.places}
        self.runs: dict[Place, dict[str, Run]] = {at: {} for at in self.places}
        self.outbox: dict[Place, dict[str, Placed]] = {at: {} for at in self.places}
        self.read_sessions: list[tuple[Place, Session]] = []
        self.read_runs: list[tuple[Place, Run]] = []
        self.read_items: list[tuple[Place, Placed]] = []
        self.touched: set[Place] = set()
        self.due_is_known = False
        self.made = 0

    @property
    def records(self) -> Records:
        """The one process or the other, by chance of what was done before."""
        return self.processes[self.made % 2]

    def touch(self, place: Place) -> None:
        """Have it looked again what is at a place, and what is due."""
        self.touched.add(place)
        self.due_is_known = False

    @initialize()
    def begin(self) -> None:
        self.clock.now = NOW

    def teardown(self) -> None:
        """Look once more; then end all work, so that the next example finds nothing due."""
        self.touched.update(self.places)
        self.the_records_are_those_of_the_model()
        for place in self.places:
            self.wait(self.forget(place))

    async def forget(self, place: Place) -> None:
        records = self.processes[0]
        over = [records.runs.write(done(run)) for run in self.runs[place].values()]
        delivered = [records.outbox.delivered(each) for each in self.outbox[place].values()]
        await commit(records, *over, *delivered)

    def wait(self, what: Coroutine[None, None, T]) -> T:
        """Wait in this thread for what the loop of the test does."""
        return asyncio.run_coroutine_threadsafe(what, self.loop).result()

    # --- what writers do ---------------------------------------------------------------------

    @rule(at=places, number=numbers, items=st.integers(0, 2), runs=st.integers(0, 2))
    def a_session_is_made(self, at: int, number: int, items: int, runs: int) -> None:
        place = self.places[at]
        session = a_session(id=place[1], practice_id=place[0], title=self.name())
        self.change(place, session, number, items, [self.new_run(place) for _ in range(runs)])

    @rule(pick=picks, number=numbers, items=st.integers(0, 2))
    def a_session_is_saved_as_it_was_read(self, pick: int, number: int, items: int) -> None:
        if self.read_sessions:
            place, session = self.read_sessions[pick % len(self.read_sessions)]
            self.change(place, replace(session, title=self.name()), number, items, [])

    @rule(pick=picks, number=numbers, items=st.integers(0, 2))
    def a_worker_finishes_its_run_with_the_session(
        self, pick: int, number: int, items: int
    ) -> None:
        if self.read_runs:
            place, run = self.read_runs[pick % len(self.read_runs)]
            self.change(place, self.sessions.get(place), number, items, [done(run)])

    @rule(at=places)
    def a_run_is_asked_for(self, at: int) -> None:
        place = self.places[at]
        self.change(place, None, 0, 1, [self.new_run(place)])

    def change(
        self, place: Place, session: Session | None, number: int, items: int, runs: list[Run]
    ) -> None:
        """Commit all of it and see that it is written or refused as the model says."""
        self.touch(place)
        version = a_version(number, self.name(), session_id=place[1]) if number else None
        parts = Parts(session, version, runs, [self.new_item(place) for _ in range(items)])
        expected, refused = self.refusals(place, parts), None
        try:
            self.wait(parts.commit(place[0], self.records))
        except TherapyError as exc:
            refused = type(exc)
        assert refused in (expected or {None})
        if refused is None:
            self.remember(place, parts)

    def refusals(self, place: Place, parts: Parts) -> set[type[TherapyError]]:
        """Return every reason to refuse a change; which of several is given is not promised."""
        reasons: set[type[TherapyError]] = set()
        stored = self.sessions.get(place)
        if parts.session and parts.session.version != (stored.version if stored else 0):
            reasons.add(Stale)
        if parts.version and parts.version.number in self.transcripts[place]:
            reasons.add(Stale)
        for run in parts.runs:
            known = self.runs[place].get(run.id)
            if run.version != (known.version if known else 0):
                reasons.add(LeaseLost)
        return reasons

    def remember(self, place: Place, parts: Parts) -> None:
        if parts.session:
            self.sessions[place] = replace(parts.session, version=parts.session.version + 1)
            self.read_sessions.append((place, self.sessions[place]))
        if parts.version:
            self.transcripts[place][parts.version.number] = parts.version
        for run in parts.runs:
            self.saved(place, replace(run, version=run.version + 1))
        for each in parts.placed:
            self.placed(place, replace(each, item=replace(each.item, version=1)))

    # --- what workers do ---------------------------------------------------------------------

    @rule(pause=pauses)
    def time_passes(self, pause: timedelta) -> None:
        self.clock.now += pause
        self.due_is_known = False

    @rule(pick=picks, how=st.sampled_from(["claim", "beat", "finish", "fail", "put back"]))
    def a_worker_saves_a_run_as_it_was_read(self, pick: int, how: str) -> None:
        if self.read_runs:
            place, run = self.read_runs[pick % len(self.read_runs)]
            self.save(place, self.worked(run, how))

    @rule(pick=picks)
    def a_worker_claims_what_is_due(self, pick: int) -> None:
        due = self.records.runs.known(self.due(*RUN_QUEUES))
        if due:
            run = due[pick % len(due)]
            assert claimable(run, self.clock.now)
            self.save((run.practice_id, run.session_id), self.worked(run, "claim"))

    def worked(self, run: Run, how: str) -> Run:
        now = self.clock.now
        match how:
            case "claim":
                return claimed(run, lease=self.name(), now=now, hold=HOLD, within=MINUTE)
            case "beat":
                return beaten(run, now=now, hold=HOLD, stage="listening", progress=0.5)
            case "finish":
                return done(run)
            case "fail":
                return failed(run, error_class=ErrorClass.TRANSIENT, code="engine", now=now)
            case _:
                return put_back(run, now=now)

    def save(self, place: Place, run: Run) -> None:
        stored, records = self.runs[place][run.id], self.records
        self.touch(place)
        try:
            self.wait(commit(records, records.runs.write(run)))
        except LeaseLost:
            assert run.version != stored.version
            return
        assert run.version == stored.version
        self.saved(place, replace(run, version=run.version + 1))

    def saved(self, place: Place, run: Run) -> None:
        self.runs[place][run.id] = run
        self.read_runs.append((place, run))

    # --- what the relay does -----------------------------------------------------------------

    @rule(pick=picks)
    def an_item_is_delivered(self, pick: int) -> None:
        if self.read_items:
            place, placed = self.read_items[pick % len(self.read_items)]
            self.touch(place)
            self.wait(commit(self.records, self.records.outbox.delivered(placed)))
            self.outbox[place].pop(placed.item_id, None)

    @rule(pick=picks, pause=pauses)
    def an_item_is_claimed_as_it_was_read(self, pick: int, pause: timedelta) -> None:
        if self.read_items:
            place, placed = self.read_items[pick % len(self.read_items)]
            self.claim(place, placed, pause)

    @rule(pick=picks, pause=pauses)
    def an_item_that_is_due_is_claimed(self, pick: int, pause: timedelta) -> None:
        items = self.due(*OUTBOX_QUEUES)
        if items:
            found = items[pick % len(items)]
            item = self.records.outbox.read(found)
            place = next(at for at in self.places if session_partition(*at) == found.partition)
            assert item.due_at <= self.clock.now
            self.claim(place, Placed(found.partition, found.id, item), pause)

    def claim(self, place: Place, placed: Placed, pause: timedelta) -> None:
        self.touch(place)
        stored, records = self.outbox[place].get(placed.item_id), self.records
        attempts, due_at = placed.item.attempts + 1, self.clock.now + pause
        later = replace(placed.item, attempts=attempts, due_at=due_at)
        try:
            self.wait(commit(records, records.outbox.rewrite(placed, later)))
        except Stale:
            assert stored is None or stored.item.version != placed.item.version
            return
        assert stored is not None
        assert stored.item.version == placed.item.version
        self.placed(place, replace(placed, item=replace(later, version=later.version + 1)))

    def placed(self, place: Place, placed: Placed) -> None:
        self.outbox[place][placed.item_id] = placed
        self.read_items.append((place, placed))

    # --- what everybody sees -----------------------------------------------------------------

    @invariant()
    def the_records_are_those_of_the_model(self) -> None:
        """Where something was done since the last look; everywhere at the end."""
        while self.touched:
            place = self.touched.pop()
            runs = sorted(self.runs[place].values(), key=lambda run: (run.created_at, run.id))
            numbers = sorted(self.transcripts[place])
            assert self.wait(seen(self.records, place)) == Seen(
                self.sessions.get(place),
                tuple(runs),
                tuple(each for _, each in sorted(self.outbox[place].items())),
                numbers,
                [self.transcripts[place].get(number) for number in NUMBERS],
            )

    @invariant()
    def what_is_due_is_found_longest_due_first(self) -> None:
        """Whenever something was done or time has passed; many steps find nothing to do."""
        if self.due_is_known:
            return
        self.due_is_known = True
        items = self.due(*RUN_QUEUES, *OUTBOX_QUEUES)
        assert [(item.due_at, item.partition, item.id) for item in items] == sorted(
            (each.due_at, session_partition(*place), item_id)
            for place in self.places
            for item_id, each in self.waiting(place).items()
            if each.due_at <= self.clock.now
        )

    def waiting(self, place: Place) -> dict[str, Any]:
        """Return the place's runs and outbox items that may become due, by the ids of their items."""
        runs = {f"run-{run.id}": run for run in self.runs[place].values() if not run.over}
        return runs | {item_id: each.item for item_id, each in self.outbox[place].items()}

    def due(self, *queues: str) -> tuple[Item, ...]:
        return self.wait(self.records.store.due(queues, self.clock.now, EVERYTHING))

    def name(self) -> str:
        self.made += 1
        return f"made-{self.made}"

    def new_run(self, place: Place) -> Run:
        now, name = self.clock.now, self.name()
        return a_run(
            id=name,
            practice_id=place[0],
            session_id=place[1],
            kind=list(RunKind)[self.made % len(RunKind)],
            created_at=now + (self.made % 3) * SECOND,
            due_at=now,
        )

    def new_item(self, place: Place) -> Placed:
        due_at, name = self.clock.now + (self.made % 4) * HOLD, self.name()
        item = an_item(name, practice_id=place[0], due_at=due_at)
        return self.records.outbox.new(session_partition(*place), item, self.made)[0]


@pytest.mark.slow
async def test_records_do_what_a_model_of_dicts_does(
    records: Records, replica: Records, clock: Clock, family_name: str
) -> None:
    """In a thread, because Hypothesis waits for each step and the store needs the loop meanwhile."""
    given = {"processes": (records, replica), "clock": clock}
    given |= {"loop": asyncio.get_running_loop(), "examples": itertools.count()}
    machine = type("Machine", (SessionMachine,), given)
    options = settings(
        max_examples=6 if family_name == "azure" else 30,  # a second of CPU each, or a tenth
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=options)
