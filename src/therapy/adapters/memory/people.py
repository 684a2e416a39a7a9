"""People in memory."""

from msgspec.structs import replace

from therapy.domain import codec
from therapy.domain.errors import AlreadyExists, InvalidInput, NotFound, Stale
from therapy.domain.people import Person, Practice, Role, email_key
from therapy.domain.text_folding import fold
from therapy.ports.people import MOST_PEOPLE, People


class MemoryPeople(People):
    """Practices by id, accounts by practice and id."""

    def __init__(self) -> None:
        self._practices: dict[str, bytes] = {}
        self._people: dict[tuple[str, str], bytes] = {}
        self._by_email: dict[str, tuple[str, str]] = {}
        self._by_number: dict[tuple[str, str], str] = {}

    async def put_practice(self, practice_id: str, practice: Practice) -> None:
        self._practices[practice_id] = codec.encode(practice)

    async def practice(self, practice_id: str) -> Practice:
        if practice_id not in self._practices:
            raise NotFound(practice=practice_id)
        return codec.decode(Practice, self._practices[practice_id])

    async def practices(self) -> tuple[Practice, ...]:
        return tuple(
            codec.decode(Practice, self._practices[each]) for each in sorted(self._practices)
        )

    async def add(self, practice_id: str, person: Person) -> Person:
        email, number = email_key(person.email), (practice_id, person.number)
        if email in self._by_email:
            raise AlreadyExists("email_taken")
        if person.number and number in self._by_number:
            raise AlreadyExists("number_taken")
        if (practice_id, person.id) in self._people:
            raise AlreadyExists(person=person.id)
        written = replace(person, version=1)
        self._people[practice_id, person.id] = codec.encode(written)
        self._by_email[email] = practice_id, person.id
        if person.number:
            self._by_number[number] = person.id
        return written

    async def save(self, practice_id: str, person: Person) -> Person:
        stored = self._find(practice_id, person.id)
        if stored is None or stored.version != person.version:
            raise Stale(person=person.id)
        if email_key(stored.email) != email_key(person.email):
            raise InvalidInput("email")
        if stored.number != person.number:
            raise InvalidInput("number")
        written = replace(person, version=person.version + 1)
        self._people[practice_id, person.id] = codec.encode(written)
        return written

    async def person(self, practice_id: str, person_id: str) -> Person:
        stored = self._find(practice_id, person_id)
        if stored is None:
            raise NotFound(person=person_id)
        return stored

    async def by_number(self, practice_id: str, number: str) -> Person:
        if (practice_id, number) not in self._by_number:
            raise NotFound
        return await self.person(practice_id, self._by_number[practice_id, number])

    async def by_email(self, email: str) -> Person:
        key = email_key(email)
        if key not in self._by_email:
            raise NotFound
        return await self.person(*self._by_email[key])

    async def search(
        self, practice_id: str, role: Role | None, query: str, after: str, limit: int
    ) -> tuple[Person, ...]:
        name, _, last_id = after.rpartition("|")
        stored = [each for (owner, _), each in self._people.items() if owner == practice_id]
        people = [codec.decode(Person, each) for each in stored]
        listed = sorted(
            ((fold(each.full_name), each.id), each)
            for each in people
            if (role is None or each.role is role) and _finds(each, fold(query))
        )
        chosen = [each for key, each in listed if not after or key > (name, last_id)]
        return tuple(chosen[: max(0, min(limit, MOST_PEOPLE))])

    def _find(self, practice_id: str, person_id: str) -> Person | None:
        stored = self._people.get((practice_id, person_id))
        return None if stored is None else codec.decode(Person, stored)


def _finds(person: Person, folded: str) -> bool:
    return any(folded in fold(text) for text in (person.full_name, person.email, person.number))
