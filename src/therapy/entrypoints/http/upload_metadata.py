"""The metadata part of an upload: what the app says about a recording, read into the domain's details."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from therapy.domain.errors import InvalidInput
from therapy.domain.session import (
    BIRTHDAY_UNREAD,
    DATE_ASSUMED,
    NOTE_TIME_UNREAD,
    Details,
    SessionPatient,
    check_people,
    parse_date,
    parse_languages,
)
from therapy.domain.upload import Metadata
from therapy.entrypoints.http.json_faults import find_fault
from therapy.entrypoints.http.json_texts import NO_JSON, decode_json, mended
from therapy.entrypoints.http.request_bodies import DETAILS_BODY
from therapy.entrypoints.http.schema_types import (
    NO_NUL,
    LanguageTag,
    PeopleCount,
    Short,
    Text,
    about,
)
from therapy.entrypoints.http.session_details import (
    MOST_NOTES,
    NoteIn,
    PersonIn,
    TherapistIn,
    general_notes,
    readable_notes,
    timed_notes,
)

MOST_METADATA = DETAILS_BODY
"""Bytes of the metadata part: the only part that is held in memory."""


T = TypeVar("T")
Person = TypeVar("Person", PersonIn, TherapistIn)

PersonText = Annotated[str, Meta(max_length=4_096, pattern=NO_NUL)]
Notes = Annotated[list[NoteIn | Text], Meta(max_length=MOST_NOTES)]


class MetadataIn(Struct):
    """What is known about a recording. People are objects or JSON texts of such, notes objects or texts.

    If it comes after the audio, as from the app, a day or time that can't be read does not cost the
    recording: the session has the day of the upload, no date of birth, or a general note instead of a timed
    one, and a hint says so. If it comes first, it is an error.
    """

    patient: Annotated[
        PersonIn | PersonText,
        about(
            "The patient: an object, or its JSON as a text. Errors: `required`, `invalid`.",
            {"id": "300000015", "name": "Dana Example", "date_of_birth": "1990-05-17"},
        ),
    ]
    session_date: Annotated[
        str,
        about(
            "The day: `yyyy-MM-dd`, `dd-MM-yyyy` or `dd/MM/yyyy`. Errors: `required`, `date`, "
            "`implausible_year`, `invalid`.",
            "2026-03-04",
        ),
        Meta(max_length=200, pattern=NO_NUL),
    ]
    therapist: Annotated[
        TherapistIn | PersonText | None,
        about(
            "The therapist, as `patient`; may be left out. Errors: `other_therapist` (403), `invalid`.",
            {"id": "therapist-robin", "name": "Robin Sample"},
        ),
    ] = None
    summary: Annotated[
        Text | None, about("About the session as a whole. Errors: `invalid`.", "Sleeps better.")
    ] = None
    general_notes: Annotated[
        Notes | None,
        about("Notes: objects, or bare texts. Errors: `invalid`.", [{"content": "Came by bus."}]),
    ] = None
    timed_notes: Annotated[
        Notes | None,
        about(
            "Notes at moments of the recording: objects; a bare text is at its start. Errors: `invalid`.",
            [{"timestamp": "00:09", "content": "Mentions the sister."}],
        ),
    ] = None
    languages: Annotated[
        list[LanguageTag] | None,
        about(
            "What is spoken, as up to four BCP 47 tags; left out, what this installation expects. Errors: "
            "`languages`, `invalid`.",
            ["en-US"],
        ),
    ] = None
    people: Annotated[
        PeopleCount | None,
        about(
            "How many people speak; left out, what this installation is set to: as a rule the recogniser "
            "counts the voices. Errors: `people`, `invalid`.",
            3,
        ),
    ] = None
    continues: Annotated[
        Short | None,
        about(
            "The id of a session of one's own that is not submitted yet: the recording becomes its next "
            "part, and all parts are transcribed together. The patient must be the same; summary and notes "
            "are added to the session's, everything else stays as it is. Errors: "
            "`no_session_to_continue` (404), `other_patient`, `too_late_to_continue` (409), "
            "`too_many_recordings` (409), `invalid`.",
            None,
        ),
    ] = None


def read_metadata(raw: bytes, *, today: date, audio_is_here: bool = False) -> Metadata:
    """Read the metadata part.

    If the audio is here already, a day or a time that can't be read must not cost it: the details say by
    `hints` what was taken instead.

    Raises:
        InvalidInput: names the field that is missing or malformed.
    """
    try:
        metadata = decode_json(raw, lambda text: msgspec.json.decode(text, type=MetadataIn))
    except NO_JSON:
        fault = find_fault(mended(raw), MetadataIn)
        if fault is None or not fault.field:
            raise InvalidInput("metadata", "metadata") from None
        raise InvalidInput(fault.field, fault.code) from None
    therapist = _person(metadata.therapist or TherapistIn(), TherapistIn, "therapist")
    languages = parse_languages(metadata.languages or (), field="languages")
    people = check_people(metadata.people, field="people")
    hints: list[str] | None = [] if audio_is_here else None
    details = _details(metadata, today, hints)
    continues = (metadata.continues or "").strip()
    return Metadata(details, therapist.id, languages, people, continues)


def _details(metadata: MetadataIn, today: date, hints: list[str] | None) -> Details:
    """Return the details; with a list of hints, what can't be read is noted there instead of raised.

    Raises:
        InvalidInput: names the field.
    """
    patient = _person(metadata.patient, PersonIn, "patient")
    if not patient.id.strip():
        raise InvalidInput("patient.id", "required")
    if not patient.name.strip():
        raise InvalidInput("patient.name", "required")
    written, timed = metadata.session_date, metadata.timed_notes
    notes, more = _or_hint(
        lambda: (timed_notes(timed), ()), hints, NOTE_TIME_UNREAD, lambda: readable_notes(timed)
    )
    day = _or_hint(
        lambda: parse_date(written, field="session_date", today=today),
        hints,
        DATE_ASSUMED,
        lambda: today,
    )
    born = _or_hint(lambda: _birthday(patient, today), hints, BIRTHDAY_UNREAD, lambda: None)
    return Details(
        patient=SessionPatient(
            number=patient.id.strip(),
            name=patient.name.strip(),
            email=(patient.email or "").strip(),
            date_of_birth=born,
        ),
        date=day,
        summary=metadata.summary or "",
        timed_notes=notes,
        general_notes=general_notes(metadata.general_notes) + more,
        hints=tuple(hints or ()),
    )


def _birthday(patient: PersonIn, today: date) -> date | None:
    born = (patient.date_of_birth or "").strip()
    return parse_date(born, field="patient.date_of_birth", today=today) if born else None


def _or_hint(
    read: Callable[[], T], hints: list[str] | None, hint: str, otherwise: Callable[[], T]
) -> T:
    """Return what `read` returns; if it raises InvalidInput and hints are noted, `otherwise` and a hint."""
    try:
        return read()
    except InvalidInput:
        if hints is None:
            raise
    hints.append(hint)
    return otherwise()


def _person(given: Person | str, shape: type[Person], field: str) -> Person:
    """Return a person, from an object or from its JSON in a text; InvalidInput names the field at fault."""
    if not isinstance(given, str):
        return given
    try:
        return decode_json(given, lambda text: msgspec.json.decode(text, type=shape))
    except NO_JSON:
        fault = find_fault(mended(given), shape)
        if fault is None or not fault.field:
            raise InvalidInput(field) from None
        raise InvalidInput(f"{field}.{fault.field}", fault.code) from None
