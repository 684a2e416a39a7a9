"""The worker's answers to rings: many are one look at what is due, and a busy worker keeps none to itself."""

import asyncio
from collections import Counter
from datetime import timedelta

from tests.builders import PRACTICE, a_wav
from tests.workflows.interrupted_ports import InterruptedStore
from tests.workflows.memory_installation import an_installation, upload
from tests.workflows.playing import PlayingDecoder, sound
from tests.workflows.test_worker_insights import PATIENCE, HeldSpeech, all_done, one_place, until
from therapy.adapters.memory.doorbell import MemoryDoorbell
from therapy.adapters.memory.store import MemoryStore
from therapy.domain.errors import Unavailable
from therapy.domain.run import RunKind
from therapy.ports.store import MOST_PARTITIONS, Put
from therapy.repositories.sessions import session_partition
from therapy.testing.clock import Clock

NO_SWEEP = timedelta(hours=1)
BURST = 500
FILES = 12


class CountingStore(InterruptedStore):
    """Counts what it is asked."""

    def __init__(self) -> None:
        super().__init__(MemoryStore(Clock()))
        self.looks = 0
        self.read: Counter[str] = Counter()

    async def due(self, *arguments):
        self.looks += 1
        return await super().due(*arguments)

    async def list(self, partition, *arguments, **more):
        self.read[partition] += 1
        return await super().list(partition, *arguments, **more)


async def test_a_burst_of_rings_is_a_few_looks_at_what_is_due_and_one_into_each_session():
    store = CountingStore()
    installed = await an_installation(store=store)
    doorbell = installed.ports.doorbell
    sessions = {f"session-{number}" for number in range(BURST)}

    async def all_are_read() -> bool:
        return {each.rpartition("|")[2] for each in store.read} >= sessions

    async with one_place(installed, NO_SWEEP):
        await asyncio.sleep(0.1)
        store.looks = 0
        for _ in range(2):
            for session_id in sessions:
                await doorbell.ring(PRACTICE, session_id)
        await until(all_are_read)
        await asyncio.sleep(0.1)
    assert store.looks <= 5, store.looks
    assert set(store.read.values()) == {1}


async def test_rings_about_files_for_players_that_wait_are_no_looks_at_what_else_is_due():
    """Every sweep rings for all of them: looks after each ring were so many reads, times their number."""
    store, decoder = CountingStore(), PlayingDecoder()
    installed = await an_installation(store=store, audio=decoder)
    decoder.released.clear()
    async with one_place(installed, NO_SWEEP):
        ids = [
            (await upload(installed.intake, a_wav(sound(0.1, seed)))).session_id
            for seed in range(FILES)
        ]

        async def all_else_is_done() -> bool:
            runs = [await installed.runs(each) for each in ids]
            left = [run for each in runs for run in each if not run.over]
            return {run.kind for run in left} == {RunKind.PLAYBACK} and decoder.asked.is_set()

        async def all_are_read() -> bool:
            return sum(store.read[session_partition(PRACTICE, each)] for each in ids) >= FILES

        await until(all_else_is_done)
        await asyncio.sleep(0.1)
        store.looks = 0
        store.read.clear()
        for session_id in ids:
            await installed.ports.doorbell.ring(PRACTICE, session_id)
        await until(all_are_read)
        await asyncio.sleep(0.1)
        assert store.looks < FILES / 2, store.looks
        decoder.released.set()


class ListingStore(CountingStore):
    """Lists many partitions at once, and counts how often; unless it is `damaged`."""

    def __init__(self, *, damaged: bool = False) -> None:
        super().__init__()
        self.damaged, self.many = damaged, 0

    async def list_many(self, partitions, prefix):
        self.many += 1
        if self.damaged:
            raise Unavailable(reason="damaged")
        return await self.store.list_many(partitions, prefix)


async def test_a_burst_of_rings_is_a_read_for_each_hundred_sessions_and_one_of_each_with_work():
    store = ListingStore()
    installed = await an_installation(store=store)
    quiet = installed.with_ports(doorbell=MemoryDoorbell())  # whose rings are lost
    doorbell = installed.ports.doorbell

    async def all_are_read() -> bool:
        return store.many >= BURST / MOST_PARTITIONS

    async with one_place(installed, NO_SWEEP):
        await asyncio.sleep(0.1)
        with_work = (await upload(quiet.intake, a_wav(bytes(8_000)))).session_id
        for session_id in (*(f"session-{number}" for number in range(BURST)), with_work):
            await doorbell.ring(PRACTICE, session_id)
        await all_done(installed, with_work)
        await until(all_are_read)
    assert store.many <= 2 * (BURST / MOST_PARTITIONS)
    assert not [each for each in store.read if each.rpartition("|")[2].startswith("session-")]


async def test_rings_are_looked_into_one_by_one_where_one_of_their_sessions_is_damaged():
    store = ListingStore(damaged=True)
    installed = await an_installation(store=store)
    sessions = {f"session-{number}" for number in range(20)}

    async def all_are_read() -> bool:
        return {each.rpartition("|")[2] for each in store.read} >= sessions

    async with one_place(installed, NO_SWEEP):
        await asyncio.sleep(0.1)
        for session_id in sessions:
            await installed.ports.doorbell.ring(PRACTICE, session_id)
        await until(all_are_read)
    assert store.many


class HeldStore(InterruptedStore):
    """Answers nothing about what is due once it is `held`."""

    held = False

    async def due(self, *arguments):
        if self.held:
            await asyncio.Event().wait()
        return await super().due(*arguments)


async def test_an_idle_worker_begins_what_a_ring_is_about_before_it_has_looked_for_anything_else():
    store, speech = HeldStore(MemoryStore(Clock())), HeldSpeech()
    installed = await an_installation(store=store, speech=speech)
    quiet = installed.with_ports(doorbell=MemoryDoorbell())  # whose rings are lost
    speech.held = True
    async with one_place(installed, NO_SWEEP):
        await asyncio.sleep(0.1)
        second = (await upload(quiet.intake, a_wav(bytes(8_000)))).session_id
        store.held = True
        await installed.ports.doorbell.ring(PRACTICE, second)
        async with asyncio.timeout(PATIENCE):
            await speech.asked.wait()


class AskedStore(InterruptedStore):
    """Notes what it is asked, in order: for what is due, or what a partition holds."""

    def __init__(self) -> None:
        super().__init__(MemoryStore(Clock()))
        self.asked: list[str] = []

    async def due(self, *arguments):
        self.asked.append("due")
        return await super().due(*arguments)

    async def list(self, partition, *arguments, **more):
        self.asked.append(partition.rpartition("|")[2])
        return await super().list(partition, *arguments, **more)


async def test_an_idle_worker_asks_about_a_rings_session_before_it_asks_what_else_is_due():
    store = AskedStore()
    installed = await an_installation(store=store)

    async def is_looked_for() -> bool:
        return "due" in store.asked

    async with one_place(installed, NO_SWEEP):
        await asyncio.sleep(0.1)
        store.asked.clear()
        await installed.ports.doorbell.ring(PRACTICE, "session-1")
        await until(is_looked_for)
    assert store.asked[:2] == ["session-1", "due"]


async def test_a_worker_that_has_not_looked_yet_begins_in_order_whatever_a_ring_is_about():
    speech, doorbell = HeldSpeech(), MemoryDoorbell()
    installed = await an_installation(speech=speech, doorbell=doorbell)
    quiet = installed.with_ports(doorbell=MemoryDoorbell())
    speech.held = True
    first, second = [
        (await upload(quiet.intake, a_wav(bytes([number, 0]) * 4_000))).session_id
        for number in (1, 2)
    ]
    await doorbell.ring(PRACTICE, second)
    async with one_place(installed, NO_SWEEP):
        async with asyncio.timeout(PATIENCE):
            await speech.asked.wait()
        assert [(await installed.run(each)).claims for each in (first, second)] == [1, 0]


async def test_what_waits_while_a_worker_is_busy_is_begun_by_another_although_the_first_got_every_ring():
    speech, doorbell = HeldSpeech(), MemoryDoorbell()
    installed = await an_installation(speech=speech, doorbell=doorbell)
    speech.held = True
    asked = 0

    class Counted:
        def set(self) -> None:
            nonlocal asked
            asked += 1

    speech.asked = Counted()
    sounds = [a_wav(bytes([number, 0]) * 4_000) for number in (1, 2, 3)]
    quiet = installed.with_ports(doorbell=MemoryDoorbell())  # whose rings are lost

    async def are_begun() -> bool:
        return asked == 3

    async with (
        one_place(installed, NO_SWEEP),
        one_place(installed, NO_SWEEP),
        one_place(installed, NO_SWEEP),
    ):
        await asyncio.sleep(0.1)
        ids = [(await upload(quiet.intake, sound)).session_id for sound in sounds]
        for session_id in ids:
            await doorbell.ring(PRACTICE, session_id)
        await until(are_begun)
        speech.released.set()
        for session_id in ids:
            await all_done(installed, session_id)


async def test_a_session_that_cannot_be_worked_on_is_left_to_the_next_sweep():
    store = InterruptedStore(MemoryStore(Clock()))
    installed = await an_installation(store=store)
    await upload(installed.intake, a_wav(bytes(8_000)))
    tries = 0

    async def full(_partition, writes):
        nonlocal tries
        tries += any(each.kind == "run" for each in writes if isinstance(each, Put))
        raise Unavailable(dependency="store")

    store.before_commit = full
    async with one_place(installed, NO_SWEEP):
        await asyncio.sleep(0.5)
    assert 1 <= tries <= 3  # what waited at the start, and what the first sweep rang for


class BrokenDoorbell(MemoryDoorbell):
    """Has a bug, as a plugin may."""

    async def ring(self, practice_id: str, session_id: str) -> None:
        raise RuntimeError("a bug")


async def test_a_doorbell_that_has_a_bug_does_not_end_the_work():
    speech, quiet = HeldSpeech(), MemoryDoorbell()
    installed = await an_installation(speech=speech, doorbell=quiet)
    speech.held = True
    sounds = [a_wav(bytes([number, 0]) * 4_000) for number in (1, 2)]
    ids = [(await upload(installed.intake, each)).session_id for each in sounds]
    async with (
        asyncio.timeout(10),
        one_place(installed.with_ports(doorbell=BrokenDoorbell()), NO_SWEEP),
    ):
        await speech.asked.wait()
        await asyncio.sleep(0.01)
        speech.released.set()
        for session_id in ids:
            await all_done(installed, session_id)
