"""/uploads: recordings in pieces, by tus 1.0.0, and the same as JSON."""

from collections.abc import Sequence
from typing import Any

from litestar import (
    HttpMethod,
    MediaType,
    Request,
    Response,
    Router,
    delete,
    get,
    head,
    patch,
    post,
    put,
    route,
)

from therapy.domain.access import Action, Actor, require
from therapy.domain.errors import CallerError
from therapy.domain.upload import Upload
from therapy.entrypoints.http import query_parameters
from therapy.entrypoints.http.dependencies import Caller, IntakeDependency
from therapy.entrypoints.http.errors import TUS_VERSION
from therapy.entrypoints.http.idempotency_key import KEPT_ANSWER
from therapy.entrypoints.http.problem_answers import JSON_BODY, SIGNED_IN, WRITES, problems
from therapy.entrypoints.http.request_bodies import DETAILS_BODY, body_operation
from therapy.entrypoints.http.schema_types import AN_ID
from therapy.entrypoints.http.tus_headers import (
    ALGORITHMS,
    EXTENSIONS,
    OFFSET_TYPE,
    PATH,
    Checksum,
    check_offset_type,
    check_version,
    length_headers,
    length_in,
    number_in,
    offset_headers,
    said_in,
)
from therapy.entrypoints.http.upload_metadata import MetadataIn, read_metadata
from therapy.entrypoints.http.uploads_schemas import (
    EXPIRES,
    MADE,
    MINE,
    OFFSET,
    SAID,
    SENT,
    After,
    Deferred,
    Length,
    Limit,
    Offset,
    Piece,
    Said,
    Sum,
    UploadAnswer,
    UploadId,
    UploadList,
    Version,
    header,
    shown,
)
from therapy.entrypoints.http.watched_body import body_of
from therapy.workflows import resumable_uploads
from therapy.workflows.appended_bytes import appending
from therapy.workflows.intake import Intake


@route(
    "/",
    http_method=[HttpMethod.OPTIONS],
    status_code=204,
    no_token=True,
    include_in_schema=False,
)
async def options(intake: IntakeDependency) -> Response[None]:
    """Return which versions and extensions of tus are supported, and how large a recording may be."""
    headers = {
        "Tus-Version": TUS_VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        "Tus-Max-Size": str(intake.max_bytes),
    }
    return Response(None, status_code=204, headers=headers)


@post(
    "/",
    status_code=201,
    operation_class=body_operation(Piece, OFFSET_TYPE, required=False),
    request_max_body_size=None,
    opt=KEPT_ANSWER,
    operation_id="create_upload",
    summary="Begin an upload",
    response_description="It is there; `Location` says where its bytes go.",
    response_headers=[
        header("Location", "Where its bytes go.", f"{PATH}/{AN_ID}"),
        OFFSET,
        EXPIRES,
    ],
    responses=problems(
        *(
            *SIGNED_IN,
            "invalid",
            "forbidden",
            "not_found",
            "tus_version",
            *SAID,
            *MADE,
            *SENT,
        ),
        *("offset_content_type", "too_many_waiting", "waiting_busy", "too_many_unfinished"),
        *WRITES,
        field="Upload-Length",
    ),
)
async def create(
    *,
    request: Request[Any, Any, Any],
    actor: Caller,
    intake: IntakeDependency,
    version: Version = None,
    upload_length: Length = None,
    deferred: Deferred = None,
    said: Said = None,
    checksum: Sum = None,
) -> Response[None]:
    """Begin an upload, by tus 1.0.0, and take in its first bytes if the request has any.

    For therapists. Any number of requests, to any server, then bring the bytes; whatever breaks off goes on
    from where it was. The recording becomes a session with the last byte or with what is said of it,
    whichever comes later.
    """
    del version, upload_length, deferred  # read together
    async with body_of(request):
        require(actor, Action.RECORD)
        check_version(request)
        length = length_in(request)
        file_name, metadata = said_in(said, today=intake.records.now().date())
        if has_body := request.headers.get("content-type") is not None:
            check_offset_type(request)
        upload = await resumable_uploads.begin(actor, length, metadata, file_name, intake=intake)
        if has_body:
            upload = await _first(request, actor, upload, Checksum(checksum), intake=intake)
    headers = {"Location": f"{PATH}/{upload.id}"} | offset_headers(upload)
    return Response(None, status_code=201, headers=headers, media_type=MediaType.TEXT)


async def _first(
    request: Request[Any, Any, Any],
    actor: Actor,
    upload: Upload,
    checksum: Checksum,
    *,
    intake: Intake,
) -> Upload:
    """Take in the first bytes of an upload; if they are refused, nobody will know its id: remove it."""
    try:
        return await _append(
            request, actor, upload.id, offset=0, length=None, checksum=checksum, intake=intake
        )
    except CallerError:
        await resumable_uploads.terminate(actor, upload.id, intake=intake)
        raise


@head(
    "/{upload_id:str}",
    operation_id="head_upload",
    summary="Ask how far an upload is",
    response_description="In the headers; `Upload-Length`, or `Upload-Defer-Length`, is among them.",
    response_headers=[OFFSET, EXPIRES],
    responses=problems(*MINE, "tus_version", field="upload_id"),
)
async def find_offset(
    upload_id: UploadId,
    request: Request[Any, Any, Any],
    actor: Caller,
    intake: IntakeDependency,
    version: Version = None,
) -> Response[None]:
    """Return how many bytes of one's own upload are here: whoever goes on sends what is behind them.

    While a request is still bringing bytes, the answer waits for them for up to a second.
    """
    del version
    require(actor, Action.RECORD)
    check_version(request)
    upload = await resumable_uploads.settled(actor, upload_id, intake=intake)
    headers = offset_headers(upload) | length_headers(upload) | {"Cache-Control": "no-store"}
    return Response(None, headers=headers)


@patch(
    "/{upload_id:str}",
    status_code=204,
    operation_class=body_operation(Piece, OFFSET_TYPE),
    request_max_body_size=None,
    operation_id="append_to_upload",
    summary="Send the next bytes of an upload",
    response_description="They are here, durably.",
    response_headers=[OFFSET, EXPIRES],
    responses=problems(
        *(*MINE, "tus_version", "upload_offset", *SENT, *SAID, *MADE, "offset_content_type"),
        *WRITES,
        field="Upload-Offset",
    ),
)
async def append(
    *,
    upload_id: UploadId,
    offset: Offset,
    request: Request[Any, Any, Any],
    actor: Caller,
    intake: IntakeDependency,
    version: Version = None,
    upload_length: Length = None,
    checksum: Sum = None,
) -> Response[None]:
    """Take in the next bytes of one's own upload, any number of them.

    What has arrived is kept, also if the request breaks off: at most the last 8 MiB come again. Without
    `Upload-Checksum`, that is: with it a body is kept as a whole or not at all. Of two requests at the same
    offset one is taken. The last byte makes the session, if it is known what the recording is.
    """
    del version
    async with body_of(request):
        require(actor, Action.RECORD)
        check_version(request)
        check_offset_type(request)
        at = number_in(offset, "Upload-Offset")
        length = None if upload_length is None else number_in(upload_length, "Upload-Length")
        upload = await _append(
            request,
            actor,
            upload_id,
            offset=at,
            length=length,
            checksum=Checksum(checksum),
            intake=intake,
        )
    return Response(None, status_code=204, headers=offset_headers(upload))


async def _append(
    request: Request[Any, Any, Any],
    actor: Actor,
    upload_id: str,
    *,
    offset: int,
    length: int | None,
    checksum: Checksum,
    intake: Intake,
) -> Upload:
    """Add a request's body to an upload, and make the session if nothing is missing then."""
    announced = request.content_length or 0
    async with appending(
        actor, upload_id, offset, announced, length, checked=checksum.is_there, intake=intake
    ) as appended:
        async for chunk in request.stream():
            checksum.add(chunk)
            if chunk:
                await appended.write(chunk)
        checksum.check()
        appended.accept()
    return await resumable_uploads.completed(actor, appended.upload, intake=intake)


@delete(
    "/{upload_id:str}",
    status_code=204,
    operation_id="delete_upload",
    summary="Remove an upload",
    response_description="It is gone, and what came of it.",
    responses=problems(*MINE, "tus_version", *WRITES, field="upload_id"),
)
async def terminate(
    upload_id: UploadId,
    request: Request[Any, Any, Any],
    actor: Caller,
    intake: IntakeDependency,
    version: Version = None,
) -> None:
    """Remove one's own upload and its bytes. A session that was made of it stays."""
    del version
    require(actor, Action.RECORD)
    check_version(request)
    await resumable_uploads.terminate(actor, upload_id, intake=intake)


@put(
    "/{upload_id:str}/metadata",
    status_code=200,
    operation_class=body_operation(MetadataIn),
    request_max_body_size=DETAILS_BODY,
    operation_id="describe_upload",
    summary="Describe the recording of an upload: patient, day, notes",
    response_description="How far the upload is, and the session if it is one now.",
    responses=problems(
        *(*MINE, *JSON_BODY, *SAID, *MADE, "metadata_differs", "checks_busy", *WRITES),
        field="patient",
    ),
)
async def describe(
    upload_id: UploadId,
    request: Request[Any, Any, Any],
    actor: Caller,
    intake: IntakeDependency,
) -> UploadAnswer:
    """Write what the recording is, before, while or after its bytes come: as the form's part `metadata`.

    Written again, it is the same. If every byte is here, the recording becomes a session.
    """
    require(actor, Action.RECORD)
    metadata = read_metadata(await request.body(), today=intake.records.now().date())
    return shown(await resumable_uploads.describe(actor, upload_id, metadata, intake=intake))


@get(
    "/",
    operation_id="list_uploads",
    summary="List uploads",
    response_description="One page of them.",
    responses=problems(*SIGNED_IN, "invalid", "unknown_parameter", "forbidden", field="limit"),
    guards=[query_parameters.only("after", "limit")],
)
async def list_uploads(
    actor: Caller, intake: IntakeDependency, after: After = "", limit: Limit = 50
) -> UploadList:
    """List one's own uploads that are not sessions yet, the earliest first."""
    found = await resumable_uploads.unfinished(actor, intake=intake)
    items, following = resumable_uploads.page(found, after, limit)
    return UploadList([shown(each) for each in items], following)


@get(
    "/{upload_id:str}",
    operation_id="get_upload",
    summary="Show how far an upload is and what became of it",
    response_description="How far it is, and what became of it.",
    responses=problems(*MINE, field="upload_id"),
)
async def one(upload_id: UploadId, actor: Caller, intake: IntakeDependency) -> UploadAnswer:
    """Return how far one's own upload is, and for a day after it is finished which session it became."""
    return shown(await resumable_uploads.look(actor, upload_id, intake=intake))


def _router(handlers: Sequence[object]) -> Router:
    return Router(PATH, route_handlers=list(handlers), tags=["uploads"])  # type: ignore[arg-type]  # handlers of several kinds


router = _router([options, create, find_offset, append, terminate, describe, list_uploads, one])
