"""FCM's errors, mapped in one table to what to do: remove the device, or try again later.

A device is removed only for an error about this one device. Any other error (the project, its key, its
quota, our message) would remove every device of the practice, so the push is tried again through the
outbox until someone has fixed the problem.
"""

from enum import Enum
from typing import Any

import requests
from firebase_admin import exceptions, messaging


class Verdict(Enum):
    """What a failure means for the push."""

    GONE = "gone"
    AGAIN = "again"
    LOOK = "look"


CLASSES: dict[type[Exception], Verdict] = {
    messaging.UnregisteredError: Verdict.GONE,  # the app was removed, or the token expired
    messaging.SenderIdMismatchError: Verdict.GONE,  # a token of another project
    exceptions.InvalidArgumentError: Verdict.LOOK,  # the token, or the message: see `is_bad_token`
    messaging.QuotaExceededError: Verdict.AGAIN,
    messaging.ThirdPartyAuthError: Verdict.AGAIN,  # Apple does not accept the project's key
    exceptions.FirebaseError: Verdict.AGAIN,
    exceptions.AbortedError: Verdict.AGAIN,
    exceptions.AlreadyExistsError: Verdict.AGAIN,
    exceptions.CancelledError: Verdict.AGAIN,
    exceptions.ConflictError: Verdict.AGAIN,
    exceptions.DataLossError: Verdict.AGAIN,
    exceptions.DeadlineExceededError: Verdict.AGAIN,
    exceptions.FailedPreconditionError: Verdict.AGAIN,
    exceptions.InternalError: Verdict.AGAIN,
    exceptions.NotFoundError: Verdict.AGAIN,  # 404, but not of a device: the project's name is wrong
    exceptions.OutOfRangeError: Verdict.AGAIN,
    exceptions.PermissionDeniedError: Verdict.AGAIN,  # 403, but not of a device: the account may not send
    exceptions.ResourceExhaustedError: Verdict.AGAIN,
    exceptions.UnauthenticatedError: Verdict.AGAIN,
    exceptions.UnavailableError: Verdict.AGAIN,
    exceptions.UnknownError: Verdict.AGAIN,
}
"""Every exception of firebase_admin.exceptions and messaging; the nearest base class counts."""

_FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
_BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


def is_gone(exc: exceptions.FirebaseError) -> bool:
    """Return whether an error means that this device is gone for good."""
    verdict = next(CLASSES[each] for each in type(exc).__mro__ if each in CLASSES)
    return verdict is Verdict.GONE or (verdict is Verdict.LOOK and is_bad_token(exc))


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
