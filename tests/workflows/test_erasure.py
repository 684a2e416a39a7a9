"""Erasure: only of what is cancelled, of everything in it, and finished by whoever comes after a death."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from tests.builders import PRACTICE, SESSION, a_version, an_item
from tests.workflows.memory_installation import (
    ACTOR,
    IN_SESSION,
    SOUND,
    MemoryInstallation,
    an_installation,
    begun,
    in_session,
    reviewed,
    upload,
)
from therapy.adapters.memory.session_index import MemorySessionIndex
from therapy.domain.errors import NotFound, Unavailable
from therapy.domain.outbox import EraseDue, SessionEntryChanged
from therapy.domain.session import Event, State, apply
from therapy.ports.store import Create, Delete, Write
from therapy.repositories.unique_keys import UniqueKey
from therapy.workflows import review
from therapy.workflows.fingerprints import fingerprint


async def closed() -> tuple[MemoryInstallation, str]:
    """Upload a recording and bring its session to its end."""
    installed = await an_installation()
    session_id = (await upload(installed.intake)).session_id
    await installed.work(session_id)
    await submitted(installed, session_id)
    await installed.work(session_id)
    return installed, session_id


async def submitted(installed: MemoryInstallation, session_id: str) -> None:
    lines = await reviewed(installed, session_id)
    await review.submit(ACTOR, session_id, lines, records=installed.records)


async def stray(installed: MemoryInstallation, session_id: str) -> None:
    """Write an EraseDue that should not be there, and have it delivered."""
    item = an_item("stray", what=EraseDue(session_id), due_at=installed.clock.now)
    await installed.write(installed.records.outbox.new(in_session(session_id), item, 1)[1])
    await installed.sweep()
    assert await installed.waiting(in_session(session_id)) == ()


async def everything_about(installed: MemoryInstallation, session_id: str) -> tuple[object, ...]:
    session = await installed.session(session_id)
    key = fingerprint(session.therapist_id, session.recording.content_hash)
    return (
        session,
        await installed.version(session.transcript_number, session_id),
        await installed.recordings.read(PRACTICE, session.recording.key, 0, len(SOUND) + 1),
        await installed.ports.session_index.get(PRACTICE, session_id),
        await installed.records.unique_keys.load(PRACTICE, key),
        await installed.store.list(in_session(session_id)),
    )


async def test_a_closed_session_is_not_erased_by_a_stray_item():
    installed, session_id = await closed()
    before = await everything_about(installed, session_id)
    await stray(installed, session_id)
    assert await everything_about(installed, session_id) == before


async def test_a_session_in_review_is_not_erased_by_a_stray_item():
    installed = await an_installation()
    session_id = (await upload(installed.intake)).session_id
    await installed.work(session_id)
    before = await everything_about(installed, session_id)
    await stray(installed, session_id)
    assert await everything_about(installed, session_id) == before


async def test_a_stray_item_about_no_session_is_over_once_it_was_looked_at():
    installed = await an_installation()
    await stray(installed, "nowhere")
    with pytest.raises(NotFound):
        await installed.session("nowhere")


async def test_what_is_erased_leaves_the_session_its_runs_and_nothing_that_was_said():
    installed = await an_installation()
    session_id = (await upload(installed.intake, summary="Private.")).session_id
    await installed.work(session_id)
    await review.cancel(ACTOR, session_id, records=installed.records)
    left = await installed.store.list(in_session(session_id))
    assert {item.kind for item in left} == {"session", "run"}
    for item in left:
        for word in (b"Private", b"sleep", b"Jordan", b"203948571"):
            assert word not in item.body
    assert not installed.recordings._kept
    with pytest.raises(NotFound):
        await installed.ports.session_index.get(PRACTICE, session_id)
    with pytest.raises(NotFound):
        await installed.version(1, session_id)


MANY = 250


async def cancelled_with_many_versions() -> MemoryInstallation:
    """Write a session with more items than one commit can delete, and cancel it; nothing is erased yet."""
    installed = await an_installation()
    await begun(installed)
    records = installed.records
    for number in range(1, MANY // 2 + 1):
        await installed.write(*await records.transcripts.new(PRACTICE, a_version(number)))
    session = apply(await installed.session(), Event.CANCELLED)
    change = records.sessions.write(replace(session, transcript_number=MANY // 2))
    item = an_item("erase", what=EraseDue(SESSION), due_at=installed.clock.now)
    await installed.write(change, records.outbox.new(IN_SESSION, item, 1)[1])
    return installed


async def test_a_session_of_hundreds_of_items_is_erased_whole():
    installed = await cancelled_with_many_versions()
    assert len(await installed.store.list(IN_SESSION)) > MANY
    await installed.sweep()
    left = await installed.store.list(IN_SESSION)
    assert [item.id for item in left] == ["run-run-1", "session"]
    assert (await installed.session()).state is State.ERASED


async def test_an_erasure_that_stops_at_any_commit_is_finished_later():
    commits = 0

    async def stop_at(number: int) -> int:
        """Erase, with the store away from that commit on, then erase once it is back; count the commits."""
        nonlocal commits
        commits = 0
        installed = await cancelled_with_many_versions()

        async def away(_: str, writes: Sequence[Write]) -> None:
            nonlocal commits
            commits += 1
            if commits > number:
                raise Unavailable

        installed.store.before_commit = away
        try:
            await installed.sweep()
        except Unavailable:  # not even claimed
            assert number == 0
        counted, number = commits, 1_000
        installed.clock.advance(hours=1)
        await installed.sweep()
        left = await installed.store.list(IN_SESSION)
        assert [item.id for item in left] == ["run-run-1", "session"]
        assert (await installed.session()).state is State.ERASED
        assert not installed.recordings._kept
        return counted

    whole = await stop_at(1_000)
    assert whole > 4
    for number in range(whole):
        await stop_at(number)


async def test_texts_stay_until_the_session_says_that_it_is_erased():
    """Else a worker that ends at the same moment could write a transcript into an erased session."""
    installed = await cancelled_with_many_versions()
    order: list[str] = []

    async def note(partition: str, writes: Sequence[Write]) -> None:
        if partition == IN_SESSION:
            deleted = any(
                isinstance(each, Delete) and each.id.startswith("text-") for each in writes
            )
            order.append("texts" if deleted else "other")
            if deleted:
                assert (await installed.session()).state is State.ERASED

    installed.store.before_commit = note
    await installed.sweep()
    assert "texts" in order


async def test_an_entry_that_comes_late_does_not_bring_an_erased_session_back():
    installed = await an_installation()
    await begun(installed)
    await review.cancel(ACTOR, SESSION, records=installed.records)
    item = an_item("late", what=SessionEntryChanged(SESSION), due_at=installed.clock.now)
    await installed.write(installed.records.outbox.new(IN_SESSION, item, 1)[1])
    await installed.sweep()
    with pytest.raises(NotFound):
        await installed.ports.session_index.get(PRACTICE, SESSION)


async def test_an_erased_session_is_put_into_no_index_that_does_not_know_it():
    """E.g. one that was made anew."""
    installed = await an_installation()
    await begun(installed)
    await review.cancel(ACTOR, SESSION, records=installed.records)
    anew = installed.with_ports(session_index=MemorySessionIndex())
    item = an_item("late", what=SessionEntryChanged(SESSION), due_at=installed.clock.now)
    await anew.write(anew.records.outbox.new(IN_SESSION, item, 1)[1])
    await anew.sweep()
    assert await anew.waiting() == ()
    with pytest.raises(NotFound):
        await anew.ports.session_index.get(PRACTICE, SESSION)


async def test_the_fingerprint_of_another_session_stays():
    installed = await an_installation()
    await begun(installed)
    session = await installed.session()
    key = fingerprint(session.therapist_id, session.recording.content_hash)
    await installed.write(
        installed.records.unique_keys.take(UniqueKey(PRACTICE, key, "another-session"))
    )
    await review.cancel(ACTOR, SESSION, records=installed.records)
    held = await installed.records.unique_keys.load(PRACTICE, key)
    assert held is not None
    assert held.value == "another-session"


async def test_a_recording_that_was_cancelled_becomes_a_new_session_once_its_key_is_free():
    installed = await an_installation()
    first = (await upload(installed.intake)).session_id
    await review.cancel(ACTOR, first, records=installed.records)
    assert (await installed.session(first)).state is State.ERASED
    second = await upload(installed.intake)
    assert second.new
    assert second.session_id != first
    installed.clock.advance(
        days=2
    )  # what was left of the freed key is forgotten, the new one is not
    assert (await upload(installed.intake)).session_id == second.session_id


async def test_a_key_that_was_handed_over_while_its_old_session_was_erased_stays_with_the_new_one():
    installed = await an_installation()
    first = (await upload(installed.intake)).session_id
    installed.recordings.failure = Unavailable()
    await review.cancel(ACTOR, first, records=installed.records)  # its erasure has to wait
    installed.recordings.failure = None
    second = await upload(installed.intake)
    installed.clock.advance(hours=1)
    await installed.sweep()
    assert (await installed.session(first)).state is State.ERASED
    assert (await upload(installed.intake)).session_id == second.session_id
    assert not (await upload(installed.intake)).new
    held = [item for item in installed.recordings._kept if item[0] == PRACTICE]
    assert len(held) == 1


async def test_records_that_nobody_here_knows_are_erased_with_the_session():
    installed = await an_installation()
    await begun(installed)
    draft = Create(id="draft-1", kind="draft", body=b'{"schema_version":1,"text":"Private."}')
    await installed.store.commit(IN_SESSION, [draft])
    await review.cancel(ACTOR, SESSION, records=installed.records)
    assert await installed.store.get(IN_SESSION, "draft-1") == {}
