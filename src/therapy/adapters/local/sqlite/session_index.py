"""The session index in SQLite: lists are index ranges; words and parts of texts are in full-text indexes.

Texts are folded here, by the functions that `session_entry.found` uses, too, so that SQLite compares plain
characters and both always agree.
"""

import json
from collections.abc import Callable, Collection, Iterable
from functools import cache, partial
from itertools import pairwise
from sqlite3 import Connection
from typing import NamedTuple

from msgspec.structs import replace

from therapy.adapters.local.sqlite import text_parts
from therapy.adapters.local.sqlite.database import Database
from therapy.adapters.local.sqlite.text_parts import OF_SESSIONS, SESSIONS, TOGETHER, Having
from therapy.domain import codec
from therapy.domain.errors import NotFound
from therapy.domain.session_entry import MOST_ENTRIES, SessionEntry, searched_text
from therapy.domain.session_status import SessionStatus
from therapy.domain.text_folding import SpokenWords, fold, query_forms, spoken_words
from therapy.ports.session_index import SessionIndex

REMOVED = "removed"
"""The state of the row that is left of a removed session's entry."""

MERGING = -1
"""The sequence of a removed row of which words or parts may still be in the full-text indexes."""

IS_MERGING = f"SELECT 1 FROM rows WHERE number = ? AND sequence = {MERGING}"  # noqa: S608 - constants

CLOSED_BEFORE = "practice_id = ? AND therapist_id = ? AND state = 'closed' AND sort_key < ?"
SPOKEN = "SELECT rowid FROM row_words WHERE row_words MATCH ?"
NUMBERS = "(SELECT value FROM json_each(?))"

FEW_SPOKEN = 200
"""Sessions that have the words looked for, up to which they are read by their numbers: 0.2 to 1 ms."""

Found = tuple[SessionEntry, ...]


class SqliteSessionIndex(SessionIndex):
    """Stores the entries of all practices."""

    def __init__(self, database: Database, together: int = TOGETHER) -> None:
        self._database, self._together = database, together

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
                owner = text_parts.number_of(connection, practice_id, entry.therapist_id)
                _write_words(connection, stored[0], _tokens(owner, entry.words))
                if entry.state is SessionStatus.CLOSED:
                    whose = (practice_id, entry.therapist_id)
                    for index in OF_SESSIONS:
                        text_parts.mend(connection, index, stored[0], fields, whose)
            for index in OF_SESSIONS:
                text_parts.update_if_many(connection, index, self._together)

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
            words = _write_words(connection, number, "")
            parts = [text_parts.update_all(connection, index) for index in OF_SESSIONS]
            if any(parts) or words:
                _note_merging(connection, number, MERGING)
            return bool(connection.execute(IS_MERGING, (number,)).fetchone()), int(number)

        merging, number = await self._database.write(write)
        if merging:
            for table in ("row_words", *(index.parts for index in OF_SESSIONS)):
                await self._database.merge(table)
            await self._database.write(lambda c: _note_merging(c, number, 0))

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
            ).fetchall()
            return tuple(codec.decode(SessionEntry, body) for (body,) in found)

        return await self._database.read_now(read)

    async def search(
        self, practice_id: str, therapist_id: str, query: str, before: str, limit: int
    ) -> tuple[SessionEntry, ...]:
        if not fold(query):
            return ()
        wanted = _Wanted(practice_id, therapist_id, query, _end(before), _most(limit))
        return await self._database.search(partial(_search, wanted=wanted))


class _Wanted(NamedTuple):
    """What is searched."""

    practice_id: str
    therapist_id: str
    query: str
    before: str
    most: int

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms of the query."""
        return query_forms(self.query)

    @property
    def closed(self) -> tuple[str, ...]:
        """The values of CLOSED_BEFORE."""
        return self.practice_id, self.therapist_id, self.before


class _Rows(NamedTuple):
    """The numbers of rows that may have the query in their fields, and of those that have its words."""

    parts: list[int]
    words: list[int]


def _search(connection: Connection, *, wanted: _Wanted) -> Found:
    owner = text_parts.known_number(connection, wanted.practice_id, wanted.therapist_id)
    condition = _spoken(owner, spoken_words(wanted.query))

    @cache
    def having() -> Having:
        return text_parts.having(connection, SESSIONS, owner, wanted.forms)

    def may_contain(most: int) -> _Rows | None:
        parts = text_parts.sessions_with_pairs(connection, owner, wanted.forms, most)
        if parts is None:
            return None
        words = (
            connection.execute(f"{SPOKEN} LIMIT ?", (condition, most + 1)).fetchall()
            if condition
            else []
        )
        return None if len(words) > most else _Rows(parts, [number for (number,) in words])

    return text_parts.search(
        wanted.forms,
        may_contain,
        partial(_among, connection, wanted),
        partial(_first, connection, wanted, having, condition),
        partial(_rest, connection, wanted, having, condition),
        most=SESSIONS.most,
        many=SESSIONS.many,
    )


def _among(connection: Connection, wanted: _Wanted, rows: _Rows) -> Found:
    """Return those of these sessions that are found."""
    found = connection.execute(
        f"SELECT sort_key, body FROM rows NOT INDEXED WHERE number IN {NUMBERS} "  # noqa: S608 - constants
        f"AND {CLOSED_BEFORE} AND ({_has(wanted.forms)} OR number IN {NUMBERS})",
        (
            json.dumps(rows.parts + rows.words),
            *wanted.closed,
            *wanted.forms,
            json.dumps(rows.words),
        ),
    )
    newest = sorted(found, key=lambda row: row[0], reverse=True)[: wanted.most]
    return tuple(codec.decode(SessionEntry, body) for _, body in newest)


def _first(
    connection: Connection, wanted: _Wanted, having: Callable[[], Having], condition: str
) -> tuple[Found, bool]:
    """Return what is found among the FIRST sessions, the newest first, and if that is enough."""
    last = _last(connection, wanted, text_parts.FIRST)
    found = _scanned(connection, wanted, having(), condition, last or "")
    return found, last is None or len(found) == wanted.most


def _rest(
    connection: Connection,
    wanted: _Wanted,
    having: Callable[[], Having],
    condition: str,
    before: int,
) -> Found:
    """Return what is found among all others, if so many were found before."""
    last = _last(connection, wanted, text_parts.FIRST) or ""
    rest = wanted._replace(before=last, most=wanted.most - before)
    return _scanned(connection, rest, having(), condition)


def _scanned(
    connection: Connection, wanted: _Wanted, having: Having, condition: str, last: str = ""
) -> Found:
    """Return what is found in the list up to a sort key.

    Sessions in which few have the words are looked up by themselves, because to ask of each row whether it is
    one of them takes as long as to look into its text.
    """
    fields, forms = having
    spoken = _few_spoken(connection, wanted, condition, last)
    if spoken is None:
        fields, forms = f"{fields} OR number IN ({SPOKEN})", (*forms, condition)
    elif spoken and len(spoken) == wanted.most:
        last = min(spoken)
    found = connection.execute(
        f"SELECT sort_key, body FROM rows INDEXED BY rows_scanned WHERE {CLOSED_BEFORE} "  # noqa: S608 - constants
        f"AND sort_key >= ? AND ({fields}) ORDER BY sort_key DESC LIMIT ?",
        (*wanted.closed, last, *forms, wanted.most),
    )
    newest = sorted({**(spoken or {}), **dict(found)}.items(), reverse=True)[: wanted.most]
    return tuple(codec.decode(SessionEntry, body) for _, body in newest)


def _few_spoken(
    connection: Connection, wanted: _Wanted, condition: str, last: str
) -> dict[str, bytes] | None:
    """Return the newest sessions with the words, by sort key; None if more than FEW_SPOKEN have them."""
    if not condition:
        return {}
    numbers = connection.execute(f"{SPOKEN} LIMIT ?", (condition, FEW_SPOKEN + 1)).fetchall()
    if len(numbers) > FEW_SPOKEN:
        return None
    found = connection.execute(
        f"SELECT sort_key, body FROM rows NOT INDEXED WHERE number IN {NUMBERS} AND {CLOSED_BEFORE} "  # noqa: S608 - constants
        "AND sort_key >= ? ORDER BY sort_key DESC LIMIT ?",
        (json.dumps([number for (number,) in numbers]), *wanted.closed, last, wanted.most),
    )
    return dict(found.fetchall())


def _last(connection: Connection, wanted: _Wanted, rows: int) -> str | None:
    """Return the sort key of the session after so many; None if there are not as many."""
    found = connection.execute(
        f"SELECT sort_key FROM rows INDEXED BY rows_of_therapist WHERE {CLOSED_BEFORE} "  # noqa: S608 - constants
        "ORDER BY sort_key DESC LIMIT 1 OFFSET ?",
        (*wanted.closed, rows),
    ).fetchone()
    return None if found is None else str(found[0])


def _has(forms: tuple[str, ...]) -> str:
    return " OR ".join(["instr(fields, ?) > 0"] * len(forms))


def _end(before: str) -> str:
    """Return the key below which a list begins; for "" one that is above all keys."""
    return before or "\U0010ffff"


def _most(limit: int) -> int:
    return max(0, min(limit, MOST_ENTRIES))


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


def _longest(words: Iterable[str]) -> list[str]:
    """Return the words without those that are prefixes of another: what matches the longer matches both."""
    ordered = [*sorted(set(words)), ""]
    return [word for word, next_word in pairwise(ordered) if not next_word.startswith(word)]


def _spoken(owner: int, wanted: SpokenWords) -> str:
    """Return the condition of a full-text search that an entry has each wanted word; "" if none is wanted."""
    beginnings = [f'"{owner}z{word}" *' for word in _longest(wanted.beginnings)]
    return " AND ".join([*beginnings, *(f'"{owner}z{word}"' for word in wanted.whole)])
