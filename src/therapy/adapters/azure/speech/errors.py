"""What goes wrong at Azure Speech, as `EngineFailed`: try again, or give up. Two literal tables.

The texts that come with an error may quote what was said, or a key: they go nowhere. What is kept
is a code, and exceptions are not chained for the same reason.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from azure.core import exceptions as core

from therapy.domain.errors import EngineFailed

TRY_AGAIN, GIVE_UP = True, False

CANCELLATIONS = {
    "NoError": TRY_AGAIN,  # an error without a reason
    "AuthenticationFailure": GIVE_UP,  # 401 and 403: the key, the region or a role is wrong
    "BadRequest": GIVE_UP,
    "TooManyRequests": TRY_AGAIN,
    "Forbidden": GIVE_UP,  # a free subscription's month is used up
    "ConnectionFailure": TRY_AGAIN,
    "ServiceTimeout": TRY_AGAIN,
    "ServiceError": TRY_AGAIN,  # 404 and 500 alike
    "ServiceUnavailable": TRY_AGAIN,
    "RuntimeError": TRY_AGAIN,
    "ServiceRedirectTemporary": TRY_AGAIN,
    "ServiceRedirectPermanent": GIVE_UP,  # the endpoint that is set is no more
    "EmbeddedModelError": GIVE_UP,
}
"""Every `CancellationErrorCode` of the Speech SDK, by name. What is not here is tried again."""

FAILURES: dict[type[core.AzureError], bool] = {
    core.AzureError: TRY_AGAIN,
    core.ServiceRequestError: TRY_AGAIN,  # not sent: no connection, or it broke
    core.ServiceRequestTimeoutError: TRY_AGAIN,
    core.ServiceResponseError: TRY_AGAIN,  # sent, and no answer
    core.ServiceResponseTimeoutError: TRY_AGAIN,
    core.IncompleteReadError: TRY_AGAIN,
    core.DecodeError: TRY_AGAIN,
    core.StreamConsumedError: TRY_AGAIN,
    core.StreamClosedError: TRY_AGAIN,
    core.ResponseNotReadError: TRY_AGAIN,
    core.ClientAuthenticationError: GIVE_UP,
    core.ResourceNotFoundError: GIVE_UP,  # this region has no such engine
    core.ResourceExistsError: GIVE_UP,
    core.ResourceModifiedError: GIVE_UP,
    core.ResourceNotModifiedError: GIVE_UP,
    core.TooManyRedirectsError: GIVE_UP,
    core.ODataV4Error: GIVE_UP,
    core.HttpResponseError: GIVE_UP,  # by its status first, see `again`
}
"""Every exception of azure.core, and so of what is built on it; the nearest ancestor counts."""

STATUSES_TO_TRY_AGAIN = frozenset({408, 425, 429})
"""Besides 5xx. Every other status is about the request, the key or the region."""


def canceled(code: str) -> EngineFailed:
    """Say what a canceled session means, from the name of its `CancellationErrorCode`."""
    return EngineFailed(reason=code, transient=CANCELLATIONS.get(code, TRY_AGAIN))


def again(exc: core.AzureError) -> bool:
    """Tell whether the same request may succeed later."""
    status = getattr(exc, "status_code", None)
    if isinstance(status, int) and status >= 400:
        return status in STATUSES_TO_TRY_AGAIN or status >= 500
    return next(FAILURES[each] for each in type(exc).__mro__ if each in FAILURES)


def failed(exc: core.AzureError) -> EngineFailed:
    """Say what an exception of a request means: its status, else its class, and nothing of its text."""
    reason = getattr(exc, "status_code", None) or type(exc).__name__
    return EngineFailed(reason=reason, transient=again(exc))


@contextmanager
def engine_errors() -> Iterator[None]:
    """Turn what requests to Azure raise into `EngineFailed`."""
    try:
        yield
    except core.AzureError as exc:
        raise failed(exc) from None  # its text may quote the request or the answer
    except TimeoutError:
        raise EngineFailed(reason="timeout", transient=True) from None
    except OSError as exc:
        raise EngineFailed(reason=type(exc).__name__, transient=True) from None
