"""What every emulator is: something that runs between start() and stop(), and knows its settings."""

from __future__ import annotations

import asyncio
import os
from types import TracebackType
from typing import Self


class Missing(RuntimeError):
    """Something that an emulator needs is not on this machine; says what to do."""


def require_allowed(kind: type[Running]) -> None:
    """Fail where no emulator may run: in `make unit`."""
    if os.environ.get("THERAPY_NO_EMULATORS"):
        raise RuntimeError(f"{kind.__name__} may not be started: mark the test as `emulator`")


class Running:
    """`with` and `async with` over start() and stop(); both may be called again, one after the other."""

    def start(self) -> Self:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError

    def settings(self) -> dict[str, str]:
        """The environment variables that point the production configuration here."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)
