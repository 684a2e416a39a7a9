"""Errors of requests to engines (Fast Transcription, Language, a token): try again, or give up.

An error's texts may quote what was said, or a key, so only a code is kept, and exceptions are not chained.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import ClientConnectorError
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    ServiceRequestTimeoutError,
)

from therapy.adapters.azure.errors import FAULTS, Fault, nearest
from therapy.domain.errors import EngineFailed

LASTING = frozenset(
    {
        Fault.CREDENTIALS,
        Fault.REDIRECTS,
        Fault.REFUSED,  # its status has precedence, see `again`
        Fault.MISSING,  # this region has no such engine
        Fault.EXISTS,
        Fault.MODIFIED,
        Fault.NOT_MODIFIED,
    }
)
"""Faults with which the same request would fail again."""

FAILURES: dict[type[Exception], bool] = {
    kind: fault not in LASTING for kind, fault in FAULTS.items()
}
"""Whether to try again, for every exception of azure.core; the nearest base class counts."""

STATUSES_TO_TRY_AGAIN = frozenset({408, 425, 429})
"""Besides 5xx. Any other status is about the request, the key or the region."""


STATUSES_IN_MID_WORK = frozenset({408, 500, 502, 504})
"""Answers that may come after the work, or in the middle of it. With any other it is not begun."""


def again(exc: AzureError) -> bool:
    """Return whether the same request may succeed later."""
    status = getattr(exc, "status_code", None)
    if isinstance(status, int) and status >= 400:
        return status in STATUSES_TO_TRY_AGAIN or status >= 500
    return nearest(FAILURES, exc) is True


def may_be_charged(exc: AzureError) -> bool:
    """Return whether the service may have done the work, and charge for it, although no result came back.

    azure.core has one class for "not connected" and "connected, sent, and then the connection broke".
    """
    status = getattr(exc, "status_code", None)
    if isinstance(status, int) and status >= 400:
        return status in STATUSES_IN_MID_WORK
    inner = getattr(exc, "inner_exception", None)
    unsent = isinstance(exc, ClientAuthenticationError | ServiceRequestTimeoutError)
    return not (unsent or isinstance(inner, ClientConnectorError))


def failed(exc: AzureError) -> EngineFailed:
    """Return the error for an exception of a request: with its status, else its class, never its text."""
    reason = getattr(exc, "status_code", None) or type(exc).__name__
    failure = EngineFailed(reason=reason, transient=again(exc))
    failure.uncharged = not may_be_charged(exc)
    return failure


@contextmanager
def engine_errors() -> Iterator[None]:
    """Turn what requests to Azure raise into `EngineFailed`."""
    try:
        yield
    except AzureError as exc:
        raise failed(exc) from None  # its text may quote the request or the answer
    except zlib.error:  # azure.core lets it pass
        raise EngineFailed(reason="malformed", transient=True) from None
    except TimeoutError:
        raise EngineFailed(reason="timeout", transient=True) from None
    except OSError as exc:
        raise EngineFailed(reason=type(exc).__name__, transient=True) from None
