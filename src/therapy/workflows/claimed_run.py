"""A claimed run: the work notes its progress in it, and the heartbeat writes that and renews the lease.

A file of its own because both the worker and the work need it.
"""

from dataclasses import dataclass

from therapy.domain.run import Run


@dataclass
class ClaimedRun:
    """The run as last written, and the stage and progress (0..1) that the next heartbeat writes."""

    run: Run
    stage: str = "starting"
    progress: float = 0.0
