"""GET /sessions/{id}/versions and /versions/{n}: every version of a transcript, none ever changed."""

from functools import partial
from typing import Annotated, Any

from litestar import Response, get
from litestar.datastructures import ResponseHeader
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import PathParameter, QueryParameter
from msgspec import Struct

from therapy.domain.errors import InvalidInput
from therapy.domain.transcript import Source
from therapy.domain.transcript_parts import VersionHeader
from therapy.entrypoints.http import query_parameters
from therapy.entrypoints.http.dependencies import Caller, RecordsDependency
from therapy.entrypoints.http.json_bodies import json_response
from therapy.entrypoints.http.problem_answers import OWN_SESSION, problems
from therapy.entrypoints.http.schema_types import SessionId, UtcTime, about
from therapy.entrypoints.http.session_transcript import (
    IfNoneMatch,
    TranscriptAnswer,
    answer_of,
    etag_header,
    is_known,
)
from therapy.workflows import review

PAGE, MOST_ON_PAGE = 100, 500
UNCHANGING = "private, max-age=31536000, immutable"
"""For whoever asked only (so `Vary`, too), and a year: a version's words never change."""


class ListedVersion(Struct):
    """A version of a transcript, without its lines."""

    number: Annotated[int, about("Its number, counted from 1.", 2)]
    parent: Annotated[int, about("The number of the version it was made from; 0 if of none.", 1)]
    source: Annotated[
        Source,
        about(
            "How it came to be: `machine`, `edit` in the review, `amend` and `restore` after closing, "
            "`rerun` by a machine again.",
            "edit",
        ),
    ]
    at: Annotated[UtcTime, about("When it was made.", "2026-03-04T10:40:00Z")]
    author: Annotated[str | None, about("Who made it; null if a machine did.", None)]
    engine: Annotated[
        str, about("What recognised it, or what it was made from.", "whisper tiny.en")
    ]
    reason: Annotated[str, about("Why a closed session was amended; empty if nobody said.", "")]
    lines: Annotated[int, about("How many lines it has.", 412)]
    in_force: Annotated[bool, about("Whether it is the one that readers see.", True)]


class VersionList(Struct):
    """One page of the versions of a transcript."""

    items: Annotated[list[ListedVersion], about("The versions, oldest first.")]
    next: Annotated[
        str | None, about("What to send as `after` for the next page; null on the last.", None)
    ]


After = Annotated[
    str,
    QueryParameter(
        name="after",
        max_length=6,
        description="The `next` of the page before; left out for the first page.",
        examples=[Example(value="100")],
    ),
]
Limit = Annotated[
    int,
    QueryParameter(
        name="limit",
        ge=1,
        le=MOST_ON_PAGE,
        description="How many versions there are on a page, at most.",
        examples=[Example(value=PAGE)],
    ),
]
VersionNumber = Annotated[
    int, PathParameter(description="The version's number.", examples=[Example(value=1)])
]


@get(
    "/{session_id:str}/versions",
    operation_id="list_versions",
    summary="List the versions of a session's transcript",
    response_description="One page of the versions.",
    responses=problems(*OWN_SESSION, "no_transcript", "unknown_parameter", field="after"),
    guards=[query_parameters.only("after", "limit")],
)
async def listed(
    session_id: SessionId,
    actor: Caller,
    records: RecordsDependency,
    after: After = "",
    limit: Limit = PAGE,
) -> VersionList:
    """Return the versions of the transcript, oldest first: who made each, when, from which, and why.

    For the session's therapist, from `awaiting_review` on.
    """
    if after and not (after.isascii() and after.isdigit()):
        raise InvalidInput("after")
    session = await review.transcribed_session(actor, session_id, records=records)
    headers = await records.transcripts.headers(
        actor.practice_id, session_id, int(after or 0), limit + 1
    )
    page = headers[:limit]
    in_force = session.transcript_number
    return VersionList(
        [_listed(each, in_force) for each in page],
        str(page[-1].number) if len(headers) > limit else None,
    )


@get(
    "/{session_id:str}/versions/{number:int}",
    operation_id="get_version",
    summary="Show a version of a session's transcript",
    response_description="The version.",
    response_headers=[
        etag_header,
        ResponseHeader(
            "Cache-Control",
            documentation_only=True,
            required=True,
            value=UNCHANGING,
            description="A version never changes.",
        ),
    ],
    responses={
        304: ResponseSpec(None, generate_examples=False, description="It is known already."),
        **problems(*OWN_SESSION, "no_transcript", "version_not_found", field="session_id"),
    },
)
async def one(
    session_id: SessionId,
    number: VersionNumber,
    actor: Caller,
    records: RecordsDependency,
    known: IfNoneMatch = None,
) -> Response[TranscriptAnswer]:
    """Return a version of the transcript in full, whether it is in force or not.

    For the session's therapist, from `awaiting_review` on.
    """
    session = await review.transcribed_session(actor, session_id, records=records)
    etag = f'"{number}"'
    headers = {"ETag": etag, "Cache-Control": UNCHANGING, "Vary": "Authorization"}
    if is_known(known, etag) and 0 < number < session.next_number:
        nothing: Any = None
        return Response(nothing, status_code=304, headers=headers)
    version = await review.version_of(session, number, records=records)
    return await json_response(partial(answer_of, version), headers)


def _listed(header: VersionHeader, in_force: int) -> ListedVersion:
    return ListedVersion(
        number=header.number,
        parent=header.parent,
        source=header.source,
        at=header.at,
        author=header.author_id or None,
        engine=header.engine,
        reason=header.reason,
        lines=header.lines,
        in_force=header.number == in_force,
    )
