"""Errors of requests to engines (Fast Transcription, Language, a token): try again, or give up.

An error's texts may quote what was said, or a key, so only a code is kept, and exceptions are not chained.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.exceptions import AzureError

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


def again(exc: AzureError) -> bool:
    """Return whether the same request may succeed later."""
    status = getattr(exc, "status_code", None)
    if isinstance(status, int) and status >= 400:
        return status in STATUSES_TO_TRY_AGAIN or status >= 500
    return nearest(FAILURES, exc) is True


def failed(exc: AzureError) -> EngineFailed:
    """Return the error for an exception of a request: with its status, else its class, never its text."""
    reason = getattr(exc, "status_code", None) or type(exc).__name__
    return EngineFailed(reason=reason, transient=again(exc))


@contextmanager
def engine_errors() -> Iterator[None]:
    """Turn what requests to Azure raise into `EngineFailed`."""
    try:
        yield
    except AzureError as exc:
        raise failed(exc) from None  # its text may quote the request or the answer
    except TimeoutError:
        raise EngineFailed(reason="timeout", transient=True) from None
    except OSError as exc:
        raise EngineFailed(reason=type(exc).__name__, transient=True) from None
