"""A claimed run: the work notes its progress in it, and the heartbeat writes that and renews the lease.

A file of its own because both the worker and the work need it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from therapy.domain.run import Run, done
from therapy.domain.run_stages import Stages, begun, ended, with_facts
from therapy.repositories.change import Change
from therapy.repositories.records import Records
from therapy.workflows.decoding_turns import DecodingTurns
from therapy.workflows.recognition import nothing_to_note

NEWS = 0.05
"""So much more progress is worth a write before the lease needs one: there are at most twenty of them."""

ALMOST = 0.98
"""Progress once everything has been heard or made: it is not kept yet."""

Finish = Callable[[Run], Awaitable[None]]
"""Writes the result and ends the run; called with the run as last written."""


@dataclass
class ClaimedRun:
    """The run as last written, and the stage and progress (0..1) that the next heartbeat writes.

    The work calls `charge` before each time that an engine may cost something; it raises `EngineFailed` if
    enough was paid. `charged` is whether it was called. It calls `require_wanted` before it keeps what was
    said: that raises `LeaseLost` if the session was cancelled. Whoever writes the run holds `writing`. All
    runs of a worker have the same `turns`.
    """

    run: Run
    stage: str = "starting"
    progress: float = 0.0
    charge: Callable[[], Awaitable[None]] = nothing_to_note
    charged: bool = False
    require_wanted: Callable[[], Awaitable[None]] = nothing_to_note
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    turns: DecodingTurns = field(default_factory=DecodingTurns)
    stages: Stages = field(init=False)

    def __post_init__(self) -> None:
        self.stages = self.run.stages

    def begin(self, name: str, now: datetime, *, shown: str = "") -> None:
        """Note that a stage begins now; clients are shown its name, or `shown` instead."""
        self.stage = shown or name
        self.stages = begun(self.stages, name, self.run.claims, now)

    def note(self, **facts: object) -> None:
        """Note how the stage that was begun last is done: attributes of `RunStage`."""
        self.stages = with_facts(self.stages, **facts)

    def over(self, now: datetime, error: str = "") -> Run:
        """Return the run as last written, with its stages, the last of which ends now, with this error."""
        return replace(self.run, stages=ended(self.stages, self.run.claims, now, error))

    @property
    def has_news(self) -> bool:
        """Whether the stage or, by `NEWS` or more, the progress is another than was last written."""
        moved = self.progress >= self.run.progress + NEWS
        return moved or self.stage != self.run.stage


async def end_unlisted_run(run: Run, *, records: Records) -> None:
    """End a run that lists say nothing of, and whose result is not wanted, or no longer."""
    await Change(records.runs.write(done(run))).commit(records.store)
