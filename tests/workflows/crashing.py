"""A process that dies before or after any one of its port calls, and the restart that follows it.

The wrapper numbers the calls. From the crash on every call fails, as it would if the process were gone;
the stores keep what they had.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from tests.workflows.memory_installation import MemoryInstallation
from therapy.adapters.memory.doorbell import MemoryDoorbell

PORTS = (
    *("store", "session_index", "people_index", "recordings"),
    *("doorbell", "push", "mail", "passwords"),
)
ENGINES = ("audio", "speech", "sentiment", "insights")


class Crash(BaseException):
    """The process is gone."""


class Process:
    """Numbers every port call and dies at one of them, before or after it has done what it does."""

    def __init__(self, dies_at: int = -1, *, after: bool = False) -> None:
        self.dies_at, self.after = dies_at, after
        self.calls: list[str] = []
        self.dead = False

    def running(self, installed: MemoryInstallation) -> MemoryInstallation:
        """Return the installation as this process has it, every awaited port watched."""
        ports = installed.ports
        watched = {name: Watched(self, name, getattr(ports, name)) for name in PORTS}
        engines = {name: Watched(self, name, getattr(ports.engines, name)) for name in ENGINES}
        return installed.with_ports(**watched, **engines)

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
        if not callable(real):
            return real
        if method in {"decode", "transcribe"}:
            return lambda *given, **named: self._stream(name, real(*given, **named))
        return lambda *given, **named: self._process.step(name, lambda: real(*given, **named))

    async def _stream(self, name: str, items: AsyncIterator[Any]) -> AsyncIterator[Any]:
        while True:
            try:
                yield await self._process.step(name, items.__anext__)
            except StopAsyncIteration:
                return


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


async def at_every_call(life: Callable[[Process], Awaitable[None]], *, after: bool) -> None:
    """Live once without a crash to number the calls, then once with a crash at each of them."""
    alive = Process()
    await life(alive)
    for number, name in enumerate(alive.calls):
        process = Process(number, after=after)
        try:
            await life(process)
        except Exception as exc:
            exc.add_note(f"after a crash {'after' if after else 'before'} call {number}, {name}")
            raise
        assert process.dead, f"call {number}, {name}, was never reached"
