"""Types that the schemas of several resources share: bounded texts, dates, parameters, descriptions.

Requests of what the app calls ignore unknown fields, all others refuse them; no text contains a NUL, and
every text has a maximum length. `about` describes a field for the OpenAPI document; examples are invented.
"""

from datetime import date, datetime
from typing import Annotated, Any

from litestar.openapi.spec import Example
from litestar.params import PathParameter, QueryParameter
from msgspec import Meta, Struct

from therapy.domain.session import MOST_PEOPLE

NO_NUL = "^[^\\x00]*$"


def about(description: str, *examples: object, **bounds: Any) -> Meta:
    """Return a field's description for the OpenAPI document, an example of it, and its bounds."""
    return Meta(description=description, examples=list(examples) or None, **bounds)


Short = Annotated[str, Meta(max_length=200, pattern=NO_NUL)]
Text = Annotated[str, Meta(max_length=20_000, pattern=NO_NUL)]
LanguageTag = Annotated[str, Meta(max_length=35, pattern=NO_NUL)]
PeopleCount = Annotated[int, Meta(extra_json_schema={"minimum": 1, "maximum": MOST_PEOPLE})]
"""Described with its bounds, which `check_people` holds: it says what is expected."""
Token = Annotated[str, Meta(max_length=4_096, pattern=NO_NUL)]

AN_ID = "5f0c2d9e8b7a4c6d9e1f2a3b4c5d6e7f"
AN_EARLIER_ID = "0b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e"

# Fields of answers.
SessionName = Annotated[str, about("The session's id.", AN_ID)]
Title = Annotated[str, about("What lists show, in the practice's language.", "Session 04-03-2026")]
PatientNumber = Annotated[
    str, about("The patient's number, as the therapist typed it.", "300000015")
]
PatientName = Annotated[
    str, about("The patient's name, as the therapist typed it.", "Dana Example")
]
PatientEmail = Annotated[
    str, about("The patient's e-mail address; empty if nobody gave one.", "dana@example.org")
]
TherapistName = Annotated[str, about("The therapist's full name.", "Robin Sample")]
Summary = Annotated[
    str, about("What the therapist wrote about the session as a whole.", "Sleeps better.")
]
AppDay = Annotated[str, about("The day of the session, `dd-MM-yyyy`.", "04-03-2026")]
IsoDayText = Annotated[str, about("The day of the session, `yyyy-MM-dd`.", "2026-03-04")]
IsoDay = Annotated[date, about("The day of the session, ISO 8601.", "2026-03-04")]
UtcTime = Annotated[datetime, Meta(tz=True)]
DAY_TEXT = {"format": "date"}
"""Of a text that is a day, ISO 8601, for the document only: other forms may be read as well."""
MOMENT_TEXT = {"format": "date-time"}
"""Of a text that is a moment, ISO 8601, for the document only."""
Positive = Annotated[float, about("Share of positive feeling, 0 to 1.", 0.62)]
Neutral = Annotated[float, about("Share of neither; the three shares sum to 1.", 0.28)]
Negative = Annotated[float, about("Share of negative feeling, 0 to 1.", 0.1)]
SpeakerName = Annotated[
    str, about("`Therapist`, `Patient`, or `Unknown` for a voice that is neither.", "Patient")
]
Timestamp = Annotated[
    str, about("When the line begins in the recording, `H:MM:SS.mmm`.", "0:00:03.000")
]
LineText = Annotated[str, about("What was said.", "I slept better, and I feel glad.")]

# Parameters.
SessionId = Annotated[
    str,
    PathParameter(
        max_length=100,
        description="The session's id, as the upload or a list gave it.",
        examples=[Example(value=AN_ID)],
    ),
]
Before = Annotated[
    str,
    QueryParameter(
        name="before",
        max_length=100,
        description="The id of the last session of the page before; left out for the first page.",
        examples=[Example(value=AN_EARLIER_ID)],
    ),
]


class Message(Struct):
    """What was done, in words."""

    message: Annotated[
        str,
        about(
            "One sentence for a person, in English or Hebrew.",
            "The transcript was received and the session is being finished.",
        ),
    ]


def day(value: date | None) -> str | None:
    """Return a date as `dd-MM-yyyy`, as the app reads most of them."""
    return f"{value.day:02}-{value.month:02}-{value.year:04}" if value else None


def iso(value: date | None) -> str | None:
    """Return a date as `yyyy-MM-dd`, as the app reads those of profiles and lists."""
    return value.isoformat() if value else None
