"""The run worker: claims a session's due run, keeps it by heartbeats, finishes it or notes the failure.

A worker that dies loses its lease, and the next one goes on from what was kept (`stage_outputs`); no record
is ever written halfway.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from msgspec.structs import replace

from therapy.domain.codec import is_of_a_newer_program
from therapy.domain.errors import (
    EngineDied,
    EngineFailed,
    ErrorClass,
    LeaseLost,
    NotFound,
    TherapyError,
    TryAgain,
    WorkFailed,
)
from therapy.domain.outbox import Consequence, SessionEntryChanged
from therapy.domain.run import (
    MAX_CLAIMS,
    MOST_CHARGES,
    PAID_TRIES,
    Run,
    RunKind,
    RunState,
    beaten,
    charged,
    claimable,
    claimed,
    failed,
    put_back,
    uncharged,
)
from therapy.domain.session import CANCELLED_OR_ERASED
from therapy.domain.session_status import AWAITED_KINDS
from therapy.ports.audio import LONGEST_MS
from therapy.ports.recordings import Recordings
from therapy.repositories.change import Change
from therapy.repositories.records import Records
from therapy.workflows import amendments, closing, insights, playback, rerun, transcription
from therapy.workflows.claimed_run import ClaimedRun, Finish
from therapy.workflows.decoding_turns import DecodingTurns
from therapy.workflows.engines import Engines
from therapy.workflows.failed_runs import LeftSessions, pushes_for
from therapy.workflows.missing_recordings import why_not_found

BEATS_PER_LEASE = 3
CHECKPOINT_MS = 60_000
"""After a crash a minute of audio is recognised again, and what was being recognised then."""

NEWS_SECONDS = 5.0
"""After so long `NEWS` of progress is written, not waiting for the lease's beat, which it then replaces."""

Publish = Callable[[str, str], Awaitable[None]]
"""Tells who follows a session, by the ids of its practice and its own, that it has changed."""

NAMED = ("languages", "heard", "longest")
"""Details of a failure that are kept for its sentence: languages and seconds, never what was said."""


async def tell_nobody(practice_id: str, session_id: str) -> None:
    """Do nothing: nobody can follow sessions."""


@dataclass(frozen=True)
class RunWorker:
    """Works on sessions, with a `lease` on each run and at most `run_time` for one claim.

    `languages` are the BCP 47 tags to recognise in runs that name none, `people` is how many speak in runs
    that do not say (0 = not known). A session's recordings may last `longest_ms` together. An engine's
    service may charge for `paid_tries` tries of a run. `during` is entered while a run is worked on, e.g. so
    that log lines name it. Of `kinds` it does no others; insights have `insights_time` instead of `run_time`.
    A long recognition keeps a checkpoint for each `checkpoint_ms` of audio (0 = none).
    Who follows the session is told by `publish` of each beat that has news of it. `turns`, `left` are shared.
    """

    records: Records
    recordings: Recordings
    engines: Engines
    languages: tuple[str, ...]
    lease: timedelta = timedelta(seconds=30)
    run_time: timedelta = timedelta(hours=6)
    people: int = 0
    longest_ms: int = LONGEST_MS
    paid_tries: int = MOST_CHARGES
    during: Callable[[Run], contextlib.AbstractContextManager[object]] = contextlib.nullcontext
    kinds: frozenset[RunKind] = frozenset(RunKind)
    insights_time: timedelta = timedelta(minutes=15)
    checkpoint_ms: int = CHECKPOINT_MS
    publish: Publish = tell_nobody
    turns: DecodingTurns = field(default_factory=DecodingTurns)
    left: LeftSessions = field(default_factory=LeftSessions)

    async def work_on(self, practice_id: str, session_id: str) -> frozenset[RunKind]:
        """Do all work on a session that is due and not claimed by another worker. Idempotent.

        Returns of what kinds work was due, those included that this worker does not do. A session of which
        only a newer program can read something is left to that one's workers, as if it had no work.
        """
        if self.left.has(practice_id, session_id, self.records.now()):
            return frozenset()
        due = set[RunKind]()
        for run in await self.records.runs.of_session(practice_id, session_id):
            if not claimable(run, self.records.now()):
                continue
            due.add(run.kind)
            if run.kind not in self.kinds:
                continue
            if run.claims >= MAX_CLAIMS:
                await self._give_up(run, ErrorClass.PERMANENT, "worker_died")
                continue
            if await self._is_beaten(run):
                continue
            with contextlib.suppress(LeaseLost), self.during(run):
                await self._work(await self._claim(run))
        return frozenset(due)

    async def without_work(self, sessions: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """Return those of these sessions (practice id, id) that have no work now, seen in few reads.

        None of them where the store has no such read.
        """
        runs = await self.records.runs.of_sessions(sessions)
        if runs is None:
            return frozenset()
        now = self.records.now()
        return frozenset(
            each for each in sessions if not any(claimable(run, now) for run in runs.get(each, ()))
        )

    async def _is_beaten(self, run: Run) -> bool:
        """Return whether a run whose lease has not ended is at work by a clock ahead of ours.

        Only a lease that ends later than any can gets here: by the clock before it was set back, or by the
        clock of another machine, whose worker then beats while this one looks on.
        """
        if run.state is not RunState.CLAIMED or run.due_at <= self.records.now():
            return False
        await asyncio.sleep(self.lease.total_seconds() * 2 / BEATS_PER_LEASE)
        runs = await self.records.runs.of_session(run.practice_id, run.session_id)
        return (run.id, run.version) not in {(each.id, each.version) for each in runs}

    async def _claim(self, run: Run) -> Run:
        mine = claimed(
            run,
            lease=self.records.new_id(),
            now=self.records.now(),
            hold=self.lease,
            within=self._time_for(run),
        )
        await self._write(mine)
        return replace(mine, version=mine.version + 1)  # as it is stored now

    def _time_for(self, run: Run) -> timedelta:
        return self.insights_time if run.kind is RunKind.INSIGHTS else self.run_time

    async def _work(self, run: Run) -> None:
        claimed_run = ClaimedRun(run, turns=self.turns)
        claimed_run.charge = partial(self._charge, claimed_run)
        claimed_run.require_wanted = partial(self._require_wanted, run)
        try:
            async with self._beating(claimed_run):
                finish = await self._process(claimed_run)
            await finish(claimed_run.over(self.records.now()))
        except WorkFailed as exc:
            named = {key: str(exc.details[key]) for key in NAMED if key in exc.details}
            run = claimed_run.over(self.records.now(), exc.code)
            if isinstance(exc, EngineDied):
                run = replace(run, deaths=run.deaths + 1)
            if isinstance(exc, EngineFailed) and exc.uncharged and claimed_run.charged:
                run = uncharged(run)
            await self._give_up(run, exc.error_class, exc.code, named)
        except TimeoutError:
            await self._broken_off(claimed_run, ErrorClass.TRANSIENT, "timeout")
        except NotFound as exc:
            code = await why_not_found(
                run, exc.code, records=self.records, recordings=self.recordings
            )
            await self._broken_off(claimed_run, ErrorClass.PERMANENT, code)
        except LeaseLost:
            if run.kind in {RunKind.TRANSCRIBE, RunKind.RERUN}:
                with contextlib.suppress(TherapyError):
                    await transcription.discard_unwanted(
                        run, records=self.records, recordings=self.recordings
                    )
        except TryAgain as exc:
            if is_of_a_newer_program(exc):
                self.left.leave(run, self.records.now())
                await self._put_back(claimed_run)
            else:
                await self._broken_off(claimed_run, ErrorClass.TRANSIENT, exc.code)
        except asyncio.CancelledError:
            with contextlib.suppress(TherapyError):
                await asyncio.shield(self._put_back(claimed_run))
            raise
        except Exception:
            await self._broken_off(claimed_run, ErrorClass.TRANSIENT, "internal")
            raise

    async def _put_back(self, claimed_run: ClaimedRun) -> None:
        now = self.records.now()
        with contextlib.suppress(LeaseLost):
            await self._write(put_back(claimed_run.over(now), now=now))

    async def _broken_off(
        self, claimed_run: ClaimedRun, error_class: ErrorClass, code: str
    ) -> None:
        await self._give_up(claimed_run.over(self.records.now(), code), error_class, code)

    async def _process(self, claimed_run: ClaimedRun) -> Finish:
        """Do the work of a run of this kind; each kind has its own branch."""
        match claimed_run.run.kind:
            case RunKind.TRANSCRIBE:
                return await transcription.transcribe(
                    claimed_run,
                    records=self.records,
                    recordings=self.recordings,
                    engines=self.engines,
                    languages=self.languages,
                    people=self.people,
                    longest_ms=self.longest_ms,
                    checkpoint_ms=self.checkpoint_ms,
                )
            case RunKind.RERUN:
                return await rerun.recognise_again(
                    claimed_run,
                    records=self.records,
                    recordings=self.recordings,
                    engines=self.engines,
                    languages=self.languages,
                    people=self.people,
                    longest_ms=self.longest_ms,
                    checkpoint_ms=self.checkpoint_ms,
                )
            case RunKind.INSIGHTS:
                return await insights.find(
                    claimed_run,
                    records=self.records,
                    recordings=self.recordings,
                    insights=self.engines.insights,
                )
            case RunKind.AMEND:
                return await amendments.score(
                    claimed_run, records=self.records, sentiment=self.engines.sentiment
                )
            case RunKind.PLAYBACK:
                return await playback.make(
                    claimed_run,
                    records=self.records,
                    recordings=self.recordings,
                    audio=self.engines.audio,
                    longest_ms=self.longest_ms,
                )
            case RunKind.SCORE:
                return await closing.score(
                    claimed_run, records=self.records, sentiment=self.engines.sentiment
                )

    @contextlib.asynccontextmanager
    async def _beating(self, claimed_run: ClaimedRun) -> AsyncIterator[None]:
        """Renew the lease while the body works; cancel the body if the lease is lost or time is up.

        Raises:
            LeaseLost: another worker has the run now, or the session was cancelled.
            TimeoutError: the run's deadline has passed.
        """
        body, over = asyncio.current_task(), asyncio.Event()
        time = asyncio.get_running_loop().time  # no clock that someone may set
        latest = time() + self._time_for(claimed_run.run).total_seconds()
        ended: list[BaseException] = []

        async def beat() -> None:
            every = self.lease.total_seconds() / BEATS_PER_LEASE
            due = time() + every
            try:
                while not await _is_set(over, max(0.0, min(NEWS_SECONDS, due - time()))):
                    if time() > latest:
                        raise TimeoutError
                    if time() >= due or claimed_run.has_news:
                        due = time() + every
                        await self._beat(claimed_run)
            except (LeaseLost, TimeoutError) as exc:
                ended.append(exc)
                if body and not over.is_set():
                    body.cancel()

        beats = asyncio.create_task(beat())
        try:
            try:
                yield
            finally:
                # Wait for a beat being written: cancelled, it might be stored but not in `claimed_run`.
                over.set()
                await asyncio.shield(beats)
                async with claimed_run.writing:
                    pass  # the same goes for a charge
        except asyncio.CancelledError:
            if not ended or (body and body.uncancel()):
                raise
            raise ended[0] from None

    async def _beat(self, claimed_run: ClaimedRun) -> None:
        before = claimed_run.run
        async with claimed_run.writing:
            after = beaten(
                claimed_run.run,
                now=self.records.now(),
                hold=self.lease,
                stage=claimed_run.stage,
                progress=claimed_run.progress,
                stages=claimed_run.stages,
            )
            try:
                await self._rewrite(claimed_run, after)
            except LeaseLost:
                raise
            except TryAgain:
                return  # the store can't be reached: the lease may survive until the next beat
        moved = (after.stage, after.progress) != (before.stage, before.progress)
        if moved and before.kind in AWAITED_KINDS:
            await self.publish(before.practice_id, before.session_id)

    async def _rewrite(self, claimed_run: ClaimedRun, after: Run) -> None:
        await Change(self.records.runs.write(after)).commit(self.records.store)
        claimed_run.run = replace(after, version=after.version + 1)

    async def _charge(self, claimed_run: ClaimedRun) -> None:
        """Write that this try may be charged, before it is: a worker that dies afterwards counts as well.

        Raises:
            EngineFailed: as many tries as are allowed may have been charged before.
            TryAgain: it can't be written, so that nothing may be paid.
        """
        if claimed_run.run.charges >= self.paid_tries:
            raise EngineFailed(PAID_TRIES, transient=False)
        await asyncio.shield(self._write_charge(claimed_run))

    async def _require_wanted(self, run: Run) -> None:
        """Do nothing if what the run makes may be kept; not if nobody would find it any more.

        Raises:
            LeaseLost: the session was cancelled, or another worker has the run; the next beat would say so.
        """
        with contextlib.suppress(NotFound):
            session = await self.records.sessions.load(run.practice_id, run.session_id)
            runs = await self.records.runs.of_session(run.practice_id, run.session_id)
            is_mine = any(each.id == run.id and each.lease == run.lease for each in runs)
            if is_mine and session.state not in CANCELLED_OR_ERASED:
                return
        raise LeaseLost(run=run.id)

    async def _write_charge(self, claimed_run: ClaimedRun) -> None:
        async with claimed_run.writing:
            await self._rewrite(claimed_run, charged(claimed_run.run))
            claimed_run.charged = True

    async def _give_up(
        self,
        run: Run,
        error_class: ErrorClass,
        code: str,
        details: Mapping[str, str] | None = None,
    ) -> None:
        """Write a failure; notify the therapist if it is final and the session still waits for the run."""
        now = self.records.now()
        after = failed(
            run,
            error_class=error_class,
            code=code,
            now=now,
            details=details,
            most_charges=self.paid_tries,
        )
        with contextlib.suppress(LeaseLost):
            await self._write(after, *await pushes_for(after, records=self.records))

    async def _write(self, run: Run, *what: Consequence) -> None:
        """Write a run; of runs that no session waits for, its entries in lists say nothing."""
        entry = (SessionEntryChanged(run.session_id),) if run.kind in AWAITED_KINDS else ()
        change = Change(self.records.runs.write(run))
        await self.records.commit(run.practice_id, change, *entry, *what)


async def _is_set(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, at most so many seconds; return whether it is set."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
