"""The session index in SQLite: lists are index ranges; transcripts' words are in a full-text index.

Texts are folded here, by the functions that `session_entry.found` uses, too, so that SQLite compares plain
characters and both always agree.
"""

from collections.abc import Collection, Iterable
from functools import partial
from itertools import pairwise
from sqlite3 import Connection

from msgspec.structs import replace

from therapy.adapters.local.sqlite.database import Database
from therapy.domain import codec
from therapy.domain.errors import NotFound
from therapy.domain.session_entry import MOST_ENTRIES, SessionEntry, searched_text
from therapy.domain.session_status import SessionStatus
from therapy.domain.text_folding import SpokenWords, fold, query_forms, spoken_words
from therapy.ports.session_index import SessionIndex

REMOVED = "removed"
"""The state of the row that is left of a removed session's entry."""

MERGING = -1
"""The sequence of a removed row whose words may still be in the full-text index."""

IS_MERGING = f"SELECT 1 FROM rows WHERE number = ? AND sequence = {MERGING}"  # noqa: S608 - constants

MERGED_AT_ONCE = 100
"""Pages of the full-text index that are merged in one transaction: about 20 ms."""

CLOSED = SessionStatus.CLOSED.value


class SqliteSessionIndex(SessionIndex):
    """Stores the entries of all practices."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, practice_id: str, entry: SessionEntry) -> None:
        body = codec.encode(replace(entry, words=()))
        fields = searched_text(entry)

        def write(connection: Connection) -> None:
            stored = connection.execute(
                "INSERT INTO rows (practice_id, session_id, therapist_id, patient_person_id, state,"
                " sort_key, sequence, fields, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (practice_id, session_id) DO UPDATE SET "
                "therapist_id = excluded.therapist_id, state = excluded.state,"
                " patient_person_id = excluded.patient_person_id, sort_key = excluded.sort_key,"
                " sequence = excluded.sequence, fields = excluded.fields, body = excluded.body "
                "WHERE sequence <= excluded.sequence AND state <> 'removed' RETURNING number",
                (
                    *(practice_id, entry.session_id, entry.therapist_id, entry.patient_person_id),
                    *(entry.state.value, entry.sort_key, entry.sequence, fields, body),
                ),
            ).fetchone()
            if stored is not None:
                owner = _owner(connection, practice_id, entry.therapist_id)
                _write_words(connection, stored[0], _tokens(owner, entry.words))

        await self._database.write(write)

    async def remove(self, practice_id: str, session_id: str) -> None:
        def write(connection: Connection) -> tuple[bool, int]:
            (number,) = connection.execute(
                "INSERT INTO rows (practice_id, session_id, therapist_id, patient_person_id, state,"
                " sort_key, sequence, fields, body) VALUES (?, ?, '', '', ?, '', 0, '', x'') "
                "ON CONFLICT (practice_id, session_id) DO UPDATE SET "
                "therapist_id = '', patient_person_id = '', state = excluded.state, sort_key = '',"
                " fields = '', body = x'' RETURNING number",
                (practice_id, session_id, REMOVED),
            ).fetchone()
            if _write_words(connection, number, ""):
                _note_merging(connection, number, MERGING)
            return bool(connection.execute(IS_MERGING, (number,)).fetchone()), int(number)

        merging, number = await self._database.write(write)
        if merging:
            await self._merge_words()
            await self._database.write(lambda c: _note_merging(c, number, 0))

    async def _merge_words(self) -> None:
        """Write the full-text index anew, in short transactions: it keeps deleted words until it is merged.

        From SQLite 3.42 on it could overwrite them itself ('secure-delete').
        """
        pages = -MERGED_AT_ONCE  # negative: begin to merge everything that is there now
        while await self._database.write(partial(_merged, pages=pages)):
            pages = MERGED_AT_ONCE

    async def get(self, practice_id: str, session_id: str) -> SessionEntry:
        def read(connection: Connection) -> SessionEntry:
            found = connection.execute(
                "SELECT body FROM rows WHERE practice_id = ? AND session_id = ? AND state <> ?",
                (practice_id, session_id, REMOVED),
            ).fetchone()
            if found is None:
                raise NotFound(session=session_id)
            return codec.decode(SessionEntry, found[0])

        return await self._database.read_now(read)

    async def of_therapist(
        self,
        practice_id: str,
        therapist_id: str,
        states: Collection[SessionStatus],
        before: str,
        limit: int,
    ) -> tuple[SessionEntry, ...]:
        def read(connection: Connection) -> tuple[SessionEntry, ...]:
            # One index range for each state, so that a list costs no more than its result.
            found: list[tuple[str, bytes]] = []
            for state in set(states):
                found += connection.execute(
                    "SELECT sort_key, body FROM rows "
                    "WHERE practice_id = ? AND therapist_id = ? AND state = ? AND sort_key < ? "
                    "ORDER BY sort_key DESC LIMIT ?",
                    (practice_id, therapist_id, state.value, _end(before), _most(limit)),
                )
            found.sort(key=lambda each: each[0], reverse=True)
            return tuple(codec.decode(SessionEntry, body) for _, body in found[: _most(limit)])

        if len(set(states)) == 1:
            return await self._database.read_now(read)
        return await self._database.read(read)

    async def of_patient(
        self, practice_id: str, person_id: str, before: str, limit: int
    ) -> tuple[SessionEntry, ...]:
        def read(connection: Connection) -> tuple[SessionEntry, ...]:
            found = connection.execute(
                "SELECT body FROM rows WHERE practice_id = ? AND patient_person_id = ? "
                "AND state = 'closed' AND patient_person_id <> '' AND sort_key < ? "
                "ORDER BY sort_key DESC LIMIT ?",
                (practice_id, person_id, _end(before), _most(limit)),
            )
            return tuple(codec.decode(SessionEntry, body) for (body,) in found)

        return await self._database.read_now(read)

    async def search(
        self, practice_id: str, therapist_id: str, query: str, before: str, limit: int
    ) -> tuple[SessionEntry, ...]:
        if not fold(query):
            return ()
        forms, wanted = query_forms(query), spoken_words(query)
        parts = " OR ".join(["instr(fields, ?) > 0"] * len(forms))

        def read(connection: Connection) -> tuple[SessionEntry, ...]:
            owner = _known_owner(connection, practice_id, therapist_id)
            spoken, words = _spoken(owner, wanted)
            found = connection.execute(
                "SELECT body FROM rows WHERE practice_id = ? AND therapist_id = ? AND state = ? "  # noqa: S608 - constants
                f"AND sort_key < ? AND ({parts}{spoken}) ORDER BY sort_key DESC LIMIT ?",
                (practice_id, therapist_id, CLOSED, _end(before), *forms, *words, _most(limit)),
            )
            return tuple(codec.decode(SessionEntry, body) for (body,) in found)

        return await self._database.search(read)


def _end(before: str) -> str:
    """Return the key below which a list begins; for "" one that is above all keys."""
    return before or "\U0010ffff"


def _most(limit: int) -> int:
    return max(0, min(limit, MOST_ENTRIES))


def _owner(connection: Connection, practice_id: str, therapist_id: str) -> int:
    """Return the number that prefixes the therapist's words in the full-text index, a new one if needed."""
    connection.execute(
        "INSERT INTO therapists (practice_id, therapist_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (practice_id, therapist_id),
    )
    return _known_owner(connection, practice_id, therapist_id)


def _known_owner(connection: Connection, practice_id: str, therapist_id: str) -> int:
    known = connection.execute(
        "SELECT number FROM therapists WHERE practice_id = ? AND therapist_id = ?",
        (practice_id, therapist_id),
    ).fetchone()
    return 0 if known is None else int(known[0])


def _tokens(owner: int, words: Iterable[str]) -> str:
    return " ".join(f"{owner}z{word}" for word in words)


def _write_words(connection: Connection, number: int, tokens: str) -> bool:
    """Write a row's words; return whether others are there no longer."""
    stored = connection.execute("SELECT words FROM row_words WHERE rowid = ?", (number,)).fetchone()
    if (stored[0] if stored else "") == tokens:
        return False
    connection.execute("DELETE FROM row_words WHERE rowid = ?", (number,))
    if tokens:
        connection.execute("INSERT INTO row_words (rowid, words) VALUES (?, ?)", (number, tokens))
    return stored is not None


def _note_merging(connection: Connection, number: int, sequence: int) -> None:
    connection.execute("UPDATE rows SET sequence = ? WHERE number = ?", (sequence, number))


def _merged(connection: Connection, *, pages: int) -> bool:
    """Merge so many pages of the full-text index; return False if there was nothing left to merge."""
    before = connection.total_changes
    connection.execute("INSERT INTO row_words (row_words, rank) VALUES ('merge', ?)", (pages,))
    return connection.total_changes - before > 1


def _longest(words: Iterable[str]) -> list[str]:
    """Return the words without those that are prefixes of another: what matches the longer matches both."""
    ordered = [*sorted(set(words)), ""]
    return [word for word, next_word in pairwise(ordered) if not next_word.startswith(word)]


def _spoken(owner: int, wanted: SpokenWords) -> tuple[str, tuple[str, ...]]:
    """Return the condition that the entry has each wanted word, and its parameters."""
    beginnings = [f'"{owner}z{word}" *' for word in _longest(wanted.beginnings)]
    match = " AND ".join([*beginnings, *(f'"{owner}z{word}"' for word in wanted.whole)])
    if not match:
        return "", ()
    return " OR number IN (SELECT rowid FROM row_words WHERE row_words MATCH ?)", (match,)
