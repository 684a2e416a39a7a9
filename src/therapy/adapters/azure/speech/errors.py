"""What a canceled session of the Speech SDK means, as `EngineFailed`: try again, or give up.

The texts that come with it may quote what was said, or a key: they go nowhere. What is kept is a code.
"""

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


def canceled(code: str) -> EngineFailed:
    """Say what a canceled session means, from the name of its `CancellationErrorCode`."""
    return EngineFailed(reason=code, transient=CANCELLATIONS.get(code, TRY_AGAIN))
