"""Profiles: the actor's own account, and the search for patients of the practice."""

from therapy.domain.access import Action, Actor, require
from therapy.domain.errors import InvalidInput, NotFound, NotSignedIn
from therapy.domain.people import Person, Role
from therapy.domain.person_entry import MOST_PEOPLE, PersonEntry
from therapy.domain.text_folding import fold
from therapy.ports.people_index import PeopleIndex
from therapy.repositories.records import Records


async def profile(actor: Actor, *, records: Records) -> Person:
    """Return the actor's own account.

    Raises:
        NotSignedIn: the account no longer exists.
    """
    try:
        return await records.people.load(actor.practice_id, actor.person_id)
    except NotFound:
        raise NotSignedIn from None


async def find_patients(
    actor: Actor, query: str, before: str = "", *, records: Records, people_index: PeopleIndex
) -> tuple[PersonEntry, ...]:
    """Return the patients whose name, e-mail or number contains the query; none if the query is blank.

    In order of their names, at most 500; `before` is the number of the last one on the previous page.

    Raises:
        Forbidden: the actor is a patient.
        InvalidInput: nobody has the number `before`.
    """
    require(actor, Action.FIND_PATIENTS)
    if not fold(query):
        return ()
    after = ""
    if before:
        try:
            last = await records.people.by_number(actor.practice_id, before)
        except NotFound:
            raise InvalidInput("before", "before") from None
        after = f"{fold(last.full_name)}|{last.id}"
    return await people_index.search(actor.practice_id, Role.PATIENT, query, after, MOST_PEOPLE)
