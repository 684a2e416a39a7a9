"""The store under random steps, beside a model that is a dict: it adds to the examples, replaces none.

Clients commit one by one and at once, with versions right and wrong; items become due and expire as the
clock moves on; answers are lost where the fixture `losing` says how. `STORE_STEPS=5000 pytest -s` on this
file takes that many steps on each store and says so.
"""

import asyncio
import itertools
import os
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Any, ClassVar, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from msgspec import Struct
from msgspec.structs import replace as copied

from therapy.domain.errors import Unavailable
from therapy.ports.store import Check, Create, Delete, Item, Put, Replace, Store, Write
from therapy.testing.clock import Clock
from therapy.testing.samples import NOW, SECOND
from therapy.testing.store.items import Losing, refused_place
from therapy.testing.store.model import UNKNOWN, UNREAD, Items, Sent, live, outcomes, same

T = TypeVar("T")

STEPS = int(os.environ.get("STORE_STEPS", "0"))
"""To take on each store; 0 = a few hundred."""

SHRINKING = 300
"""Seconds for which Hypothesis looks for fewer steps that fail, once some have."""

IDS = ("a", "a-1", "a|", "b", "b~")
QUEUES = ("work", "mail", "of-later")


class Intent(Struct, frozen=True):
    """A write before it is known which version its writer has read; `right`: the last one."""

    what: type[Write]
    id: str
    right: bool
    any_version: bool
    queue: str
    due_in: timedelta
    expires_in: timedelta | None


def seconds(least: int, most: int) -> st.SearchStrategy[timedelta]:
    return st.integers(least, most).map(lambda number: number * SECOND)


intents = st.builds(
    Intent,
    st.sampled_from(
        [Put, Create, Create, Create, Replace, Replace, Replace, Check, Delete, Delete]
    ),
    st.sampled_from(IDS),
    right=st.sampled_from([True, True, True, False]),
    any_version=st.booleans(),
    queue=st.sampled_from(["", *QUEUES]),
    due_in=seconds(-2, 3),
    expires_in=st.none() | seconds(0, 4),
)
commits = st.lists(intents, min_size=1, max_size=4, unique_by=lambda intent: intent.id)
places = st.sampled_from(["p", "q"])


class StoreMachine(RuleBasedStateMachine):
    """One store for all examples; each has partitions and queues of its own and leaves nothing behind."""

    store: ClassVar[Store]
    clock: ClassVar[Clock]
    losing: ClassVar[Callable[[], AbstractContextManager[object]]]
    loop: ClassVar[asyncio.AbstractEventLoop]
    examples: ClassVar[Iterator[int]]
    steps: ClassVar[int]

    def __init__(self) -> None:
        super().__init__()
        self.example = f"{next(self.examples):06}"
        self.clock.now = NOW
        self.items: dict[str, Items] = {self.named("p"): {}, self.named("q"): {}}
        self.read: dict[tuple[str, str], set[int]] = defaultdict(set)
        self.bodies = itertools.count()
        self.taken = -1  # the invariant is looked at once before the first step

    @invariant()
    def a_step_is_taken(self) -> None:
        self.taken += 1

    def teardown(self) -> None:
        type(self).steps += self.taken
        for partition in self.items:
            self.wait(self.store.commit(partition, [Delete(id=each) for each in IDS]))

    def named(self, name: str) -> str:
        return f"{self.example}.{name}"

    def wait(self, what: Coroutine[None, None, T]) -> T:
        """Wait in this thread for what the loop of the test does."""
        return asyncio.run_coroutine_threadsafe(what, self.loop).result()

    # --- what clients do ---------------------------------------------------------------------

    @rule(span=seconds(0, 2))
    def time_passes(self, span: timedelta) -> None:
        self.clock.now += span

    @rule(place=places, intents=commits)
    def a_client_commits(self, place: str, intents: list[Intent]) -> None:
        self.commit(self.named(place), intents)

    @rule(place=places, many=st.lists(commits, min_size=2, max_size=4))
    def clients_commit_at_once(self, place: str, many: list[list[Intent]]) -> None:
        self.commit(self.named(place), *many)

    @rule(place=places, intents=commits)
    def a_client_commits_and_the_answer_is_lost(self, place: str, intents: list[Intent]) -> None:
        losing = type(self).losing
        with losing():
            self.commit(self.named(place), intents, lost=losing is not nullcontext)

    @rule(limit=st.integers(0, 3))
    def what_has_expired_is_purged(self, limit: int) -> None:
        purged = self.wait(self.store.purge(limit))
        there = [live(items, self.clock.now) for items in self.items.values()]
        absent = sum(len(IDS) - len(items) for items in there)
        assert 0 <= purged <= min(limit, absent)
        assert [self.found(partition) for partition in self.items] == there

    def commit(self, partition: str, *many: list[Intent], lost: bool = False) -> None:
        """Commit all at once; their answers and what is there must be those of some order.

        Only if an answer was `lost` may the store say that it does not know what became of a commit.
        """
        sent = [[self.write(partition, intent) for intent in intents] for intents in many]
        answers = self.wait(self.answers(partition, sent, lost=lost))
        found, now = self.found(partition), self.clock.now
        possible = outcomes(self.items[partition], partition, list(map(Sent, sent, answers)), now)
        matching = (items for items in (live(each, now) for each in possible) if same(items, found))
        items = next(matching, None)
        assert items is not None, (sent, answers, found)
        for each, item in found.items():
            read = self.read[partition, each]
            assert items[each].version != UNREAD or item.version not in read
            read.add(item.version)
        self.items[partition] = found

    async def answers(
        self, partition: str, sent: list[list[Write]], *, lost: bool
    ) -> list[int | None]:
        asked = (refused_place(self.store, writes, partition) for writes in sent)
        try:
            return await asyncio.gather(*asked)
        except Unavailable:
            if lost:
                return [UNKNOWN]
            raise

    def write(self, partition: str, intent: Intent) -> Write:
        version = self.version(partition, intent)
        if intent.what is Check:
            return Check(id=intent.id, version=version)
        if intent.what is Delete:
            return Delete(id=intent.id, version=None if intent.any_version else version)
        expires = intent.expires_in
        fields: dict[str, Any] = {
            "id": intent.id,
            "kind": "note",
            "body": b"%d" % next(self.bodies),
            "queue": self.named(intent.queue) if intent.queue else "",
            "due_at": self.clock.now + intent.due_in if intent.queue else None,
            "expires_at": None if expires is None else self.clock.now + expires,
        }
        return (
            Replace(version=version, **fields) if intent.what is Replace else intent.what(**fields)
        )

    def version(self, partition: str, intent: Intent) -> int:
        """Return the version there is, 1 if there is none, or one that was read before."""
        item = self.items[partition].get(intent.id)
        last = item.version if item else 1
        others = self.read[partition, intent.id] - {last}
        return last if intent.right else max(others, default=last + 1)

    # --- what everybody sees -----------------------------------------------------------------

    def found(self, partition: str) -> Items:
        """Return what is listed, which must be what is there when asked for by id."""
        items = {item.id: item for item in self.wait(self.store.list(partition))}
        assert list(items) == sorted(items)
        assert self.wait(self.get(partition)) == items
        return items

    async def get(self, partition: str) -> Items:
        return dict(await self.store.get(partition, *IDS))

    @rule(
        place=places,
        prefix=st.sampled_from(["", "a", "a-", "b", "b~", "~"]),
        after=st.sampled_from(["", *IDS, "a-0"]),
        backwards=st.booleans(),
        limit=st.sampled_from([1, 2, 100]),
        bodies=st.booleans(),
    )
    def somebody_lists(
        self, *, place: str, prefix: str, after: str, backwards: bool, limit: int, bodies: bool
    ) -> None:
        partition = self.named(place)
        how: dict[str, Any] = {
            "after": after,
            "backwards": backwards,
            "limit": limit,
            "bodies": bodies,
        }
        listed = self.wait(self.store.list(partition, prefix, **how))
        wanted = [
            item if bodies else copied(item, body=b"")
            for item in live(self.items[partition], self.clock.now).values()
            if item.id.startswith(prefix)
            and (not after or (item.id < after if backwards else item.id > after))
        ]
        assert list(listed) == (wanted[::-1] if backwards else wanted)[:limit]

    @rule(queues=st.sets(st.sampled_from(QUEUES)), limit=st.integers(1, 4), ahead=seconds(-3, 3))
    def somebody_asks_what_is_due(self, queues: set[str], limit: int, ahead: timedelta) -> None:
        names, moment = {self.named(queue) for queue in queues}, self.clock.now + ahead
        found: list[Item] = []
        while page := self.wait(self.store.due(names, moment, limit, found[-1] if found else None)):
            assert len(page) <= limit
            assert not any(item in found for item in page)
            found += page
        there = [live(items, self.clock.now).values() for items in self.items.values()]
        due = [
            (item.due_at, item.partition, item.id, item)
            for item in itertools.chain(*there)
            if item.queue in names and item.due_at and item.due_at <= moment
        ]
        assert found == [item for *_, item in sorted(due, key=lambda each: each[:3])]


def take_steps(machine: type[StoreMachine], least: int) -> None:
    """Run examples of 50 steps until there are at least so many; a few hundred anyway."""
    options = settings(
        max_examples=max(12, min(least // 50, 100)),
        stateful_step_count=50,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow],
    )
    run_state_machine_as_test(machine, settings=options)
    while machine.steps < least:
        run_state_machine_as_test(machine, settings=options)


async def test_random_steps_do_what_they_do_to_a_dict(
    store: Store, clock: Clock, losing: Losing | None
) -> None:
    """In a thread, because Hypothesis waits for each step and the store needs the loop meanwhile."""
    lose = staticmethod(losing or nullcontext)
    given = {"store": store, "clock": clock, "losing": lose, "steps": 0}
    given |= {"loop": asyncio.get_running_loop(), "examples": itertools.count()}
    machine: type[StoreMachine] = type("Machine", (StoreMachine,), given)
    await asyncio.to_thread(take_steps, machine, STEPS)
    print(f"{machine.steps} steps on {type(store).__name__}")
