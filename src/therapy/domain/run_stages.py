"""The stages of a run's work, as operators see them: which claim did what, when, and with what end."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

RECOGNISING, ROLES, SCORING, INSIGHTS = "recognising", "roles", "scoring", "insights"
"""Decoding, recognising and telling voices apart are one stage: samples go through all three as they come."""

MAKING_PLAYBACK = "playback"
"""Making what players play, and the peaks."""

MOST_STAGES = 12
"""So many stages of a run are kept, the latest."""


class RunStage(Struct, frozen=True, omit_defaults=True):
    """One stage of a run's work in one claim.

    `languages` and `people` are what it was asked for. `kept` says that an earlier claim had finished it and
    its output was taken, `resumed_ms` how much audio earlier claims had recognised. `error` is the code of
    the failure that ended it. A stage without an end goes on, or was cut off when its worker died or lost its
    lease.
    """

    name: str
    claim: int
    started_at: datetime
    ended_at: datetime | None = None
    engine: str = ""
    languages: tuple[str, ...] = ()
    people: int = 0
    kept: bool = False
    resumed_ms: int = 0
    error: str = ""


Stages = tuple[RunStage, ...]


def begun(stages: Stages, name: str, claim: int, now: datetime) -> Stages:
    """Return the stages with one more that begins now; the one before it in the same claim ends."""
    return (*ended(stages, claim, now), RunStage(name, claim, now))[-MOST_STAGES:]


def ended(stages: Stages, claim: int, now: datetime, error: str = "") -> Stages:
    """Return the stages with the claim's last one ended, unless it has ended, or has none."""
    if not stages or stages[-1].claim != claim or stages[-1].ended_at is not None:
        return stages
    return (*stages[:-1], replace(stages[-1], ended_at=now, error=error))


def with_facts(stages: Stages, **facts: object) -> Stages:
    """Return the stages with these attributes of the last one."""
    return (*stages[:-1], replace(stages[-1], **facts))
