"""Going on after a failure: one thing that can't be done must not stop the rest."""

from collections.abc import Iterator
from contextlib import contextmanager


class Failures:
    """Keeps the first failure, to be raised once everything else was done."""

    def __init__(self) -> None:
        self.first: Exception | None = None

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep what the body raises."""
        try:
            yield
        except Exception as exc:  # noqa: BLE001 - whatever it is, it is raised at the end
            self.first = self.first or exc

    def raise_first(self) -> None:
        """Raise what was kept, if anything was."""
        if self.first is not None:
            raise self.first
