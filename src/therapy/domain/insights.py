"""Insights: what an engine finds in a transcript; suggestions to the therapist, never facts.

Any part may be missing: a gap then says which one, and why (a code of `messages`).
"""

from collections.abc import Iterable
from enum import Enum

from msgspec import Struct

MAX_KEY_PHRASES = 30

FAILED = "engine_failed"
"""The code of a gap that may be gone if the engine is asked again."""


class Part(Enum):
    """What may be found."""

    KEY_PHRASES = "key_phrases"
    PERSONAL_DETAILS = "personal_details"
    SUMMARY = "summary"


class PersonalDetail(Struct, frozen=True):
    """A place in the text that could identify someone: `length` characters of an utterance from `start`.

    `utterance` counts from 0, `category` is the engine's name for the kind. The text is not repeated here.
    """

    utterance: int
    start: int
    length: int
    category: str


class Gap(Struct, frozen=True):
    """A missing part, and why: a code of `messages`."""

    part: Part
    code: str


class Insights(Struct, frozen=True, omit_defaults=True):
    """What was found in one version of a transcript.

    `summary_draft` is written by a machine and shown as a draft; only a therapist makes it a summary.
    """

    key_phrases: tuple[str, ...] = ()
    personal_details: tuple[PersonalDetail, ...] = ()
    summary_draft: str = ""
    gaps: tuple[Gap, ...] = ()
    engine: str = ""


def nothing_but(code: str, parts: Iterable[Part] = Part) -> Insights:
    """Return insights in which these parts are missing, all for the same reason."""
    return Insights(gaps=tuple(Gap(part, code) for part in parts))


def found_nothing(insights: Insights) -> bool:
    """Return whether no part has anything in it."""
    return not (insights.key_phrases or insights.personal_details or insights.summary_draft)


def most_telling(phrases: Iterable[str]) -> tuple[str, ...]:
    """Return up to MAX_KEY_PHRASES phrases, most frequent first, ties in the order found.

    Phrases that differ only in case are one, spelled as it was found first.
    """
    counts: dict[str, int] = {}
    spelled: dict[str, str] = {}
    for phrase in phrases:
        key = phrase.casefold()
        counts[key] = counts.get(key, 0) + 1
        spelled.setdefault(key, phrase)
    ranked = sorted(counts, key=lambda key: -counts[key])
    return tuple(spelled[key] for key in ranked[:MAX_KEY_PHRASES])
