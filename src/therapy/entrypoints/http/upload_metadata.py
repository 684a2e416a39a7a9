"""The metadata part of an upload: what the app says about a recording, read into the domain's details."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from therapy.domain.errors import InvalidInput
from therapy.domain.session import (
    Details,
    SessionPatient,
    check_people,
    parse_date,
    parse_languages,
)
from therapy.entrypoints.http.json_faults import find_fault
from therapy.entrypoints.http.schema_types import NO_NUL, LanguageTag, PeopleCount, Text, about
from therapy.entrypoints.http.session_details import (
    MOST_NOTES,
    NoteIn,
    PersonIn,
    general_notes,
    timed_notes,
)

MOST_METADATA = 1024 * 1024
"""Bytes of the metadata part: the only part that is held in memory."""


PersonText = Annotated[str, Meta(max_length=4_096, pattern=NO_NUL)]
Notes = Annotated[list[NoteIn | Text], Meta(max_length=MOST_NOTES)]


class MetadataIn(Struct):
    """What is known about a recording. People are objects or JSON texts of such, notes objects or texts."""

    patient: Annotated[
        PersonIn | PersonText,
        about(
            "The patient: an object, or its JSON as a text.",
            {"id": "300000015", "name": "Dana Example", "date_of_birth": "1990-05-17"},
        ),
    ]
    session_date: Annotated[
        str,
        about("The day: `yyyy-MM-dd`, `dd-MM-yyyy` or `dd/MM/yyyy`.", "2026-03-04"),
        Meta(max_length=32, pattern=NO_NUL),
    ]
    therapist: Annotated[
        PersonIn | PersonText | None,
        about(
            "The therapist, as `patient`; another one than the caller is refused.",
            {"id": "therapist-robin", "name": "Robin Sample"},
        ),
    ] = None
    summary: Annotated[Text | None, about("About the session as a whole.", "Sleeps better.")] = None
    general_notes: Annotated[
        Notes | None, about("Notes: objects, or bare texts.", [{"content": "Came by bus."}])
    ] = None
    timed_notes: Annotated[
        Notes | None,
        about(
            "Notes at moments of the recording.",
            [{"timestamp": "00:09", "content": "Mentions the sister."}],
        ),
    ] = None
    languages: Annotated[
        list[LanguageTag] | None,
        about(
            "What is spoken, as up to four BCP 47 tags; left out, what this installation expects.",
            ["en-US"],
        ),
    ] = None
    people: Annotated[
        PeopleCount | None,
        about(
            "How many people speak; left out, what this installation is set to: as a rule the recogniser "
            "counts the voices.",
            3,
        ),
    ] = None


class Metadata(Struct, frozen=True):
    """The metadata, read: `therapist` is the id it names ("" = none), `languages` what is spoken,
    `people` how many speak (0 = not said).
    """

    details: Details
    therapist: str
    languages: tuple[str, ...]
    people: int


def read_metadata(raw: bytes) -> Metadata:
    """Read the metadata part.

    Raises:
        InvalidInput: names the field that is missing or malformed.
    """
    try:
        metadata = msgspec.json.decode(raw, type=MetadataIn)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        fault = find_fault(raw, MetadataIn)
        if fault is None or not fault.field:
            raise InvalidInput("metadata", "metadata") from None
        raise InvalidInput(fault.field, fault.code) from None
    therapist = _person(metadata.therapist or PersonIn(), "therapist")
    languages = parse_languages(metadata.languages or (), field="languages")
    people = check_people(metadata.people, field="people")
    return Metadata(_details(metadata), therapist.id, languages, people)


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


def _person(given: PersonIn | str, field: str) -> PersonIn:
    if isinstance(given, PersonIn):
        return given
    try:
        return msgspec.json.decode(given, type=PersonIn)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        fault = find_fault(given, PersonIn)
        inner = fault.field if fault else ""
        raise InvalidInput(f"{field}.{inner}" if inner else field) from None
