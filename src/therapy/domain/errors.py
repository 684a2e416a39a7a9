"""Everything that can go wrong, split by who must act.

    TherapyError
    ├── CallerError            the request must change
    │   ├── InvalidInput       a field is missing or malformed; names the field
    │   ├── NotSignedIn        the token or password is missing, wrong or expired
    │   ├── Forbidden          signed in, but not allowed
    │   ├── NotFound           absent, erased or someone else's: always the same answer
    │   ├── UploadExpired      an upload that stood still for too long, or is lost; begin another one
    │   ├── WrongState         the session is not in a state that allows this
    │   ├── VersionChanged     an edit of a version of a transcript that is not in force any more
    │   ├── DraftChanged       a save of a draft that was changed elsewhere; says which lines, and when
    │   ├── AlreadyExists      an e-mail, a patient number or a recording that already exists
    │   ├── KeyReused          an Idempotency-Key that was used for another request
    │   ├── TooLarge           more bytes than a limit allows
    │   └── UnsupportedAudio   what was sent is not audio that can be read
    ├── TryAgain               the same request may succeed later
    │   ├── Unavailable        a store or an engine can't be reached
    │   ├── TooManyAttempts    more in an hour than are admitted; says how long to wait
    │   ├── TooMuchAtOnce      as much of the caller's is under way as one person may have
    │   ├── UnderWay           the same request is being worked on; says how long to wait
    │   ├── StorageFull        no room for another recording
    │   ├── Stale              someone else wrote first: read again, then decide
    │   └── LeaseLost          the run was changed or taken over: stop, write nothing
    └── WorkFailed             work on a session went wrong; carries an error class for the run
        ├── UndecodableAudio   the recording is broken: needs a new one
        ├── RecordingTooLong   it lasts longer than a recording may
        ├── EngineFailed       an engine failed, transiently or for good
        ├── EngineDied         its process crashed or reached a limit: three times, then no more
        └── LanguageNotSupported   the engine does not support the language

An error carries a code, and field names, ids and numbers, never people's names, texts or notes. The
sentence that a person reads is looked up by code in `messages`.
"""

from collections.abc import Sequence
from enum import Enum


class TherapyError(Exception):
    """The base of all errors that this library raises on purpose. `code` names a sentence in `messages`."""

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
    """Raised when the actor's role or account does not allow this at all."""

    code = "forbidden"


class NotFound(CallerError):
    """Raised for what is absent, erased or someone else's: the three look the same."""

    code = "not_found"


class UploadExpired(CallerError):
    """Raised for an upload of which nothing came for too long, or whose bytes are lost: it is removed."""

    code = "upload_expired"


class WrongState(CallerError):
    """Raised where the session's state does not allow this, e.g. by `session.apply`, or an account's use."""

    code = "wrong_state"


class VersionChanged(CallerError):
    """Raised for an edit of a version that is not in force; says which is, who made it, when and how."""

    code = "version_changed"


class DraftChanged(CallerError):
    """Raised where a draft is not as whoever saves it knows it; says what changed, and when.

    `lines` are the starts of the lines that changed, in ms.
    """

    code = "draft_changed"

    def __init__(self, code: str = "", lines: Sequence[int] = (), **details: str | int) -> None:
        super().__init__(code, **details)
        self.lines = tuple(lines)


class AlreadyExists(CallerError):
    """Raised for a duplicate of something unique: an e-mail, a patient number, a recording."""

    code = "already_exists"


class KeyReused(CallerError):
    """Raised where an Idempotency-Key was used before for another request of the same kind."""

    code = "idempotency_key_reused"


class TooLarge(CallerError):
    """Raised when a request body, a recording or a commit exceeds its limit."""

    code = "too_large"


class UnsupportedAudio(CallerError):
    """Raised during the upload: not a recording, or none that can be decoded; `format` names it if known."""

    code = "unsupported_audio"


class TryAgain(TherapyError):
    """Raised where the same call may succeed later."""


class Unavailable(TryAgain):
    """Raised by adapters whose store, queue or engine can't be reached."""

    code = "unavailable"


class TooManyAttempts(TryAgain):
    """Raised where more was tried in a while than is admitted; `retry_after` are the seconds to wait."""

    code = "too_many_attempts"


class TooMuchAtOnce(TryAgain):
    """Raised where a person has as much under way as one may have; `retry_after` are the seconds to wait."""

    code = "too_much_at_once"


class UnderWay(TryAgain):
    """Raised where a request under the same Idempotency-Key is not answered yet; `retry_after` in seconds."""

    code = "request_under_way"


class StorageFull(TryAgain):
    """Raised by ports that store something when there is no room for more."""

    code = "storage_full"


class Stale(TryAgain):
    """Raised by repositories when the version to replace is not the stored one."""

    code = "stale"


class LeaseLost(TryAgain):
    """Raised by the repository of runs when a run is no longer as its writer read it."""

    code = "lease_lost"


class ErrorClass(Enum):
    """What a run does about an error: give up, or try again a limited number of times."""

    PERMANENT = "permanent"
    TRANSIENT = "transient"


class WorkFailed(TherapyError):
    """Raised by engines during work on a session; becomes the run's error class and code."""

    code = "engine_failed"
    error_class = ErrorClass.PERMANENT


class UndecodableAudio(WorkFailed):
    """Raised by `AudioDecoder.decode`: nothing of the recording can be decoded."""

    code = "decode"


class RecordingTooLong(WorkFailed):
    """Raised by `AudioDecoder.decode`: the recording lasts longer than `longest`, in seconds."""

    code = "too_long"


class EngineFailed(WorkFailed):
    """Raised by engines that break; `transient` says whether trying again may help.

    `uncharged` is set where the engine's service did not take the recording, so that the try cost nothing.
    """

    uncharged = False

    def __init__(self, code: str = "", *, transient: bool = True, **details: str | int) -> None:
        super().__init__(code, **details)
        self.error_class = ErrorClass.TRANSIENT if transient else ErrorClass.PERMANENT


class EngineDied(WorkFailed):
    """Raised when the process that reads a recording crashes, or is ended by a limit on CPU or time."""

    code = "too_demanding"
    error_class = ErrorClass.TRANSIENT


class LanguageNotSupported(WorkFailed):
    """Raised by engines that do not support the language."""

    code = "language"
