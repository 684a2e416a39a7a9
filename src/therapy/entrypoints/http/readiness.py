"""Readiness: whether what the installation depends on can be reached, however many want to know."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from datetime import timedelta

from msgspec import Struct

from therapy.domain.errors import StorageFull, TryAgain
from therapy.entrypoints.http.shared_answer import SharedAnswer
from therapy.wiring import WORKED_WITHOUT, Check

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 3.0
"""How long one dependency has to answer."""


class Finding(Struct, frozen=True):
    """What came of asking one dependency: how many milliseconds it took, None if it is away.

    `full`: what it has can be read, but it takes nothing more.
    """

    took_ms: float | None
    full: bool = False


class Findings(Struct, frozen=True):
    """What came of asking every dependency, by name."""

    by_name: dict[str, Finding]

    @property
    def away(self) -> list[str]:
        """The dependencies that are needed and away."""
        return [
            name
            for name, each in self.by_name.items()
            if each.took_ms is None and name not in WORKED_WITHOUT
        ]

    @property
    def full(self) -> list[str]:
        """The dependencies that take nothing more."""
        return [name for name, each in self.by_name.items() if each.full]


class Readiness:
    """Asks the dependencies when someone wants to know, at most once in `every`. `clock` gives seconds."""

    def __init__(
        self,
        checks: Mapping[str, Check],
        every: timedelta,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._checks = checks
        self._shared = SharedAnswer(self._ask, every, clock)

    async def findings(self) -> Findings:
        """Return what was found, at most `every` ago."""
        return await self._shared.get()

    async def _ask(self) -> Findings:
        found = await asyncio.gather(*(_finding(*each) for each in self._checks.items()))
        return Findings(dict(zip(self._checks, found, strict=True)))


async def _finding(name: str, check: Check) -> Finding:
    began, full = time.monotonic(), False
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await check()
    except StorageFull:
        full = True
    except (TimeoutError, TryAgain) as exc:
        reason = exc.details.get("reason", exc.code) if isinstance(exc, TryAgain) else "timeout"
        log.warning("a dependency can't be reached", extra={"dependency": name, "reason": reason})
        return Finding(None)
    return Finding(round((time.monotonic() - began) * 1000, 1), full)
