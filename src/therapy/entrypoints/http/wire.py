"""What goes over the wire, as the app in the field spells it: names, dates and numbers of the contract.

Requests ignore fields they do not know; no text holds a NUL, and every text has a greatest length.
"""

from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from therapy.domain.errors import InvalidInput
from therapy.domain.session import Details, SessionPatient, TimedNote, parse_date, parse_languages
from therapy.domain.transcript import parse_timestamp

NO_NUL = "^[^\\x00]*$"
Short = Annotated[str, Meta(max_length=200, pattern=NO_NUL)]
Text = Annotated[str, Meta(max_length=20_000, pattern=NO_NUL)]
LanguageTag = Annotated[str, Meta(max_length=35, pattern=NO_NUL)]
Token = Annotated[str, Meta(max_length=4_096, pattern=NO_NUL)]

MOST_LINES = 20_000
MOST_NOTES = 2_000
MOST_METADATA = 1024 * 1024
"""Bytes of the metadata part: the only part that is held in memory."""


class LoginRequest(Struct):
    email: Short
    password: Annotated[str, Meta(max_length=1_024)]


class RefreshRequest(Struct, rename="camel"):
    refresh_token: Token


class ChangePasswordRequest(Struct, rename="camel"):
    token_sec: Token
    new_password: Annotated[str, Meta(max_length=1_024, pattern=NO_NUL)]


class DeviceRequest(Struct):
    token: Annotated[str, Meta(min_length=1, max_length=4_096, pattern=NO_NUL)]
    platform: Short
    user_id: Short
    user_type: Short


class RetryRequest(Struct):
    """`languages` (BCP 47, at most four): what is spoken, where that is not what was tried."""

    languages: list[LanguageTag] = []


class LoginAnswer(Struct, rename="camel"):
    token: str
    refresh_token: str
    user_id: str
    user_full_name: str
    user_type: str
    date_of_birth: str | None


class RefreshAnswer(Struct, rename="camel"):
    access_token: str
    refresh_token: str
    expires_in: int


class Done(Struct):
    success: bool
    message: str


class Profile(Struct, rename="camel"):
    id: str
    full_name: str
    email: str
    date_of_birth: str | None
    picture_url: str | None


class SessionItem(Struct, rename="camel"):
    id: str
    patient_id: str
    patient_name: str
    therapist_id: str
    therapist_name: str
    title: str
    date: str
    description_preview: str
    positive: float
    neutral: float
    negative: float


class PendingItem(Struct, rename="camel"):
    id: str
    patient_name: str
    session_date: str
    summary_preview: str


class Uploaded(Struct):
    session_id: str
    status: str
    message: str


class Message(Struct):
    message: str


class LineOut(Struct):
    """A line for review; all but the first three fields are for clients that know them."""

    speaker: str
    text: str
    timestamp: str
    start_ms: int
    end_ms: int
    voice: str
    confidence: float
    positive: float
    neutral: float
    negative: float


class Transcript(Struct, rename="camel"):
    patient_name: str
    session_date: str
    summary: str
    transcript: list[LineOut]


class LineIn(Struct):
    """A line as the therapist sends it back; a machine's line may be longer than what people type."""

    speaker: Short
    text: Annotated[str, Meta(max_length=200_000, pattern=NO_NUL)]
    timestamp: Annotated[str, Meta(max_length=32)]


class NoteOut(Struct):
    timestamp: str
    content: str


class ScoreOut(Struct):
    speaker: str
    text: str
    timestamp: str
    positive: float
    neutral: float
    negative: float


class DetailsAnswer(Struct):
    session_id: str = msgspec.field(name="sessionId")
    therapist_name: str
    therapist_email: str
    patient_id: str
    patient_name: str
    patient_email: str
    patient_date_of_birth: str | None
    session_date: str
    summary: str
    timed_notes: list[NoteOut]
    general_notes: list[str]
    positive: float
    neutral: float
    negative: float
    sentiment_scores: list[ScoreOut]


def day(value: date | None) -> str | None:
    """Write a date as `dd-MM-yyyy`, as most of the contract does."""
    return f"{value:%d-%m-}{value.year:04}" if value else None


def iso(value: date | None) -> str | None:
    """Write a date as `yyyy-MM-dd`, as profiles and lists do."""
    return value.isoformat() if value else None


class PersonIn(Struct):
    """The therapist or patient in the metadata."""

    id: Annotated[str, Meta(max_length=100, pattern=NO_NUL)] = ""
    name: Short = ""
    email: Short | None = None
    date_of_birth: Annotated[str, Meta(max_length=32, pattern=NO_NUL)] | None = None


class NoteIn(Struct):
    content: Text = ""
    timestamp: Annotated[str, Meta(max_length=32, pattern=NO_NUL)] = ""


class MetadataIn(Struct):
    """The metadata part. People come as objects or as JSON texts of objects, notes as objects or texts."""

    patient: PersonIn | Annotated[str, Meta(max_length=4_096, pattern=NO_NUL)]
    session_date: Annotated[str, Meta(max_length=32, pattern=NO_NUL)]
    therapist: PersonIn | Annotated[str, Meta(max_length=4_096, pattern=NO_NUL)] | None = None
    summary: Text | None = None
    general_notes: Annotated[list[NoteIn | Text], Meta(max_length=MOST_NOTES)] | None = None
    timed_notes: Annotated[list[NoteIn | Text], Meta(max_length=MOST_NOTES)] | None = None
    languages: list[LanguageTag] | None = None


class Metadata(Struct, frozen=True):
    """The metadata, read: `therapist` is the id it names ("" = none), `languages` what is spoken."""

    details: Details
    therapist: str
    languages: tuple[str, ...]


def read_metadata(raw: bytes) -> Metadata:
    """Read the metadata part.

    Raises:
        InvalidInput: names the field that is missing or malformed.
    """
    try:
        metadata = msgspec.json.decode(raw, type=MetadataIn)
    except msgspec.ValidationError as exc:
        field = _field_of(exc)
        raise InvalidInput(field or "metadata", "" if field else "metadata") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise InvalidInput("metadata", "metadata") from None
    therapist = _person(metadata.therapist or PersonIn(), "therapist")
    languages = parse_languages(metadata.languages or (), field="languages")
    return Metadata(_details(metadata), therapist.id, languages)


def _details(metadata: MetadataIn) -> Details:
    patient = _person(metadata.patient, "patient")
    if not patient.id.strip():
        raise InvalidInput("patient.id", "required")
    if not patient.name.strip():
        raise InvalidInput("patient.name", "required")
    born = (patient.date_of_birth or "").strip()
    return Details(
        patient=SessionPatient(
            number=patient.id.strip(),
            name=patient.name.strip(),
            email=(patient.email or "").strip(),
            date_of_birth=parse_date(born, field="patient.date_of_birth") if born else None,
        ),
        date=parse_date(metadata.session_date, field="session_date"),
        summary=metadata.summary or "",
        timed_notes=timed_notes(metadata.timed_notes),
        general_notes=general_notes(metadata.general_notes),
    )


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


def _person(given: PersonIn | str, field: str) -> PersonIn:
    if isinstance(given, PersonIn):
        return given
    try:
        return msgspec.json.decode(given, type=PersonIn)
    except msgspec.ValidationError as exc:
        inner = _field_of(exc)
        raise InvalidInput(f"{field}.{inner}" if inner else field) from None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise InvalidInput(field) from None


def _field_of(exc: msgspec.ValidationError) -> str:
    """The path that msgspec gives at the end of its message, e.g. `$.session_date`; never a value."""
    words = str(exc)
    if "missing required field" in words:
        return words.split("`")[1]
    return words.rpartition(" - at `$")[2].strip("`.") if " - at `$" in words else ""
