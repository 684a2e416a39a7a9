"""Drafts: a therapist's unsent edit of a transcript, kept as its difference to the version it began from.

A draft of 2,000 lines in which three were edited is three changes. They are stored in parts of five minutes
of the recording, so that an autosave writes the parts that changed and nothing else, however much was edited.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from therapy.domain.transcript import Speaker, Utterance, Word

PART_MS = 300_000
"""How much of the recording one part of a draft covers."""

MOST_PARTS = 80
"""What begins later than they cover is in the last part: a commit has at most 100 writes."""

REMEMBERED_SAVES = 16
"""How many saves a draft remembers, to tell another tab what has changed since its own."""

REMEMBERED_LINES = 20
"""How many lines of one save are named."""


class LineChange(Struct, frozen=True, omit_defaults=True):
    """How a draft's line differs from the base version's line with this start.

    A field that is UNSET is as in the base; without such a line there, as in an empty utterance.
    """

    start_ms: int
    removed: bool = False
    end_ms: int | UnsetType = UNSET
    text: str | UnsetType = UNSET
    speaker: Speaker | UnsetType = UNSET
    voice: str | UnsetType = UNSET
    confidence: float | UnsetType = UNSET
    words: tuple[Word, ...] | UnsetType = UNSET
    flags: tuple[str, ...] | UnsetType = UNSET
    edited: bool | UnsetType = UNSET
    heard: str | UnsetType = UNSET


class DraftPart(Struct, frozen=True):
    """The changes of one part of a draft, in order of start; `revision` is the save that wrote it."""

    revision: str
    changes: tuple[LineChange, ...]


class DraftSave(Struct, frozen=True, omit_defaults=True):
    """One save: which lines it changed, by their starts, and whether there were more than those."""

    revision: str
    lines: tuple[int, ...] = ()
    more: bool = False


class Draft(Struct, frozen=True, omit_defaults=True):
    """What is known of a draft besides its lines.

    `base_version` is the number of the version it began from, 0 once the draft was discarded or submitted;
    `handed_in` is the number of the version that it became when it was submitted; stored drafts have this
    name, so it is kept.
    `revision` is another one after every save. `reviewed_to_ms` is how far its author has reviewed. `parts`
    has for each part the revision that wrote it, `saves` the last saves, oldest first. `version` is the
    store's.
    """

    practice_id: str
    session_id: str
    author_id: str
    revision: str
    at: datetime
    base_version: int = 0
    reviewed_to_ms: int = 0
    parts: dict[str, str] = {}
    saves: tuple[DraftSave, ...] = ()
    handed_in: int = 0
    version: int = 0

    @property
    def is_open(self) -> bool:
        """Whether there is a draft: false once it was discarded or submitted."""
        return self.base_version > 0


class Changed(NamedTuple):
    """Which lines of a draft changed, when last, and whether there are more than those named."""

    lines: tuple[int, ...]
    at: datetime
    more: bool


_FIELDS = tuple(
    name for name in LineChange.__struct_fields__ if name not in {"start_ms", "removed"}
)


def difference(base: Iterable[Utterance], lines: Sequence[Utterance]) -> tuple[LineChange, ...]:
    """Return how lines differ from those of their base version, in order of start.

    In both every start is unique. Scores are no part of a draft.
    """
    old = {each.start_ms: each for each in base}
    kept = {each.start_ms for each in lines}
    changes = [LineChange(start, removed=True) for start in old if start not in kept]
    for line in lines:
        known = old.get(line.start_ms)
        if changed := _changed_fields(known or _empty(line.start_ms), line) or (
            {} if known else {"text": line.text}
        ):
            changes.append(LineChange(line.start_ms, **changed))
    return tuple(sorted(changes, key=lambda each: each.start_ms))


def applied(base: Iterable[Utterance], changes: Iterable[LineChange]) -> tuple[Utterance, ...]:
    """Return the lines that have these differences to their base version, in order of start."""
    lines = {each.start_ms: each for each in base}
    for change in changes:
        if change.removed:
            lines.pop(change.start_ms, None)
        else:
            known = lines.get(change.start_ms) or _empty(change.start_ms)
            lines[change.start_ms] = replace(known, **_set_fields(change))
    return tuple(lines[start] for start in sorted(lines))


def _empty(start_ms: int) -> Utterance:
    return Utterance(start_ms, start_ms, "")


def _changed_fields(old: Utterance, new: Utterance) -> dict[str, Any]:
    pairs = ((name, getattr(old, name), getattr(new, name)) for name in _FIELDS)
    return {name: after for name, before, after in pairs if before != after}


def _set_fields(change: LineChange) -> dict[str, Any]:
    found = ((name, getattr(change, name)) for name in _FIELDS)
    return {name: value for name, value in found if value is not UNSET}


def in_parts(changes: Iterable[LineChange]) -> dict[str, tuple[LineChange, ...]]:
    """Return the changes by the names of the parts that they are stored in."""
    parts: dict[str, list[LineChange]] = {}
    for each in changes:
        number = min(each.start_ms // PART_MS, MOST_PARTS - 1)
        parts.setdefault(f"{number:02}", []).append(each)
    return {name: tuple(found) for name, found in parts.items()}


def changed_starts(
    before: Mapping[str, Sequence[LineChange]], after: Mapping[str, Sequence[LineChange]]
) -> tuple[int, ...]:
    """Return the starts of the lines that are not the same in two drafts of one base, in order."""
    old = {each.start_ms: each for part in before.values() for each in part}
    new = {each.start_ms: each for part in after.values() for each in part}
    return tuple(sorted(start for start in {*old, *new} if old.get(start) != new.get(start)))


def saved(draft: Draft, revision: str, at: datetime, lines: Sequence[int]) -> Draft:
    """Return the draft after a save that changed these lines; it remembers the save."""
    more = len(lines) > REMEMBERED_LINES
    save = DraftSave(revision, tuple(lines[:REMEMBERED_LINES]), more)
    saves = (*draft.saves, save)[-REMEMBERED_SAVES:]
    return replace(draft, revision=revision, at=at, saves=saves)


def changed_since(draft: Draft, revisions: Iterable[str]) -> Changed:
    """Return what was saved after the newest of these revisions; all that is remembered if none is."""
    known = {*revisions}
    places = [place for place, each in enumerate(draft.saves) if each.revision in known]
    later = draft.saves[places[-1] + 1 :] if places else draft.saves
    lines = sorted({start for each in later for start in each.lines})
    more = not places or any(each.more for each in later) or len(lines) > REMEMBERED_LINES
    return Changed(tuple(lines[:REMEMBERED_LINES]), draft.at, more)
