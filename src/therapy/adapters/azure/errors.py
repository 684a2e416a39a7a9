"""What each exception of azure.core is about: one table that Cosmos, Blob and the engines extend.

They say what a fault means to them (a domain error, a reason, whether to try again) and add the
exceptions of their own SDKs. Tests compare the tables with the SDKs themselves.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import TypeVar

from azure.core import exceptions as core

T = TypeVar("T")


class Fault(Enum):
    """What went wrong between us and an Azure service."""

    UNKNOWN = auto()
    CONNECTION = auto()
    TIMEOUT = auto()
    CREDENTIALS = auto()
    REQUEST = auto()
    REDIRECTS = auto()
    REFUSED = auto()
    UNREADABLE = auto()
    MISSING = auto()
    EXISTS = auto()
    MODIFIED = auto()
    NOT_MODIFIED = auto()


FAULTS: dict[type[Exception], Fault] = {
    core.AzureError: Fault.UNKNOWN,
    core.ClientAuthenticationError: Fault.CREDENTIALS,
    core.DecodeError: Fault.UNREADABLE,
    core.DeserializationError: Fault.UNREADABLE,
    core.HttpResponseError: Fault.REFUSED,
    core.IncompleteReadError: Fault.CONNECTION,
    core.ODataV4Error: Fault.REFUSED,
    core.ResourceExistsError: Fault.EXISTS,
    core.ResourceModifiedError: Fault.MODIFIED,
    core.ResourceNotFoundError: Fault.MISSING,
    core.ResourceNotModifiedError: Fault.NOT_MODIFIED,
    core.ResponseNotReadError: Fault.UNREADABLE,
    core.SerializationError: Fault.REQUEST,
    core.ServiceRequestError: Fault.CONNECTION,  # not sent: no connection, or it broke
    core.ServiceRequestTimeoutError: Fault.TIMEOUT,
    core.ServiceResponseError: Fault.CONNECTION,  # sent, and no answer
    core.ServiceResponseTimeoutError: Fault.TIMEOUT,
    core.StreamClosedError: Fault.CONNECTION,
    core.StreamConsumedError: Fault.REQUEST,
    core.TooManyRedirectsError: Fault.REDIRECTS,
}
"""Every exception of azure.core, and so of the SDKs that are built on it."""


def nearest(table: Mapping[type[Exception], T], exc: Exception) -> T | None:
    """Return the table's value for the nearest base class of an exception; None if there is none."""
    return next((table[each] for each in type(exc).__mro__ if each in table), None)
