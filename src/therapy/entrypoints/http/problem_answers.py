"""The error answers of operations, for the OpenAPI document: by status, with an example for each code.

A handler names the codes that it may answer: `responses=problems(*OWN_SESSION, "not_failed")`. Tests
compare every answer they get with what is named.
"""

from typing import Annotated

from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Example
from msgspec import UNSET, Struct, UnsetType

from therapy.entrypoints.http.errors import PROBLEM_TYPE, problem_body, title_of
from therapy.entrypoints.http.schema_types import AN_EARLIER_ID, MOMENT_TEXT, about

A_REQUEST_ID = "9d4e1b7c2f6a4d0f8c3b5a7e9f1d2c4b"


class Problem(Struct):
    """What went wrong, as RFC 9457 problem details; some codes bring further members."""

    type: Annotated[str, about("The kind of problem: `urn:therapy:problem:` and the code.")]
    title: Annotated[str, about("The status in words.")]
    status: Annotated[int, about("The HTTP status.")]
    detail: Annotated[str, about("What to do about it, in the language of `error`.")]
    error: Annotated[
        str, about("One plain sentence for a person, in English or Hebrew: see Accept-Language.")
    ]
    code: Annotated[str, about("The kind of problem, for programs; it stays what it is.")]
    request_id: Annotated[str, about("The request's id, as in `X-Request-ID` and in the log.")]
    field: Annotated[str, about("The field or parameter at fault.")] | UnsetType = UNSET
    state: Annotated[str, about("The state that the session is in.")] | UnsetType = UNSET
    session: Annotated[str, about("The session that the recording is already.")] | UnsetType = UNSET
    limit: Annotated[int, about("How many bytes are allowed.")] | UnsetType = UNSET
    retry_after: Annotated[int, about("Seconds to wait, as in `Retry-After`.")] | UnsetType = UNSET
    longest: Annotated[int, about("How many seconds a recording may last.")] | UnsetType = UNSET
    size: Annotated[int, about("How many bytes the recording has.")] | UnsetType = UNSET
    offset: Annotated[int, about("How many bytes of the upload are there.")] | UnsetType = UNSET
    version: Annotated[int, about("The version in force, or at work.")] | UnsetType = UNSET
    author: Annotated[str, about("Who made it; empty if a machine did.")] | UnsetType = UNSET
    at: Annotated[str, about("When it was made.", extra_json_schema=MOMENT_TEXT)] | UnsetType = (
        UNSET
    )
    source: Annotated[str, about("How it came to be.")] | UnsetType = UNSET
    engines: Annotated[str, about("What is installed.")] | UnsetType = UNSET
    etag: Annotated[str, about("The draft's ETag, as in `ETag`.")] | UnsetType = UNSET
    changed_lines: (
        Annotated[list[int], about("Lines that were changed elsewhere, by `start_ms`.")] | UnsetType
    ) = UNSET
    more_changed: Annotated[bool, about("Whether others were, too.")] | UnsetType = UNSET
    changed_at: (
        Annotated[str, about("When it was last saved elsewhere.", extra_json_schema=MOMENT_TEXT)]
        | UnsetType
    ) = UNSET
    version_in_force: Annotated[int, about("The version in force.")] | UnsetType = UNSET
    number: Annotated[int, about("The version that was asked for.")] | UnsetType = UNSET
    last: Annotated[int, about("The number of the newest version.")] | UnsetType = UNSET
    start_ms: Annotated[int, about("The line, by its start.")] | UnsetType = UNSET
    dependencies: (
        Annotated[str, about("Which are away or full; only for who sends the operator's token.")]
        | UnsetType
    ) = UNSET


CODES: dict[str, tuple[int, dict[str, object]]] = {
    "invalid": (400, {}),
    "required": (400, {}),
    "unknown_field": (400, {"field": "sumary"}),
    "unknown_parameter": (400, {"field": "limt"}),
    "date": (400, {"field": "session_date"}),
    "implausible_year": (400, {"field": "session_date"}),
    "timestamp": (400, {"field": "timed_notes[0].timestamp"}),
    "languages": (400, {"field": "languages"}),
    "people": (400, {"field": "people"}),
    "before": (400, {"field": "before"}),
    "last_event_id": (400, {"field": "Last-Event-ID"}),
    "idempotency_key": (400, {"field": "Idempotency-Key"}),
    "malformed_json": (400, {"field": "body"}),
    "malformed_multipart": (400, {"field": "body"}),
    "metadata": (400, {"field": "metadata"}),
    "past_upload_length": (400, {"field": "body"}),
    "checksum_algorithm": (400, {"field": "Upload-Checksum"}),
    "empty_file": (400, {"field": "audio_file"}),
    "empty_transcript": (400, {"field": "lines"}),
    "reset_token": (400, {"field": "tokenSec"}),
    "weak_password": (400, {"field": "newPassword", "least": 8}),
    "common_password": (400, {"field": "newPassword"}),
    "no_such_patient": (400, {"field": "patient_id"}),
    "other_patient": (400, {"field": "patient.id"}),
    "not_signed_in": (401, {}),
    "wrong_credentials": (401, {}),
    "token_expired": (401, {}),
    "forbidden": (403, {}),
    "not_caller": (403, {}),
    "other_therapist": (403, {}),
    "not_found": (404, {}),
    "not_registered": (404, {}),
    "not_offered": (404, {}),
    "version_not_found": (404, {"last": 3}),
    "no_session_to_continue": (404, {}),
    "upload_expired": (410, {}),
    "upload_lost": (410, {}),
    "tus_version": (412, {}),
    "version_changed": (
        412,
        {
            "version": 2,
            "author": "0b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e",
            "at": "2026-03-04T10:40:00Z",
            "source": "edit",
        },
    ),
    "precondition_required": (428, {}),
    "no_draft": (404, {}),
    "draft_not_possible": (409, {"state": "closing"}),
    "draft_condition": (428, {}),
    "draft_changed": (
        412,
        {
            "etag": '"5f0c2d9e8b7a4c6d"',
            "changed_lines": [3_000, 7_000],
            "more_changed": False,
            "changed_at": "2026-03-04T10:40:00Z",
            "version_in_force": 1,
        },
    ),
    "draft_gone": (412, {"version_in_force": 2}),
    "no_such_version": (400, {"field": "base_version", "number": 7}),
    "one_of": (400, {"field": "body"}),
    "no_such_voice": (400, {"field": "voice"}),
    "no_such_line": (400, {"field": "split.start_ms", "start_ms": 3_001}),
    "no_such_word": (400, {"field": "split.at_word", "start_ms": 3_000}),
    "no_room_for_line": (400, {"field": "split.at_word", "start_ms": 3_000}),
    "merge_two_lines": (400, {"field": "merge"}),
    "lines_not_neighbours": (400, {"field": "merge"}),
    "too_much_replaced": (413, {"limit": 8 * 1024**2}),
    "lines_out_of_order": (400, {"field": "lines[1].start_ms"}),
    "equal_starts": (400, {"field": "lines[1].start_ms"}),
    "ends_before_start": (400, {"field": "lines[1].end_ms"}),
    "too_many_lines": (400, {"field": "lines"}),
    "engine_not_installed": (400, {"field": "engine", "engines": "local"}),
    "vocabulary_changed": (412, {"version": 2}),
    "too_many_terms": (400, {"field": "terms", "most": 500}),
    "too_many_corrections": (400, {"field": "corrections", "most": 500}),
    "too_long_term": (400, {"field": "terms[3]", "most": 100}),
    "no_word": (400, {"field": "terms[3]"}),
    "corrected_twice": (400, {"field": "corrections[1].heard"}),
    "upload_offset": (409, {"offset": 8 * 1024**2}),
    "metadata_differs": (409, {}),
    "checksum_mismatch": (460, {}),
    "not_awaiting_review": (409, {"state": "awaiting_transcript"}),
    "no_transcript": (409, {"state": "awaiting_transcript"}),
    "not_failed": (409, {"state": "awaiting_review"}),
    "not_closed": (409, {"state": "awaiting_review"}),
    "amendment_under_way": (409, {"version": 3, "retry_after": 5}),
    "rerun_under_way": (409, {"state": "closed"}),
    "playback_pending": (409, {"state": "awaiting_review", "retry_after": 15}),
    "playback_failed": (409, {"state": "awaiting_review"}),
    "playback_absent": (409, {"state": "awaiting_transcript"}),
    "too_late_to_change": (409, {"state": "closed"}),
    "wrong_state": (409, {"state": "cancelled"}),
    "too_late_to_continue": (409, {"state": "closed"}),
    "too_many_recordings": (409, {"state": "awaiting_review"}),
    "duplicate_recording": (409, {"session": AN_EARLIER_ID}),
    "stale": (409, {}),
    "lease_lost": (409, {}),
    "request_under_way": (409, {"retry_after": 30}),
    "request_timeout": (408, {}),
    "too_large": (413, {"limit": 16 * 1024}),
    "too_long": (413, {"longest": 14_400}),
    "unsupported_audio": (415, {"format": "PDF"}),
    "unsupported_sound": (415, {"format": "AC-4"}),
    "unsupported_media_type": (415, {}),
    "offset_content_type": (415, {}),
    "compressed_body": (415, {}),
    "compressed_audio": (415, {}),
    "idempotency_key_reused": (422, {}),
    "range": (416, {"size": 264_600_044}),
    "too_many_attempts": (429, {"retry_after": 420}),
    "too_many_waiting": (429, {"retry_after": 300}),
    "too_many_uploads": (429, {"retry_after": 30}),
    "too_many_unfinished": (429, {"retry_after": 300}),
    "daily_bytes": (429, {"limit": 20 * 1024**3, "retry_after": 14_400}),
    "too_many_searches": (429, {"retry_after": 1}),
    "too_many_bodies": (429, {"retry_after": 5}),
    "too_many_streams": (429, {"retry_after": 30}),
    "unavailable": (503, {}),
    "busy": (503, {"retry_after": 2}),
    "waiting_busy": (503, {"retry_after": 300}),
    "uploads_busy": (503, {"retry_after": 30}),
    "searches_busy": (503, {"retry_after": 1}),
    "bodies_busy": (503, {"retry_after": 5}),
    "streams_busy": (503, {"retry_after": 30}),
    "search_too_slow": (503, {"retry_after": 1}),
    "checks_busy": (503, {"retry_after": 30}),
    "storage_full": (507, {}),
}
"""Every code that an operation names, with its status and the details of its example."""
ANY_FIELD = {"invalid", "required"}
"""The codes that may name any field."""

WHY = {
    400: "A field or parameter is missing or malformed; `field` names it.",
    401: "No token, or one that is wrong or expired: refresh it, or sign in.",
    403: "This kind of account may not do that, or the request names someone else.",
    404: "Absent, erased, or someone else's: always the same answer. Of one's own session it"
    " says what there is not.",
    408: "The body came too slowly: send it again on a new connection.",
    409: "The state does not allow it, someone else wrote at the same moment, or the request is under way:"
    " then `Retry-After` says when to send it again.",
    410: "Nothing came for too long: the bytes are gone. Begin another upload.",
    412: "What was edited is not what is there now: `ETag` says what is. Of uploads: not tus 1.0.0.",
    413: "More bytes, or a longer recording, than are allowed.",
    415: "Not a body, or not audio, that can be read.",
    416: "The recording has no such bytes; `Content-Range` says how many it has.",
    422: "The Idempotency-Key was used for another request: nothing was done.",
    460: "The bytes that arrived do not have the checksum that was sent; none of them was taken.",
    428: "Nothing says which version the request changes: send its ETag as `If-Match`.",
    429: "More than is admitted in an hour or at once: send it again after `Retry-After` seconds.",
    503: "A dependency can't be reached, or too much is asked at once: send it again after"
    " `Retry-After` seconds.",
    507: "No room to store it: send it again after `Retry-After` seconds.",
}
"""What a status means in every operation."""

SIGNED_IN = ("not_signed_in", "token_expired", "unavailable")
"""The codes of whatever needs an access token and reads a store."""
OWN_SESSION = (*SIGNED_IN, "invalid", "not_found")
"""The codes of whatever is about one session."""
JSON_BODY = (
    *("invalid", "required", "malformed_json", "too_large", "compressed_body", "request_timeout"),
)
"""The codes of whatever takes a JSON body."""
LONG_JSON_BODY = (*JSON_BODY, "too_many_bodies", "bodies_busy")
"""The codes of whatever takes a JSON body of more than 16 KiB."""
SEARCH = ("too_many_searches", "searches_busy", "search_too_slow")
"""The codes of whatever searches."""
EDITED_LINES = (
    *LONG_JSON_BODY,
    "unknown_field",
    "too_many_lines",
    "lines_out_of_order",
    "equal_starts",
    "ends_before_start",
    "empty_transcript",
)
"""The codes of whatever takes the lines of an edited transcript."""
DRAFT_LINES = tuple(each for each in EDITED_LINES if each != "empty_transcript")
"""The codes of whatever takes the lines of a draft, which may be empty."""
DRAFTS = ("draft_not_possible", "draft_changed", "draft_gone")
"""The codes of whatever changes a draft."""
WRITES = ("stale", "storage_full")
"""The codes of whatever writes."""


def problems(*codes: str, field: str = "body") -> dict[int, ResponseSpec]:
    """Return the error answers with these codes as a handler's `responses`, in order of status.

    `field` is what the examples of a missing and of a malformed field name.
    """
    statuses = sorted({CODES[code][0] for code in codes})
    return {
        status: ResponseSpec(
            data_container=Problem,
            generate_examples=False,
            description=WHY[status],
            media_type=PROBLEM_TYPE,
            examples=[
                example_of_code(code, field)
                for code in dict.fromkeys(codes)
                if CODES[code][0] == status
            ],
        )
        for status in statuses
    }


def example_of_code(code: str, field: str = "body") -> Example:
    """Return an error answer with this code."""
    status, details = CODES[code]
    if code in ANY_FIELD:
        details = {"field": field}
    body = problem_body(status, code, "en", **details) | {"request_id": A_REQUEST_ID}
    return Example(id=code, summary=f"{title_of(status)}: {code}", value=body)
