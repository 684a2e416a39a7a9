"""Errors as problem details (RFC 9457) with a plain sentence in `error`; the only place with status codes."""

import logging
from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.handlers import HTTPRouteHandler

from therapy.domain import errors
from therapy.domain.access import Actor
from therapy.domain.messages import advice, sentence
from therapy.domain.preferred_language import preferred
from therapy.entrypoints.http.request_log import request_id

log = logging.getLogger(__name__)

TUS_VERSION = "1.0.0"
"""The version of the tus protocol that is spoken here."""

PROBLEM_TYPE = "application/problem+json"


class BadRange(errors.CallerError):
    """Raised if a requested range is outside the recording; `size` is the recording's bytes."""

    code = "range"


class UnsupportedBody(errors.CallerError):
    """Raised when a body is not multipart/form-data."""

    code = "unsupported_media_type"


class CompressedBody(errors.CallerError):
    """Raised when a body has a Content-Encoding."""

    code = "compressed_body"


class PreconditionRequired(errors.CallerError):
    """Raised when an edit does not say in If-Match which version it changes."""

    code = "precondition_required"


class WrongTusVersion(errors.CallerError):
    """Raised when a request is not one of tus 1.0.0."""

    code = "tus_version"


class ChecksumMismatch(errors.CallerError):
    """Raised when the bytes that arrived are not those of which the client sent a checksum."""

    code = "checksum_mismatch"


class SlowBody(errors.CallerError):
    """Raised when too little of a body comes in the time allowed."""

    code = "request_timeout"


class BrokenOff(errors.CallerError):
    """Raised when the client disconnects in the middle of a body."""

    code = "malformed_multipart"


STATUS: dict[type[errors.TherapyError], int] = {
    errors.InvalidInput: 400,
    errors.NotSignedIn: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.UploadExpired: 410,
    errors.WrongState: 409,
    errors.VersionChanged: 412,
    errors.DraftChanged: 412,
    errors.AlreadyExists: 409,
    errors.KeyReused: 422,
    errors.TooLarge: 413,
    errors.UnsupportedAudio: 415,
    errors.Stale: 409,
    errors.LeaseLost: 409,
    errors.TooManyAttempts: 429,
    errors.TooMuchAtOnce: 429,
    errors.UnderWay: 409,
    errors.Unavailable: 503,
    errors.StorageFull: 507,
    errors.UndecodableAudio: 415,
    errors.RecordingTooLong: 413,
    errors.EngineFailed: 503,
    errors.EngineDied: 503,
    errors.LanguageNotSupported: 415,
    BadRange: 416,
    WrongTusVersion: 412,
    PreconditionRequired: 428,
    ChecksumMismatch: 460,
    UnsupportedBody: 415,
    CompressedBody: 415,
    BrokenOff: 400,
    SlowBody: 408,
}
"""The status for every leaf of the error tree; a test proves that none is missing."""

RETRY_AFTER = {503: "5", 507: "300"}
"""Seconds after which trying again may help, where the error itself says nothing."""

OF_OWN = ("last",)
"""Details of what is not found in a session that is the caller's own."""

INTERNAL = ("dependency", "reason", "kind", "schema_version")
"""Details of errors that are for the log and the command line only."""

_CODES = {
    400: "invalid",
    401: "not_signed_in",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "wrong_state",
    415: "unsupported_media_type",
    503: "unavailable",
}

TITLES = {460: "Checksum Mismatch"}
"""Statuses of tus that HTTP does not have."""

_OUTSIDE = {
    "data": "body",
    "wanted": "query",
    "states": "state",
    "upload-offset": "Upload-Offset",
}
"""The public names of parameters that have another name in handlers."""

AnyRequest = Request[Actor | None, Any, Any]


def language_of(request: AnyRequest) -> str:
    """Return the language of sentences: the client's choice, else the practice's, else the installation's."""
    actor = request.scope.get("user")
    default = actor.language if isinstance(actor, Actor) else request.app.state.language
    return preferred(request.headers.get("accept-language"), default)


def problem(
    request: AnyRequest, status: int, code: str, **details: object
) -> Response[dict[str, object]]:
    """Return a problem details answer."""
    language = language_of(request)
    body = problem_body(status, code, language, **details)
    body["request_id"] = request_id(request.scope)
    headers = {"Content-Language": language}
    if code == BadRange.code:
        headers["Content-Range"] = f"bytes */{details.get('size', '*')}"
    if seconds := details.get("retry_after") or RETRY_AFTER.get(status):
        headers["Retry-After"] = str(seconds)
    if code == SlowBody.code:
        headers["Connection"] = "close"
    if code in {errors.VersionChanged.code, "vocabulary_changed"}:
        headers["ETag"] = f'"{details.get("version")}"'
    if etag := details.get("etag"):
        headers["ETag"] = str(etag)
    if code == WrongTusVersion.code:
        headers["Tus-Version"] = TUS_VERSION
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(body, status_code=status, media_type=PROBLEM_TYPE, headers=headers)


def title_of(status: int) -> str:
    """Return a status in words."""
    return TITLES.get(status) or HTTPStatus(status).phrase


def problem_body(status: int, code: str, language: str, **details: object) -> dict[str, object]:
    """Return the body of a problem details answer, without the request's id."""
    return {
        "type": f"urn:therapy:problem:{code}",
        "title": title_of(status),
        "status": status,
        "detail": advice(code, language, str(details.get("field", "")))
        or sentence(code, language, **details),
        "error": sentence(code, language, **details),
        "code": code,
        **details,
    }


def on_therapy_error(request: AnyRequest, exc: errors.TherapyError) -> Response[dict[str, object]]:
    """Return the answer to an error that this library raised on purpose.

    Why a dependency is away (`INTERNAL`) is logged, and told to nobody: it names services and classes.
    """
    status = next(STATUS[each] for each in type(exc).__mro__ if each in STATUS)
    inside = {name: exc.details[name] for name in INTERNAL if name in exc.details}
    if isinstance(exc, errors.Unavailable) and inside:
        log.warning("a dependency can't be reached", extra=inside)
    # What is not found is not named: the answer has nothing in it that the caller has sent.
    hidden = set(exc.details) - set(OF_OWN) if isinstance(exc, errors.NotFound) else inside
    shown: dict[str, object] = {
        name: value for name, value in exc.details.items() if name not in hidden
    }
    if isinstance(exc, errors.DraftChanged) and exc.code == errors.DraftChanged.code:
        shown["changed_lines"] = list(exc.lines)
    return problem(request, status, exc.code, **shown)


def on_http_error(request: AnyRequest, exc: HTTPException) -> Response[dict[str, object]]:
    """Return the answer to a framework error; its text may quote the input, so it is not used."""
    status = exc.status_code
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return on_bug(request, exc)
    if isinstance(exc, ValidationException):
        code, field = _parameter_fault(exc)
        return problem(request, status, code, **({"field": field} if field else {}))
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return problem(request, status, "too_large", limit=_most(request))
    unknown = "invalid" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "internal"
    answer = problem(request, status, _CODES.get(status, unknown))
    if allowed := (exc.headers or {}).get("allow"):
        answer.headers["Allow"] = allowed
    return answer


def _most(request: AnyRequest) -> int:
    """Return the most bytes that a body of this request may have."""
    handler = request.scope["route_handler"]
    most = handler.resolve_request_max_body_size() if isinstance(handler, HTTPRouteHandler) else 0
    return most or 0


def _parameter_fault(exc: ValidationException) -> tuple[str, str]:
    """Return the code and the name of the first faulty parameter; `JsonRequest` handles bodies."""
    if isinstance(exc.__cause__, KeyError):  # looked up by its name, and not there
        name = str(exc.__cause__.args[0])
        return "required", _OUTSIDE.get(name, name)
    extra = exc.extra if isinstance(exc.extra, list) else []
    keys = (str(each.get("key", "")) for each in extra if isinstance(each, dict))
    field = next(filter(None, keys), "")
    return "invalid", _OUTSIDE.get(field, field)


def on_bug(request: AnyRequest, exc: Exception) -> Response[dict[str, object]]:
    """Log a bug's class and place, never its text; return the answer."""
    log.error("an unexpected error", extra={"error": type(exc).__name__, "where": place_of(exc)})
    return problem(request, 500, "internal")


def place_of(exc: BaseException) -> str:
    """Return the file and line in which an exception was raised; "" if it was not."""
    place = exc.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    return f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else ""
