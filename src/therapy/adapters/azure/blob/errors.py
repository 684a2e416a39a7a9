"""What goes wrong at Blob storage, as errors of this library: by the service's code, the status, the class.

Three tables, the first that knows an error decides. The audio itself never is in the text of
an error of the service, so causes are chained.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from azure.core import exceptions as core
from azure.identity import AuthenticationRequiredError, CredentialUnavailableError
from azure.storage.blob import PartialBatchErrorException

from therapy.adapters.azure.errors import FAULTS, Fault, nearest
from therapy.domain.errors import AlreadyExists, NotFound, Stale, StorageFull, TherapyError
from therapy.domain.errors import Unavailable as Down

CODES: dict[str, type[TherapyError]] = {
    "BlockCountExceedsLimit": StorageFull,  # 100,000 uncommitted blocks, or 50,000 of one blob
    "CannotVerifyCopySource": Down,  # 403 or 404 of our own source
    "ContainerBeingDeleted": Down,  # 409 for some 30 seconds
    "ContainerNotFound": Down,  # 404, but of the store and not of a recording
    "InvalidBlockList": NotFound,  # 400: a block expired, or was committed by another
    "LeaseIdMissing": Down,  # 412: somebody holds a lease
    "PendingCopyOperation": Down,  # 409
}
"""Codes that mean something else than their status."""

STATUSES: dict[int, type[TherapyError]] = {507: StorageFull}
"""Statuses that mean something else than their class. Azure has no end, a stand-in in a clinic has."""

MEANINGS: dict[Fault, type[TherapyError]] = {
    Fault.MISSING: NotFound,
    Fault.EXISTS: AlreadyExists,
    Fault.MODIFIED: Stale,
    Fault.NOT_MODIFIED: Stale,
}
"""Faults that are about one recording. Any other is about the store, wrong credentials included:
whoever runs the system must see to it, no caller can."""

CLASSES: dict[type[Exception], type[TherapyError]] = {
    **{kind: MEANINGS.get(fault, Down) for kind, fault in FAULTS.items()},
    CredentialUnavailableError: Down,
    AuthenticationRequiredError: Down,
    PartialBatchErrorException: Down,
}
"""Every exception of azure.core, azure.identity and azure.storage.blob; the nearest ancestor counts."""


def code_of(exc: Exception) -> str:
    """The service's own code of an error, "" where there is none."""
    code = getattr(exc, "error_code", None)
    return str(getattr(code, "value", code) or "")


def blob_error(exc: Exception) -> TherapyError:
    """Say what an exception of the SDK means."""
    code, status = code_of(exc), getattr(exc, "status_code", None)
    kind = CODES.get(code) or STATUSES.get(status or 0)
    kind = kind or nearest(CLASSES, exc) or Down
    return kind(reason=code or status or type(exc).__name__)


@contextmanager
def blob_errors() -> Iterator[None]:
    """Turn what the SDK raises into errors of this library."""
    try:
        yield
    except (core.AzureError, core.SerializationError, core.DeserializationError, OSError) as exc:
        raise blob_error(exc) from exc
