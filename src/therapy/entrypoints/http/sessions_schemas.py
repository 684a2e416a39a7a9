"""What the endpoints of /sessions beyond the app take and give."""

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from therapy.domain.insights import Part, PersonalDetail
from therapy.domain.sentiment import CurvePoint, Scores
from therapy.domain.session_status import SessionStatus
from therapy.domain.talk import Talk, Voice
from therapy.entrypoints.http.schema_types import LanguageTag, Short, Text
from therapy.entrypoints.http.session_details import MOST_NOTES, NoteIn, NoteOut, PersonIn


class ListedSession(Struct):
    id: str
    state: SessionStatus
    patient_id: str
    patient_name: str
    session_date: str
    title: str
    created_at: datetime


class SessionList(Struct):
    """One page; `next` is what to send as `before` for the next one, null on the last."""

    sessions: list[ListedSession]
    next: str | None


class Failure(Struct):
    """Why a session failed, and what can be done about it."""

    code: str
    reason: str
    advice: str


class PatientState(Struct):
    """The patient as typed, whether that is an account, and that account's name to compare."""

    id: str
    name: str
    email: str
    date_of_birth: str | None
    link: str
    account_name: str | None


class Sentiment(Struct):
    """The patient's speech as a whole and over time; `not_available_for` names a language, "" = none."""

    scores: Scores
    curve: tuple[CurvePoint, ...]
    not_available_for: str


class InsightGap(Struct):
    """A part that is not there, and why."""

    part: Part
    code: str
    reason: str


class Insights(Struct):
    """What a machine found beside the words: a help, never a fact; `summary_draft` is a draft.

    `personal_details` are places in the lines of this version: `length` characters from `start` on.
    """

    key_phrases: tuple[str, ...]
    personal_details: tuple[PersonalDetail, ...]
    summary_draft: str
    gaps: list[InsightGap]
    engine: str


class Heard(Struct):
    """What was heard; times in milliseconds, confidence 0..1."""

    version: int
    engine: str
    language: str
    duration_ms: int
    role_confidence: float
    role_reasons: tuple[str, ...]
    voices: tuple[Voice, ...]
    talk: Talk
    sentiment: Sentiment
    insights: Insights | None


class SessionAnswer(Struct):
    id: str
    state: SessionStatus
    stage: str
    progress: float
    attempt: int
    next_attempt_at: datetime | None
    failure: Failure | None
    patient: PatientState
    session_date: str
    title: str
    summary: str
    timed_notes: list[NoteOut]
    general_notes: list[str]
    recording_bytes: int
    recording_type: str
    created_at: datetime
    closed_at: datetime | None
    heard: Heard | None


class Correction(Struct):
    """What to change; what is left out stays."""

    patient: PersonIn | UnsetType = UNSET
    session_date: Annotated[str, Meta(max_length=32)] | UnsetType = UNSET
    summary: Text | UnsetType | None = UNSET
    timed_notes: Annotated[list[NoteIn | Text], Meta(max_length=MOST_NOTES)] | UnsetType | None = (
        UNSET
    )
    general_notes: (
        Annotated[list[NoteIn | Text], Meta(max_length=MOST_NOTES)] | UnsetType | None
    ) = UNSET


class LinkRequest(Struct):
    """The nine-digit number of the account that the session's patient is."""

    patient_id: Short


class RetryRequest(Struct):
    """`languages` (BCP 47, at most four): what is spoken, where that is not what was tried."""

    languages: list[LanguageTag] = []
