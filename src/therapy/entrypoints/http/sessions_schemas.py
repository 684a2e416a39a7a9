"""What the endpoints of /sessions beyond the app take and give."""

from datetime import date
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from therapy.domain.insights_status import InsightsStatus
from therapy.domain.playback import PlaybackStatus
from therapy.domain.run_progress import WorkState
from therapy.domain.session import Link
from therapy.domain.session_status import SessionStatus
from therapy.entrypoints.http.recording_measures import Heard
from therapy.entrypoints.http.schema_types import (
    AN_EARLIER_ID,
    DAY_TEXT,
    IsoDay,
    LanguageTag,
    PatientEmail,
    PatientName,
    PatientNumber,
    PeopleCount,
    SessionName,
    Short,
    Summary,
    Text,
    Title,
    UtcTime,
    about,
)
from therapy.entrypoints.http.session_details import (
    MOST_NOTES,
    NoteCorrection,
    NoteOut,
    PersonCorrection,
)

StateOfSession = Annotated[SessionStatus, about("How far the session is.", "awaiting_review")]
CreatedAt = Annotated[UtcTime, about("When the recording was taken in.", "2026-03-04T10:05:00Z")]
Notes = Annotated[list[NoteCorrection | Text], Meta(max_length=MOST_NOTES)]


class ListedSession(Struct):
    """A session in a list."""

    id: SessionName
    state: StateOfSession
    patient_id: PatientNumber
    patient_name: PatientName
    session_date: IsoDay
    title: Title
    created_at: CreatedAt


class SessionList(Struct):
    """One page of a list."""

    sessions: Annotated[list[ListedSession], about("The sessions, newest first.")]
    next: Annotated[
        str | None,
        about("What to send as `before` for the next page; null on the last.", AN_EARLIER_ID),
    ]


class Failure(Struct):
    """Why a session failed, and what can be done about it."""

    code: Annotated[str, about("Why, for programs.", "decode")]
    reason: Annotated[str, about("Why, in words.", "The recording is damaged or was cut off.")]
    advice: Annotated[
        str,
        about(
            "What to do.",
            "Check that it plays to its end, then send it again as a new recording.",
        ),
    ]


class Hint(Struct):
    """Something about the session that its therapist should look at."""

    code: Annotated[str, about("What, for programs.", "session_date_assumed")]
    reason: Annotated[
        str,
        about(
            "What, in words.",
            "The day that came with the recording could not be read; the day of the upload was taken.",
        ),
    ]
    advice: Annotated[str, about("What to do.", "Check the day of the session and correct it.")]


class RecordingPart(Struct):
    """One of the recordings that a session consists of."""

    part: Annotated[int, about("Which one, counted from 1: `?part=` of its recording.", 1)]
    bytes: Annotated[int, about("How long it is, in bytes.", 264_600_044)]
    type: Annotated[str, about("Its media type.", "audio/wav")]


class PatientState(Struct):
    """The patient as typed, whether that is an account, and that account's name to compare."""

    id: PatientNumber
    name: PatientName
    email: PatientEmail
    date_of_birth: Annotated[date | None, about("ISO 8601; null if not given.", "1990-05-17")]
    link: Annotated[
        Link,
        about(
            "`linked`: that account may read the session once it is closed; `unconfirmed`: there is an "
            "account with this number and another name; `no_account`: there is none.",
            "linked",
        ),
    ]
    account_name: Annotated[
        str | None, about("The name of the account with this number; null if none.", "Dana Example")
    ]


class Beside(Struct):
    """How far work is that is done beside the session's state, which it does not change."""

    state: Annotated[
        WorkState, about("`waiting`, `working`, `done`, or `failed`: then retry it.", "working")
    ]
    version: Annotated[int | None, about("The version that it made; null before there is one.", 3)]
    stage: Annotated[str, about("What is being done; empty where nothing is.", "scoring")]
    progress: Annotated[float, about("How far it is, 0 to 1.", 0.5)]
    attempt: Annotated[int, about("Which attempt this is; 0 before the first one.", 0)]
    next_attempt_at: Annotated[
        UtcTime | None, about("When a failed attempt is repeated by itself; else null.", None)
    ]
    failure: Annotated[
        Failure | None, about("Why the last attempt failed; null if none has.", None)
    ]


class SessionAnswer(Struct):
    """Everything about a session, for its therapist."""

    id: SessionName
    state: StateOfSession
    stage: Annotated[
        str,
        about(
            "What is being done: `queued`, `starting`, `recognising`, `scoring`; empty where nothing is.",
            "",
        ),
    ]
    progress: Annotated[float, about("How far the present stage is, 0 to 1.", 1.0)]
    attempt: Annotated[int, about("Which attempt this is; 0 before the first one.", 0)]
    next_attempt_at: Annotated[
        UtcTime | None, about("When a failed attempt is repeated by itself; else null.", None)
    ]
    failure: Annotated[
        Failure | None, about("Why the last attempt failed; null if none has.", None)
    ]
    patient: Annotated[PatientState, about("The patient.")]
    session_date: IsoDay
    session_date_assumed: Annotated[
        bool,
        about("Whether the day is the upload's, as the one sent could not be read.", False),
    ]
    hints: Annotated[list[Hint], about("What to look at; correcting it takes the hint away.")]
    title: Title
    summary: Summary
    timed_notes: Annotated[list[NoteOut], about("Notes at moments of the recording.")]
    general_notes: Annotated[list[str], about("Other notes.", ["Came by bus."])]
    recording_bytes: Annotated[int, about("How long the recording is, in bytes.", 264_600_044)]
    recording_type: Annotated[str, about("The recording's media type.", "audio/wav")]
    recordings: Annotated[
        list[RecordingPart], about("All recordings, in the order in which they play.")
    ]
    created_at: CreatedAt
    closed_at: Annotated[UtcTime | None, about("When it was closed; null before.", None)]
    heard: Annotated[Heard | None, about("What was heard; null before it is transcribed.")]
    insights: Annotated[
        InsightsStatus,
        about(
            "How far `heard.insights` are, which come after the transcript and hold nothing up: `absent`, "
            "`pending`, `ready`, `failed`.",
            "ready",
        ),
    ]
    insights_failure: Annotated[
        Failure | None,
        about(
            "Why they were not found at the last attempt, and what to do; null if it did not fail.",
            None,
        ),
    ]
    playback: Annotated[
        PlaybackStatus,
        about(
            "How far `/playback` and `/peaks` are, which come after the transcript and hold nothing up: "
            "`absent`, `pending`, `ready`, `failed`.",
            "ready",
        ),
    ]
    playback_failure: Annotated[
        Failure | None,
        about(
            "Why they were not made at the last attempt, and what to do; null if it did not fail.",
            None,
        ),
    ]
    amendment: Annotated[
        Beside | None,
        about("The last amendment, in force once it is done; null if there was none.", None),
    ]
    rerun: Annotated[
        Beside | None,
        about("The last time that it was recognised again; null if it never was.", None),
    ]


class Correction(Struct, forbid_unknown_fields=True):
    """What to change; what is left out stays, null empties it."""

    patient: (
        Annotated[PersonCorrection, about("The patient, as a whole: `id` and `name` are needed.")]
        | UnsetType
    ) = UNSET
    session_date: (
        Annotated[
            str,
            about(
                "The day, ISO 8601; `dd-MM-yyyy` and `dd/MM/yyyy` are read as well.", "2026-03-05"
            ),
            Meta(max_length=32, extra_json_schema=DAY_TEXT),
        ]
        | UnsetType
    ) = UNSET
    summary: (
        Annotated[Text | None, about("About the session as a whole.", "Sleeps well again.")]
        | UnsetType
    ) = UNSET
    timed_notes: (
        Annotated[
            Notes | None,
            about(
                "All notes at moments of the recording; bare texts are at its start.",
                [{"timestamp": "00:09", "content": "Mentions the sister."}],
            ),
        ]
        | UnsetType
    ) = UNSET
    general_notes: (
        Annotated[Notes | None, about("All other notes.", ["Came by bus."])] | UnsetType
    ) = UNSET


class LinkRequest(Struct, forbid_unknown_fields=True):
    """Which account the session's patient is."""

    patient_id: Annotated[Short, about("The account's nine-digit number.", "300000015")]


class RetryRequest(Struct, forbid_unknown_fields=True):
    """What to do otherwise this time."""

    languages: Annotated[
        list[LanguageTag],
        about(
            "What is spoken, as up to four BCP 47 tags; left out, what was tried before.", ["he-IL"]
        ),
    ] = []
    people: Annotated[
        PeopleCount | None,
        about("How many people speak; left out, what was tried before.", 3),
    ] = None
