"""The shapes that the app's parser needs of every answer, written independently of the server's structs,
which would share its mistakes. Additional fields are allowed.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Day = Annotated[str, Meta(pattern=r"^\d{2}-\d{2}-\d{4}$")]
IsoDay = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Moment = Annotated[str, Meta(pattern=r"^\d+:[0-5]\d:[0-5]\d\.\d{3}$")]
Share = Annotated[float, Meta(ge=0, le=1)]
Filled = Annotated[str, Meta(min_length=1)]
SpeakerName = Literal["Therapist", "Patient", "Unknown"]


class SignedIn(Struct, rename="camel"):
    token: Filled
    refresh_token: Filled
    user_id: Filled
    user_full_name: str
    user_type: Literal["THERAPIST", "PATIENT"]
    date_of_birth: Day | None


class Refreshed(Struct, rename="camel"):
    access_token: Filled
    refresh_token: Filled
    expires_in: Annotated[int, Meta(gt=0)]


class Told(Struct):
    success: bool
    message: Filled


class Profile(Struct, rename="camel"):
    id: Filled
    full_name: str
    email: str
    date_of_birth: IsoDay | None
    picture_url: str | None


class Item(Struct, rename="camel"):
    id: Filled
    patient_id: str
    patient_name: str
    therapist_id: str
    therapist_name: str
    title: str
    date: IsoDay
    description_preview: Annotated[str, Meta(max_length=100)]
    positive: Share
    neutral: Share
    negative: Share


class Waiting(Struct, rename="camel"):
    id: Filled
    patient_name: str
    session_date: Day
    summary_preview: Annotated[str, Meta(max_length=20)]


class Accepted(Struct):
    session_id: Filled
    status: str
    message: Filled


class Line(Struct):
    speaker: SpeakerName
    text: str
    timestamp: Moment


class ForReview(Struct, rename="camel"):
    patient_name: str
    session_date: Day
    summary: str
    transcript: list[Line]


class Message(Struct):
    message: Filled


class Note(Struct):
    timestamp: str
    content: str


class Score(Struct):
    speaker: SpeakerName
    text: str
    timestamp: Moment
    positive: Share
    neutral: Share
    negative: Share


class Details(Struct):
    sessionId: Filled  # noqa: N815 - the contract spells only this name like that
    therapist_name: str
    therapist_email: str
    patient_id: str
    patient_name: str
    patient_email: str
    patient_date_of_birth: Day | None
    session_date: Day
    summary: str
    timed_notes: list[Note]
    general_notes: list[str]
    positive: Share
    neutral: Share
    negative: Share
    sentiment_scores: list[Score]


class Problem(Struct):
    """Problem details (RFC 9457) with the one plain sentence that the app shows."""

    status: int
    error: Filled
