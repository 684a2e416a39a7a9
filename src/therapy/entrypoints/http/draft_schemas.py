"""What requests and answers about drafts of transcripts have in them."""

import re
from typing import Annotated

from litestar.datastructures import ResponseHeader
from litestar.openapi.spec import Example
from litestar.params import HeaderParameter
from msgspec import Meta, Raw, Struct

from therapy.domain.find_and_replace import MOST_FIND
from therapy.domain.transcript import Speaker
from therapy.entrypoints.http.edited_transcript import LATEST_MS, Lines, Outline, read_lines
from therapy.entrypoints.http.errors import PreconditionRequired
from therapy.entrypoints.http.schema_types import MOMENT_TEXT, NO_NUL, UtcTime, about
from therapy.entrypoints.http.session_transcript import TranscriptLine, line_of
from therapy.workflows.draft_preconditions import NEW, Precondition
from therapy.workflows.drafts import DraftView, SentDraft

LONGEST_NUMBER = 6
"""Digits of a version's number."""

AN_ETAG = '"5f0c2d9e8b7a4c6d"'
Moment = Annotated[int, Meta(ge=0, le=LATEST_MS)]
BaseVersion = Annotated[
    int, about("The number of the version that it began from.", 1), Meta(ge=1, le=999_999)
]
ReviewedTo = Annotated[
    Moment, about("Up to where it is reviewed, in milliseconds; 0 at first.", 61_000)
]
InForce = Annotated[
    int,
    about("The number of the version in force: greater if the transcript was changed since.", 1),
]
SavedAt = Annotated[UtcTime, about("When it was last saved.", "2026-03-04T10:40:00Z")]


class DraftSent(Struct, forbid_unknown_fields=True):
    """A draft; lines that are left out are deleted ones, and a text may be empty until it is submitted."""

    base_version: BaseVersion
    lines: Lines
    reviewed_to_ms: ReviewedTo = 0
    version_in_force: Annotated[int, about("Not read.", 1)] = 0
    at: Annotated[
        str,
        about("Not read.", "2026-03-04T10:40:00Z"),
        Meta(max_length=64, extra_json_schema=MOMENT_TEXT),
    ] = ""


class _DraftOutline(Outline, kw_only=True):
    base_version: BaseVersion
    reviewed_to_ms: ReviewedTo = 0
    version_in_force: Raw = Raw(b"0")
    at: Raw = Raw(b"0")


class DraftSaved(Struct):
    """A draft that was saved, without its lines: they are those that were sent."""

    base_version: BaseVersion
    version_in_force: InForce
    reviewed_to_ms: ReviewedTo
    at: SavedAt


class DraftAnswer(Struct):
    """A draft of a session's transcript."""

    base_version: BaseVersion
    version_in_force: InForce
    lines: Annotated[list[TranscriptLine], about("The lines, in order of time.")]
    reviewed_to_ms: ReviewedTo
    at: SavedAt


class SpeakerChange(Struct, forbid_unknown_fields=True):
    """Who says which lines; one of `swap`, `voice` with `speaker`, `from_ms` and `to_ms` with `speaker`."""

    swap: Annotated[bool, about("Therapist and patient change places in all lines.", True)] = False
    voice: Annotated[
        Annotated[str, Meta(max_length=200, pattern=NO_NUL)] | None,
        about("All lines of this voice, as `voice` in the lines; empty: of none.", "1"),
    ] = None
    from_ms: Annotated[
        Moment | None, about("All lines that begin at this time or later.", 61_000)
    ] = None
    to_ms: Annotated[
        Moment | None, about("And before this time; left out: to the end.", 122_000)
    ] = None
    speaker: Annotated[Speaker | None, about("Whose they are.", "Patient")] = None


class ReplaceRequest(Struct, forbid_unknown_fields=True):
    """What to replace in all lines."""

    find: Annotated[
        str,
        about("Literal text, found in any case.", "Zoloft"),
        Meta(min_length=1, max_length=MOST_FIND, pattern=NO_NUL),
    ]
    replace_with: Annotated[
        str,
        about("What is put there, as it is; may be empty.", "sertraline"),
        Meta(max_length=MOST_FIND, pattern=NO_NUL),
    ]
    whole_words: Annotated[
        bool, about("Only whole words; one with a Hebrew prefix is another word.", True)
    ] = False
    preview: Annotated[bool, about("Only show what would change.", True)] = False


class ReplaceAnswer(Struct):
    """What was replaced, or would be."""

    count: Annotated[int, about("How often it was found.", 3)]
    lines: Annotated[list[TranscriptLine], about("The lines that changed, as they are then.")]


class LineSplit(Struct, forbid_unknown_fields=True):
    """Where a line becomes two."""

    start_ms: Annotated[Moment, about("The line.", 3_000)]
    at_word: Annotated[
        int,
        about("The word with which the second line begins, counted from 0.", 4),
        Meta(ge=1, le=100_000),
    ]


class LineChangeRequest(Struct, forbid_unknown_fields=True):
    """Which line to split, or which lines to merge: one of the two."""

    split: Annotated[LineSplit | None, about("The line that becomes two.")] = None
    merge: Annotated[
        Annotated[list[Moment], Meta(max_length=1_000)] | None,
        about("Lines that become one, by their `start_ms`, one after the other.", [3_000, 7_000]),
    ] = None


IfMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-Match",
        max_length=1_000,
        description="The ETag of the draft that was edited: if it was saved since, nothing is changed.",
        examples=[Example(value=AN_ETAG)],
    ),
]
IfNoneMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-None-Match",
        max_length=1_000,
        description="`*`, to begin a draft: if there is one already, nothing is changed.",
        examples=[Example(value="*")],
    ),
]
KnownDraft = Annotated[
    str | None,
    HeaderParameter(
        name="If-None-Match",
        max_length=1_000,
        description="The ETag of the draft that is known: nothing is sent if it was not saved since.",
        examples=[Example(value=AN_ETAG)],
    ),
]
draft_etag = ResponseHeader(
    "ETag",
    documentation_only=True,
    required=True,
    value=AN_ETAG,
    description="Another one after every save of the draft.",
)

_TAG = re.compile(r'"([^"]{1,64})"')


def precondition(if_match: str | None, if_none_match: str | None = None) -> Precondition:
    """Return what the headers say of the draft; an ETag that is none, or a weak one, is of no draft."""
    is_new = (if_none_match or "").strip() == "*"
    if if_match is None or if_match.strip() == "*":
        return Precondition(must_exist=if_match is not None, must_be_new=is_new)
    found = (_TAG.fullmatch(each.strip()) for each in if_match.split(","))
    return Precondition(frozenset(each[1] for each in found if each), must_be_new=is_new)


def required_precondition(if_match: str | None, if_none_match: str | None) -> Precondition:
    """Return what `precondition` does.

    Raises:
        PreconditionRequired: neither header says which draft is to be replaced.
    """
    if if_match is None and (if_none_match or "").strip() != "*":
        raise PreconditionRequired("draft_condition")
    return precondition(if_match, if_none_match)


def replaced_draft(if_match: str | None) -> Precondition:
    """Return which draft may be replaced: none, unless the header names one."""
    named = precondition(if_match).revisions
    return Precondition(named) if named and any(map(_is_of_draft, named)) else NEW


def _is_of_draft(tag: str) -> bool:
    """Return whether an ETag is a draft's: those of versions are numbers."""
    return len(tag) > LONGEST_NUMBER


def read_draft(raw: bytes) -> SentDraft:
    """Return the draft that a body is.

    Raises:
        InvalidInput: not JSON, not of that shape, or too many lines; names the field.
    """
    found, lines = read_lines(raw, _DraftOutline, DraftSent)
    return SentDraft(found.base_version, lines, found.reviewed_to_ms)


def etag_of(view: DraftView) -> dict[str, str]:
    """Return the header with a draft's ETag; none if it was never saved."""
    return {"ETag": f'"{view.draft.revision}"'} if view.draft.revision else {}


def draft_answer(view: DraftView) -> DraftAnswer:
    """Return a draft as the API shows it."""
    return DraftAnswer(
        base_version=view.draft.base_version,
        version_in_force=view.version_in_force,
        lines=[line_of(each) for each in view.lines],
        reviewed_to_ms=view.draft.reviewed_to_ms,
        at=view.draft.at,
    )


def saved_answer(view: DraftView) -> DraftSaved:
    """Return what is known of a draft that was saved, without its lines."""
    draft = view.draft
    return DraftSaved(draft.base_version, view.version_in_force, draft.reviewed_to_ms, draft.at)
