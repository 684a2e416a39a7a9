"""What follows from a change: written with it in one batch, delivered at least once afterwards."""

from datetime import datetime
from enum import Enum

from msgspec import Struct


class RunDue(Struct, frozen=True, tag=True):
    """A run waits for a worker: ring the doorbell."""


class RowChanged(Struct, frozen=True, tag=True):
    """The session's rows in the lists are out of date."""


class NoticeKind(Enum):
    """What a push tells; the values are the app's `notification_type`."""

    SESSION_READY = "SESSION_READY"
    SESSION_FAILED = "SESSION_FAILED"


class NoticeDue(Struct, frozen=True, tag=True, omit_defaults=True):
    """A person is to be told; `told` are the devices (by token) that have been."""

    kind: NoticeKind
    person_id: str
    told: tuple[str, ...] = ()


class EraseDue(Struct, frozen=True, tag=True):
    """A cancelled session's recording and texts are to go."""


Consequence = RunDue | RowChanged | NoticeDue | EraseDue


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
