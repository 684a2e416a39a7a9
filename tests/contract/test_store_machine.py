"""Sessions, runs and outbox under any sequence of calls, beside a model that is a few dicts.

Writers hold on to what they read and save it whenever they like, so most of what they save is
stale; workers claim, beat, die and are taken over as a fake clock moves on. It adds to the examples
in the other files and replaces none of them.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace

from tests.builders import (
    MINUTE,
    NOW,
    OTHER_PRACTICE,
    PRACTICE,
    SECOND,
    a_run,
    a_session,
    a_version,
    an_item,
)
from tests.contract.conftest import FAMILIES, Get
from therapy.domain.errors import ErrorClass, LeaseLost, NotFound, Stale, TherapyError
from therapy.domain.outbox import OutboxItem, SessionRef
from therapy.domain.run import Run, RunRef, beaten, claimable, claimed, done, failed, put_back
from therapy.domain.session import Session
from therapy.domain.transcript import TranscriptVersion
from therapy.ports.sessions import Change

T = TypeVar("T")

PLACES = [(practice, f"s{at}") for practice in (PRACTICE, OTHER_PRACTICE) for at in (1, 2)]
HOLD = 30 * SECOND

places = st.sampled_from(PLACES)
numbers = st.integers(1, 3)
pauses = st.sampled_from([SECOND, 20 * SECOND, HOLD, 5 * MINUTE])
picks = st.integers(0, 50)


class StoreMachine(RuleBasedStateMachine):
    """The model: what each place holds, and what some writers have read of it and may yet save."""

    family = ""
    get: Get

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.open = AsyncExitStack()
        self.now = NOW
        self.sessions: dict[tuple[str, str], Session] = {}
        self.transcripts: dict[tuple[str, str], dict[int, TranscriptVersion]] = {
            at: {} for at in PLACES
        }
        self.runs: dict[tuple[str, str], dict[str, Run]] = {at: {} for at in PLACES}
        self.outbox: dict[tuple[str, str], dict[str, OutboxItem]] = {at: {} for at in PLACES}
        self.read_sessions: list[tuple[tuple[str, str], Session]] = []
        self.read_runs: list[tuple[tuple[str, str], Run]] = []
        self.touched: set[tuple[str, str]] = set()
        self.made = 0

    def wait(self, what: Awaitable[T]) -> T:
        async def waited() -> T:
            return await what

        return self.loop.run(waited())

    @initialize()
    def begin(self) -> None:
        folder = TemporaryDirectory(prefix="therapy-machine-")
        self.open.callback(folder.cleanup)
        family = FAMILIES[self.family](Path(folder.name), self.get)
        self.stores = self.wait(self.open.enter_async_context(family))

    def teardown(self) -> None:
        try:
            self.touched.update(PLACES)
            self.the_stores_hold_what_the_model_holds()
        finally:
            self.wait(self.open.aclose())
            self.loop.close()

    # --- what writers do ---------------------------------------------------------------------

    @rule(place=places, number=numbers, items=st.integers(0, 2), runs=st.integers(0, 2))
    def a_session_is_made(self, place: tuple[str, str], number: int, items: int, runs: int) -> None:
        session = a_session(id=place[1], practice_id=place[0], title=self.name())
        self.commit(place, session, number, items, [self.new_run(place) for _ in range(runs)])

    @rule(pick=picks, number=numbers, items=st.integers(0, 2), drop=st.booleans())
    def a_session_is_saved_as_it_was_read(
        self, pick: int, number: int, items: int, drop: bool
    ) -> None:
        if self.read_sessions:
            place, session = self.read_sessions[pick % len(self.read_sessions)]
            self.commit(place, replace(session, title=self.name()), number, items, [], drop=drop)

    @rule(pick=picks, number=numbers, items=st.integers(0, 2))
    def a_worker_finishes_its_run_with_the_session(
        self, pick: int, number: int, items: int
    ) -> None:
        if self.read_runs:
            place, run = self.read_runs[pick % len(self.read_runs)]
            session = self.sessions.get(place)
            self.commit(place, session, number, items, [done(run)])

    @rule(place=places)
    def a_run_is_asked_for(self, place: tuple[str, str]) -> None:
        self.commit(place, None, 0, 1, [self.new_run(place)])

    def commit(
        self,
        place: tuple[str, str],
        session: Session | None,
        number: int,
        items: int,
        runs: list[Run],
        *,
        drop: bool = False,
    ) -> None:
        transcript = a_version(number, self.name(), session_id=place[1]) if number else None
        outbox = tuple(self.new_item(place) for _ in range(items))
        self.touched.add(place)
        change = Change(session, transcript, tuple(runs), outbox, drop)
        expected, refused = self.refusal(place, change), None
        try:
            self.wait(self.stores.sessions.commit(*place, change))
        except TherapyError as exc:
            refused = type(exc)
        if refused is None:
            self.remember(place, change)
        assert refused in (expected or {None})

    def refusal(self, place: tuple[str, str], change: Change) -> set[type[TherapyError]]:
        """Every reason to refuse a change; which of several is given is not promised."""
        reasons: set[type[TherapyError]] = set()
        stored = self.sessions.get(place)
        if change.session and change.session.version != (stored.version if stored else 0):
            reasons.add(Stale)
        kept = {} if change.drop_transcripts else self.transcripts[place]
        if change.transcript and change.transcript.number in kept:
            reasons.add(Stale)
        for run in change.runs:
            known = self.runs[place].get(run.id)
            if run.version != (known.version if known else 0):
                reasons.add(LeaseLost)
        return reasons

    def remember(self, place: tuple[str, str], change: Change) -> None:
        if change.session:
            following = replace(change.session, version=change.session.version + 1)
            self.sessions[place] = following
            self.read_sessions.append((place, following))
        if change.drop_transcripts:
            self.transcripts[place] = {}
        if change.transcript:
            self.transcripts[place][change.transcript.number] = change.transcript
        for run in change.runs:
            self.saved(place, replace(run, version=run.version + 1))
        self.outbox[place].update((item.id, item) for item in change.outbox)

    # --- what workers do ---------------------------------------------------------------------

    @rule(pause=pauses)
    def time_passes(self, pause: timedelta) -> None:
        self.now += pause

    @rule(pick=picks, how=st.sampled_from(["claim", "beat", "finish", "fail", "put back"]))
    def a_worker_saves_a_run_as_it_was_read(self, pick: int, how: str) -> None:
        if self.read_runs:
            place, run = self.read_runs[pick % len(self.read_runs)]
            self.save(place, self.worked(run, how))

    @rule(pick=picks)
    def a_worker_claims_what_is_due(self, pick: int) -> None:
        due = self.wait(self.stores.runs.due(self.now, 50))
        if due:
            ref = due[pick % len(due)]
            place = ref.practice_id, ref.session_id
            runs = self.wait(self.stores.runs.of_session(*place))
            (run,) = [each for each in runs if each.id == ref.run_id]
            assert claimable(run, self.now)
            self.save(place, self.worked(run, "claim"))

    def worked(self, run: Run, how: str) -> Run:
        match how:
            case "claim":
                return claimed(run, lease=self.name(), now=self.now, hold=HOLD, within=MINUTE)
            case "beat":
                return beaten(run, now=self.now, hold=HOLD, stage="listening", progress=0.5)
            case "finish":
                return done(run)
            case "fail":
                return failed(run, error_class=ErrorClass.TRANSIENT, code="engine", now=self.now)
            case _:
                return put_back(run, now=self.now)

    def save(self, place: tuple[str, str], run: Run) -> None:
        stored = self.runs[place][run.id]
        self.touched.add(place)
        try:
            saved = self.wait(self.stores.runs.save(place[0], run))
        except LeaseLost:
            assert run.version != stored.version
            return
        assert run.version == stored.version
        assert saved == replace(run, version=run.version + 1)
        self.saved(place, saved)

    def saved(self, place: tuple[str, str], run: Run) -> None:
        self.runs[place][run.id] = run
        self.read_runs.append((place, run))

    # --- what the relay does -----------------------------------------------------------------

    @rule(place=places, pick=picks)
    def an_item_is_delivered(self, place: tuple[str, str], pick: int) -> None:
        self.touched.add(place)
        if items := list(self.outbox[place]):
            item_id = items[pick % len(items)]
            self.wait(self.stores.outbox.done(*place, item_id))
            del self.outbox[place][item_id]

    @rule(place=places, pick=picks, pause=pauses, gone=st.booleans())
    def an_item_is_put_off(
        self, place: tuple[str, str], pick: int, pause: timedelta, gone: bool
    ) -> None:
        self.touched.add(place)
        items = list(self.outbox[place].values())
        item = self.new_item(place) if gone or not items else items[pick % len(items)]
        later = replace(item, attempts=item.attempts + 1, due_at=self.now + pause)
        self.wait(self.stores.outbox.update(place[0], later))
        if item.id in self.outbox[place]:
            self.outbox[place][item.id] = later

    # --- what everybody sees -----------------------------------------------------------------

    @invariant()
    def the_stores_hold_what_the_model_holds(self) -> None:
        """Where something was done since the last look; everywhere at the end."""
        while self.touched:
            place = self.touched.pop()
            assert self.loaded(place) == self.sessions.get(place)
            runs = sorted(self.runs[place].values(), key=lambda run: (run.created_at, run.id))
            assert self.wait(self.stores.runs.of_session(*place)) == tuple(runs)
            pending = self.wait(self.stores.outbox.pending(*place))
            assert pending == tuple(self.outbox[place].values())
            for number in (1, 2, 3):
                assert self.said(place, number) == self.transcripts[place].get(number)

    @invariant()
    def what_is_due_is_found_longest_due_first(self) -> None:
        due = {
            RunRef(*place, run.id): run.due_at
            for place in PLACES
            for run in self.runs[place].values()
            if claimable(run, self.now)
        }
        refs = self.wait(self.stores.runs.due(self.now, 1_000))
        assert set(refs) == set(due)
        assert len(refs) == len(due)
        assert [due[ref] for ref in refs] == sorted(due.values())
        overdue = {
            SessionRef(*place)
            for place in PLACES
            if any(item.due_at <= self.now for item in self.outbox[place].values())
        }
        found = self.wait(self.stores.outbox.overdue(self.now, 1_000))
        assert set(found) == overdue
        assert len(found) == len(overdue)

    def loaded(self, place: tuple[str, str]) -> Session | None:
        try:
            return self.wait(self.stores.sessions.load(*place))
        except NotFound:
            return None

    def said(self, place: tuple[str, str], number: int) -> TranscriptVersion | None:
        try:
            return self.wait(self.stores.sessions.transcript(*place, number))
        except NotFound:
            return None

    def name(self) -> str:
        self.made += 1
        return f"made {self.made}"

    def new_run(self, place: tuple[str, str]) -> Run:
        created_at = self.now + (self.made % 3) * SECOND
        changes: dict[str, Any] = {"created_at": created_at, "due_at": self.now}
        return a_run(id=self.name(), practice_id=place[0], session_id=place[1], **changes)

    def new_item(self, place: tuple[str, str]) -> OutboxItem:
        due_at = self.now + (self.made % 4) * HOLD
        return an_item(self.name(), practice_id=place[0], session_id=place[1], due_at=due_at)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_the_stores_do_what_a_model_of_dicts_does(
    family: str, request: pytest.FixtureRequest
) -> None:
    given = {"family": family, "get": staticmethod(request.getfixturevalue)}
    machine = type("Machine", (StoreMachine,), given)
    run_state_machine_as_test(
        machine, settings=settings(max_examples=15, stateful_step_count=30, deadline=None)
    )
