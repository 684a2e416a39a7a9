"""Who may do what: one pure decision, `may`, and `require`, which raises."""

from enum import Enum

from msgspec import Struct

from therapy.domain.errors import Forbidden, NotFound
from therapy.domain.people import PatientSees, Practice, Role
from therapy.domain.session import Link, Session, State


class Actor(Struct, frozen=True):
    """Who is asking: a signed-in person, their login (`sid`) and the request.

    `language` is the practice's, `address` the client's network address.
    """

    person_id: str
    role: Role
    practice_id: str
    sid: str
    language: str = "en"
    request_id: str = ""
    address: str = ""


class Action(Enum):
    """What can be asked for."""

    RECORD = "record"
    FIND_PATIENTS = "find_patients"
    SEE_INBOX = "see_inbox"
    REVIEW = "review"
    READ_CLOSED = "read_closed"
    USE_VOCABULARY = "use_vocabulary"


THERAPISTS_ONLY = frozenset(
    {Action.RECORD, Action.FIND_PATIENTS, Action.SEE_INBOX, Action.USE_VOCABULARY}
)


def may(
    actor: Actor, action: Action, session: Session | None = None, practice: Practice | None = None
) -> bool:
    """Return whether the actor may do this, to this session if one is passed.

    REVIEW covers everything that a session's therapist does with it. READ_CLOSED is also allowed to
    the linked patient of a closed session, unless the practice shows patients nothing.
    """
    if session is None:
        return action in THERAPISTS_ONLY and actor.role is Role.THERAPIST
    if session.practice_id != actor.practice_id or session.state is State.ERASED:
        return False
    if actor.role is Role.THERAPIST:
        return session.therapist_id == actor.person_id
    patient = session.details.patient
    return (
        action is Action.READ_CLOSED
        and session.state is State.CLOSED
        and patient.link is Link.LINKED
        and patient.person_id == actor.person_id != ""
        and practice is not None
        and practice.patient_sees is not PatientSees.NOTHING
    )


def require(
    actor: Actor, action: Action, session: Session | None = None, practice: Practice | None = None
) -> None:
    """Raise unless `may` allows it: NotFound about a session, Forbidden about anything else."""
    if may(actor, action, session, practice):
        return
    if session is None:
        raise Forbidden
    raise NotFound(session=session.id)
