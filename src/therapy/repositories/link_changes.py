"""Changes of a session's patient link: who made them and when, beside the session; never rewritten."""

from datetime import datetime

from msgspec import Struct

from therapy.domain.access import Actor
from therapy.domain.errors import Stale
from therapy.domain.people import Role
from therapy.domain.session import Session
from therapy.repositories.change import Pending
from therapy.repositories.repository import Repository
from therapy.repositories.sessions import session_partition


class LinkChange(Struct, frozen=True, omit_defaults=True):
    """One change: `before` and `after` are the ids of the linked accounts, "" = none.

    `number` is the version that the session has since. Ids only: no names.
    """

    practice_id: str
    session_id: str
    number: int
    at: datetime
    actor_id: str
    role: Role
    request_id: str = ""
    before: str = ""
    after: str = ""


def link_change(actor: Actor, before: Session, after: Session, now: datetime) -> LinkChange | None:
    """Return the change of the link that the actor makes by writing `after`; None if there is none."""
    former, linked_to = before.details.patient.person_id, after.details.patient.person_id
    if former == linked_to:
        return None
    return LinkChange(
        before.practice_id,
        before.id,
        number=before.version + 1,
        at=now,
        actor_id=actor.person_id,
        role=actor.role,
        request_id=actor.request_id,
        before=former,
        after=linked_to,
    )


class LinkChanges(Repository[LinkChange]):
    """Stores what happened to the links of sessions, in the sessions' partitions."""

    kind = "link-change"
    struct = LinkChange

    async def of_session(self, practice_id: str, session_id: str) -> tuple[LinkChange, ...]:
        """Return all changes of a session's link, oldest first."""
        return await self.list_all(session_partition(practice_id, session_id), "link-")

    def write(self, change: LinkChange) -> Pending:
        """Write a new change, in the commit that makes it; else Stale."""
        partition = session_partition(change.practice_id, change.session_id)
        stale = Stale(session=change.session_id)
        return self.create(partition, f"link-{change.number:010}", change, stale)
