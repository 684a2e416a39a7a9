"""/profiles: who people are."""

from typing import Annotated

from litestar import Router, get
from litestar.params import QueryParameter
from msgspec import Struct

from therapy.domain.people import Person
from therapy.domain.person_entry import PersonEntry
from therapy.entrypoints.http.dependencies import (
    Caller,
    PeopleIndexDependency,
    RecordsDependency,
)
from therapy.entrypoints.http.schema_types import iso
from therapy.workflows import profiles


class Profile(Struct, rename="camel"):
    id: str
    full_name: str
    email: str
    date_of_birth: str | None
    picture_url: str | None


@get("/me")
async def me(actor: Caller, records: RecordsDependency) -> Profile:
    """Give the caller's own profile."""
    return _profile(await profiles.profile(actor, records=records))


@get("/search")
async def search(
    actor: Caller,
    records: RecordsDependency,
    people_index: PeopleIndexDependency,
    wanted: Annotated[str, QueryParameter(name="query", max_length=200)] = "",
    before: Annotated[str, QueryParameter(name="before", max_length=200)] = "",
) -> list[Profile]:
    """Find patients by a part of their name, e-mail or number; `before` is the id of the last one seen."""
    found = await profiles.find_patients(
        actor, wanted, before, records=records, people_index=people_index
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
