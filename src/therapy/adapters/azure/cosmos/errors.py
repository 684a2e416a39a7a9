"""Turns what the Cosmos SDK raises into domain errors; nothing else does.

Adapters catch what they expect (a missing item, a lost race) at the call; whatever is left passes through
`cosmos_errors`. Every exception class of the SDKs is in `REASONS`, which a test compares with the SDKs
themselves. Reasons and statuses go into the error; the SDK's texts don't, because they may quote data.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from azure.cosmos import exceptions as cosmos

from therapy.adapters.azure.errors import FAULTS, Fault, nearest
from therapy.domain.errors import (
    AlreadyExists,
    Stale,
    StorageFull,
    TherapyError,
    TooLarge,
    Unavailable,
)

PARTITION_FULL = 1014
"""Sub-status of 403: a partition has reached its 20 GB."""

WORDS = {
    Fault.UNKNOWN: "azure",
    Fault.CONNECTION: "connection",
    Fault.TIMEOUT: "timeout",
    Fault.CREDENTIALS: "credentials",
    Fault.REQUEST: "request",
    Fault.REDIRECTS: "redirects",
    Fault.REFUSED: "answer",
    Fault.UNREADABLE: "answer",
    Fault.MISSING: "missing",
    Fault.EXISTS: "exists",
    Fault.MODIFIED: "modified",
    Fault.NOT_MODIFIED: "answer",
}

REASONS: dict[type[Exception], str] = {
    **{kind: WORDS[fault] for kind, fault in FAULTS.items()},
    cosmos.CosmosAccessConditionFailedError: "modified",
    cosmos.CosmosBatchOperationError: "batch",
    cosmos.CosmosClientTimeoutError: "timeout",
    cosmos.CosmosHttpResponseError: "answer",
    cosmos.CosmosResourceExistsError: "exists",
    cosmos.CosmosResourceNotFoundError: "missing",
}
"""The reason in Unavailable, by the class of the exception."""

STATUSES = {
    401: "credentials",
    403: "forbidden",
    404: "missing",
    408: "timeout",
    410: "moved",
    429: "throttled",
    449: "contended",
    503: "out_of_order",
}
"""The reason, by the status of an answer; it has precedence over the class."""


@contextmanager
def cosmos_errors() -> Iterator[None]:
    """Turn what an Azure SDK raises into a domain error."""
    try:
        yield
    except tuple(REASONS) as exc:
        raise translated(exc) from exc
    except TimeoutError as exc:
        raise Unavailable(reason="timeout") from exc


def translated(exc: Exception) -> TherapyError:
    """Return the domain error for an SDK's exception; Unavailable if there is no better one."""
    status = getattr(exc, "status_code", None) or 0
    match status:
        case 409:
            return AlreadyExists()
        case 412:
            return Stale()
        case 413:
            return TooLarge()
        case 403 if getattr(exc, "sub_status", None) == PARTITION_FULL:
            return StorageFull()
    named = nearest(REASONS, exc) or "azure"
    if named == "exists":
        return AlreadyExists()
    if named == "modified":
        return Stale()
    reason = STATUSES.get(status, named)
    return Unavailable(reason=reason, status=status) if status else Unavailable(reason=reason)


def contended() -> Unavailable:
    """Return the error of a writer that lost every race."""
    return Unavailable(reason="contended")
