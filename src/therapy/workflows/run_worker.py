"""How a worker works: claim a session's due run, hold it with heartbeats, finish it or note the failure.

A worker that dies loses its lease and the next one begins again; nothing is written half.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta

from msgspec.structs import replace

from therapy.domain.errors import (
    ErrorClass,
    LeaseLost,
    NotFound,
    TherapyError,
    TryAgain,
    WorkFailed,
)
from therapy.domain.outbox import Consequence, PushDue, PushKind, SessionEntryChanged
from therapy.domain.run import (
    MAX_CLAIMS,
    Run,
    RunKind,
    RunState,
    beaten,
    claimable,
    claimed,
    failed,
    put_back,
)
from therapy.domain.session_status import AWAITED
from therapy.ports.recordings import Recordings
from therapy.repositories.change import Change
from therapy.repositories.records import Records
from therapy.workflows import closing, transcription
from therapy.workflows.claimed_run import ClaimedRun
from therapy.workflows.engines import Engines

BEATS_PER_LEASE = 3


@dataclass(frozen=True)
class RunWorker:
    """Works on sessions, with a lease on each run and a bound on the time of one claim.

    `languages` are what this installation expects to be spoken, as BCP 47 tags. `during` is entered while a
    run is worked on, e.g. so that the log's lines name it.
    """

    records: Records
    recordings: Recordings
    engines: Engines
    languages: tuple[str, ...]
    lease: timedelta = timedelta(seconds=30)
    run_time: timedelta = timedelta(hours=6)
    during: Callable[[Run], contextlib.AbstractContextManager[object]] = contextlib.nullcontext

    async def work_on(self, practice_id: str, session_id: str) -> None:
        """Do whatever of a session's work is due and nobody else does. Idempotent."""
        for run in await self.records.runs.of_session(practice_id, session_id):
            if not claimable(run, self.records.now()):
                continue
            if run.claims >= MAX_CLAIMS:
                await self._give_up(run, ErrorClass.PERMANENT, "worker_died")
                continue
            with contextlib.suppress(LeaseLost), self.during(run):
                await self._work(await self._claim(run))

    async def _claim(self, run: Run) -> Run:
        mine = claimed(
            run,
            lease=self.records.new_id(),
            now=self.records.now(),
            hold=self.lease,
            within=self.run_time,
        )
        await self._write(mine)
        return replace(mine, version=mine.version + 1)  # as it is written by now

    async def _work(self, run: Run) -> None:
        held = ClaimedRun(run)
        try:
            async with self._beating(held):
                finish = await self._process(held)
            await finish(held.run)
        except WorkFailed as exc:
            await self._give_up(held.run, exc.error_class, exc.code)
        except TimeoutError:
            await self._give_up(held.run, ErrorClass.TRANSIENT, "timeout")
        except NotFound as exc:
            await self._give_up(held.run, ErrorClass.PERMANENT, exc.code)
        except LeaseLost:
            return
        except TryAgain as exc:
            await self._give_up(held.run, ErrorClass.TRANSIENT, exc.code)
        except asyncio.CancelledError:
            back = put_back(held.run, now=self.records.now())
            with contextlib.suppress(TherapyError):
                await asyncio.shield(self._write(back))
            raise
        except Exception:
            await self._give_up(held.run, ErrorClass.TRANSIENT, "internal")
            raise

    async def _process(self, held: ClaimedRun) -> transcription.Finish:
        """Do what a run of this kind asks for; each kind has its own branch."""
        match held.run.kind:
            case RunKind.TRANSCRIBE:
                return await transcription.transcribe(
                    held,
                    records=self.records,
                    recordings=self.recordings,
                    engines=self.engines,
                    languages=self.languages,
                )
            case RunKind.SCORE:
                return await closing.score(
                    held, records=self.records, sentiment=self.engines.sentiment
                )

    @contextlib.asynccontextmanager
    async def _beating(self, held: ClaimedRun) -> AsyncIterator[None]:
        """Hold the lease while the body works; a lost lease or a passed deadline ends the body.

        Raises:
            LeaseLost: somebody else has the run now, or the session was cancelled.
            TimeoutError: the run's deadline has passed.
        """
        body, over = asyncio.current_task(), asyncio.Event()
        ended: list[BaseException] = []

        async def beat() -> None:
            try:
                while not await _is_set(over, self.lease.total_seconds() / BEATS_PER_LEASE):
                    await self._beat(held)
            except (LeaseLost, TimeoutError) as exc:
                ended.append(exc)
                if body and not over.is_set():
                    body.cancel()

        beats = asyncio.create_task(beat())
        try:
            try:
                yield
            finally:
                # A beat in writing is waited for: cut off, it might be in the store and not in `held`.
                over.set()
                await asyncio.shield(beats)
        except asyncio.CancelledError:
            if not ended or (body and body.uncancel()):
                raise
            raise ended[0] from None

    async def _beat(self, held: ClaimedRun) -> None:
        now = self.records.now()
        if held.run.deadline and now > held.run.deadline:
            raise TimeoutError
        after = beaten(held.run, now=now, hold=self.lease, stage=held.stage, progress=held.progress)
        try:
            await Change(self.records.runs.write(after)).commit(self.records.store)
            held.run = replace(after, version=after.version + 1)
        except LeaseLost:
            raise
        except TryAgain:
            return  # the store is out of reach: the lease decides whether this was one beat too many

    async def _give_up(self, run: Run, error_class: ErrorClass, code: str) -> None:
        """Note a failure; tell the therapist once it is final and the session still waits for the run."""
        after = failed(run, error_class=error_class, code=code, now=self.records.now())
        with contextlib.suppress(LeaseLost):
            await self._write(after, *await self._told(after))

    async def _told(self, run: Run) -> tuple[Consequence, ...]:
        if run.state is not RunState.FAILED:
            return ()
        try:
            session = await self.records.sessions.load(run.practice_id, run.session_id)
        except NotFound:
            return ()
        if AWAITED.get(session.state) is not run.kind:
            return ()
        return (PushDue(PushKind.SESSION_FAILED, session.therapist_id, session.id),)

    async def _write(self, run: Run, *what: Consequence) -> None:
        entry = SessionEntryChanged(run.session_id)
        change = Change(self.records.runs.write(run))
        await self.records.commit(run.practice_id, change, entry, *what)


async def _is_set(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, so many seconds at the most; return whether it came."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
