"""A process whose awaited port calls are numbered and which is cut at one: it dies, or the store fails.

From its death on every call fails, as it would if the process were gone; the stores keep what they had.
"""

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from enum import Enum
from typing import Any

from tests.workflows.memory_installation import MemoryInstallation
from therapy.adapters.memory.doorbell import MemoryDoorbell
from therapy.domain.errors import Unavailable

PORTS = (
    *("store", "session_index", "people_index", "recordings"),
    *("doorbell", "push", "mail", "passwords"),
)
ENGINES = ("audio", "speech", "sentiment", "insights")
STREAMS = {"decode", "transcribe"}


class Crash(BaseException):
    """The process is gone."""


class Cut(Enum):
    """What happens at a call: the process dies, or the store can't be reached, before or after it does it."""

    DIES_BEFORE = "dies before"
    DIES_AFTER = "dies after"
    DIES_AT_FILE = "dies before an operation on a file, within"
    FAILS = "fails"
    ANSWER_LOST = "does it, and the answer is lost"

    @property
    def comes_after(self) -> bool:
        return self in {Cut.DIES_AFTER, Cut.ANSWER_LOST}

    @property
    def is_death(self) -> bool:
        return self not in {Cut.FAILS, Cut.ANSWER_LOST}


def crash() -> None:
    """Die as far as a test in one process can."""
    raise Crash


class Process:
    """Numbers every port call and is cut at one of them; `die` ends it, `note` is told of each call."""

    def __init__(
        self,
        cut_at: int = -1,
        cut: Cut = Cut.DIES_BEFORE,
        *,
        die: Callable[[], None] = crash,
        note: Callable[[str], None] = lambda name: None,
    ) -> None:
        self.cut_at, self.cut = cut_at, cut
        self.calls: list[str] = []
        self.dead = self.was_cut = False
        self._die, self._note = die, note

    def running(self, installed: MemoryInstallation) -> MemoryInstallation:
        """Return the installation as this process has it, every awaited port watched."""
        ports = installed.ports
        watching = {name: watched(self, name, getattr(ports, name)) for name in PORTS}
        engines = {name: watched(self, name, getattr(ports.engines, name)) for name in ENGINES}
        return installed.with_ports(**watching, **engines)

    async def step(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        if self.dead:
            raise Crash
        self.calls.append(name)
        self._note(name)
        mine = len(self.calls) - 1 == self.cut_at
        if mine and not self.cut.comes_after:
            self._strike()
        try:
            return await call()
        finally:
            if mine and self.cut.comes_after:
                self._strike()

    def _strike(self) -> None:
        self.was_cut, self.dead = True, self.cut.is_death
        if self.dead:
            self._die()
        raise Unavailable(reason="cut")


def watched(process: Process, name: str, port: Any) -> Any:
    """Return a port whose calls, and whose streams' items, are steps of a process.

    It has the methods of the port and no others, so that what an adapter can do besides is seen.
    """
    return _watching(type(port), name)(process, port)


@functools.cache
def _watching(kind: type, name: str) -> type:
    """Return the class that watches ports of a class; to make one takes as long as many of their calls."""
    methods = {
        method: _as_steps(f"{name}.{method}", method, getattr(kind, method))
        for method in dir(kind)
        if not method.startswith("_") and _is_awaited(method, getattr(kind, method))
    }
    return type("Watched", (_PassedOn,), methods)


class _PassedOn:
    """Whatever is not awaited."""

    def __init__(self, process: Process, port: Any) -> None:
        self._process, self._port = process, port

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)


def _is_awaited(name: str, method: Any) -> bool:
    return name in STREAMS or any(
        ask(method) for ask in (inspect.iscoroutinefunction, inspect.isasyncgenfunction)
    )


def _as_steps(name: str, method: str, function: Any) -> Any:
    async def stream(self: _PassedOn, *given: Any, **named: Any) -> AsyncIterator[Any]:
        items, step = getattr(self._port, method)(*given, **named), f"{name} begins"
        while True:
            try:
                yield await self._process.step(step, items.__anext__)
            except StopAsyncIteration:
                return
            step = name

    async def call(self: _PassedOn, *given: Any, **named: Any) -> Any:
        real = getattr(self._port, method)
        written = f"{name}{_written(given)}"
        return await self._process.step(written, lambda: real(*given, **named))

    return stream if method in STREAMS or inspect.isasyncgenfunction(function) else call


def _written(given: Sequence[Any]) -> str:
    """Return which kinds of items a call of the store writes."""
    writes = given[1] if len(given) == 2 and isinstance(given[1], (list, tuple)) else ()
    kinds = sorted({str(each.kind) for each in writes if hasattr(each, "kind")})
    return "".join(f" {kind}" for kind in kinds)


class Lifetime:
    """Steps of somebody who asks again after the restart for what they got no answer for."""

    def __init__(self, installed: MemoryInstallation, process: Process) -> None:
        self.installed, self.process, self.deaths = installed, process, 0

    async def until_done(self, step: Callable[[MemoryInstallation], Awaitable[Any]]) -> Any:
        while True:
            try:
                return await step(self.process.running(self.installed))
            except Crash:
                self.deaths += 1
                assert self.deaths == 1
                self.process = Process()
                self.installed = self.installed.with_ports(doorbell=MemoryDoorbell())
                self.installed.clock.advance(minutes=2)  # leases and claims have run out


async def at_every_call(life: Callable[[Process], Awaitable[None]], cut: Cut) -> None:
    """Live once without a cut to number the calls, then once with a cut at each of them."""
    alive = Process()
    await life(alive)
    for number, name in enumerate(alive.calls):
        process = Process(number, cut)
        try:
            await life(process)
        except Exception as exc:
            exc.add_note(f"{cut.value} call {number}, {name}")
            raise
        assert process.was_cut, f"call {number}, {name}, was never reached"
