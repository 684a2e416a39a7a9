"""A crash before and after every port call of a session's life, then a restart: nothing is lost or doubled.

The wrapper numbers the calls. From the crash on every call fails, as it would if the process were
gone; the stores keep what they had. After the restart the app sends again what it got no answer for.
"""

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.builders import HOUR, PRACTICE
from tests.workflows.desks import ACTOR, SOUND, Office, an_office, lines_of, upload
from therapy.adapters.memory.doorbell import MemoryDoorbell
from therapy.domain.outbox import PushKind
from therapy.domain.session import State
from therapy.workflows import review
from therapy.workflows.desk import Desk
from therapy.workflows.run_worker import work_on
from therapy.workflows.sweep import sweep

PORTS = (
    *(
        "sessions",
        "runs",
        "outbox",
        "session_index",
        "people",
        "devices",
        "uploads",
        "reservations",
    ),
    *("recordings", "audio", "speech", "sentiment", "insight", "push", "doorbell"),
)


class Crash(BaseException):
    """The process is gone."""


class Process:
    """Numbers every port call and dies at one of them, before or after it has done what it does."""

    def __init__(self, dies_at: int = -1, *, after: bool = False) -> None:
        self.dies_at, self.after = dies_at, after
        self.calls: list[str] = []
        self.dead = False

    def desk(self, desk: Desk) -> Desk:
        ports = {name: Watched(self, name, getattr(desk, name)) for name in PORTS}
        return dataclasses.replace(desk, **ports)

    async def step(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        if self.dead:
            raise Crash
        self.calls.append(name)
        mine = len(self.calls) - 1 == self.dies_at
        if mine and not self.after:
            self.dead = True
            raise Crash
        try:
            return await call()
        finally:
            if mine:
                self.dead = True
                raise Crash


class Watched:
    """A port whose calls, and whose streams' items, are steps of a process."""

    def __init__(self, process: Process, name: str, port: Any) -> None:
        self._process, self._name, self._port = process, name, port

    def __getattr__(self, method: str) -> Any:
        real, name = getattr(self._port, method), f"{self._name}.{method}"
        if method in {"decode", "transcribe"}:
            return lambda *given: self._stream(name, real(*given))
        return lambda *given, **named: self._process.step(name, lambda: real(*given, **named))

    async def _stream(self, name: str, items: AsyncIterator[Any]) -> AsyncIterator[Any]:
        while True:
            try:
                yield await self._process.step(name, items.__anext__)
            except StopAsyncIteration:
                return


async def life(office: Office, process: Process) -> None:
    """Upload, transcribe, review, close; whoever gets no answer asks again after the restart."""
    deaths = 0

    async def until_done(step: Callable[[Desk], Awaitable[Any]]) -> Any:
        nonlocal deaths, process
        while True:
            try:
                return await step(process.desk(office.desk))
            except Crash:
                deaths += 1
                assert deaths == 1
                process = Process()
                office.desk = dataclasses.replace(office.desk, doorbell=MemoryDoorbell())
                office.clock.on(minutes=2)  # leases and follow-ups have run out

    receipt = await until_done(upload)
    session_id = receipt.session_id

    async def work(desk: Desk) -> None:
        await sweep(desk=desk)
        await work_on(PRACTICE, session_id, desk=desk)

    await until_done(work)
    first = await office.version(1, session_id)
    await until_done(lambda desk: review.submit(ACTOR, session_id, lines_of(first), desk=desk))
    await until_done(work)
    office.clock.now += 3 * HOUR
    await until_done(lambda desk: sweep(desk=desk))
    await check(office, session_id)


async def check(office: Office, session_id: str) -> None:
    desk = office.desk
    session = await office.session(session_id)
    assert session.state is State.CLOSED
    assert session.scores is not None
    runs = await desk.runs.of_session(PRACTICE, session_id)
    assert sorted((run.kind.value, run.state.value) for run in runs) == [
        ("score", "done"),
        ("transcribe", "done"),
    ]
    assert session.transcript_number == 2
    key = session.recording.key
    assert await desk.recordings.read(PRACTICE, key, 0, len(SOUND) + 1) == SOUND
    assert list(desk.recordings._kept) == [(PRACTICE, key)]
    assert not desk.recordings._staged
    assert not desk.uploads._uploads
    assert await desk.outbox.pending(PRACTICE, session_id) == ()
    ready = [push for _, push in office.push.sent if push.kind is PushKind.SESSION_READY]
    assert len({push.id for push in ready}) == 1
    assert len(ready) == len(office.push.sent) <= 2  # twice only if it died before it was noted
    entry = await desk.session_index.get(PRACTICE, session_id)
    assert entry.state.value == "closed"
    assert [each.session_id for each in await desk.session_index.of_therapist(
        PRACTICE, ACTOR.person_id, {entry.state}, "", 10
    )] == [session_id]  # fmt: skip


async def test_a_life_without_a_crash_takes_its_known_calls():
    process = Process()
    await life(await an_office(), process)
    assert len(process.calls) > 60
    assert {name.partition(".")[0] for name in process.calls} == set(PORTS)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_crash_at_any_port_call_loses_and_doubles_nothing(after):
    alive = Process()
    await life(await an_office(), alive)
    for number, name in enumerate(alive.calls):
        process = Process(number, after=after)
        try:
            await life(await an_office(), process)
        except Exception as exc:
            exc.add_note(f"after a crash {'after' if after else 'before'} call {number}, {name}")
            raise
        assert process.dead, f"call {number}, {name}, was never reached"


async def test_a_crash_while_an_upload_is_refused_leaves_nothing_after_the_sweep():
    async def refused(desk: Desk) -> None:
        await upload(desk, therapist="somebody else")

    alive = Process()
    with pytest.raises(Exception, match="other_therapist"):
        await refused(alive.desk((await an_office()).desk))
    for number in range(len(alive.calls)):
        for after in (False, True):
            office, process = await an_office(), Process(number, after=after)
            with pytest.raises(Crash):
                await refused(process.desk(office.desk))
            office.clock.now += 3 * HOUR
            await sweep(desk=office.desk)
            assert not office.desk.recordings._kept
            assert not office.desk.recordings._staged
            assert not office.desk.uploads._uploads


async def test_a_crash_while_a_session_is_cancelled_still_erases_it():
    async def cancelled(office: Office, process: Process) -> None:
        receipt = await upload(office.desk)
        session_id = receipt.session_id
        await work_on(PRACTICE, session_id, desk=office.desk)
        try:
            await review.cancel(ACTOR, session_id, desk=process.desk(office.desk))
        except Crash:
            office.clock.on(minutes=2)
            if (await office.session(session_id)).state is State.AWAITING_REVIEW:
                await review.cancel(ACTOR, session_id, desk=office.desk)
            await sweep(desk=office.desk)
        session = await office.session(session_id)
        assert session.state is State.ERASED
        assert session.details.patient.name == ""
        assert not office.desk.recordings._kept
        assert not office.desk.reservations._values
        assert await office.desk.outbox.pending(PRACTICE, session_id) == ()

    alive = Process()
    await cancelled(await an_office(), alive)
    for number in range(len(alive.calls)):
        for after in (False, True):
            await cancelled(await an_office(), Process(number, after=after))
