"""How much of one kind may be under way in a process at once, in all and of one person.

What is beyond is refused, not kept waiting: whoever asks is told when to come again.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from therapy.domain.errors import TooMuchAtOnce, Unavailable


class ConcurrencyLimit:
    """Counts what is under way, by whose it is ("" = nobody's in particular).

    `busy` is the code of what is refused because of everybody, `too_many` of what is refused because of the
    same person; either says to come again after `retry_after` seconds. Without `of_one` one may have all.
    """

    def __init__(
        self,
        in_all: int,
        busy: str,
        *,
        of_one: int | None = None,
        too_many: str = "",
        retry_after: int,
    ) -> None:
        self._in_all, self._busy = in_all, busy
        self._of_one, self._too_many = of_one, too_many
        self._retry_after = retry_after
        self._under_way = Counter[str]()

    def begin(self, whose: str = "") -> None:
        """Count one more, until `end`.

        Raises:
            TooMuchAtOnce: the person has too many under way.
            Unavailable: too many are under way in all.
        """
        if self._of_one is not None and self._under_way[whose] >= self._of_one:
            raise TooMuchAtOnce(self._too_many, retry_after=self._retry_after)
        if self._under_way.total() >= self._in_all:
            raise Unavailable(self._busy, retry_after=self._retry_after)
        self._under_way[whose] += 1

    def end(self, whose: str = "") -> None:
        """Count one less."""
        self._under_way[whose] -= 1
        if not self._under_way[whose]:
            del self._under_way[whose]

    def under_way(self, whose: str = "") -> int:
        """Return how many are counted of this person."""
        return self._under_way[whose]

    @contextmanager
    def counted(self, whose: str = "") -> Iterator[None]:
        """Count one more while the body runs; raises as `begin`."""
        self.begin(whose)
        try:
            yield
        finally:
            self.end(whose)
