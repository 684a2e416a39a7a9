"""Sessions: what was recorded, with whom, and how far it has come.

Leases, attempts and progress belong to the runs (`run`); the state that clients see is derived from
both (`session_status`). Every change of state goes through `TRANSITIONS`.
"""

import re
from collections.abc import Iterable
from datetime import date, datetime
from enum import Enum
from typing import ClassVar

from msgspec import Struct, field
from msgspec.structs import replace

from therapy.domain.errors import InvalidInput, WrongState
from therapy.domain.people import Person, full_number, same_name
from therapy.domain.sentiment import Scores
from therapy.domain.text_folding import plain_digits


class State(Enum):
    """How far a session has come."""

    AWAITING_TRANSCRIPT = "awaiting_transcript"
    AWAITING_REVIEW = "awaiting_review"
    CLOSING = "closing"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    ERASED = "erased"


WITH_TRANSCRIPT = frozenset({State.AWAITING_REVIEW, State.CLOSING, State.CLOSED})
"""The states in which a session has a transcript in force."""

CANCELLED_OR_ERASED = frozenset({State.CANCELLED, State.ERASED})
"""The states of a session of which nothing is kept any more, or soon."""


class Event(Enum):
    """What can happen to a session: names only; what changes besides the state is up to the caller."""

    TRANSCRIPT_WRITTEN = "transcript_written"
    DETAILS_CORRECTED = "details_corrected"
    PATIENT_LINKED = "patient_linked"
    PATIENT_UNLINKED = "patient_unlinked"
    RECORDING_ADDED = "recording_added"
    SUBMITTED = "submitted"
    SCORED = "scored"
    AMENDED = "amended"
    CANCELLED = "cancelled"
    ERASED = "erased"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.AWAITING_TRANSCRIPT, Event.TRANSCRIPT_WRITTEN): State.AWAITING_REVIEW,
    (State.AWAITING_TRANSCRIPT, Event.DETAILS_CORRECTED): State.AWAITING_TRANSCRIPT,
    (State.AWAITING_TRANSCRIPT, Event.PATIENT_LINKED): State.AWAITING_TRANSCRIPT,
    (State.AWAITING_TRANSCRIPT, Event.PATIENT_UNLINKED): State.AWAITING_TRANSCRIPT,
    (State.AWAITING_TRANSCRIPT, Event.RECORDING_ADDED): State.AWAITING_TRANSCRIPT,
    (State.AWAITING_TRANSCRIPT, Event.CANCELLED): State.CANCELLED,
    (State.AWAITING_REVIEW, Event.DETAILS_CORRECTED): State.AWAITING_REVIEW,
    (State.AWAITING_REVIEW, Event.PATIENT_LINKED): State.AWAITING_REVIEW,
    (State.AWAITING_REVIEW, Event.PATIENT_UNLINKED): State.AWAITING_REVIEW,
    (State.AWAITING_REVIEW, Event.RECORDING_ADDED): State.AWAITING_TRANSCRIPT,
    (State.AWAITING_REVIEW, Event.SUBMITTED): State.CLOSING,
    (State.AWAITING_REVIEW, Event.CANCELLED): State.CANCELLED,
    (State.CLOSING, Event.PATIENT_LINKED): State.CLOSING,
    (State.CLOSING, Event.PATIENT_UNLINKED): State.CLOSING,
    (State.CLOSING, Event.SCORED): State.CLOSED,
    (State.CLOSED, Event.AMENDED): State.CLOSED,
    (State.CLOSED, Event.PATIENT_LINKED): State.CLOSED,
    (State.CLOSED, Event.PATIENT_UNLINKED): State.CLOSED,
    (State.CANCELLED, Event.PATIENT_UNLINKED): State.CANCELLED,
    (State.CANCELLED, Event.ERASED): State.ERASED,
}


class Link(Enum):
    """Whether the session's patient has an account: only LINKED lets that account read the session."""

    NO_ACCOUNT = "no_account"
    UNCONFIRMED = "unconfirmed"
    LINKED = "linked"


class SessionPatient(Struct, frozen=True, omit_defaults=True):
    """The patient as the therapist named them, and the account they are linked to.

    `number` is the account's once the therapist has confirmed the link; `entered_number` is what it was
    before ("" = the same).
    """

    number: str
    name: str
    email: str = ""
    date_of_birth: date | None = None
    person_id: str = ""
    link: Link = Link.NO_ACCOUNT
    entered_number: str = ""


class TimedNote(Struct, frozen=True):
    """A note that the therapist took at a moment of the session; `timestamp` is as the app wrote it."""

    timestamp: str
    content: str


class Recording(Struct, frozen=True, omit_defaults=True):
    """Where the audio is: `size` in bytes, `content_hash` as `upload.content_hash` computes it.

    `length_ms` is how long it is by its headers (0 = not known); what is decoded may be less or more.
    """

    key: str
    size: int
    content_hash: str
    media_type: str
    file_name: str = ""
    length_ms: int = 0


DATE_ASSUMED = "session_date_assumed"
"""A hint: the day could not be read as it was sent; it is the day of the upload."""
NOTE_TIME_UNREAD = "note_time_unread"
"""A hint: a note's time could not be read; it is a general note that begins with what was sent."""
NUMBER_COMPLETED = "patient_number_completed"
"""A hint: there is an account with the patient's number if leading zeros are put before it."""
NUMBER_UNLIKELY = "patient_number_unlikely"
"""A hint: the patient's number has not nine digits, and no account is found by it."""
BIRTHDAY_UNREAD = "date_of_birth_unread"
"""A hint: the patient's date of birth could not be read, and was left out."""
LINK_UNDONE = "patient_link_undone"
"""A hint: the link to an account was undone; from then on only the therapist's confirmation links one."""
SPEAKERS_TO_ASSIGN = "speakers_to_assign"
"""A hint: it is not clear which voice is the therapist's, so that all voices are Unknown."""


class Details(Struct, frozen=True, omit_defaults=True):
    """What the therapist enters about a session; `hints` are codes for what could not be read as sent."""

    patient: SessionPatient
    date: date
    summary: str = ""
    timed_notes: tuple[TimedNote, ...] = ()
    general_notes: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()


class Session(Struct, frozen=True, omit_defaults=True):
    """One recorded session.

    `languages` (BCP 47) are to be recognised, `people` is how many speak (0 = not known).
    `transcript_number` is the number of the transcript's version in force (0 = none yet), `last_number` the
    greatest that was ever written, if that is another. `scores` are those of the patient's speech as a
    whole, once closed. `more_recordings` continue the first one, on one timeline. `version` counts writes
    and is the store's.
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
    people: int = 0
    title: str = ""
    transcript_number: int = field(default=0, name="transcript")
    scores: Scores | None = None
    closed_at: datetime | None = None
    demo: bool = False
    more_recordings: tuple[Recording, ...] = ()
    last_number: int = 0
    version: int = 0

    NEWEST_SCHEMA: ClassVar[int] = 3

    @property
    def schema_version(self) -> int:
        """The version of the stored form.

        Programs that know one recording only must not touch several, and those that number the next version
        after the one in force none that has later ones.
        """
        if self.last_number > self.transcript_number:
            return 3
        return 2 if self.more_recordings else 1

    @property
    def next_number(self) -> int:
        """The number that the next version of the transcript gets, whichever is in force."""
        return max(self.transcript_number, self.last_number) + 1

    @property
    def recordings(self) -> tuple[Recording, ...]:
        """All recordings of the session, in the order in which they play."""
        return (self.recording, *self.more_recordings)

    def __repr__(self) -> str:
        return f"Session(id={self.id!r}, state={self.state.name}, version={self.version})"


def apply(session: Session, event: Event) -> Session:
    """Return the session in the state after the event; WrongState if TRANSITIONS has no such pair."""
    new_state = TRANSITIONS.get((session.state, event))
    if new_state is None:
        raise WrongState(state=session.state.value, event=event.value)
    return replace(session, state=new_state)


def linked(patient: SessionPatient, account: Person | None) -> SessionPatient:
    """Return the patient linked to the account with their number, if the name matches too.

    A mistyped number must never show a session to a stranger: if the names differ, the link stays
    unconfirmed until the therapist confirms it. Once linked, a number lacks no leading zeros any more.
    """
    if account is None or not same_name(patient.name, account.full_name):
        return unconfirmed(patient, account)
    return replace(patient, number=account.number, person_id=account.id, link=Link.LINKED)


def unconfirmed(patient: SessionPatient, account: Person | None) -> SessionPatient:
    """Return the patient linked to nobody; `account` is the one with their number, if there is one."""
    link = Link.NO_ACCOUNT if account is None else Link.UNCONFIRMED
    return replace(patient, person_id="", link=link)


def confirmed(session: Session, account: Person) -> Session:
    """Return the session linked to the account, because its therapist confirmed it.

    What was entered about the patient stays. But if it may be about someone else, because another account
    was linked before, the account's own name, e-mail and date of birth replace it.
    """
    details, patient = session.details, session.details.patient
    if LINK_UNDONE in details.hints or patient.person_id not in {"", account.id}:
        born = account.date_of_birth
        patient = SessionPatient(account.number, account.full_name, account.email, born)
    elif patient.number != account.number:
        patient = replace(patient, number=account.number, entered_number=patient.number)
    patient = replace(patient, person_id=account.id, link=Link.LINKED)
    after = without_hint(replace(details, patient=patient), LINK_UNDONE)
    return apply(replace(session, details=after), Event.PATIENT_LINKED)


def entered_number(patient: SessionPatient) -> str:
    """Return the patient's number as it was before a link was confirmed."""
    return patient.entered_number or patient.number


def unlinked(session: Session, account: Person | None) -> Session:
    """Return the session linked to nobody, because the link was undone; it has its number of before again.

    `account` is the one with that number, if there is one. From now on only `confirmed` links the session.
    """
    before = session.details
    number = entered_number(before.patient)
    patient = unconfirmed(replace(before.patient, number=number, entered_number=""), account)
    hints = (*without_hint(before, LINK_UNDONE).hints, LINK_UNDONE)
    after = replace(before, patient=patient, hints=hints)
    return apply(replace(session, details=after), Event.PATIENT_UNLINKED)


def with_recording(session: Session, recording: Recording, details: Details) -> Session:
    """Return the session with one more recording and the notes that came with it; it is transcribed again.

    Times of notes are those of that recording, so that they are kept as general notes that name it.
    """
    before, part = session.details, len(session.recordings) + 1
    general = [each for each in details.general_notes if each not in before.general_notes]
    timed = [each for each in details.timed_notes if each not in before.timed_notes]
    notes = (f"[{part}, {each.timestamp}] {each.content}" for each in timed)
    known = details.summary in before.summary
    summary = before.summary if known else f"{before.summary}\n{details.summary}".strip()
    after = replace(
        before, summary=summary, general_notes=(*before.general_notes, *general, *notes)
    )
    more = (*session.more_recordings, recording)
    return apply(replace(session, details=after, more_recordings=more), Event.RECORDING_ADDED)


def same_details(one: Details, other: Details) -> bool:
    """Return whether two details are the same, apart from what nobody typed: links, hints, an assumed day."""
    assumed = DATE_ASSUMED in {*one.hints, *other.hints}

    def bare(details: Details) -> Details:
        entered = entered_number(details.patient)
        number = full_number(entered) or entered
        return replace(
            details,
            patient=replace(
                details.patient,
                number=number,
                person_id="",
                link=Link.NO_ACCOUNT,
                entered_number="",
            ),
            date=one.date if assumed else details.date,
            hints=(),
        )

    return bare(one) == bare(other)


def without_hint(details: Details, code: str) -> Details:
    """Return the details without a hint, because someone corrected what it is about."""
    return replace(details, hints=tuple(each for each in details.hints if each != code))


EARLIEST_YEAR = 1900
_DATES = (
    re.compile(
        r"(?P<y>\d{4})(?P<sign>[-/.])(?P<m>\d{1,2})(?P=sign)(?P<d>\d{1,2})([T ]\d{1,2}:\d\d\S*)?",
        re.ASCII,
    ),
    re.compile(r"(?P<d>\d{1,2})(?P<sign>[-/.])(?P<m>\d{1,2})(?P=sign)(?P<y>\d{4})", re.ASCII),
)

MOST_RECORDINGS = 20
"""Files that one session may consist of."""

MOST_LANGUAGES = 4
MOST_PEOPLE = 6
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}", re.ASCII)


def parse_date(text: str, *, field: str, today: date | None = None) -> date:
    """Return the date of `yyyy-MM-dd` or `dd-MM-yyyy`; InvalidInput names `field` if it is none.

    "/" and "." may stand for "-", zeros may be left out, digits may be of any script, and a time may follow
    the first form. A year before 1900 or, if `today` is passed, after the next one is of another calendar or
    a typing error, and refused.
    """
    for pattern in _DATES:
        found = pattern.fullmatch(plain_digits(text))
        if found:
            try:
                day = date(int(found["y"]), int(found["m"]), int(found["d"]))
            except ValueError:
                break
            if day.year < EARLIEST_YEAR or (today and day.year > today.year + 1):
                raise InvalidInput(field, "implausible_year")
            return day
    raise InvalidInput(field, "date")


def parse_languages(tags: Iterable[str], *, field: str) -> tuple[str, ...]:
    """Return BCP 47 tags such as `he-IL`, without duplicates; InvalidInput names `field` if one is invalid.

    At most MOST_LANGUAGES: no engine can distinguish more.
    """
    found = tuple(dict.fromkeys(tag.strip() for tag in tags))
    if len(found) > MOST_LANGUAGES or not all(_LANGUAGE.fullmatch(tag) for tag in found):
        raise InvalidInput(field, "languages")
    return found


def check_people(count: int | None, *, field: str) -> int:
    """Return how many people speak, 0 if nobody said; InvalidInput names `field` if it is not 1 to 6."""
    if count is not None and not 1 <= count <= MOST_PEOPLE:
        raise InvalidInput(field, "people")
    return count or 0


def title_of(day: date, language: str) -> str:
    """Return the title that lists show, in the practice's language."""
    return f"{'פגישה' if language == 'he' else 'Session'} {day:%d-%m-%Y}"
