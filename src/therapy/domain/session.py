"""A session as a document: what was recorded, with whom, and how far it has come.

Leases, attempts and progress are the runs' (`run`); what the API calls a session's state is
derived from both (`session_status`). Every change of state goes through `TRANSITIONS`.
"""

import re
from collections.abc import Iterable
from datetime import date, datetime
from enum import Enum

from msgspec import Struct, field
from msgspec.structs import replace

from therapy.domain.errors import InvalidInput, WrongState
from therapy.domain.people import Person, same_name
from therapy.domain.sentiment import Scores


class State(Enum):
    """How far a session has come."""

    AWAITING_TRANSCRIPT = "awaiting_transcript"
    AWAITING_REVIEW = "awaiting_review"
    CLOSING = "closing"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    ERASED = "erased"


class Event(Enum):
    """What can happen to a session; ids and numbers that go with it are the event's business."""

    TRANSCRIPT_WRITTEN = "transcript_written"
    DETAILS_CORRECTED = "details_corrected"
    PATIENT_LINKED = "patient_linked"
    SUBMITTED = "submitted"
    SCORED = "scored"
    CANCELLED = "cancelled"
    ERASED = "erased"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.AWAITING_TRANSCRIPT, Event.TRANSCRIPT_WRITTEN): State.AWAITING_REVIEW,
    (State.AWAITING_TRANSCRIPT, Event.DETAILS_CORRECTED): State.AWAITING_TRANSCRIPT,
    (State.AWAITING_TRANSCRIPT, Event.PATIENT_LINKED): State.AWAITING_TRANSCRIPT,
    (State.AWAITING_TRANSCRIPT, Event.CANCELLED): State.CANCELLED,
    (State.AWAITING_REVIEW, Event.DETAILS_CORRECTED): State.AWAITING_REVIEW,
    (State.AWAITING_REVIEW, Event.PATIENT_LINKED): State.AWAITING_REVIEW,
    (State.AWAITING_REVIEW, Event.SUBMITTED): State.CLOSING,
    (State.AWAITING_REVIEW, Event.CANCELLED): State.CANCELLED,
    (State.CLOSING, Event.PATIENT_LINKED): State.CLOSING,
    (State.CLOSING, Event.SCORED): State.CLOSED,
    (State.CLOSED, Event.PATIENT_LINKED): State.CLOSED,
    (State.CANCELLED, Event.ERASED): State.ERASED,
}


class Link(Enum):
    """Whether the session's patient is an account: only LINKED lets that account read it."""

    NO_ACCOUNT = "no_account"
    UNCONFIRMED = "unconfirmed"
    LINKED = "linked"


class SessionPatient(Struct, frozen=True, omit_defaults=True):
    """The patient as the therapist named them, and the account they are linked to."""

    number: str
    name: str
    email: str = ""
    date_of_birth: date | None = None
    person_id: str = ""
    link: Link = Link.NO_ACCOUNT


class TimedNote(Struct, frozen=True):
    """A note the therapist took at a moment of the session; `timestamp` as the app wrote it."""

    timestamp: str
    content: str


class Recording(Struct, frozen=True, omit_defaults=True):
    """Where the audio is: `size` in bytes, `content_hash` as `upload.content_hash` makes it."""

    key: str
    size: int
    content_hash: str
    media_type: str
    file_name: str = ""


class Details(Struct, frozen=True, omit_defaults=True):
    """What the therapist says about a session beside the audio."""

    patient: SessionPatient
    date: date
    summary: str = ""
    timed_notes: tuple[TimedNote, ...] = ()
    general_notes: tuple[str, ...] = ()


class Session(Struct, frozen=True, omit_defaults=True):
    """One recorded session.

    `transcript_number` is the number of the current version (0 = none yet). `scores` describes the
    patient's speech as a whole, once closed. `version` counts writes and is the store's.
    """

    id: str
    practice_id: str
    therapist_id: str
    therapist_name: str
    therapist_email: str
    details: Details
    recording: Recording
    created_at: datetime
    state: State = State.AWAITING_TRANSCRIPT
    languages: tuple[str, ...] = ()
    title: str = ""
    transcript_number: int = field(default=0, name="transcript")
    scores: Scores | None = None
    closed_at: datetime | None = None
    demo: bool = False
    version: int = 0

    def __repr__(self) -> str:
        return f"Session(id={self.id!r}, state={self.state.name}, version={self.version})"


def apply(session: Session, event: Event) -> Session:
    """Give the session after the event; WrongState if TRANSITIONS has no such pair."""
    following = TRANSITIONS.get((session.state, event))
    if following is None:
        raise WrongState(state=session.state.value, event=event.value)
    return replace(session, state=following)


def linked(patient: SessionPatient, account: Person | None) -> SessionPatient:
    """Link what the therapist typed to the account with that number, if the name agrees too.

    A mistyped number must never show a session to a stranger: where number and name conflict the
    link stays unconfirmed until the therapist says so.
    """
    if account is None:
        return replace(patient, person_id="", link=Link.NO_ACCOUNT)
    if not same_name(patient.name, account.full_name):
        return replace(patient, person_id="", link=Link.UNCONFIRMED)
    return replace(patient, person_id=account.id, link=Link.LINKED)


def confirmed(session: Session, account: Person) -> Session:
    """Link the session to the account because its therapist confirmed it."""
    patient = replace(
        session.details.patient, number=account.number, person_id=account.id, link=Link.LINKED
    )
    return apply(
        replace(session, details=replace(session.details, patient=patient)), Event.PATIENT_LINKED
    )


def same_details(one: Details, other: Details) -> bool:
    """Tell whether a therapist sent the same words about a recording; links are not their words."""

    def bare(details: Details) -> Details:
        return replace(
            details, patient=replace(details.patient, person_id="", link=Link.NO_ACCOUNT)
        )

    return bare(one) == bare(other)


EARLIEST_YEAR = 1900
_DATES = (
    re.compile(r"(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})", re.ASCII),
    re.compile(r"(?P<d>\d{2})[-/](?P<m>\d{2})[-/](?P<y>\d{4})", re.ASCII),
)

MOST_LANGUAGES = 4
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}", re.ASCII)


def parse_date(text: str, *, field: str) -> date:
    """Read `yyyy-MM-dd`, `dd-MM-yyyy` or `dd/MM/yyyy`; InvalidInput names `field` otherwise.

    Years before 1900 are mistyped, and the app could not read them back.
    """
    for pattern in _DATES:
        found = pattern.fullmatch(text.strip())
        if found and int(found["y"]) >= EARLIEST_YEAR:
            try:
                return date(int(found["y"]), int(found["m"]), int(found["d"]))
            except ValueError:
                break
    raise InvalidInput(field, "date")


def parse_languages(tags: Iterable[str], *, field: str) -> tuple[str, ...]:
    """Read BCP 47 tags such as `he-IL`, each once; InvalidInput names `field` if one is none.

    At most MOST_LANGUAGES: no engine tells more apart.
    """
    found = tuple(dict.fromkeys(tag.strip() for tag in tags))
    if len(found) > MOST_LANGUAGES or not all(_LANGUAGE.fullmatch(tag) for tag in found):
        raise InvalidInput(field, "languages")
    return found


def title_of(day: date, language: str) -> str:
    """The title that lists show, in the practice's language."""
    return f"{'פגישה' if language == 'he' else 'Session'} {day:%d-%m-%Y}"
