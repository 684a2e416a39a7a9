"""Consequences of a change: written with it in one commit, delivered at least once afterwards.

A consequence names its objects by id only. An item waits in a queue of its own kind, so that a program
that does not know a kind never asks for it and leaves it to one that does.
"""

from datetime import datetime
from enum import Enum

from msgspec import Struct


class RunDue(Struct, frozen=True, tag="run_due"):
    """A run of this session is waiting for a worker: ring the doorbell."""

    session_id: str


class SessionEntryChanged(Struct, frozen=True, tag="session_entry_changed"):
    """The session's entries in the lists are out of date."""

    session_id: str


class PersonEntryChanged(Struct, frozen=True, tag="person_entry_changed"):
    """The person's entry in the search over people is out of date."""

    person_id: str


class AccessEnded(Struct, frozen=True, tag="access_ended", omit_defaults=True):
    """Every login of before `epoch`, and every reset token and device of before `at`, must be ended.

    `epoch` is 0 if a program wrote it that knows none: then `at` decides of logins, too.
    """

    person_id: str
    at: datetime
    epoch: int = 0


class PushKind(Enum):
    """What a push announces; `push` has the app's names."""

    SESSION_READY = "SESSION_READY"
    SESSION_FAILED = "SESSION_FAILED"


class PushDue(Struct, frozen=True, tag="push_due", omit_defaults=True):
    """A person must be notified about a session; `told` says which devices were.

    Those are the SHA-256 of push tokens; a program of before wrote the tokens themselves.
    """

    kind: PushKind
    person_id: str
    session_id: str
    told: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"PushDue({self.kind}, session_id={self.session_id!r}, told={len(self.told)})"


class ResetLetterDue(Struct, frozen=True, tag="reset_letter_due"):
    """A letter with a token for a new password was asked for at `at`, to an address that may have no account.

    The address stands here because only the relay looks for the account: see `workflows.reset_letters`.
    """

    email: str
    at: datetime

    def __repr__(self) -> str:
        return f"ResetLetterDue(at={self.at!r})"


class EraseDue(Struct, frozen=True, tag="erase_due"):
    """A cancelled session's recording and texts must be erased."""

    session_id: str


Consequence = (
    RunDue
    | SessionEntryChanged
    | PersonEntryChanged
    | AccessEnded
    | PushDue
    | ResetLetterDue
    | EraseDue
)

QUEUES: dict[type[Consequence], str] = {
    RunDue: "outbox.run",
    SessionEntryChanged: "outbox.session-entry",
    PersonEntryChanged: "outbox.person-entry",
    AccessEnded: "outbox.access-ended",
    PushDue: "outbox.push",
    ResetLetterDue: "outbox.reset-letter",
    EraseDue: "outbox.erase",
}
"""The queue in which each kind of consequence waits. A queue name, once used, never changes."""


class OutboxItem(Struct, frozen=True, omit_defaults=True):
    """One consequence; whoever delivers it first claims it until `due_at`.

    `id` stays the same over all attempts. `attempts` counts the deliveries that failed, and `why` says why
    the last one did: an error's code and details.
    """

    id: str
    practice_id: str
    what: Consequence
    due_at: datetime
    attempts: int = 0
    why: str = ""
    version: int = 0
