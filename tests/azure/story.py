"""A story told to a Cosmos that fails: its calls one after another, each meeting the same faults anew."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from tests.contract.azure import empty_cosmos
from tests.emulators.cosmos import Cosmos as Emulator
from tests.emulators.faults import Fault
from therapy.adapters.azure.cosmos.client import Cosmos
from therapy.domain.errors import TherapyError, Unavailable

Call = Callable[[], Awaitable[Any]]

THROTTLED: dict[str, Any] = {"status": 429, "headers": {"x-ms-retry-after-ms": "3"}}
PASSING: dict[str, tuple[Fault, ...]] = {
    "throttled, reset and failed inside": (
        Fault(**THROTTLED, times=2),
        Fault(kind="reset"),
        Fault(status=500),
    ),
    "its answer lost, then behind": (Fault(kind="lost"), Fault(status=404)),
    "timed out": (Fault(status=408), Fault(status=449)),
}
"""What a call gets over by itself, by what happens."""


def passing(what: str, operations: Sequence[str]) -> list[Fault]:
    """Return faults that each of these operations meets by itself, of the kind with this name."""
    return [
        dataclasses.replace(fault, on=f"{operation} *")
        for operation in operations
        for fault in PASSING[what]
    ]


async def outcome(call: Call) -> Any:
    """Return what a call gives, or which error it raises."""
    try:
        return await call()
    except TherapyError as exc:
        return type(exc), exc.code


async def told(emulator: Emulator, story: Sequence[Call], *faults: Fault) -> list[Any]:
    """Return the outcome of each call; each meets these faults anew."""
    given = []
    for call in story:
        emulator.clear()
        emulator.add(*faults)
        given.append(await outcome(call))
    emulator.clear()
    return given


async def told_twice_where_broken(
    emulator: Emulator, story: Sequence[Call], operation: str
) -> tuple[list[Any], int]:
    """Return the outcome of each call, made again if it failed while this operation did; how many did."""
    given, failed = [], 0
    for call in story:
        emulator.add(Fault(f"{operation} *", status=503, times=None))
        first = await outcome(call)
        emulator.clear()
        if first == (Unavailable, "unavailable"):
            failed += 1
            first = await outcome(call)
        given.append(first)
    return given, failed


def undisturbed_by(emulator: Emulator, story: Callable[[Cosmos], Sequence[Call]]) -> list[Any]:
    """Return what a story gives on an empty database when nothing fails."""

    async def tell() -> list[Any]:
        async with empty_cosmos(emulator) as opened:
            return await told(emulator, story(opened))

    return asyncio.run(tell())
