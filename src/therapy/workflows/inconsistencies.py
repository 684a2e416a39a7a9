"""What does not fit together in an installation: between records, recordings and lists; and mending it.

All records are read once; whatever is suspected then is looked for a second time, because work goes on
meanwhile: what one pass saw half done, the other sees done.

Records that are damaged, or that only a newer program can read, are named. What belongs to them is not known,
so as long as there are any, no recording and no output counts as left over.
"""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import NamedTuple

from msgspec.structs import replace

from therapy.domain.codec import is_unreadable
from therapy.domain.errors import NotFound, Unavailable
from therapy.domain.people import Person
from therapy.domain.person_entry import MOST_PEOPLE, person_entry_of
from therapy.domain.playback import all_keys
from therapy.domain.run import RunState
from therapy.domain.session import CANCELLED_OR_ERASED, Session
from therapy.domain.upload import upload_of
from therapy.ports.people_index import PeopleIndex
from therapy.ports.recordings import Recordings, SupportsListing, names_fit
from therapy.ports.session_index import SessionIndex
from therapy.ports.store import Delete, Item, SupportsWalk
from therapy.repositories.records import Records
from therapy.repositories.runs import Runs
from therapy.repositories.sessions import SESSION, Sessions
from therapy.repositories.transcripts import HEADER
from therapy.repositories.uploads import Uploads
from therapy.workflows.session_entries import current_entry, refresh_entry
from therapy.workflows.stage_outputs import is_output, prefix_of

LATE = timedelta(minutes=10)
"""After so much time beyond its lease a run has no worker that could take it over."""

OLD = timedelta(hours=2)
"""Staged blocks of this age belong to no upload that goes on."""

MOST_STAGED = 10_000

OWNERS = frozenset({Sessions.kind, Runs.kind, Uploads.kind, HEADER})
"""The kinds of records that something belongs to: a recording, an output, a run, a later version."""


class Kind(Enum):
    """What does not fit."""

    AUDIO_WITHOUT_SESSION = "audio_without_session"
    SESSION_WITHOUT_AUDIO = "session_without_audio"
    STAGED_LEFTOVER = "staged_leftover"
    OUTPUT_LEFTOVER = "output_leftover"
    RUN_WITHOUT_SESSION = "run_without_session"
    STALE_LEASE = "stale_lease"
    ENTRY_OUT_OF_STEP = "entry_out_of_step"
    PERSON_NOT_FOUND = "person_not_found"
    VERSION_WITHOUT_PARENT = "version_without_parent"
    FOREIGN_FILE = "foreign_file"
    UNREADABLE_RECORD = "unreadable_record"


class Inconsistency(NamedTuple):
    """One thing that does not fit.

    If it is of no session, `name` is the recording's key, or the upload's or the person's id; of a record
    that can't be read, `name` is its item's id ("": the words of the session or its entry in lists).
    """

    kind: Kind
    practice_id: str
    session_id: str = ""
    name: str = ""


@dataclass
class _Seen:
    """What a pass over all records has seen, as (practice id, id).

    `resumable` are the sessions of runs that are not done, by what the keys of their outputs begin with;
    `unreadable` are the ids of items that can't be read, by their partitions.
    """

    sessions: dict[tuple[str, str], Session] = field(default_factory=dict)
    runs: set[tuple[str, str, str, str]] = field(default_factory=set)
    stale: set[tuple[str, str]] = field(default_factory=set)
    uploaded: set[tuple[str, str]] = field(default_factory=set)
    people: dict[tuple[str, str], Person] = field(default_factory=dict)
    versions: dict[str, dict[int, int]] = field(default_factory=dict)
    resumable: dict[tuple[str, str], str] = field(default_factory=dict)
    unreadable: dict[str, set[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Inspection:
    """Looks through an installation, and mends what can be mended without a decision.

    Without `people_index` it does not look whether the search finds every person.
    """

    records: Records
    recordings: Recordings
    session_index: SessionIndex
    people_index: PeopleIndex | None = None

    async def find(self) -> tuple[Inconsistency, ...]:
        """Return everything that does not fit together, sorted.

        Raises:
            Unavailable: a store can't be read, or not as a whole (a plugin's).
        """
        first = await self._pass()
        return tuple(sorted(first & await self._pass(), key=_order)) if first else ()

    async def _pass(self) -> set[Inconsistency]:
        kept = await self._kept()  # before the records: what is kept later has its record earlier
        seen = await self._seen()
        found = {each async for each in self._of_sessions(seen)}
        foreign = {each for each in kept if not names_fit(each[0], key=each[1])}
        found |= {Inconsistency(Kind.FOREIGN_FILE, where, name=name) for where, name in foreign}
        kept -= foreign
        owned = {
            (practice_id, key)
            for (practice_id, _), session in seen.sessions.items()
            for key in (*(each.key for each in session.recordings), *all_keys(session))
        }
        found |= set(_unreadable(seen)) or set(_left_over(kept - owned, seen))
        found |= {
            Inconsistency(Kind.RUN_WITHOUT_SESSION, practice_id, session_id)
            for practice_id, session_id, partition, _ in seen.runs
            if (practice_id, session_id) not in seen.sessions
            and SESSION not in seen.unreadable.get(partition, ())
        }
        found |= {Inconsistency(Kind.STALE_LEASE, *each) for each in seen.stale}
        found |= {
            Inconsistency(Kind.PERSON_NOT_FOUND, person.practice_id, name=person.id)
            for person in seen.people.values()
            if not await self._is_found(person)
        }
        return found | await self._staged()

    async def _kept(self) -> set[tuple[str, str]]:
        if not isinstance(self.recordings, SupportsListing):
            return set()
        return {each async for each in self.recordings.kept()}

    async def _seen(self) -> _Seen:
        if not isinstance(self.records.store, SupportsWalk):
            raise Unavailable(reason="store_not_walkable")
        seen = _Seen()
        async for item in self.records.store.walk():
            self._see(item, seen)
        return seen

    def _see(self, item: Item, seen: _Seen) -> None:
        records, now = self.records, self.records.now()
        if session := records.sessions.read_if_readable(item):
            seen.sessions[session.practice_id, session.id] = session
        elif run := records.runs.read_if_readable(item):
            seen.runs.add((run.practice_id, run.session_id, item.partition, item.id))
            if run.state is not RunState.DONE:
                seen.resumable[run.practice_id, prefix_of(run)] = run.session_id
            if run.state is RunState.CLAIMED and run.due_at < now - LATE:
                seen.stale.add((run.practice_id, run.session_id))
        elif person := records.people.read_if_readable(item):
            seen.people[person.practice_id, person.id] = person
        elif upload := records.uploads.read_if_readable(item):
            seen.uploaded.add((upload.practice_id, upload.recording_key))
        elif header := records.transcripts.header_in(item):
            seen.versions.setdefault(item.partition, {})[header.number] = header.parent
        elif item.kind in OWNERS:
            seen.unreadable.setdefault(item.partition, set()).add(item.id)

    async def _of_sessions(self, seen: _Seen) -> AsyncIterator[Inconsistency]:
        for (practice_id, session_id), session in seen.sessions.items():
            if session.state in CANCELLED_OR_ERASED:
                continue
            for each in session.recordings:
                if not await self._is_kept(practice_id, each.key):
                    yield Inconsistency(Kind.SESSION_WITHOUT_AUDIO, practice_id, session_id)
                    break
            partition = self.records.sessions.partition_of(session)
            if partition in seen.unreadable:
                continue
            try:
                is_listed_rightly = await self._is_listed_rightly(session)
            except Unavailable as exc:
                if not is_unreadable(exc):
                    raise
                yield Inconsistency(Kind.UNREADABLE_RECORD, practice_id, session_id)
                continue
            if not is_listed_rightly:
                yield Inconsistency(Kind.ENTRY_OUT_OF_STEP, practice_id, session_id)
            if _lacks_parent(session, seen.versions.get(partition, {})):
                yield Inconsistency(Kind.VERSION_WITHOUT_PARENT, practice_id, session_id)

    async def _is_kept(self, practice_id: str, key: str) -> bool:
        try:
            return await self.recordings.size(practice_id, key) >= 0
        except NotFound:
            return False

    async def _is_listed_rightly(self, session: Session) -> bool:
        """Return whether lists show a session as it is; words of transcripts are not compared.

        Its entry may be older than its last write, if that changed nothing that lists show.
        """
        try:
            wanted = await current_entry(session, records=self.records)
        except NotFound:  # erased meanwhile, or without its version, which is found otherwise
            return True
        try:
            shown = await self.session_index.get(session.practice_id, session.id)
        except NotFound:
            return False
        if shown.sequence > wanted.sequence:
            return False
        return replace(shown, words=(), sequence=0) == replace(wanted, words=(), sequence=0)

    async def _is_found(self, person: Person) -> bool:
        """Return whether a search for a person's e-mail address finds them."""
        if self.people_index is None:
            return True
        found = await self.people_index.search(
            person.practice_id, person.role, person.email, "", MOST_PEOPLE
        )
        return len(found) == MOST_PEOPLE or person.id in {each.id for each in found}

    async def _staged(self) -> set[Inconsistency]:
        found = set()
        old = self.records.now() - OLD
        for practice_id, upload_id in await self.recordings.staged_before(old, MOST_STAGED):
            if not names_fit(practice_id, upload_id):
                found.add(Inconsistency(Kind.FOREIGN_FILE, practice_id, name=upload_id))
                continue
            try:
                await self.records.uploads.load(practice_id, upload_of(upload_id))
            except NotFound:
                found.add(Inconsistency(Kind.STAGED_LEFTOVER, practice_id, name=upload_id))
        return found

    async def mend(self, one: Inconsistency, *, delete_audio: bool = False) -> bool:
        """Mend one inconsistency; return whether that was possible. Idempotent.

        Recordings without a session are deleted only with `delete_audio`: after a restore they may be all
        that is left of a session. What is lost (recordings, versions) can't be brought back.
        """
        match one.kind:
            case Kind.STAGED_LEFTOVER:
                await self.recordings.discard(one.practice_id, one.name)
            case Kind.OUTPUT_LEFTOVER:
                await self.recordings.delete(one.practice_id, one.name)
            case Kind.RUN_WITHOUT_SESSION:
                await self._delete_runs(one)
            case Kind.ENTRY_OUT_OF_STEP:
                await refresh_entry(
                    one.practice_id,
                    one.session_id,
                    records=self.records,
                    session_index=self.session_index,
                )
            case Kind.PERSON_NOT_FOUND if self.people_index is not None:
                with suppress(NotFound):  # removed meanwhile
                    person = await self.records.people.load(one.practice_id, one.name)
                    await self.people_index.put(person.practice_id, person_entry_of(person))
            case Kind.AUDIO_WITHOUT_SESSION if delete_audio:
                await self.recordings.delete(one.practice_id, one.name)
            case _:
                return False
        return True

    async def _delete_runs(self, one: Inconsistency) -> None:
        runs = (await self._seen()).runs
        for practice_id, session_id, partition, item_id in runs:
            if (practice_id, session_id) == (one.practice_id, one.session_id):
                await self.records.store.commit(partition, [Delete(id=item_id)])


def _unreadable(seen: _Seen) -> Iterator[Inconsistency]:
    for partition, ids in seen.unreadable.items():
        _, practice_id, *session = partition.split("|")
        for item_id in ids:
            yield Inconsistency(Kind.UNREADABLE_RECORD, practice_id, "".join(session), item_id)


def _left_over(kept: Collection[tuple[str, str]], seen: _Seen) -> Iterator[Inconsistency]:
    """Yield what of these kept recordings and outputs, which no session has, is needed by nobody else."""
    for practice_id, key in kept:
        if not is_output(key):
            if (practice_id, key) not in seen.uploaded:
                yield Inconsistency(Kind.AUDIO_WITHOUT_SESSION, practice_id, name=key)
        elif not _is_needed(practice_id, key, seen):
            yield Inconsistency(Kind.OUTPUT_LEFTOVER, practice_id, name=key)


def _is_needed(practice_id: str, output: str, seen: _Seen) -> bool:
    """Return whether a stage's output may be of use: its run is not done, its session neither cancelled."""
    session_id = seen.resumable.get((practice_id, output.rpartition("_")[0]), "")
    session = seen.sessions.get((practice_id, session_id))
    return session is not None and session.state not in CANCELLED_OR_ERASED


def _lacks_parent(session: Session, parents: Mapping[int, int]) -> bool:
    """Return whether the version in force, or one from which another was made, is missing."""
    needed = {session.transcript_number, *parents.values()} - {0}
    return bool(needed - parents.keys())


def _order(one: Inconsistency) -> tuple[str, ...]:
    return (one.kind.value, one.practice_id, one.session_id, one.name)
