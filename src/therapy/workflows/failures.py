"""Going on after a failure: one task that fails must not stop the others."""

from collections.abc import Iterator
from contextlib import contextmanager


class Failures:
    """Keeps the first failure, to be raised once everything else is done."""

    def __init__(self) -> None:
        self.first: Exception | None = None

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Run the body, and keep what it raises."""
        try:
            yield
        except Exception as exc:  # noqa: BLE001 - whatever it is, it is raised at the end
            self.keep(exc)

    def keep(self, exc: Exception) -> None:
        """Keep an exception, if it is the first."""
        self.first = self.first or exc

    def raise_first(self) -> None:
        """Raise the first failure, if there was any."""
        if self.first is not None:
            raise self.first
