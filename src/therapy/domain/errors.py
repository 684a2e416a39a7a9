"""Everything that can go wrong, split by who must act.

    TherapyError
    ├── CallerError            the request must change
    │   ├── InvalidInput       a field is missing or malformed; names the field
    │   ├── NotSignedIn        no, a wrong or an expired token or password
    │   ├── Forbidden          signed in, but not allowed
    │   ├── NotFound           absent, erased or somebody else's: always the same answer
    │   ├── WrongState         the session is not in a state that allows this
    │   ├── AlreadyExists      an address, a number or a recording that is there already
    │   ├── TooLarge           more bytes than a limit allows
    │   └── UnsupportedAudio   what was sent is no audio that can be read
    ├── TryAgain               the same request may succeed later
    │   ├── Unavailable        a store or an engine can't be reached
    │   ├── StorageFull        no room for another recording
    │   ├── Stale              someone else wrote first: read again, then decide
    │   └── LeaseLost          another worker took the run over: stop, write nothing
    └── WorkFailed             work on a session that went wrong, with a class for the run
        ├── UndecodableAudio   the recording is broken: needs a new one
        ├── EngineFailed       a recogniser or scorer broke; `transient` or not
        └── LanguageNotSupported   the engine does not do the language

An error carries a code, the name of a field or ids, never names, texts or notes of people. The
sentence a person reads is looked up by code in `messages`.
"""

from enum import Enum


class TherapyError(Exception):
    """Root of all errors that this library raises on purpose. `code` names the sentence in `messages`."""

    code = "error"

    def __init__(self, code: str = "", **details: str | int) -> None:
        self.code = code or type(self).code
        self.details = details
        super().__init__(" ".join([self.code, *(f"{key}={val}" for key, val in details.items())]))


class CallerError(TherapyError):
    """Raised where the caller must send something else."""


class InvalidInput(CallerError):
    """Raised by parsers and checks: `field` is missing or malformed, `code` says how."""

    code = "invalid"

    def __init__(self, field: str, code: str = "", **details: str | int) -> None:
        self.field = field
        super().__init__(code, field=field, **details)


class NotSignedIn(CallerError):
    """Raised when a token or password is missing, wrong, expired or used up."""

    code = "not_signed_in"


class Forbidden(CallerError):
    """Raised by `access.require` when the actor may not do this to anyone's object."""

    code = "forbidden"


class NotFound(CallerError):
    """Raised by stores and by `access.require`: absent, erased and somebody else's look the same."""

    code = "not_found"


class WrongState(CallerError):
    """Raised by `session.apply` for a pair that TRANSITIONS does not have."""

    code = "wrong_state"


class AlreadyExists(CallerError):
    """Raised where something must be unique: an e-mail, a patient number, a recording."""

    code = "already_exists"


class TooLarge(CallerError):
    """Raised while a body streams in, once it passes its limit."""

    code = "too_large"


class UnsupportedAudio(CallerError):
    """Raised at the upload, from the first bytes: no container that we read, or no audio in it."""

    code = "unsupported_audio"


class TryAgain(TherapyError):
    """Raised where the same call may succeed later."""


class Unavailable(TryAgain):
    """Raised by adapters whose store, queue or engine can't be reached."""

    code = "unavailable"


class StorageFull(TryAgain):
    """Raised by recordings when there is no room for more."""

    code = "storage_full"


class Stale(TryAgain):
    """Raised by stores when the version to replace is not the stored one."""

    code = "stale"


class LeaseLost(TryAgain):
    """Raised by stores when a worker writes for a run that is no longer its own."""

    code = "lease_lost"


class ErrorClass(Enum):
    """What a run does about an error: give up, try again counting, or just wait."""

    PERMANENT = "permanent"
    TRANSIENT = "transient"


class WorkFailed(TherapyError):
    """Raised by engines while a run works on a session; becomes the run's error class and code."""

    code = "engine_failed"
    error_class = ErrorClass.PERMANENT


class UndecodableAudio(WorkFailed):
    """Raised by `AudioDecoder.decode`: the recording is broken."""

    code = "decode"


class EngineFailed(WorkFailed):
    """Raised by engines; `transient` says whether trying again may help."""

    def __init__(self, code: str = "", *, transient: bool = True, **details: str | int) -> None:
        super().__init__(code, **details)
        self.error_class = ErrorClass.TRANSIENT if transient else ErrorClass.PERMANENT


class LanguageNotSupported(WorkFailed):
    """Raised by engines that don't do the language."""

    code = "language"
