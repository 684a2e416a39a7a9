"""The way to handle a lost race: read again, decide again, write again.

For a whole decision. Two count their lost races themselves: a new session, whose upload may have been lost to
someone else meanwhile, which is no race to run again; and the attempt limits of the store, since repositories
know no workflows.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from therapy.domain.errors import Stale, TherapyError

T = TypeVar("T")

MOST_RACES = 50
"""After how many lost races a change is given up: more would be a bug, not bad luck."""


async def retry_stale(
    attempt: Callable[[], Awaitable[T]], *errors: type[TherapyError], most: int = MOST_RACES
) -> T:
    """Return what `attempt` returns; it is called again whenever someone else wrote first.

    `attempt` must read everything again each time. Besides Stale, `errors` count as lost races.

    Raises:
        Stale: `most` races were lost (or one of `errors`, if that came last).
    """
    for _ in range(most - 1):
        try:
            return await attempt()
        except TherapyError as exc:
            if not isinstance(exc, (Stale, *errors)):
                raise
    return await attempt()
