"""What is in a list: the copy of an entry, and beside it the words of its transcript; pure.

    entry-<session>   the copy: `place` is state and sort key, so that the list of a state is a range of
                      it, `sort` the sort key alone, for the list of all; `fields` are the folded texts
                      that a search may find a part of, one a line
    words-<session>   of a closed session, in its therapist's list: `words`, folded, each an entry of the
                      index; `heard` is the sort key, for the order

Where an entry was taken from a list its copy stays for `GONE_FOR` with nothing but its revision.
"""

from collections.abc import Collection, Iterable
from itertools import pairwise
from typing import Any, NamedTuple

from msgspec.structs import replace

from therapy.adapters.azure.cosmos.bodies import body_of
from therapy.adapters.azure.cosmos.container import Item, Step
from therapy.adapters.azure.cosmos.keys import END, digest, key, part
from therapy.domain.session_entry import SessionEntry, search_fields
from therapy.domain.session_status import SessionStatus
from therapy.domain.text_folding import fold

GONE_FOR = 7 * 24 * 60 * 60
"""Seconds; no writer is later than that."""

CLOSED = SessionStatus.CLOSED.value


def home_of(practice_id: str, session_id: str) -> str:
    """Give the name of the partition where a session's entry is at home."""
    return key("entry", practice_id, session_id)


def of_therapist(practice_id: str, therapist_id: str) -> str:
    """Give the name of a therapist's list."""
    return key("therapist", practice_id, therapist_id)


def of_patient(practice_id: str, person_id: str) -> str:
    """Give the name of a patient's list."""
    return key("patient", practice_id, person_id)


def lists_of(practice_id: str, entry: SessionEntry) -> list[str]:
    """Give the names of the lists that an entry belongs to."""
    lists = [of_therapist(practice_id, entry.therapist_id)]
    if entry.state is SessionStatus.CLOSED and entry.patient_person_id:
        lists.append(of_patient(practice_id, entry.patient_person_id))
    return lists


def copy_id(session_id: str) -> str:
    """Give the id of a copy."""
    return f"entry-{part(session_id)}"


class Range(NamedTuple):
    """A stretch of a list: what is between `low` and `high`, both left out, by an indexed field."""

    field: str
    low: str
    high: str


def range_of(state: str, before: str) -> Range:
    """Give the stretch of a state before a sort key ("" = from the newest)."""
    return Range("place", f"{state}|", f"{state}|{before}" if before else f"{state}}}")


def range_of_all(before: str) -> Range:
    """Give the stretch of all states before a sort key."""
    return Range("sort", "", before or END)


def ranges_of(states: Collection[SessionStatus], before: str) -> list[Range]:
    """Give the stretches of some states: one each, so that no list costs more than its answer."""
    if set(states) == set(SessionStatus):
        return [range_of_all(before)]
    return [range_of(state.value, before) for state in set(states)]


def steps_of(
    session_id: str, entry: SessionEntry, revision: int, stored: Item | None, pk: str
) -> list[Step]:
    """Make the steps that write an entry's copy to the list `pk`, where `stored` is now."""
    bare = replace(entry, words=())
    fields: dict[str, Any] = {
        "revision": revision,
        "place": f"{entry.state.value}|{entry.sort_key}",
        "sort": entry.sort_key,
        "body": body_of(bare),
    }
    if pk != of_therapist(entry.practice_id, entry.therapist_id):
        return [_written(session_id, fields, stored)]
    fields["fields"] = "\n".join(fold(text) for text in search_fields(entry))
    words = entry.words if entry.state is SessionStatus.CLOSED else ()
    known = str(stored.get("spoken", "")) if stored else ""
    spoken = digest("\n".join((entry.sort_key, fields["body"], *words))) if words else ""
    steps = [_written(session_id, {**fields, "spoken": spoken}, stored)]
    if spoken != known:
        steps.append(_words(session_id, entry.sort_key, fields["body"], words))
    return steps


def gone_steps(session_id: str, revision: int, stored: Item | None) -> list[Step]:
    """Make the steps that take a copy from a list."""
    steps = [_written(session_id, {"revision": revision, "ttl": GONE_FOR}, stored)]
    if stored and stored.get("spoken"):
        steps.append(Step("delete", _words_id(session_id)))
    return steps


def _written(session_id: str, fields: dict[str, Any], stored: Item | None) -> Step:
    if stored is None:
        return Step("create", copy_id(session_id), fields)
    return Step("replace", copy_id(session_id), fields, stored["_etag"])


def _words(session_id: str, heard: str, body: str, words: tuple[str, ...]) -> Step:
    if not words:
        return Step("delete", _words_id(session_id))
    fields = {"heard": heard, "words": list(words), "body": body}
    return Step("upsert", _words_id(session_id), fields)


def _words_id(session_id: str) -> str:
    return f"words-{part(session_id)}"


def longest(words: Iterable[str]) -> list[str]:
    """Leave out words that only begin another one, as whatever has the longer has the shorter.

    The longest come first: they find the least.
    """
    ordered = [*sorted(set(words)), ""]
    kept = [word for word, following in pairwise(ordered) if not following.startswith(word)]
    return sorted(kept, key=len, reverse=True)


def has_all(words: Iterable[str], wanted: Iterable[str]) -> bool:
    """Tell whether each wanted word begins one of the words."""
    known = tuple(words)
    return all(any(word.startswith(each) for word in known) for each in wanted)
