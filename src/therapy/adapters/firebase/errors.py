"""FCM's errors, mapped in one table to what to do: remove the device, or try again later.

A device is removed only for an error about this one device. Any other error (the project, its key, its
quota, our message) would remove every device of the practice, so the push is tried again through the
outbox until someone has fixed the problem: an operator, where it does not pass by itself.
"""

from enum import Enum
from typing import Any

import requests
from firebase_admin import exceptions, messaging
from google.auth.exceptions import GoogleAuthError, TransportError


class Verdict(Enum):
    """What a failure means for the push: what to do, or what has to be looked at to know."""

    GONE = "gone"
    AGAIN = "again"
    PROJECT = "project"
    """It stays so, for every device, until an operator has mended the project, its key or its rights."""
    OTHER_PROJECT = "other_project"
    """The device and the key are of two projects: which is the wrong one, others' devices show."""
    LOOK = "look"


CLASSES: dict[type[Exception], Verdict] = {
    messaging.UnregisteredError: Verdict.GONE,  # the app was removed, or the token expired
    messaging.SenderIdMismatchError: Verdict.OTHER_PROJECT,
    exceptions.InvalidArgumentError: Verdict.LOOK,  # the token, or the message: see `is_bad_token`
    messaging.QuotaExceededError: Verdict.AGAIN,
    messaging.ThirdPartyAuthError: Verdict.PROJECT,  # Apple does not accept the project's key
    exceptions.FirebaseError: Verdict.AGAIN,
    exceptions.AbortedError: Verdict.AGAIN,
    exceptions.AlreadyExistsError: Verdict.AGAIN,
    exceptions.CancelledError: Verdict.AGAIN,
    exceptions.ConflictError: Verdict.AGAIN,
    exceptions.DataLossError: Verdict.AGAIN,
    exceptions.DeadlineExceededError: Verdict.AGAIN,
    exceptions.FailedPreconditionError: Verdict.PROJECT,
    exceptions.InternalError: Verdict.AGAIN,
    exceptions.NotFoundError: Verdict.PROJECT,  # 404, but not of a device: the project's name is wrong
    exceptions.OutOfRangeError: Verdict.AGAIN,
    exceptions.PermissionDeniedError: Verdict.PROJECT,  # 403, but not of a device: it may not send
    exceptions.ResourceExhaustedError: Verdict.AGAIN,
    exceptions.UnauthenticatedError: Verdict.PROJECT,
    exceptions.UnavailableError: Verdict.AGAIN,
    exceptions.UnknownError: Verdict.AGAIN,
}
"""Every exception of firebase_admin.exceptions and messaging; the nearest base class counts."""

_FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
_BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


NAMES: dict[type[Exception], str] = {
    messaging.SenderIdMismatchError: "SENDER_ID_MISMATCH",
    messaging.ThirdPartyAuthError: "THIRD_PARTY_AUTH_ERROR",
}
"""FCM's own codes where the SDK's `code` says less."""


def verdict_of(exc: exceptions.FirebaseError) -> Verdict:
    """Return what an error means; never `LOOK`, as an unclear one has been looked at."""
    verdict = next(CLASSES[each] for each in type(exc).__mro__ if each in CLASSES)
    if verdict is Verdict.LOOK:
        return Verdict.GONE if is_bad_token(exc) else Verdict.PROJECT
    return verdict


def reason_of(exc: exceptions.FirebaseError) -> str:
    """Return the code of an error, for logs and operators; its text may quote the message or the token."""
    return NAMES.get(type(exc)) or str(exc.code)


def stays_refused(exc: GoogleAuthError) -> bool:
    """Return whether Google refused the key itself, as opposed to not being reached or being busy."""
    return not isinstance(exc, TransportError) and not getattr(exc, "retryable", False)


def is_bad_token(exc: exceptions.FirebaseError) -> bool:
    """Return whether an INVALID_ARGUMENT is about a malformed token, not a malformed message.

    By FCM's documentation, a malformed message is reported as a BadRequest that names the field, an
    invalid token as FCM's own error: so it is the token if no field but the token is named.
    """
    details = _details(exc.http_response)
    kinds = {each.get("@type") for each in details}
    fields = {
        violation.get("field")
        for each in details
        if each.get("@type") == _BAD_REQUEST
        for violation in each.get("fieldViolations", [])
    }
    if _BAD_REQUEST in kinds:
        return fields == {"message.token"}
    return _FCM_ERROR in kinds


def _details(response: requests.Response | None) -> list[dict[str, Any]]:
    try:
        found = response.json()["error"]["details"] if response is not None else []
        return [each for each in found if isinstance(each, dict)]
    except (ValueError, KeyError, TypeError):
        return []
