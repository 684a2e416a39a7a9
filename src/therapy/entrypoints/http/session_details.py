"""What a therapist says about a session beside the audio, as uploads, corrections and answers spell it."""

from typing import Annotated

from msgspec import Meta, Struct

from therapy.domain.session import TimedNote
from therapy.domain.transcript import parse_timestamp
from therapy.entrypoints.http.schema_types import NO_NUL, Short, Text

MOST_NOTES = 2_000


class PersonIn(Struct):
    """The therapist or patient in the metadata."""

    id: Annotated[str, Meta(max_length=100, pattern=NO_NUL)] = ""
    name: Short = ""
    email: Short | None = None
    date_of_birth: Annotated[str, Meta(max_length=32, pattern=NO_NUL)] | None = None


class NoteIn(Struct):
    content: Text = ""
    timestamp: Annotated[str, Meta(max_length=32, pattern=NO_NUL)] = ""


class NoteOut(Struct):
    timestamp: str
    content: str


def timed_notes(notes: list[NoteIn | str] | None) -> tuple[TimedNote, ...]:
    """Read timed notes; a bare text is a note at the start. InvalidInput names a bad timestamp."""
    read = [each if isinstance(each, NoteIn) else NoteIn(content=each) for each in notes or []]
    for index, note in enumerate(read):
        if note.timestamp:
            parse_timestamp(note.timestamp, field=f"timed_notes[{index}].timestamp")
    return tuple(TimedNote(note.timestamp or "00:00", note.content) for note in read)


def general_notes(notes: list[NoteIn | str] | None) -> tuple[str, ...]:
    """Read general notes: objects with `content`, or bare texts."""
    return tuple(each.content if isinstance(each, NoteIn) else each for each in notes or [])
