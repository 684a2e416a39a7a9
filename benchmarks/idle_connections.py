"""The first ring, and the first push, over a connection that a network has forgotten without a word.

A Valkey and a fake FCM behind a line that drops, from a moment on, what comes over connections that are open.
Printed are seconds of a ring: over a new connection, over a warm one, over a forgotten one that is checked
first, and over a forgotten one that is not, as it was before. A push has no check: only probes keep
its connection from being forgotten. Exits with 1 if a checked ring is lost, or takes more than half the time
after which an unchecked one is given up.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from firebase_admin import messaging  # noqa: E402 - the path comes first

from tests.builders import PRACTICE, a_device, a_push  # noqa: E402 - the path comes first
from tests.emulators.fcm import FakeFcm  # noqa: E402 - the path comes first
from tests.emulators.line import SilentLine  # noqa: E402 - the path comes first
from tests.emulators.valkey import Valkey  # noqa: E402 - the path comes first
from therapy.adapters.firebase.push import FcmPushSender  # noqa: E402 - the path comes first
from therapy.adapters.redis import RedisBroker  # noqa: E402 - the path comes first
from therapy.adapters.taskiq import TaskiqDoorbell  # noqa: E402 - the path comes first
from therapy.domain.errors import Unavailable  # noqa: E402 - the path comes first

CHECKED, UNCHECKED = 0.05, 3_600.0
"""Seconds without traffic after which a connection is checked."""

MOST = 0.5
"""How much of the time of an unchecked ring a checked one may take."""


async def ring(broker: RedisBroker) -> tuple[float, bool]:
    """Return how many seconds a ring took, and whether it got through."""
    began = time.monotonic()
    try:
        await TaskiqDoorbell(broker).ring(PRACTICE, "session-1")
    except Unavailable:
        return time.monotonic() - began, False
    return time.monotonic() - began, True


async def rings(line: SilentLine, check_after: float) -> list[tuple[float, bool]]:
    """Return a first ring, a second one, and one after the line has forgotten the connection."""
    broker = RedisBroker("127.0.0.1", line.port, tls=False, check_after=check_after)
    try:
        made = [await ring(broker), await ring(broker)]
        line.forget()
        await asyncio.sleep(4 * CHECKED)
        return [*made, await ring(broker)]
    finally:
        await broker.shutdown()


async def push_seconds() -> float:
    """Return how long a push takes over a connection that the line has forgotten."""
    with FakeFcm() as fcm, SilentLine(fcm.port) as line:
        address = f"http://127.0.0.1:{line.port}/v1/projects/{{0}}/messages:send"
        messaging._MessagingService.FCM_URL = address  # noqa: SLF001 - there is no setting
        async with FcmPushSender.open(account_json=json.dumps(fcm.account)) as sender:
            await sender.send(PRACTICE, a_device(), a_push())
            line.forget()
            began = time.monotonic()
            await sender.send(PRACTICE, a_device(), a_push())
            return time.monotonic() - began


async def main() -> int:
    """Print the figures; return the exit code."""
    with Valkey() as valkey, SilentLine(valkey.port) as line:
        first, warm, checked = await rings(line, CHECKED)
        *_, unchecked = await rings(line, UNCHECKED)
    for name, (seconds, sent) in {
        "first": first,
        "warm": warm,
        "forgotten, checked": checked,
        "forgotten, not checked": unchecked,
    }.items():
        print(f"ring, {name}: {seconds:.3f} s, {'got through' if sent else 'lost'}")
    print(f"push, forgotten: {await push_seconds():.1f} s")
    ratio = checked[0] / unchecked[0]
    print(f"checked / not checked: {ratio:.2f}")
    return 0 if checked[1] and ratio <= MOST else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
