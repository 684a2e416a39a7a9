"""Failures of Azure Speech as `EngineFailed`: cancellation codes of the Speech SDK, and several languages.

The texts of a cancellation may quote what was said, or a key, so only a code is kept.
"""

import logging

from therapy.domain.errors import EngineFailed

log = logging.getLogger(__name__)


class SeveralLanguages(EngineFailed):
    """Raised where Fast Transcription heard several of the languages, and none of them most of the time."""

    uncharged = True

    def __init__(self) -> None:
        super().__init__("several_languages", transient=False)


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
    "ServiceRedirectPermanent": GIVE_UP,  # the configured endpoint no longer exists
    "EmbeddedModelError": GIVE_UP,
}
"""Every `CancellationErrorCode` of the Speech SDK, by name. Any other is tried again."""


def canceled(code: str) -> EngineFailed:
    """Return the error for a cancelled session, from the name of its `CancellationErrorCode`."""
    return EngineFailed(reason=code, transient=CANCELLATIONS.get(code, TRY_AGAIN))


def note_charge(failure: EngineFailed, engine: str, *, charged: bool) -> None:
    """Note on a failure whether its try may be charged; if so, log its reason, which a run may replace."""
    failure.uncharged = not charged
    if charged:
        fields = {"engine": engine, "reason": failure.details.get("reason", failure.code)}
        log.warning("a paid recognition failed", extra=fields)
