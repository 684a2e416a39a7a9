"""A practice of any size: real records of closed sessions and patients, written many to a transaction.

They go through the repositories, the store and the indexes, so what is in the database is what a server would
have written, but for the transcripts, which have a hundred words instead of an hour of them. One transaction
takes a thousand records instead of one, and nothing is flushed to the disk: 700 sessions or 6,000 patients
in a second of CPU, most of it to fold words and to index them. The sessions of further therapists are copies
of those of one, made by SQLite: 2,300 in a second of CPU.
"""

from __future__ import annotations

import random
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, TypeVar, cast

from msgspec.structs import replace

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from therapy.adapters.local.sqlite import text_parts  # noqa: E402 - the path comes first
from therapy.adapters.local.sqlite.database import FILE_NAME, Database  # noqa: E402 - the path comes first
from therapy.adapters.local.sqlite.people_index import SqlitePeopleIndex  # noqa: E402 - the path comes first
from therapy.adapters.local.sqlite.session_index import SqliteSessionIndex  # noqa: E402 - the path comes first
from therapy.adapters.local.sqlite.store import SqliteStore  # noqa: E402 - the path comes first
from therapy.adapters.local.sqlite.text_parts import OF_SESSIONS  # noqa: E402 - the path comes first
from therapy.domain.people import Person, Role  # noqa: E402 - the path comes first
from therapy.domain.person_entry import person_entry_of  # noqa: E402 - the path comes first
from therapy.domain.run import Run, RunKind, RunState  # noqa: E402 - the path comes first
from therapy.domain.sentiment import Scores  # noqa: E402 - the path comes first
from therapy.domain.session import Details, Recording, Session, SessionPatient, State  # noqa: E402 - the path comes first
from therapy.domain.session_entry import entry_of  # noqa: E402 - the path comes first
from therapy.domain.transcript import Source, Speaker, TranscriptVersion, Utterance, Word  # noqa: E402 - the path comes first
from therapy.repositories.change import Change  # noqa: E402 - the path comes first
from therapy.repositories.people import EmailOwner  # noqa: E402 - the path comes first
from therapy.repositories.records import Records  # noqa: E402 - the path comes first
from therapy.repositories.sessions import session_partition  # noqa: E402 - the path comes first

T = TypeVar("T")

AT_ONCE = 1_000
"""Sessions or people in one transaction."""

THERAPISTS_AT_ONCE = 50
"""Therapists whose sessions are copied in one transaction, at the end of which FTS5 writes a segment."""

HASHED_MB, USUAL_MB = 64, 1
"""What FTS5 collects before it writes a segment, while sessions are copied and as it is by default."""

OF_ONE_THERAPIST = 200
"""Closed sessions of each of the many therapists."""

WANTED = "Quentin"
"""The first name of the first 50 patients, and of the patient in 50 sessions of who has most."""

FIRST_DAY = date(2016, 1, 1)
LETTERS = "abcdefghijklmnopqrstuvwxyzאבגדהוזחטיכלמנסעפצקרשת"
SCORES = Scores(0.25, 0.5, 0.25)


class _OneTransaction:
    """What the store and the indexes want of a database, on a connection whose transaction goes on."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        return change(self._connection)

    read = search = write


class Writer(NamedTuple):
    """The records and indexes that a practice is written with."""

    records: Records
    sessions: SqliteSessionIndex
    people: SqlitePeopleIndex


class Names:
    """Invented names and words, the same ones each time."""

    def __init__(self) -> None:
        self.chance = random.Random(12)  # noqa: S311 - no secret
        self.first = [self._word(3, 7).capitalize() for _ in range(400)]
        self.last = [self._word(4, 9).capitalize() for _ in range(3_000)]
        self.words = [self._word(2, 9) for _ in range(20_000)]

    def _word(self, least: int, most: int) -> str:
        letters = LETTERS[:26] if self.chance.random() < 0.5 else LETTERS[26:]
        return "".join(self.chance.choices(letters, k=self.chance.randint(least, most)))

    def name(self, *, wanted: bool) -> str:
        return f"{WANTED if wanted else self.chance.choice(self.first)} {self.chance.choice(self.last)}"

    def line(self, words: int) -> str:
        return " ".join(self.chance.choices(self.words, k=words))


async def fill(directory: Path, steps: Callable[[Writer], Iterator[Awaitable[None]]]) -> None:
    """Do all steps on the directory's database, AT_ONCE in a transaction."""
    path = directory / FILE_NAME
    async with Database.open(path, synchronous="OFF"):
        pass  # created, or migrated
    connection = _connected(path)
    database = cast("Database", _OneTransaction(connection))
    now = datetime.now(UTC)
    store = SqliteStore(database, lambda: now)
    records = Records(store, now=lambda: now, new_id=lambda: "unused")
    writer = Writer(records, SqliteSessionIndex(database), SqlitePeopleIndex(database))
    connection.execute("BEGIN IMMEDIATE")
    for number, step in enumerate(steps(writer), 1):
        await step
        if number % AT_ONCE == 0:
            connection.execute("COMMIT")
            connection.execute("BEGIN IMMEDIATE")
    connection.execute("COMMIT")
    connection.close()


def _connected(path: Path) -> sqlite3.Connection:
    """Return a connection that flushes nothing; only the file's owner may use it."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("synchronous = OFF", "cache_size = -200000", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


class Copies:
    """Gives further therapists the closed sessions of one, whose id is in the ids of these sessions."""

    def __init__(self, connection: sqlite3.Connection, practice_id: str, therapist_id: str) -> None:
        self._connection = connection
        self._practice_id, self._therapist_id = practice_id, therapist_id
        owner = text_parts.known_number(connection, practice_id, therapist_id)
        rows = connection.execute(
            "SELECT number, fields FROM rows WHERE practice_id = ? AND therapist_id = ? "
            "AND state = 'closed' ORDER BY number",
            (practice_id, therapist_id),
        ).fetchall()
        spoken = "SELECT words FROM row_words WHERE rowid = ?"
        prefix = f"{owner}z"
        self._words = [
            [word.removeprefix(prefix) for word in text.split()]
            for number, _ in rows
            for (text,) in connection.execute(spoken, (number,))
        ]
        self._parts = {
            index.parts: [
                [
                    part.removeprefix(prefix)
                    for part in text_parts.indexed_words(index, owner, fields).split()
                ]
                for _, fields in rows
            ]
            for index in OF_SESSIONS
        }

    def add(self, therapist_id: str, sessions: int) -> None:
        """Add copies of so many of the sessions, for another therapist."""
        change = (self._therapist_id, therapist_id)
        last = session_partition(self._practice_id, f"{self._therapist_id}-{sessions:06}")
        self._connection.execute(
            "INSERT INTO items SELECT replace(partition, ?, ?), id, version, kind, queue, due_at, "
            "expires_at, CAST(replace(CAST(body AS TEXT), ?, ?) AS BLOB) FROM items "
            "WHERE partition >= ? AND partition < ?",
            (*change, *change, session_partition(self._practice_id, self._therapist_id), last),
        )
        numbers = self._connection.execute(
            "INSERT INTO rows (practice_id, session_id, therapist_id, patient_person_id, state, sort_key, "
            "sequence, fields, body) SELECT practice_id, replace(session_id, ?, ?), ?, patient_person_id, "
            "state, replace(sort_key, ?, ?), sequence, fields, "
            "CAST(replace(CAST(body AS TEXT), ?, ?) AS BLOB) FROM rows "
            "WHERE practice_id = ? AND therapist_id = ? AND state = 'closed' ORDER BY number LIMIT ? "
            "RETURNING number",
            (
                *change,
                therapist_id,
                *change,
                *change,
                self._practice_id,
                self._therapist_id,
                sessions,
            ),
        ).fetchall()
        owner = text_parts.number_of(self._connection, self._practice_id, therapist_id)
        for table, column, lists in (
            ("row_words", "words", self._words),
            *((table, "fields", lists) for table, lists in self._parts.items()),
        ):
            self._connection.executemany(
                f"INSERT INTO {table} (rowid, {column}) VALUES (?, ?)",  # noqa: S608 - constants
                [
                    (number, " ".join(f"{owner}z{word}" for word in words))
                    for (number,), words in zip(sorted(numbers), lists, strict=False)
                ],
            )
        for index in OF_SESSIONS:
            self._connection.execute(f"DELETE FROM {index.changed}")  # noqa: S608 - constants


def copy_sessions(
    directory: Path, practice_id: str, therapist_id: str, others: Sequence[tuple[str, int]]
) -> None:
    """Give each of the others so many copies of the therapist's closed sessions."""
    with closing(_connected(directory / FILE_NAME)) as connection:
        for pragma in ("journal_mode = OFF", "secure_delete = OFF"):
            connection.execute(f"PRAGMA {pragma}")
        copies = Copies(connection, practice_id, therapist_id)
        _hash(connection, HASHED_MB)
        for at in range(0, len(others), THERAPISTS_AT_ONCE):
            connection.execute("BEGIN IMMEDIATE")
            for other, sessions in others[at : at + THERAPISTS_AT_ONCE]:
                copies.add(other, sessions)
            connection.execute("COMMIT")
        _hash(connection, USUAL_MB)
        connection.execute("PRAGMA journal_mode = WAL")


def _hash(connection: sqlite3.Connection, megabytes: int) -> None:
    for table in ("row_words", *(index.parts for index in OF_SESSIONS)):
        connection.execute(
            f"INSERT INTO {table} ({table}, rank) VALUES ('hashsize', ?)",  # noqa: S608 - constants
            (megabytes * 1024 * 1024,),
        )


def patients(
    writer: Writer, practice_id: str, numbers: range, names: Names
) -> Iterator[Awaitable[None]]:
    """Add patients with these numbers."""

    async def add(person: Person) -> None:
        owner = EmailOwner(practice_id, person.id, person.created_at)
        await Change(writer.records.people.emails.write(person.email, owner)).commit(
            writer.records.store
        )
        await Change(*writer.records.people.new(person)).commit(writer.records.store)
        await writer.people.put(practice_id, person_entry_of(replace(person, version=1)))

    for number in numbers:
        name = names.name(wanted=number < 50)
        yield add(
            Person(
                id=f"invented-patient-{number}",
                practice_id=practice_id,
                role=Role.PATIENT,
                email=f"{name.split()[0].lower()}.{number}@example.health",
                full_name=name,
                password_hash="none",  # noqa: S106 - nobody can sign in with it
                created_at=datetime.now(UTC),
                number=f"{600_000_000 + number * 37 % 99_999_989:09}",
                date_of_birth=FIRST_DAY - timedelta(days=7_000 + number % 20_000),
            )
        )


def sessions(
    writer: Writer, therapist: Person, ids: Iterable[int], names: Names, state: State = State.CLOSED
) -> Iterator[Awaitable[None]]:
    """Add sessions of a therapist with these numbers; their ids are the therapist's and the number."""

    async def add(session: Session, version: TranscriptVersion, runs: list[Run]) -> None:
        records = writer.records
        pending = [records.sessions.write(session), *(records.runs.write(run) for run in runs)]
        pending += await records.transcripts.new(session.practice_id, version)
        await Change(*pending).commit(records.store)
        closed = version if session.state is State.CLOSED else None
        stored = [replace(run, version=1) for run in runs]
        entry = entry_of(replace(session, version=1), stored, closed)
        await writer.sessions.put(session.practice_id, entry)

    for number in ids:
        session = _session(number, therapist, names, state)
        yield add(session, _version(session, names), _runs(session))


def _session(number: int, therapist: Person, names: Names, state: State) -> Session:
    day = FIRST_DAY + timedelta(days=number * 7 % 3_600)
    received = datetime(day.year, day.month, day.day, 9, tzinfo=UTC) + timedelta(seconds=number)
    patient = SessionPatient(
        number=f"{600_000_000 + number % 90_000:09}", name=names.name(wanted=200 <= number < 250)
    )
    return Session(
        id=f"{therapist.id}-{number:06}",
        practice_id=therapist.practice_id,
        therapist_id=therapist.id,
        therapist_name=therapist.full_name,
        therapist_email=therapist.email,
        details=Details(patient=patient, date=day, summary=names.line(30)),
        recording=Recording(f"recording-{number}", 30_000_000, "0" * 64, "audio/mp4"),
        created_at=received,
        state=state,
        title=f"Session {day:%d-%m-%Y}",
        transcript_number=1,
        scores=SCORES if state is State.CLOSED else None,
        closed_at=received if state is State.CLOSED else None,
    )


def _version(session: Session, names: Names) -> TranscriptVersion:
    lines = [names.line(17).split() for _ in range(6)]
    return TranscriptVersion(
        session_id=session.id,
        number=1,
        parent=0,
        source=Source.MACHINE,
        at=session.created_at,
        utterances=tuple(_utterance(at, line) for at, line in enumerate(lines)),
        language="he-IL",
        duration_ms=60_000,
    )


def _utterance(at: int, line: list[str]) -> Utterance:
    start = at * 10_000
    words = tuple(
        Word(each, start + place * 500, start + place * 500 + 400, 0.93)
        for place, each in enumerate(line)
    )
    speaker = Speaker.PATIENT if at % 2 else Speaker.THERAPIST
    scores = SCORES if at % 2 else None
    return Utterance(
        start, start + 9_000, " ".join(line), speaker, str(at % 2), 0.9, words, scores=scores
    )


def _runs(session: Session) -> list[Run]:
    at = session.created_at
    kinds = (RunKind.TRANSCRIBE, RunKind.SCORE) if session.closed_at else (RunKind.TRANSCRIBE,)
    return [
        Run(
            id=f"run-{kind.value}",
            practice_id=session.practice_id,
            session_id=session.id,
            kind=kind,
            created_at=at,
            due_at=at,
            state=RunState.DONE,
            claims=1,
        )
        for kind in kinds
    ]
