"""The clock of whoever tests: it stands still until a test moves it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from therapy.testing.samples import NOW


@dataclass
class Clock:
    """The time, which moves when a test says so or sets `now`."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    def advance(self, **span: float) -> None:
        """Move the time on, by the arguments of `timedelta`."""
        self.now += timedelta(**span)
