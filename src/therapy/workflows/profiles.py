"""Profiles: the actor's own account, and the search for patients of the practice."""

from therapy.domain.access import Action, Actor, require
from therapy.domain.errors import InvalidInput, NotFound, NotSignedIn
from therapy.domain.people import Person, Role
from therapy.domain.person_entry import MOST_PEOPLE, PersonEntry
from therapy.domain.text_folding import fold
from therapy.ports.people_index import PeopleIndex
from therapy.repositories.records import Records
from therapy.workflows.searches import Searches


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
    actor: Actor,
    query: str,
    before: str = "",
    *,
    records: Records,
    people_index: PeopleIndex,
    searches: Searches,
) -> tuple[PersonEntry, ...]:
    """Return the patients whose name, e-mail or number contains the query; none if the query is blank.

    In order of their names, at most 500; `before` is the number of the last one on the previous page.

    Raises:
        Forbidden: the actor is a patient.
        InvalidInput: nobody has the number `before`.
        TooMuchAtOnce, Unavailable: as `Searches.run`.
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

    async def search_index() -> tuple[PersonEntry, ...]:
        practice_id = actor.practice_id
        return await people_index.search(practice_id, Role.PATIENT, query, after, MOST_PEOPLE)

    return await searches.run(actor, search_index)
