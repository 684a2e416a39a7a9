"""The one way to deal with a lost race: read again, decide again, write again."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from therapy.domain.errors import Stale, TherapyError

T = TypeVar("T")

MOST_RACES = 50
"""How often a change may lose a race before it is given up: more is a fault, not bad luck."""


async def retry_stale(
    attempt: Callable[[], Awaitable[T]], *errors: type[TherapyError], most: int = MOST_RACES
) -> T:
    """Return what `attempt` returns; it is called again where somebody else wrote first.

    `attempt` must read everything anew. `errors` count as lost races besides Stale.

    Raises:
        Stale: `most` races were lost, or one of `errors`, whichever the last one was.
    """
    for _ in range(most - 1):
        try:
            return await attempt()
        except TherapyError as exc:
            if not isinstance(exc, (Stale, *errors)):
                raise
    return await attempt()
