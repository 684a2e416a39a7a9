"""Schemas of what a therapist enters about a session, for uploads, corrections and answers."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from therapy.domain.errors import InvalidInput
from therapy.domain.session import TimedNote
from therapy.domain.transcript import parse_timestamp
from therapy.entrypoints.http.schema_types import DAY_TEXT, NO_NUL, Short, Text, about

MOST_NOTES = 2_000


Id = Annotated[str, Meta(max_length=100, pattern=NO_NUL)]
DateText = Annotated[str, Meta(max_length=32, pattern=NO_NUL)]
BirthDate = Annotated[
    DateText | None,
    about(
        "`yyyy-MM-dd`, `dd-MM-yyyy` or `dd/MM/yyyy`. Errors: `date`, `implausible_year`, `invalid`.",
        "1990-05-17",
    ),
]
Email = Annotated[Short | None, about("The e-mail address. Errors: `invalid`.", "dana@example.org")]


class PersonIn(Struct):
    """The patient as typed."""

    id: Annotated[
        Id,
        about(
            "The nine-digit number, with or without an account. Errors: `required`, `invalid`.",
            "300000015",
        ),
    ]
    name: Annotated[Short, about("The full name. Errors: `required`, `invalid`.", "Dana Example")]
    email: Email = None
    date_of_birth: BirthDate = None


class TherapistIn(Struct):
    """The therapist as the app sends them; whoever holds the access token is the therapist."""

    id: Annotated[
        Id,
        about(
            "The `userId` of the sign-in, or empty. Errors: `other_therapist` (403), `invalid`.",
            "therapist-robin",
        ),
    ] = ""
    name: Annotated[Short, about("The full name; not used. Errors: `invalid`.", "Robin Sample")] = (
        ""
    )
    email: Email = None
    date_of_birth: BirthDate = None


class NoteIn(Struct):
    """A note as typed."""

    content: Annotated[Text, about("The note. Errors: `invalid`.", "Mentions the sister.")] = ""
    timestamp: Annotated[
        str,
        about(
            "Of a timed note: `MM:SS`, `HH:MM:SS` or `HH:MM:SS.mmm`; empty means the start. Errors: "
            "`timestamp`, `invalid`.",
            "00:09",
        ),
        Meta(max_length=32, pattern=NO_NUL),
    ] = ""


class PersonCorrection(PersonIn, forbid_unknown_fields=True):
    """The patient as corrected; `id` and `name` are needed."""

    date_of_birth: Annotated[
        Annotated[DateText, Meta(extra_json_schema=DAY_TEXT)] | None,
        about(
            "ISO 8601; `dd-MM-yyyy` and `dd/MM/yyyy` are read as well. Errors: `date`, "
            "`implausible_year`, `invalid`.",
            "1990-05-17",
        ),
    ] = None


class NoteCorrection(NoteIn, forbid_unknown_fields=True):
    """A note as corrected."""


class NoteOut(Struct):
    """A note at a moment of the recording."""

    timestamp: Annotated[str, about("When, as it was typed.", "00:09")]
    content: Annotated[str, about("The note.", "Mentions the sister.")]


def timed_notes(notes: Sequence[NoteIn | str] | None) -> tuple[TimedNote, ...]:
    """Return timed notes; a bare text is a note at the start. InvalidInput names a bad timestamp."""
    read = [each if isinstance(each, NoteIn) else NoteIn(content=each) for each in notes or []]
    for index, note in enumerate(read):
        if note.timestamp:
            parse_timestamp(note.timestamp, field=f"timed_notes[{index}].timestamp")
    return tuple(TimedNote(note.timestamp or "00:00", note.content) for note in read)


def readable_notes(
    notes: Sequence[NoteIn | str] | None,
) -> tuple[tuple[TimedNote, ...], tuple[str, ...]]:
    """Return timed notes, and those with an unreadable time as general notes that begin with that text."""
    timed: list[TimedNote] = []
    others: list[str] = []
    for each in notes or []:
        note = each if isinstance(each, NoteIn) else NoteIn(content=each)
        try:
            timed += timed_notes([note])
        except InvalidInput:
            others.append(f"[{note.timestamp}] {note.content}")
    return tuple(timed), tuple(others)


def general_notes(notes: Sequence[NoteIn | str] | None) -> tuple[str, ...]:
    """Return general notes, from objects with `content` or bare texts."""
    return tuple(each.content if isinstance(each, NoteIn) else each for each in notes or [])
