"""People that the suite of `ports.people_index` puts into an index, and short words for its calls."""

from datetime import date
from typing import Any

from msgspec.structs import replace

from therapy.domain.people import Role
from therapy.domain.person_entry import MOST_PEOPLE, PersonEntry
from therapy.ports.people_index import PeopleIndex

PRACTICE, OTHER_PRACTICE = "practice-1", "practice-2"
PATIENT, THERAPIST = "patient-1", "therapist-1"


def a_patient(**changes: Any) -> PersonEntry:
    entry = PersonEntry(
        id=PATIENT,
        practice_id=PRACTICE,
        role=Role.PATIENT,
        email="jordan.white1@example.health",
        full_name="Jordan White",
        sequence=1,
        number="203948571",
        date_of_birth=date(1990, 5, 17),
        picture_url="/pictures/1",
    )
    return replace(entry, **changes)


def a_therapist(**changes: Any) -> PersonEntry:
    entry = PersonEntry(
        id=THERAPIST,
        practice_id=PRACTICE,
        role=Role.THERAPIST,
        email="olivia.hayes1@example.health",
        full_name="Olivia Hayes",
        sequence=1,
    )
    return replace(entry, **changes)


def named(*names: str) -> list[PersonEntry]:
    return [
        a_patient(id=f"id-{at}", full_name=name, email=f"{at}@example.health", number=f"{at:09}")
        for at, name in enumerate(names)
    ]


async def put(index: PeopleIndex, *entries: PersonEntry) -> None:
    for entry in entries:
        await index.put(entry.practice_id, entry)


async def search(
    index: PeopleIndex,
    query: str = "",
    *,
    practice: str = PRACTICE,
    role: Role | None = None,
    after: str = "",
    limit: int = MOST_PEOPLE,
) -> list[str]:
    return [entry.id for entry in await index.search(practice, role, query, after, limit)]


async def everyone(index: PeopleIndex) -> tuple[PersonEntry, ...]:
    return await index.search(PRACTICE, None, "", "", MOST_PEOPLE)
