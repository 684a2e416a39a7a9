"""What an engine finds in a transcript beside its words, as a help for the therapist and never as a fact.

Each part may be missing: a gap then says which, and by a code of `messages` why.
"""

from collections.abc import Iterable
from enum import Enum

from msgspec import Struct

MAX_KEY_PHRASES = 30


class Part(Enum):
    """What may be found."""

    KEY_PHRASES = "key_phrases"
    PERSONAL_DETAILS = "personal_details"
    SUMMARY = "summary"


class PersonalDetail(Struct, frozen=True):
    """A place where somebody could be recognised by: `length` characters of an utterance from `start` on.

    `utterance` counts from 0, `category` is the engine's word for it. The detail itself is not repeated.
    """

    utterance: int
    start: int
    length: int
    category: str


class Gap(Struct, frozen=True):
    """A part that is not there, and why: a code of `messages`."""

    part: Part
    code: str


class Insights(Struct, frozen=True, omit_defaults=True):
    """What was found in one version of a transcript.

    `summary_draft` is a machine's draft: shown as one, and nobody's summary until a therapist says so.
    """

    key_phrases: tuple[str, ...] = ()
    personal_details: tuple[PersonalDetail, ...] = ()
    summary_draft: str = ""
    gaps: tuple[Gap, ...] = ()
    engine: str = ""


def nothing_but(code: str, parts: Iterable[Part] = Part) -> Insights:
    """No insights, all for the same reason."""
    return Insights(gaps=tuple(Gap(part, code) for part in parts))


def most_telling(phrases: Iterable[str]) -> tuple[str, ...]:
    """Each phrase once, whatever its case: those found most often first, of equals the one found first."""
    counts: dict[str, int] = {}
    spelled: dict[str, str] = {}
    for phrase in phrases:
        key = phrase.casefold()
        counts[key] = counts.get(key, 0) + 1
        spelled.setdefault(key, phrase)
    ranked = sorted(counts, key=lambda key: -counts[key])
    return tuple(spelled[key] for key in ranked[:MAX_KEY_PHRASES])
