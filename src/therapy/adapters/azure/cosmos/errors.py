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

UNTOLD_PAUSE = 0.05
"""Seconds to wait after a 429 that does not say how long."""

BEHIND = 1002
"""Sub-status of 404: no replica that can be asked has what this client has seen, as in a failover."""

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
    reason = "behind" if is_behind(exc) else STATUSES.get(status, named)
    return Unavailable(reason=reason, status=status) if status else Unavailable(reason=reason)


def is_absent(exc: Exception) -> bool:
    """Return whether a 404 is about the item itself.

    With a sub-status it says nothing of the item: the replica that has it can't be asked now (1002), or
    what it is in is missing (1003).
    """
    return getattr(exc, "status_code", None) == 404 and not _sub_status(exc)


def is_behind(exc: Exception) -> bool:
    """Return whether a 404 means that the replicas that can be asked are behind: try again."""
    return getattr(exc, "status_code", None) == 404 and _sub_status(exc) == BEHIND


def _sub_status(exc: Exception) -> int:
    """Return the sub-status of an answer, or of the step of a batch that failed; 0 if it has none."""
    if isinstance(exc, cosmos.CosmosBatchOperationError) and exc.operation_responses:
        return int(exc.operation_responses[exc.error_index or 0].get("subStatusCode") or 0)
    return getattr(exc, "sub_status", None) or 0


def throttled_for(exc: cosmos.CosmosBatchOperationError) -> float | None:
    """Return how many seconds to wait after a batch of which a step was throttled; None if none was."""
    if exc.status_code != 429:
        return None
    hints = [each.get("retryAfterMilliseconds") or 0 for each in exc.operation_responses or ()]
    return max(0.0, *map(float, hints)) / 1000 or UNTOLD_PAUSE


def contended() -> Unavailable:
    """Return the error of a writer that lost every race."""
    return Unavailable(reason="contended")


def throttled() -> Unavailable:
    """Return the error of a call that was throttled for too long."""
    return Unavailable(reason=STATUSES[429], status=429)
