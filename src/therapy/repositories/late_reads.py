"""Looking again, once, for what another process may have written a moment ago and this one does not see yet.

Only for people who are signed in, about a session or their own login. What is absent and what is someone
else's are looked for in the same way, so that the time does not tell one from the other; and of one person
only some are looked for again at once, so that ids that were made up don't get much dearer.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from therapy.domain.errors import NotFound, TherapyError
from therapy.ports.store import Store, SupportsLag

MOST_AT_ONCE = 4
"""How many second looks of one person, in one process, may be under way."""

T = TypeVar("T")


class LateReads:
    """Looks twice where the store may be late; once where it never is."""

    def __init__(self, store: Store) -> None:
        self.lag = store.lag if isinstance(store, SupportsLag) else timedelta()
        """How long what another process has written may not be seen here."""
        self._under_way: Counter[str] = Counter()

    async def twice(
        self, person_id: str, look: Callable[[], Awaitable[T]], *errors: type[TherapyError]
    ) -> T:
        """Return what `look` returns; if it raises NotFound, that of a second look after the store's lag.

        Besides NotFound, `errors` may mean that something is not seen yet.

        Raises:
            NotFound: both did, or too many of this person's second looks are under way; or one of `errors`.
        """
        try:
            return await look()
        except TherapyError as exc:
            is_late = isinstance(exc, (NotFound, *errors)) and self.lag
            if not is_late or self._under_way[person_id] >= MOST_AT_ONCE:
                raise
        self._under_way[person_id] += 1
        try:
            await asyncio.sleep(self.lag.total_seconds())
            return await look()
        finally:
            self._under_way[person_id] -= 1
            if not self._under_way[person_id]:
                del self._under_way[person_id]
