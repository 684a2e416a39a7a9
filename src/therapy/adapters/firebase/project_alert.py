"""The alert to an operator that pushes are refused for the whole project: an error in the log, once an hour.

One device's failure is no alert. What is refused here stays in the outbox with its reason, which
`therapy check` shows with the cure.
"""

import logging
from collections.abc import Callable
from time import monotonic

log = logging.getLogger(__name__)

EVERY_SECONDS = 3_600.0
"""How long the same reason is not logged again."""


class ProjectAlert:
    """Says that a project's pushes are refused, and that they are accepted again. `clock` gives seconds."""

    def __init__(self, project: str, clock: Callable[[], float] = monotonic) -> None:
        self._project, self._clock = project, clock
        self._reason = ""
        self._again_at = 0.0

    def refused(self, reason: str) -> None:
        """Log that all pushes of the project are refused, unless that was logged in the last hour."""
        if reason == self._reason and self._clock() < self._again_at:
            return
        self._reason, self._again_at = reason, self._clock() + EVERY_SECONDS
        log.error(
            "pushes are refused for the whole project: they wait until an operator has mended it;"
            " `therapy check` says how",
            extra={"reason": reason, "project": self._project},
        )

    def accepted(self) -> None:
        """Log that pushes are accepted again, if they were refused."""
        if self._reason:
            self._reason = ""
            log.warning("pushes are accepted again", extra={"project": self._project})
