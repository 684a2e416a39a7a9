"""A process that dies before or after any of its calls of the store and of recordings; others live on."""

from typing import Any


class Died(BaseException):
    """Raised in place of a call, and of every later one: nothing of this process is done any more."""


class Countdown:
    """Lets so many calls begin or end before the process dies; `died` says whether it has."""

    def __init__(self, left: int) -> None:
        self.left, self.died = left, False

    def step(self) -> None:
        self.left -= 1
        if self.left < 0:
            self.died = True
            raise Died


class Dying:
    """A port of that process: each awaited call counts before and after."""

    def __init__(self, port: Any, countdown: Countdown) -> None:
        self._port, self._countdown = port, countdown

    def __getattr__(self, name: str) -> Any:
        called = getattr(self._port, name)
        if not callable(called):
            return called

        async def call(*args: Any, **named: Any) -> Any:
            self._countdown.step()
            result = await called(*args, **named)
            self._countdown.step()
            return result

        return call
