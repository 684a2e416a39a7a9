"""What the suites of records share: commits of what repositories return, races, ids that try to be clever."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from therapy.domain import codec
from therapy.domain.outbox import OutboxItem
from therapy.domain.people import Person
from therapy.domain.run import Run
from therapy.domain.session import Session
from therapy.domain.transcript import TranscriptVersion
from therapy.domain.transcript_parts import VersionHeader
from therapy.ports.store import MOST_WRITES
from therapy.repositories.change import Change, Pending
from therapy.repositories.records import Records
from therapy.repositories.sessions import session_partition
from therapy.workflows.accounts import add_person

ODD_IDS = (
    *("a", "A", "a ", "a|b", "a|", "|a", "a/b", "a\\b", "../x", "a?b#c%2F", "~", "a~", "ä"),
    *("", ".", "..", "-a", "\x00", "line\nline", "מטופל", "🙂", "x" * 64, "x" * 65, "x" * 300),
)
"""Ids as nobody should choose them; no two of them may ever share a record."""

NO_UNICODE = "said \ud800"
"""What no store can keep as text; errors must not quote it."""


async def commit(records: Records, *pending: Pending) -> None:
    await Change(*pending).commit(records.store)


async def commit_many(records: Records, *pending: Pending) -> None:
    """Commit writes of one partition, as many at a time as there may be."""
    for start in range(0, len(pending), MOST_WRITES):
        await commit(records, *pending[start : start + MOST_WRITES])


async def at_once(*attempts: Awaitable[Any]) -> tuple[list[int], list[type[BaseException]]]:
    """Make all attempts at once; return the places of those that won, and what the others raised."""
    results = await asyncio.gather(*attempts, return_exceptions=True)
    failed = [type(each) for each in results if isinstance(each, BaseException)]
    return [at for at, each in enumerate(results) if not isinstance(each, BaseException)], failed


async def everything(
    records: Records,
    session: Session | None = None,
    version: TranscriptVersion | None = None,
    runs: tuple[Run, ...] = (),
    items: tuple[OutboxItem, ...] = (),
) -> None:
    """Commit what may go together in the partition of a session; items are placed by their order."""
    change = Change(*(records.runs.write(run) for run in runs))
    if session:
        change.add(records.sessions.write(session))
    if version:
        change.add(*await records.transcripts.new(session.practice_id, version))
    for at, item in enumerate(items):
        partition = session_partition(item.practice_id, item.what.session_id)
        change.add(records.outbox.new(partition, item, at)[1])
    await change.commit(records.store)


async def headers_of(
    records: Records, practice_id: str, session_id: str
) -> tuple[VersionHeader, ...]:
    """The headers of a session's versions as they are stored, in order, without those unknown here."""
    items = await records.store.list(session_partition(practice_id, session_id), "version-")
    found = (codec.decode_if_known(VersionHeader, item.body) for item in items)
    return tuple(header for header in found if header is not None)


async def add_people(records: Records, *people: Person) -> None:
    """Add accounts, one after the other."""
    for person in people:
        await add_person(person, records=records)
