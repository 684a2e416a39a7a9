"""The settings that bound guessing, and what access costs and for how long it lives; part of `Settings`."""

from datetime import timedelta
from typing import Annotated

from msgspec import Meta, Struct, field

from therapy.config.value_parsers import Seconds


class SignInSettings(Struct, frozen=True, kw_only=True):
    """Settings of signing in, letters, logins and devices; see docs/reference/limits.md."""

    sign_in_tries: Annotated[
        int,
        Meta(ge=1, le=100_000),
        "failed sign-ins to one account in an hour, from addresses where it has not been signed in to"
        " before; the more one address has had, the fewer it gets",
    ] = field(name="THERAPY_SIGN_IN_TRIES", default=80)
    sign_in_tries_known: Annotated[
        int,
        Meta(ge=0, le=100_000),
        "failed sign-ins to one account in an hour from each of the four addresses, beside those, where it"
        " was signed in to in the last 90 days",
    ] = field(name="THERAPY_SIGN_IN_TRIES_KNOWN", default=5)
    sign_in_tries_address: Annotated[
        int, Meta(ge=1, le=1_000_000), "failed sign-ins of one address in an hour, to all accounts"
    ] = field(name="THERAPY_SIGN_IN_TRIES_ADDRESS", default=100)
    sign_ins_waiting: Annotated[
        int,
        Meta(ge=0, le=10_000),
        "passwords of one process that wait to be checked, two at a time",
    ] = field(name="THERAPY_SIGN_INS_WAITING", default=32)
    letters: Annotated[
        int,
        Meta(ge=1, le=100_000),
        "letters with a token for a new password to one account in an hour; the more one address has asked"
        " for, the fewer it gets",
    ] = field(name="THERAPY_RESET_LETTERS", default=40)
    letters_address: Annotated[
        int,
        Meta(ge=1, le=1_000_000),
        "letters with a token for a new password that one address asks for in an hour, to all accounts",
    ] = field(name="THERAPY_RESET_LETTERS_ADDRESS", default=60)
    reset_lifetime: Annotated[
        Seconds,
        "how long the token of such a letter is good for, and how long a letter that the mail server does not"
        " take is tried: then it is dropped, and the log says so",
    ] = field(name="THERAPY_RESET_TOKEN_SECONDS", default=timedelta(minutes=30))
    mail_pause: Annotated[
        Seconds,
        "the longest pause between two tries of a letter that the mail server does not take now, e.g. because"
        " it is more than the server takes in a minute or an hour",
    ] = field(name="THERAPY_MAIL_PAUSE_SECONDS", default=timedelta(seconds=60))
    wrong_tokens: Annotated[
        int,
        Meta(ge=1, le=1_000_000),
        "wrong refresh and reset tokens in an hour, of one account and of one address",
    ] = field(name="THERAPY_WRONG_TOKENS", default=100)
    login_check: Annotated[
        int,
        Meta(ge=0, le=5),
        "seconds after which an access token whose login has ended is refused everywhere; each process asks"
        " the store once in that time about each login that is used",
    ] = field(name="THERAPY_LOGIN_CHECK_SECONDS", default=3)
    most_devices: Annotated[
        int, Meta(ge=1, le=90), "devices of a person; one more removes the oldest registration"
    ] = field(name="THERAPY_DEVICES_PER_PERSON", default=20)
