"""What a failed request to an engine (Fast Transcription, Language, a token) means: try again, or give up.

The texts that come with an error may quote what was said, or a key: they go nowhere. What is kept
is a code, and exceptions are not chained for the same reason.
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
        Fault.REFUSED,  # by its status first, see `again`
        Fault.MISSING,  # this region has no such engine
        Fault.EXISTS,
        Fault.MODIFIED,
        Fault.NOT_MODIFIED,
    }
)
"""Faults that the same request will meet again."""

FAILURES: dict[type[Exception], bool] = {
    kind: fault not in LASTING for kind, fault in FAULTS.items()
}
"""Whether to try again, for every exception of azure.core; the nearest ancestor counts."""

STATUSES_TO_TRY_AGAIN = frozenset({408, 425, 429})
"""Besides 5xx. Every other status is about the request, the key or the region."""


def again(exc: AzureError) -> bool:
    """Tell whether the same request may succeed later."""
    status = getattr(exc, "status_code", None)
    if isinstance(status, int) and status >= 400:
        return status in STATUSES_TO_TRY_AGAIN or status >= 500
    return nearest(FAILURES, exc) is True


def failed(exc: AzureError) -> EngineFailed:
    """Say what an exception of a request means: its status, else its class, and nothing of its text."""
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
