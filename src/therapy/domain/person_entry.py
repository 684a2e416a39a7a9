"""A person as lists and searches show them: without the password hash and whatever else is not shown."""

from datetime import date

from msgspec import Struct

from therapy.domain.people import Person, Role
from therapy.domain.text_folding import fold, query_forms, text_forms

MOST_PEOPLE = 500
"""The most people that one search returns."""


class PersonEntry(Struct, frozen=True, omit_defaults=True):
    """An account in the search over people.

    `sequence` grows with every change of the account: an index keeps the entry with the greatest.
    """

    id: str
    practice_id: str
    role: Role
    email: str
    full_name: str
    sequence: int
    number: str = ""
    date_of_birth: date | None = None
    picture_url: str = ""

    def __repr__(self) -> str:
        return f"PersonEntry(id={self.id!r}, role={self.role.name}, sequence={self.sequence})"

    @property
    def public_id(self) -> str:
        """What the app calls this person's id: the number of a patient, else the random id."""
        return self.number or self.id

    @property
    def sort_key(self) -> tuple[str, str]:
        """Lists are in order of this: the folded name, then the id."""
        return fold(self.full_name), self.id


def person_entry_of(person: Person) -> PersonEntry:
    """Return the entry of an account."""
    return PersonEntry(
        id=person.id,
        practice_id=person.practice_id,
        role=person.role,
        email=person.email,
        full_name=person.full_name,
        sequence=person.version,
        number=person.number,
        date_of_birth=person.date_of_birth,
        picture_url=person.picture_url,
    )


def person_fields(entry: PersonEntry) -> tuple[str, ...]:
    """Return the texts that the forms of a query are looked for in; none of them contains a line break."""
    return (*text_forms(entry.full_name), fold(entry.email), fold(entry.number))


def person_found(entry: PersonEntry, query: str) -> bool:
    """Return whether a search for `query` finds this person. Every index agrees with this."""
    forms, fields = query_forms(query), person_fields(entry)
    return not forms or any(form in field for form in forms for field in fields)
