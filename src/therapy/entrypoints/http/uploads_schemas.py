"""What /uploads takes and answers: its parameters, its headers, its answers, and the codes of its errors."""

from typing import Annotated, Any

from litestar.datastructures import ResponseHeader
from litestar.openapi.spec import Example
from litestar.params import HeaderParameter, PathParameter, QueryParameter
from msgspec import Struct

from therapy.domain.upload import Upload
from therapy.entrypoints.http.problem_answers import SIGNED_IN
from therapy.entrypoints.http.schema_types import AN_EARLIER_ID, AN_ID, UtcTime, about

MOST_LISTED = 500


class UploadAnswer(Struct):
    """How far an upload is."""

    upload_id: Annotated[str, about("The upload's id.", AN_ID)]
    offset: Annotated[int, about("How many bytes are here, durably.", 8_388_608)]
    length: Annotated[
        int | None, about("How many bytes it will have; null if that is said later.", 264_600_044)
    ]
    session_id: Annotated[
        str | None,
        about("The session that it became; null until then. It says so for a day.", AN_EARLIER_ID),
    ]
    expires_at: Annotated[
        UtcTime, about("When it is removed if nothing comes.", "2026-03-05T10:15:00Z")
    ]
    has_metadata: Annotated[bool, about("Whether it is known what the recording is.", True)]
    problem: Annotated[
        str | None,
        about(
            "The code of the error because of which it can't become a session; metadata sent again, "
            "the same or better ones, try it again.",
            None,
        ),
    ]


class UploadList(Struct):
    """Uploads that are not sessions yet, the earliest first."""

    items: Annotated[list[UploadAnswer], about("The uploads of this page.")]
    next: Annotated[
        str | None, about("What to send as `after` for the next page; null: none.", AN_ID)
    ]


Piece = Annotated[
    bytes,
    about(
        "The next bytes of the recording.",
        "(bytes of session_audio.wav)",
        extra_json_schema={"format": "binary"},
    ),
]

UploadId = Annotated[
    str,
    PathParameter(
        max_length=100,
        description="The upload's id: the last part of `Location`.",
        examples=[Example(value=AN_ID)],
    ),
]
After = Annotated[
    str,
    QueryParameter(
        name="after",
        max_length=100,
        description="What the page before gave as `next`; left out for the first page.",
        examples=[Example(value=AN_ID)],
    ),
]
Limit = Annotated[
    int,
    QueryParameter(
        name="limit",
        ge=1,
        le=MOST_LISTED,
        description="How many uploads a page has at most.",
        examples=[Example(value=50)],
    ),
]


def _parameter(name: str, description: str, example: str) -> Any:
    return HeaderParameter(
        name=name, max_length=4_096, description=description, examples=[Example(value=example)]
    )


Version = Annotated[
    str | None, _parameter("Tus-Resumable", "Always `1.0.0`. Errors: `tus_version` (412).", "1.0.0")
]
Offset = Annotated[
    str,
    _parameter(
        "Upload-Offset",
        "How many bytes are there already, as `HEAD` says. Errors: `invalid`, `upload_offset` (409).",
        "8388608",
    ),
]
Length = Annotated[
    str | None,
    _parameter(
        "Upload-Length",
        "How many bytes the recording has. Errors: `required`, `invalid`, `empty_file`, `too_large` (413).",
        "264600044",
    ),
]
Deferred = Annotated[
    str | None,
    _parameter("Upload-Defer-Length", "`1` if `Upload-Length` comes with a later `PATCH`.", "1"),
]
Sum = Annotated[
    str | None,
    _parameter(
        "Upload-Checksum",
        "`sha1` or `sha256`, a space, and the checksum of this body in base64. Errors: "
        "`checksum_algorithm`, `checksum_mismatch` (460).",
        "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
    ),
]
Said = Annotated[
    str | None,
    HeaderParameter(
        name="Upload-Metadata",
        description="Pairs of a name and a value in base64, with commas between: `filename`, `filetype`, "
        "`metadata` (the JSON of the form's part of that name). It is never sent back. Errors: `invalid`, "
        "and those of `metadata`.",
        examples=[Example(value="filename c2Vzc2lvbi53YXY=")],
    ),
]

MINE = (*SIGNED_IN, "invalid", "forbidden", "not_found", "upload_expired")
CONTINUED = (
    "no_session_to_continue",
    "other_patient",
    "too_late_to_continue",
    "too_many_recordings",
    "lease_lost",
)
SAID = ("required", "metadata", "date", "implausible_year", "timestamp", "languages", "people")
MADE = (
    *(
        "other_therapist",
        "duplicate_recording",
        "too_long",
        "unsupported_audio",
        "unsupported_sound",
    ),
    *("compressed_audio", "too_large", "empty_file", "upload_lost", *CONTINUED),
)
"""The codes of why a recording that is complete can't become a session."""
SENT = (
    *("past_upload_length", "checksum_algorithm", "checksum_mismatch", "request_timeout"),
    *("malformed_multipart", "too_many_uploads", "daily_bytes", "uploads_busy", "compressed_body"),
)
"""The codes of sending bytes."""


def header(name: str, description: str, example: str) -> ResponseHeader:
    return ResponseHeader(
        name, documentation_only=True, required=True, value=example, description=description
    )


OFFSET = header("Upload-Offset", "How many bytes are here, durably.", "8388608")
EXPIRES = header(
    "Upload-Expires", "When it is removed if nothing comes.", "Thu, 05 Mar 2026 10:15:00 GMT"
)


def shown(upload: Upload) -> UploadAnswer:
    """Return what its therapist sees of an upload; nothing of what was said about the recording."""
    return UploadAnswer(
        upload_id=upload.id,
        offset=upload.offset,
        length=upload.length,
        session_id=upload.session_id if upload.finished_at is not None else None,
        expires_at=upload.expires_at,
        has_metadata=bool(upload.metadata_digest),
        problem=upload.fault or None,
    )
