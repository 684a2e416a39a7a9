"""A run in a worker's hands: the heartbeat reads from it how far the work is and renews it.

A file of its own because both the worker and the work need it.
"""

from dataclasses import dataclass

from therapy.domain.run import Run


@dataclass
class ClaimedRun:
    """The newest written form of the run, and what the next beat will say of it."""

    run: Run
    stage: str = "starting"
    progress: float = 0.0
