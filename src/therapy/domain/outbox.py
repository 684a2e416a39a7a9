"""What follows from a change: written with it in one batch, delivered at least once afterwards.

Tags are the stored form: the names that these structs had when their items were first written.
"""

from datetime import datetime
from enum import Enum

from msgspec import Struct


class RunDue(Struct, frozen=True, tag=True):
    """A run waits for a worker: ring the doorbell."""


class EntryChanged(Struct, frozen=True, tag="RowChanged"):
    """The session's entries in the lists are out of date."""


class PushKind(Enum):
    """What a push tells; the values are the app's `notification_type`."""

    SESSION_READY = "SESSION_READY"
    SESSION_FAILED = "SESSION_FAILED"


class PushDue(Struct, frozen=True, tag="NoticeDue", omit_defaults=True):
    """A person is to be told by a push; `told` are the devices (by token) that have been."""

    kind: PushKind
    person_id: str
    told: tuple[str, ...] = ()


class EraseDue(Struct, frozen=True, tag=True):
    """A cancelled session's recording and texts are to go."""


Consequence = RunDue | EntryChanged | PushDue | EraseDue


class OutboxItem(Struct, frozen=True, omit_defaults=True):
    """One consequence; the sweep delivers it from `due_at` on, if its writer has not."""

    id: str
    practice_id: str
    session_id: str
    what: Consequence
    due_at: datetime
    attempts: int = 0


class SessionRef(Struct, frozen=True):
    """Where a session is."""

    practice_id: str
    session_id: str
