"""Even times: a 404 comes at a multiple of some milliseconds after its request, whatever was read for it.

To see that a session is someone else's it has to be read, and it may be a megabyte; one that never was is
found missing at once. Both wait for the same moment, so that the time does not tell which it was. So does a
400: it may mean that `before` names no session of the caller's.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from http import HTTPStatus

from litestar.types import Message, Scope

from therapy.domain.access import Actor
from therapy.entrypoints.http.request_log import began_at

ABSENT = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST})


def evenly_timed(step: timedelta) -> Callable[[Message, Scope], Awaitable[None]]:
    """Return what holds such an answer to a signed-in caller back until its moment; a step of 0: never."""
    seconds = step.total_seconds()

    async def wait(message: Message, scope: Scope) -> None:
        if message["type"] != "http.response.start" or message["status"] not in ABSENT:
            return
        if seconds and isinstance(scope.get("user"), Actor):
            taken = time.monotonic() - began_at(scope)
            await asyncio.sleep(seconds - taken % seconds)

    return wait
