"""A crash before and after every port call of a session's life, then a restart: nothing is lost or doubled.

The app sends again what it got no answer for.
"""

from functools import partial

import pytest

from tests.builders import HOUR, PRACTICE, a_wav
from tests.repositories.changes import headers_of
from tests.workflows.crashing import Crash, Lifetime, Process, at_every_call
from tests.workflows.memory_installation import (
    ACTOR,
    SOUND,
    MemoryInstallation,
    an_installation,
    lines_of,
    upload,
)
from therapy.domain.errors import Forbidden
from therapy.domain.outbox import PushKind
from therapy.domain.session import State
from therapy.repositories.sessions import session_partition
from therapy.workflows import review

MORE = a_wav(b"\x20\x00" * 4_000)

both = pytest.mark.parametrize("after", [False, True], ids=["before", "after"])


async def life(process: Process, *, insights_first: bool = True) -> None:
    """Upload, transcribe, find insights, review, close; whoever gets no answer asks again after the restart.

    Insights may come after the review, too.
    """
    lived = Lifetime(await an_installation(), process)
    session_id = (await lived.until_done(lambda it: upload(it.intake))).session_id

    async def work(it: MemoryInstallation) -> None:
        await it.sweep()
        await it.work(session_id)

    async def hand_in(it: MemoryInstallation) -> None:
        lines = lines_of(await lived.installed.version(1, session_id))
        await review.submit(ACTOR, session_id, lines, records=it.records)

    await lived.until_done(work)
    assert (await lived.installed.session(session_id)).state is State.AWAITING_REVIEW
    if insights_first:
        await lived.until_done(work)
    await lived.until_done(hand_in)
    await lived.until_done(work)
    lived.installed.clock.now += 3 * HOUR
    await lived.until_done(MemoryInstallation.sweep)
    await check(lived.installed, session_id)


async def check(installed: MemoryInstallation, session_id: str) -> None:
    session = await installed.session(session_id)
    assert session.state is State.CLOSED
    assert session.scores is not None
    assert sorted(
        (run.kind.value, run.state.value) for run in await installed.runs(session_id)
    ) == [
        ("insights", "done"),
        ("score", "done"),
        ("transcribe", "done"),
    ]
    version = await installed.version(2, session_id)
    assert version.insights is not None
    assert version.insights.key_phrases == ("sleep", "better")
    assert session.transcript_number == 2
    headers = await headers_of(installed.records, PRACTICE, session_id)
    assert [each.number for each in headers] == [1, 2]
    key, recordings = session.recording.key, installed.ports.recordings
    assert await recordings.read(PRACTICE, key, 0, len(SOUND) + 1) == SOUND
    assert list(recordings._kept) == [(PRACTICE, key)]
    assert not recordings._staged
    assert not await installed.uploads()
    assert await installed.waiting(session_partition(PRACTICE, session_id)) == ()
    sent = installed.ports.push.sent
    ready = [push for _, push in sent if push.kind is PushKind.SESSION_READY]
    assert len({push.id for push in ready}) == 1
    assert len(ready) == len(sent) <= 2  # twice only if it died before it was noted
    index = installed.ports.session_index
    entry = await index.get(PRACTICE, session_id)
    assert entry.state.value == "closed"
    listed = await index.of_therapist(PRACTICE, ACTOR.person_id, {entry.state}, "", 10)
    assert [each.session_id for each in listed] == [session_id]


async def test_a_life_without_a_crash_takes_its_known_calls():
    process = Process()
    await life(process)
    assert len(process.calls) > 60
    assert {name.partition(".")[0] for name in process.calls} == {
        *("store", "session_index", "recordings", "doorbell", "push"),
        *("audio", "speech", "sentiment", "insights"),
    }


@both
@pytest.mark.parametrize("insights_first", [True, False], ids=["insights first", "review first"])
async def test_a_crash_at_any_port_call_loses_and_doubles_nothing(after, insights_first):
    await at_every_call(partial(life, insights_first=insights_first), after=after)


async def continued(process: Process) -> None:
    """Continue a session in review with a second file; whoever gets no answer sends it again."""
    installed = await an_installation()
    session_id = (await upload(installed.intake)).session_id
    await installed.work(session_id)
    lived = Lifetime(installed, process)
    sent = await lived.until_done(lambda it: upload(it.intake, MORE, continues=session_id))
    assert sent.session_id == session_id

    async def work(it: MemoryInstallation) -> None:
        await it.sweep()
        await it.work(session_id)

    await lived.until_done(work)
    lived.installed.clock.now += 3 * HOUR
    await lived.until_done(MemoryInstallation.sweep)
    session = await installed.session(session_id)
    assert (session.state, session.transcript_number) == (State.AWAITING_REVIEW, 2)
    version = await installed.version(2, session_id)
    assert [each.reason for each in version.missing] == ["between_recordings"]
    keys = [each.key for each in session.recordings]
    assert sorted(installed.recordings._kept) == sorted((PRACTICE, key) for key in keys)
    assert len(keys) == 2
    assert not installed.recordings._staged
    assert not await installed.uploads()
    assert await installed.waiting(session_partition(PRACTICE, session_id)) == ()


@both
async def test_a_crash_while_a_session_is_continued_loses_and_doubles_nothing(after):
    await at_every_call(continued, after=after)


async def refused(process: Process) -> None:
    """Upload for another therapist; what a crash leaves is swept away."""
    installed = await an_installation()
    with pytest.raises(Forbidden if process.dies_at < 0 else Crash):
        await upload(process.running(installed).intake, therapist="somebody else")
    installed.clock.now += 3 * HOUR
    await installed.sweep()
    assert not installed.recordings._kept
    assert not installed.recordings._staged
    assert not await installed.uploads()


@both
async def test_a_crash_while_an_upload_is_refused_leaves_nothing_after_the_sweep(after):
    await at_every_call(refused, after=after)


async def cancelled(process: Process) -> None:
    """Cancel a session in review; a restart finishes what was begun."""
    installed = await an_installation()
    session_id = (await upload(installed.intake)).session_id
    await installed.work(session_id)
    try:
        await review.cancel(ACTOR, session_id, records=process.running(installed).records)
    except Crash:
        installed.clock.advance(minutes=2)
        if (await installed.session(session_id)).state is State.AWAITING_REVIEW:
            await review.cancel(ACTOR, session_id, records=installed.records)
        await installed.sweep()
    await check_erased(installed, session_id)


async def check_erased(installed: MemoryInstallation, session_id: str) -> None:
    session = await installed.session(session_id)
    assert session.state is State.ERASED
    assert session.details.patient.name == ""
    assert not installed.recordings._kept
    partition = session_partition(PRACTICE, session_id)
    left = await installed.store.list(partition)
    assert {item.id.partition("-")[0] for item in left} == {"session", "run"}
    (fingerprint,) = [item async for item in installed.store.store.walk() if item.kind == "key"]
    assert installed.records.unique_keys.read(fingerprint).value == ""


@both
async def test_a_crash_while_a_session_is_cancelled_still_erases_it(after):
    await at_every_call(cancelled, after=after)
