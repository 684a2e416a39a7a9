"""Indexes of the parts of texts (trigrams): which texts may contain what a search looks for.

The parts of three characters of each line of a text, and the shorter ones at its end, are in a full-text
index of SQLite's, each as a word: the number of the one who searches there, "z", and the part's UTF-8 in hex,
so that any character may be in it. A text contains what has three characters or more only if it has all
parts of that, and a shorter one only if it has a part that begins with it. What is found so is compared as a
whole afterwards.

Of sessions a second index has what stands around each blank, as words of the same form: the letter before it,
and up to three behind. It is asked for several words where the first one finds too many, because all have the
parts of these, as of their therapist's name, but few have them next to each other.

Triggers write what has changed to a table, with the text whose parts are still in the index: `update` takes
it from there, also what a program of before has written. How parts are made never changes, because the parts
of a text are taken out by making them again.
"""

import json
import re
from collections.abc import Callable, Sequence
from sqlite3 import Connection
from typing import NamedTuple, TypeVar

T = TypeVar("T")
R = TypeVar("R")

Having = tuple[str, tuple[str, ...]]
"""A condition of rows, and its values."""

LENGTH = 3
"""Characters of a part."""

PAIR_LENGTH = 5
"""Characters of what is indexed of words that follow each other: one before the blank, three behind it."""

BLANK = re.compile(" ")

MOST_PARTS = 32
"""Parts of a query that are looked for: more of them find hardly fewer texts."""

MENDED_PARTS, MENDED_PAIRS = 24, 4
"""How many of a text's own are looked for when it is written again: some 40 microseconds each."""

AT_ONCE = 500
"""Changed texts that one write brings up to date; it leaves more of them, by other programs, to the next."""

TOGETHER = 32
"""New texts of sessions that are waited for: what is written to a full-text index is merged now and then,
which keeps the next write waiting for 30 to 60 ms, for many texts hardly more often than for one. Until then
a search compares them as a whole. What is to be taken out of the index never waits."""

FEW = 1_000
"""Rows that may contain the query, up to which they are compared at once: 1 to 2 ms in all."""

FIRST = 1_000
"""Rows of the list in which what is found in many is looked for first: 2 ms in all."""


def every_place(text: str) -> Sequence[int]:
    """Return where parts begin: at each character."""
    return range(len(text))


def before_blanks(text: str) -> Sequence[int]:
    """Return where pairs of words begin: at the last character before each blank."""
    return [each.start() - 1 for each in BLANK.finditer(text) if each.start()]


class PartsIndex(NamedTuple):
    """The tables of an index over the `fields` of a table's rows; `searched` is the condition on these.

    A part begins at each of the `places` of a line and has `length` characters, or as many as there are to
    the line's end; `mended` of them are looked for when a text is written again. `therapist` is whose a row
    is. `most` are the rows that may contain a query, up to which they are compared before the whole list is:
    what takes some 5 ms. If `many` are found among the FIRST of the list, that is not tried: 500 are soon
    found in the rest. But in a list of names the first are no sample.
    """

    table: str
    parts: str
    changed: str
    searched: str
    therapist: str
    most: int
    many: int
    places: Callable[[str], Sequence[int]] = every_place
    length: int = LENGTH
    mended: int = MENDED_PARTS


PEOPLE = PartsIndex(
    table="person_entries",
    parts="person_parts",
    changed="person_parts_changed",
    searched="removed = 0",
    therapist="''",
    most=5_000,
    many=FIRST,
)
SESSIONS = PartsIndex(
    table="rows",
    parts="row_parts",
    changed="row_parts_changed",
    searched="state = 'closed'",
    therapist="t.therapist_id",
    most=2_000,
    many=100,
)
PAIRS = SESSIONS._replace(
    parts="row_pairs",
    changed="row_pairs_changed",
    places=before_blanks,
    length=PAIR_LENGTH,
    mended=MENDED_PAIRS,
)
OF_SESSIONS = (SESSIONS, PAIRS)
"""The indexes over sessions, each of which is kept up to date."""


def update(connection: Connection, index: PartsIndex, most: int = AT_ONCE) -> bool:
    """Bring the parts of at most so many changed texts up to date; return whether any were taken out."""
    changed = connection.execute(
        "SELECT c.number, c.practice_id, c.therapist_id, c.fields, t.practice_id, "  # noqa: S608 - constants
        f"{index.therapist}, iif(t.{index.searched}, t.fields, '') "
        f"FROM {index.changed} AS c CROSS JOIN {index.table} AS t ON t.number = c.number "
        "ORDER BY c.number LIMIT ?",
        (most,),
    ).fetchall()
    for number, practice_id, therapist_id, indexed, *owner, fields in changed:
        if indexed:
            words = indexed_words(index, number_of(connection, practice_id, therapist_id), indexed)
            _write(connection, index, f"{index.parts}, rowid, fields", "delete", number, words)
        if fields:
            words = indexed_words(index, number_of(connection, *owner), fields)
            _write(connection, index, "rowid, fields", number, words)
        connection.execute(f"DELETE FROM {index.changed} WHERE number = ?", (number,))  # noqa: S608 - constants
    return any(indexed for _, _, _, indexed, *_ in changed)


def update_if_many(connection: Connection, index: PartsIndex, many: int) -> None:
    """Bring the parts of changed texts up to date once there are so many, or one has to be taken out."""
    waiting = f"SELECT fields FROM {index.changed} AS c LIMIT ?"  # noqa: S608 - constants
    indexed = connection.execute(waiting, (many,)).fetchall()
    if len(indexed) == many or any(fields for (fields,) in indexed):
        update(connection, index)


def update_all(connection: Connection, index: PartsIndex) -> bool:
    """Bring the parts of all changed texts up to date; return whether any were taken out."""
    left, taken_out = f"SELECT 1 FROM {index.changed} AS c LIMIT 1", False  # noqa: S608 - constants
    while connection.execute(left).fetchone():
        taken_out |= update(connection, index)
    return taken_out


def fill(connection: Connection) -> None:
    """Make the parts of all texts for the first time."""
    for index in (PEOPLE, SESSIONS):
        update_all(connection, index)


def fill_pairs(connection: Connection) -> None:
    """Make the pairs of words of all sessions for the first time."""
    update_all(connection, PAIRS)


def mend(
    connection: Connection, index: PartsIndex, number: int, fields: str, owner: tuple[str, str]
) -> None:
    """Make the parts of a row's text again if some of them, from all over the text, are not in the index."""
    changed = f"SELECT 1 FROM {index.changed} WHERE number = ?"  # noqa: S608 - constants
    text = fields.strip("\n")  # which ends with the end of a line
    if not text or connection.execute(changed, (number,)).fetchone():
        return
    places = index.places(text)
    some = {*places[:: 1 + len(places) // index.mended], *places[-1:]}
    parts = {part for at in some if "\n" not in (part := text[at : at + index.length])}
    if not parts:
        return
    number_of_owner = number_of(connection, *owner)
    wanted = " AND ".join(f'"{_word(number_of_owner, part)}"' for part in parts)
    there = f"SELECT 1 FROM {index.parts} WHERE {index.parts} MATCH ? AND rowid = ?"  # noqa: S608 - constants
    if not connection.execute(there, (wanted, number)).fetchone():
        connection.execute(f"INSERT INTO {index.changed} VALUES (?, ?, ?, '')", (number, *owner))  # noqa: S608 - constants


def candidates(
    connection: Connection, index: PartsIndex, owner: int, forms: Sequence[str], most: int
) -> list[int] | None:
    """Return the rows whose text may contain one of the forms; None if there are more than `most`.

    They are counted in SQLite: a row that is fetched costs as much as finding it.
    """
    count, numbers = connection.execute(
        "SELECT count(*), json_group_array(number) FROM ("  # noqa: S608 - constants
        f"SELECT rowid AS number FROM {index.parts} WHERE {index.parts} MATCH ? "
        f"UNION ALL SELECT c.number FROM {index.changed} AS c LIMIT ?) AS found",
        (" OR ".join(f"({_condition(index, owner, form)})" for form in forms), most + 1),
    ).fetchone()
    return None if count > most else json.loads(numbers)


def sessions_with_pairs(
    connection: Connection, owner: int, forms: Sequence[str], most: int
) -> list[int] | None:
    """Return the same of sessions: if too many have the parts, those in which words follow each other."""
    if (found := candidates(connection, SESSIONS, owner, forms, most)) is not None:
        return found
    of_words = [form for form in forms if _asked_by_pairs(form, most)]
    if not of_words or (rows := candidates(connection, PAIRS, owner, of_words, most)) is None:
        return None
    others = [form for form in forms if form not in of_words]
    more = candidates(connection, SESSIONS, owner, others, most) if others else []
    if more is None or len(found := [*{*rows, *more}]) > most:
        return None
    return found


def _asked_by_pairs(form: str, most: int) -> bool:
    """Return whether a form has pairs that say more than parts.

    What begins with a piece of a pair is gathered as a whole, so up to FEW all pairs must be whole.
    """
    places = PAIRS.places(form)
    if not places or len(form) - places[0] <= LENGTH:
        return False
    return most > FEW or len(form) - places[-1] >= PAIR_LENGTH


def search(
    forms: Sequence[str],
    may_contain: Callable[[int], T | None],
    among: Callable[[T], tuple[R, ...]],
    first: Callable[[], tuple[tuple[R, ...], bool]],
    rest: Callable[[int], tuple[R, ...]],
    *,
    most: int,
    many: int,
) -> tuple[R, ...]:
    """Return what contains one of the forms, in the cheapest of three ways.

    `may_contain` returns the rows that may, or None if there are more than its argument; `among` compares
    these. `first` goes through the FIRST rows of the list, and returns what it found and whether that is all
    that is wanted; `rest`, which is told how many that were, goes through all others. What few have is found
    by its parts, what many have at the beginning of the list. Parts that begin with one or two characters
    are so many that the list comes first, and they are not even counted if `many` were found in that.
    """
    short = any(len(form) < LENGTH for form in forms)
    if not short and (few := may_contain(FEW)) is not None:
        return among(few)
    found, enough = first()
    if enough:
        return found
    if len(found) < many and (rows := may_contain(most)) is not None:
        return among(rows)
    return found + rest(len(found))


def having(connection: Connection, index: PartsIndex, owner: int, forms: Sequence[str]) -> Having:
    """Return the condition of a row with one of the forms in its `fields`, "" without forms; and its values.

    Long forms of which no text has all parts are left out. GLOB takes 0.1 to 0.2 microseconds for each row,
    instr 0.5 to 1. But GLOB is slow if a form begins with more than one byte, and sees nothing behind a NUL;
    so it is only used if no text has one.
    """

    ask = (
        f"SELECT 1 FROM {index.parts} WHERE {index.parts} MATCH ? UNION ALL "  # noqa: S608 - constants
        f"SELECT 1 FROM {index.changed} AS c CROSS JOIN {index.table} AS t ON t.number = c.number "
        "WHERE instr(t.fields, ?) > 0 LIMIT 1"
    )

    def may_be_had(form: str) -> bool:
        return bool(connection.execute(ask, (_condition(index, owner, form), form)).fetchone())

    plain = not may_be_had("\0")
    conditions, values = list[str](), list[str]()
    for form in forms:
        if len(form) < LENGTH or may_be_had(form):
            fast = plain and "\0" < form[0] < "\x80" and "\0" not in form
            conditions.append("fields GLOB ?" if fast else "instr(fields, ?) > 0")
            values.append(f"*{_literal(form)}*" if fast else form)
    # No row has this; of a mere 0 SQLite says that the index of INDEXED BY is of no use.
    none = "fields < ''" if forms else ""
    return " OR ".join(conditions) or none, tuple(values)


def _literal(form: str) -> str:
    """Return the pattern for GLOB that only this text has."""
    return "".join(f"[{each}]" if each in "*?[" else each for each in form)


def number_of(connection: Connection, practice_id: str, therapist_id: str = "") -> int:
    """Return the number in front of a therapist's (or a practice's) words and parts, a new one if needed."""
    if known := known_number(connection, practice_id, therapist_id):
        return known
    connection.execute(
        "INSERT INTO therapists (practice_id, therapist_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (practice_id, therapist_id),
    )
    return known_number(connection, practice_id, therapist_id)


def known_number(connection: Connection, practice_id: str, therapist_id: str = "") -> int:
    """Return the same; 0 if there is none yet."""
    known = connection.execute(
        "SELECT number FROM therapists WHERE practice_id = ? AND therapist_id = ?",
        (practice_id, therapist_id),
    ).fetchone()
    return 0 if known is None else int(known[0])


def _write(connection: Connection, index: PartsIndex, columns: str, *values: object) -> None:
    marks = ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO {index.parts} ({columns}) VALUES ({marks})", values)  # noqa: S608 - constants


def indexed_words(index: PartsIndex, owner: int, fields: str) -> str:
    """Return the words by which the index knows the parts of a text."""
    parts = {
        line[at : at + index.length] for line in fields.split("\n") for at in index.places(line)
    }
    owners = _word(owner, "")
    return " ".join([owners + part.encode().hex() for part in parts])


def _word(owner: int, part: str) -> str:
    return f"{owner}z{part.encode().hex()}"


def _condition(index: PartsIndex, owner: int, form: str) -> str:
    """Return the condition of a full-text search that a text has all parts of the form.

    What the form's end cuts off is the beginning of a part; of parts at each place others say more than that.
    """
    parts = [form[at : at + index.length] for at in index.places(form)]
    whole = [part for part in parts if len(part) == index.length]
    cut = parts[len(whole) :]
    if index.places is every_place:
        cut = [] if whole else parts[:1]
    words = [f'"{_word(owner, part)}"' for part in list(dict.fromkeys(whole))[:MOST_PARTS]]
    return " AND ".join([*words, *(f'"{_word(owner, part)}" *' for part in cut)])
