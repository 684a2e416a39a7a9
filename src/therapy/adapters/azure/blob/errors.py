"""Errors of Blob Storage as domain errors: by the service's code, the status, or the class.

There are three tables and a pattern, and the first one that has the error decides. The SDK calls every
conflict (409) ResourceExistsError, so that the code has to say what it is. The texts of the service's errors
never contain audio, so causes are chained.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from azure.core import exceptions as core
from azure.identity import AuthenticationRequiredError, CredentialUnavailableError
from azure.storage.blob import PartialBatchErrorException

from therapy.adapters.azure.errors import FAULTS, Fault, nearest
from therapy.domain.errors import AlreadyExists, NotFound, Stale, StorageFull, TherapyError
from therapy.domain.errors import Unavailable as Down

CODES: dict[str, type[TherapyError]] = {
    "CannotVerifyCopySource": Down,  # 403 or 404 of our own source
    "ContainerBeingDeleted": Down,  # 409 for about 30 seconds
    "ContainerNotFound": Down,  # 404, but about the store and not a recording
    "InvalidBlockList": NotFound,  # 400: a block expired, or someone else committed it
    "LeaseIdMissing": Down,  # 412: someone has a lease
    "PendingCopyOperation": Down,  # 409
}
"""Codes whose meaning differs from their status's."""

FULL = re.compile("Full|Quota|Capacity|SizeLimit|ExceedsLimit|LimitExceeded|InsufficientStorage")
"""In the codes of a store, or of a substitute such as Azurite, that has no room: most have the status 409."""

EXISTING = frozenset({"", "BlobAlreadyExists", "ContainerAlreadyExists", "ResourceAlreadyExists"})
"""The codes of a conflict with something that exists; "" is what no service has told."""

STATUSES: dict[int, type[TherapyError]] = {507: StorageFull}
"""Statuses whose meaning differs from their class's. Azure is never full; a local substitute can be."""

MEANINGS: dict[Fault, type[TherapyError]] = {
    Fault.MISSING: NotFound,
    Fault.EXISTS: AlreadyExists,
    Fault.MODIFIED: Stale,
    Fault.NOT_MODIFIED: Stale,
}
"""Faults that are about one recording. Any other, wrong credentials included, is about the store: only
whoever runs the system can fix it, no caller can."""

CLASSES: dict[type[Exception], type[TherapyError]] = {
    **{kind: MEANINGS.get(fault, Down) for kind, fault in FAULTS.items()},
    CredentialUnavailableError: Down,
    AuthenticationRequiredError: Down,
    PartialBatchErrorException: Down,
}
"""Every exception of azure.core, azure.identity and azure.storage.blob; the nearest base class counts."""


def code_of(exc: Exception) -> str:
    """Return the service's own code in an error; "" if there is none."""
    code = getattr(exc, "error_code", None)
    return str(getattr(code, "value", code) or "")


def exists(exc: core.ResourceExistsError) -> bool:
    """Return whether a conflict is with something that exists, not e.g. a store without room."""
    return code_of(exc) in EXISTING


@contextmanager
def unless_it_exists() -> Iterator[None]:
    """Create something; it is no error if it exists already."""
    try:
        yield
    except core.ResourceExistsError as exc:
        if not exists(exc):
            raise


def blob_error(exc: Exception) -> TherapyError:
    """Return the domain error for an exception of the SDK."""
    code, status = code_of(exc), getattr(exc, "status_code", None)
    kind = CODES.get(code) or STATUSES.get(status or 0)
    if kind is None and FULL.search(code):
        kind = StorageFull
    if kind is None and isinstance(exc, core.ResourceExistsError) and not exists(exc):
        kind = Down
    kind = kind or nearest(CLASSES, exc) or Down
    return kind(reason=code or status or type(exc).__name__)


@contextmanager
def blob_errors() -> Iterator[None]:
    """Turn what the SDK raises into domain errors."""
    try:
        yield
    except (core.AzureError, core.SerializationError, core.DeserializationError, OSError) as exc:
        raise blob_error(exc) from exc
