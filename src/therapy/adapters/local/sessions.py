"""Sessions in SQLite: a change is one transaction over the session's partition."""

from sqlite3 import Connection

from msgspec.structs import replace

from therapy.adapters.local.sqlite.database import Database, micros
from therapy.domain import codec
from therapy.domain.errors import LeaseLost, NotFound, Stale
from therapy.domain.outbox import OutboxItem
from therapy.domain.run import Run
from therapy.domain.session import Session
from therapy.domain.transcript import TranscriptVersion
from therapy.ports.sessions import Change, Sessions, same_words

MOST_VERSIONS = 2**31
"""No transcript has a number beyond this; SQLite would refuse to look for one beyond 64 bits."""


class SqliteSessions(Sessions):
    """Sessions and the versions of their transcripts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def commit(self, practice_id: str, session_id: str, change: Change) -> None:
        def write(connection: Connection) -> None:
            if change.session is not None:
                _write_session(connection, practice_id, session_id, change.session)
            if change.drop_transcripts:
                connection.execute(
                    "DELETE FROM transcripts WHERE practice_id = ? AND session_id = ?",
                    (practice_id, session_id),
                )
            if change.transcript is not None:
                _write_transcript(connection, practice_id, session_id, change.transcript)
            for run in change.runs:
                _write_run(connection, practice_id, session_id, run)
            for item in change.outbox:
                _write_item(connection, practice_id, session_id, item)

        await self._database.write(write)

    async def load(self, practice_id: str, session_id: str) -> Session:
        def read(connection: Connection) -> Session:
            row = connection.execute(
                "SELECT body FROM sessions WHERE practice_id = ? AND id = ?",
                (practice_id, session_id),
            ).fetchone()
            if row is None:
                raise NotFound(session=session_id)
            return codec.decode(Session, row[0])

        return await self._database.read(read)

    async def transcript(self, practice_id: str, session_id: str, number: int) -> TranscriptVersion:
        def read(connection: Connection) -> TranscriptVersion:
            body = _transcript(connection, practice_id, session_id, number)
            if body is None:
                raise NotFound(session=session_id)
            return codec.decode(TranscriptVersion, body)

        return await self._database.read(read)


def _write_session(
    connection: Connection, practice_id: str, session_id: str, session: Session
) -> None:
    following = session.version + 1
    body = codec.encode(replace(session, version=following))
    if session.version:
        written = connection.execute(
            "UPDATE sessions SET version = ?, body = ? "
            "WHERE practice_id = ? AND id = ? AND version = ?",
            (following, body, practice_id, session_id, session.version),
        )
    else:
        written = connection.execute(
            "INSERT INTO sessions (practice_id, id, version, body) VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            (practice_id, session_id, following, body),
        )
    if written.rowcount != 1:
        raise Stale(session=session_id)


def _write_transcript(
    connection: Connection, practice_id: str, session_id: str, transcript: TranscriptVersion
) -> None:
    stored = _transcript(connection, practice_id, session_id, transcript.number)
    if stored is not None and not same_words(codec.decode(TranscriptVersion, stored), transcript):
        raise Stale(session=session_id, transcript=transcript.number)
    connection.execute(
        "INSERT INTO transcripts (practice_id, session_id, number, body) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (practice_id, session_id, number) DO UPDATE SET body = excluded.body",
        (practice_id, session_id, transcript.number, codec.encode(transcript)),
    )


def _transcript(
    connection: Connection, practice_id: str, session_id: str, number: int
) -> bytes | None:
    if abs(number) > MOST_VERSIONS:
        return None
    row = connection.execute(
        "SELECT body FROM transcripts WHERE practice_id = ? AND session_id = ? AND number = ?",
        (practice_id, session_id, number),
    ).fetchone()
    return None if row is None else row[0]


def _write_run(connection: Connection, practice_id: str, session_id: str, run: Run) -> None:
    following = run.version + 1
    body = codec.encode(replace(run, version=following))
    due_at = None if run.over else micros(run.due_at)
    if run.version:
        written = connection.execute(
            "UPDATE runs SET version = ?, due_at = ?, body = ? "
            "WHERE practice_id = ? AND session_id = ? AND id = ? AND version = ?",
            (following, due_at, body, practice_id, session_id, run.id, run.version),
        )
    else:
        created_at = micros(run.created_at)
        written = connection.execute(
            "INSERT INTO runs (practice_id, session_id, id, version, created_at, due_at, body) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (practice_id, session_id, run.id, following, created_at, due_at, body),
        )
    if written.rowcount != 1:
        raise LeaseLost(run=run.id)


def _write_item(
    connection: Connection, practice_id: str, session_id: str, item: OutboxItem
) -> None:
    connection.execute(
        "INSERT INTO outbox (practice_id, session_id, id, due_at, body) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (practice_id, session_id, id) "
        "DO UPDATE SET due_at = excluded.due_at, body = excluded.body",
        (practice_id, session_id, item.id, micros(item.due_at), codec.encode(item)),
    )
