"""The items of a list: the copy of an entry, and the words of its transcript; pure.

    entry-<session>   the copy: `place` is state and sort key, so that the list of one state is a range of
                      it, `sort` the sort key alone, for the list of all; `fields` are the folded texts
                      that a search looks in, one per line
    words-<session>   of a closed session, in its therapist's list: `words`, folded, each indexed; `heard`
                      is the sort key, for the order

Where an entry was removed from a list, its copy stays for `GONE_FOR` with nothing but its revision.
"""

from collections.abc import Collection, Iterable
from itertools import pairwise
from typing import Any, NamedTuple

from msgspec.structs import replace

from therapy.adapters.azure.cosmos.batch_steps import Step
from therapy.adapters.azure.cosmos.container_requests import Item
from therapy.adapters.azure.cosmos.document import body_of
from therapy.adapters.azure.cosmos.keys import END, digest, key, part
from therapy.domain.session_entry import SessionEntry, searched_text
from therapy.domain.session_status import SessionStatus

GONE_FOR = 7 * 24 * 60 * 60
"""Seconds; no writer is ever later than that."""

CLOSED = SessionStatus.CLOSED.value


def home_of(practice_id: str, session_id: str) -> str:
    """Return the name of the partition of a session's home."""
    return key("entry", practice_id, session_id)


def of_therapist(practice_id: str, therapist_id: str) -> str:
    """Return the name of a therapist's list."""
    return key("therapist", practice_id, therapist_id)


def of_patient(practice_id: str, person_id: str) -> str:
    """Return the name of a patient's list."""
    return key("patient", practice_id, person_id)


def lists_of(practice_id: str, entry: SessionEntry) -> list[str]:
    """Return the names of the lists that an entry belongs to."""
    lists = [of_therapist(practice_id, entry.therapist_id)]
    if entry.state is SessionStatus.CLOSED and entry.patient_person_id:
        lists.append(of_patient(practice_id, entry.patient_person_id))
    return lists


def copy_id(session_id: str) -> str:
    """Return the id of a session's copy."""
    return f"entry-{part(session_id)}"


class Range(NamedTuple):
    """A range of a list: the items whose indexed `field` is between `low` and `high`, both excluded."""

    field: str
    low: str
    high: str


def range_of(state: str, before: str) -> Range:
    """Return the range of a state before a sort key ("" = from the newest)."""
    return Range("place", f"{state}|", f"{state}|{before}" if before else f"{state}}}")


def range_of_all(before: str) -> Range:
    """Return the range of all states before a sort key ("" = from the newest)."""
    return Range("sort", "", before or END)


def ranges_of(states: Collection[SessionStatus], before: str) -> list[Range]:
    """Return a range for each of these states, so that a list costs no more than its result."""
    if set(states) == set(SessionStatus):
        return [range_of_all(before)]
    return [range_of(state.value, before) for state in set(states)]


def steps_of(
    session_id: str, entry: SessionEntry, revision: int, stored: Item | None, pk: str
) -> list[Step]:
    """Return the steps that write an entry's copy to the list `pk`, which now has `stored`."""
    bare = replace(entry, words=())
    fields: dict[str, Any] = {
        "revision": revision,
        "place": f"{entry.state.value}|{entry.sort_key}",
        "sort": entry.sort_key,
        "body": body_of(bare),
    }
    if pk != of_therapist(entry.practice_id, entry.therapist_id):
        return [_written(session_id, fields, stored)]
    fields["fields"] = searched_text(entry)
    words = entry.words if entry.state is SessionStatus.CLOSED else ()
    known = str(stored.get("spoken", "")) if stored else ""
    spoken = digest("\n".join((entry.sort_key, fields["body"], *words))) if words else ""
    steps = [_written(session_id, {**fields, "spoken": spoken}, stored)]
    if spoken != known:
        steps.append(_words(session_id, entry.sort_key, fields["body"], words))
    return steps


def gone_steps(session_id: str, revision: int, stored: Item | None) -> list[Step]:
    """Return the steps that remove a copy from a list."""
    steps = [_written(session_id, {"revision": revision, "ttl": GONE_FOR}, stored)]
    if stored and stored.get("spoken"):
        steps.append(Step("delete", _words_id(session_id)))
    return steps


def _written(session_id: str, fields: dict[str, Any], stored: Item | None) -> Step:
    if stored is None:
        return Step("create", copy_id(session_id), fields)
    return Step("replace", copy_id(session_id), fields, stored["_etag"])


def _words(session_id: str, sort: str, body: str, words: tuple[str, ...]) -> Step:
    if not words:
        return Step("delete", _words_id(session_id))
    fields = {"heard": sort, "words": list(words), "body": body}
    return Step("upsert", _words_id(session_id), fields)


def _words_id(session_id: str) -> str:
    return f"words-{part(session_id)}"


def longest(words: Iterable[str]) -> list[str]:
    """Return the words without those that are prefixes of another: what matches the longer matches both.

    The longest come first, because they match the fewest.
    """
    ordered = [*sorted(set(words)), ""]
    kept = [word for word, next_word in pairwise(ordered) if not next_word.startswith(word)]
    return sorted(kept, key=len, reverse=True)


def has_all(words: Iterable[str], wanted: Iterable[str], *, whole: bool) -> bool:
    """Return whether each wanted word is a prefix of one of the words, or, with `whole`, one of them."""
    known = tuple(words)
    if whole:
        return {*wanted} <= {*known}
    return all(any(word.startswith(each) for word in known) for each in wanted)
