"""/profiles: who people are."""

from typing import Annotated

from litestar import Router, get
from litestar.openapi.spec import Example
from litestar.params import QueryParameter
from msgspec import Struct

from therapy.domain.people import Person
from therapy.domain.person_entry import PersonEntry
from therapy.entrypoints.http.dependencies import (
    Caller,
    PeopleIndexDependency,
    RecordsDependency,
    SearchesDependency,
)
from therapy.entrypoints.http.problem_answers import SEARCH, SIGNED_IN, problems
from therapy.entrypoints.http.schema_types import about, iso
from therapy.workflows import profiles


class Profile(Struct, rename="camel"):
    """A person of the practice."""

    id: Annotated[str, about("The account's id; a patient's is their number.", "300000015")]
    full_name: Annotated[str, about("The full name.", "Dana Example")]
    email: Annotated[str, about("The e-mail address.", "dana@example.org")]
    date_of_birth: Annotated[
        str | None, about("`yyyy-MM-dd`; null where it is not known.", "1990-05-17")
    ]
    picture_url: Annotated[str | None, about("Where a picture is; null if there is none.", None)]


@get(
    "/me",
    operation_id="get_my_profile",
    summary="Show my profile",
    response_description="The caller's profile.",
    responses=problems(*SIGNED_IN),
)
async def me(actor: Caller, records: RecordsDependency) -> Profile:
    """Return the caller's own profile. For whoever is signed in."""
    return _profile(await profiles.profile(actor, records=records))


@get(
    "/search",
    operation_id="find_patients",
    summary="Find patients",
    response_description="The patients found, in order of their names.",
    responses=problems(*SIGNED_IN, *SEARCH, "invalid", "before", "forbidden", field="before"),
)
async def search(
    actor: Caller,
    *,
    records: RecordsDependency,
    people_index: PeopleIndexDependency,
    searches: SearchesDependency,
    wanted: Annotated[
        str,
        QueryParameter(
            name="query",
            max_length=200,
            description="A part of the name, the e-mail address or the number, in any case.",
            examples=[Example(value="dana")],
        ),
    ] = "",
    before: Annotated[
        str,
        QueryParameter(
            name="before",
            max_length=200,
            description="The id of the last patient of the page before.",
            examples=[Example(value="300000015")],
        ),
    ] = "",
) -> list[Profile]:
    """Return the practice's patients that a query finds, at most 500; none for a blank query.

    For therapists. It finds all patients of the practice, whoever treats them.
    """
    found = await profiles.find_patients(
        actor, wanted, before, records=records, people_index=people_index, searches=searches
    )
    return [_profile(person) for person in found]


def _profile(person: Person | PersonEntry) -> Profile:
    return Profile(
        id=person.public_id,
        full_name=person.full_name,
        email=person.email,
        date_of_birth=iso(person.date_of_birth),
        picture_url=person.picture_url or None,
    )


router = Router("/profiles", route_handlers=[me, search], tags=["profiles"])
