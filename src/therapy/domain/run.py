"""Runs: work on a session, who does it, how far it is, and what happens when it fails.

A run is claimed with a lease. A worker keeps it by heartbeats; one that dies loses it. Failures count as
attempts and are tried again after a growing pause; every claim is counted too, because a worker that
dies reports no failure.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from therapy.domain.errors import ErrorClass
from therapy.domain.run_stages import Stages

MAX_ATTEMPTS = 5
"""Failures after which a run gives up."""

MAX_INSIGHTS_ATTEMPTS = 2
"""The same for insights: nothing waits for them, and a therapist can ask again."""

MAX_DEATHS = 3
"""Deaths of a child process, by a crash or a limit, after which the recording is taken for the reason."""

MOST_CHARGES = 2
"""Tries of a recording that an engine's service may have charged, after which no third one is begun."""

PAID_TRIES = "paid_tries"
"""The error code of a run that ended because of `MOST_CHARGES`."""

MAX_CLAIMS = 40
"""Claims after which a run gives up: whatever kills its worker must not do so forever."""

FIRST_PAUSE = timedelta(seconds=15)
"""The pause after the first failure; it doubles with each one."""

INSIGHTS_PAUSE = timedelta(minutes=5)
"""The same for insights, which can wait until an outage of the engine is over: there are few attempts."""

CLOCKS_APART = timedelta(seconds=30)
"""How far the clocks of two machines, or of one before and after a restart, may differ unnoticed."""


class RunKind(Enum):
    """Which stage of a session's life the work belongs to."""

    TRANSCRIBE = "transcribe"
    SCORE = "score"
    INSIGHTS = "insights"
    AMEND = "amend"
    RERUN = "rerun"
    PLAYBACK = "playback"


class RunState(Enum):
    """Whether the work is waiting, claimed or over."""

    DUE = "due"
    CLAIMED = "claimed"
    DONE = "done"
    FAILED = "failed"


class Run(Struct, frozen=True, omit_defaults=True):
    """The work of one stage on a session.

    `due_at` is its place in the waiting list (see `fair_shares`) until it is claimed, then when it may be
    claimed again: the time of the next attempt, or the end of the lease. `deadline` bounds one claim, which
    began at `claimed_at`.
    `progress` is 0..1. `languages` are the BCP 47 tags to recognise, `people` is how many speak (0 = not
    known). `deaths` counts the child processes that died at it, `charges` the tries that an engine's service
    may have charged. `stages` are what its claims did, for operators. `transcript` is the number of the
    version that an amendment or a rerun made (0 = none yet), `therapist_id` whose waiting list a rerun counts
    for; `vocabulary` is whether the practice's is used. `version` counts writes and is the store's.
    """

    id: str
    practice_id: str
    session_id: str
    kind: RunKind
    created_at: datetime
    due_at: datetime
    languages: tuple[str, ...] = ()
    people: int = 0
    state: RunState = RunState.DUE
    lease: str = ""
    claims: int = 0
    attempt: int = 0
    deaths: int = 0
    charges: int = 0
    deadline: datetime | None = None
    claimed_at: datetime | None = None
    beat_at: datetime | None = None
    stage: str = ""
    progress: float = 0.0
    error_class: ErrorClass | None = None
    error_code: str = ""
    error_details: dict[str, str] = {}
    stages: Stages = ()
    transcript: int = 0
    therapist_id: str = ""
    vocabulary: bool = True
    version: int = 0

    @property
    def over(self) -> bool:
        """Whether the run has ended: no worker claims it again unless someone retries it."""
        return self.state in {RunState.DONE, RunState.FAILED}

    @property
    def waits(self) -> bool:
        """Whether the run may be claimed at once, and `due_at` only says after which others."""
        return self.state is RunState.DUE and not self.attempt


def claimable(run: Run, now: datetime) -> bool:
    """Return whether a worker may claim the run: it waits, or the pause or its worker's lease has ended.

    What is due later than a run ever waits was written before the clock was set back, and counts as due.
    """
    if run.waits:
        return True
    return not run.over and not now < run.due_at <= now + _longest_wait(run) + CLOCKS_APART


def _longest_wait(run: Run) -> timedelta:
    """Return how long the run waited at most when it was written: its lease, or the pause after a failure."""
    if run.state is RunState.CLAIMED and run.beat_at:
        return run.due_at - run.beat_at
    return _pause_after(run.attempt, run.kind)


def _pause_after(attempt: int, kind: RunKind) -> timedelta:
    first = INSIGHTS_PAUSE if kind is RunKind.INSIGHTS else FIRST_PAUSE
    return first * 2 ** (attempt - 1) if attempt else timedelta(0)


def claimed(run: Run, *, lease: str, now: datetime, hold: timedelta, within: timedelta) -> Run:
    """Return the run claimed with a lease of `hold`, to be finished `within` a time."""
    return replace(
        run,
        state=RunState.CLAIMED,
        lease=lease,
        claims=run.claims + 1,
        due_at=now + hold,
        claimed_at=now,
        beat_at=now,
        deadline=now + within,
        stage="starting",
        progress=0.0,
        error_class=None,
        error_code="",
        error_details={},
    )


def beaten(
    run: Run, *, now: datetime, hold: timedelta, stage: str, progress: float, stages: Stages = ()
) -> Run:
    """Return the run with its lease renewed and its progress noted, which never goes back within a claim."""
    return replace(
        run,
        due_at=now + hold,
        beat_at=now,
        stage=stage,
        progress=round(min(1.0, max(run.progress, progress)), 4),
        stages=stages or run.stages,
    )


def charged(run: Run) -> Run:
    """Return the run with one more try that may be charged; written before it is, as its worker may die."""
    return replace(run, charges=run.charges + 1)


def uncharged(run: Run) -> Run:
    """Return the run without its last charge: the engine's service did not take the recording."""
    return replace(run, charges=max(0, run.charges - 1))


def put_back(run: Run, *, now: datetime) -> Run:
    """Return the run due again and its claim not counted, e.g. because this worker has to stop."""
    return replace(run, state=RunState.DUE, lease="", due_at=now, claims=max(0, run.claims - 1))


def done(run: Run) -> Run:
    """Return the run as done."""
    return replace(run, state=RunState.DONE, lease="", stage="", progress=1.0)


def failed(
    run: Run,
    *,
    error_class: ErrorClass,
    code: str,
    now: datetime,
    details: Mapping[str, str] | None = None,
    most_charges: int = MOST_CHARGES,
) -> Run:
    """Return the run after a failure: due again after a pause, or failed for good.

    `details` fill in the sentence for the code, e.g. names of languages. Once `most_charges` tries may have
    been charged, the code of a failure that would be tried again is `PAID_TRIES`.
    """
    attempt = run.attempt + 1
    most = MAX_INSIGHTS_ATTEMPTS if run.kind is RunKind.INSIGHTS else MAX_ATTEMPTS
    over = error_class is ErrorClass.PERMANENT or attempt >= most or run.deaths >= MAX_DEATHS
    if not over and run.charges >= most_charges:
        over, error_class, code = True, ErrorClass.PERMANENT, PAID_TRIES
    return replace(
        run,
        state=RunState.FAILED if over else RunState.DUE,
        lease="",
        attempt=attempt,
        due_at=now + _pause_after(attempt, run.kind),
        stage="",
        error_class=error_class,
        error_code=code,
        error_details=dict(details or {}),
    )


def again(run: Run, *, place: datetime, languages: tuple[str, ...] = (), people: int = 0) -> Run:
    """Return a failed run due again from the beginning, at this place in the waiting list.

    With other languages or people, if any are passed.
    """
    return replace(
        run,
        state=RunState.DUE,
        languages=languages or run.languages,
        people=people or run.people,
        lease="",
        attempt=0,
        deaths=0,
        charges=0,
        claims=0,
        due_at=place,
        stage="",
        progress=0.0,
        error_class=None,
        error_code="",
        error_details={},
    )
