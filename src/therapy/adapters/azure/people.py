"""People in Cosmos DB: a partition for each practice and its accounts, one for each e-mail address.

    practice|<practice>   practice          the practice
                          person-<id>       an account; `sort` is its place among all, `in_role` in its role
                          number-<number>   whose number it is: created in one batch with the account
    email|<hash>          email             whose address it is, over all practices
    practices             <practice>        the practices, to list them

An address is taken first, then the account is written. Who dies in between leaves an address without an
account: it is as good as free once it is older than `Cosmos.settle`. Who may not have the account gives
the address back.
"""

import time
from typing import Any

from msgspec.structs import replace

from therapy.adapters.azure.cosmos.client import Cosmos
from therapy.adapters.azure.cosmos.container import ATTEMPTS, Item, Step
from therapy.adapters.azure.cosmos.errors import contended
from therapy.adapters.azure.cosmos.keys import digest, key, part
from therapy.adapters.azure.cosmos.partition import body_of, read_body
from therapy.domain import codec
from therapy.domain.errors import AlreadyExists, InvalidInput, NotFound, Stale
from therapy.domain.people import Person, Practice, Role, email_key
from therapy.domain.text_folding import fold
from therapy.ports.people import MOST_PEOPLE, People

PRACTICE, EMAIL = "practice", "email"
PRACTICES = "practices"


class CosmosPeople(People):
    """Practices and accounts."""

    def __init__(self, cosmos: Cosmos) -> None:
        self._container = cosmos.people
        self._settle = cosmos.settle.total_seconds()

    async def put_practice(self, practice_id: str, practice: Practice) -> None:
        body = body_of(practice)
        await self._container.put(
            PRACTICES, part(practice_id), {"listed": practice_id, "body": body}
        )
        await self._container.put(_practice(practice_id), PRACTICE, {"body": body})

    async def practice(self, practice_id: str) -> Practice:
        found = await self._container.read(_practice(practice_id), PRACTICE)
        if found is None:
            raise NotFound(practice=practice_id)
        return read_body(Practice, found)

    async def practices(self) -> tuple[Practice, ...]:
        """List every practice, in order of their ids."""
        found = await self._container.query(PRACTICES, 'c.listed > ""', select="c.listed, c.body")
        found.sort(key=lambda each: str(each["listed"]))
        return tuple(read_body(Practice, each) for each in found)

    async def add(self, practice_id: str, person: Person) -> Person:
        pk, written = _practice(practice_id), replace(person, version=1)
        await self._take_email(practice_id, person)
        steps = (
            [Step("create", _number_id(person.number), {"name": person.id})]
            if person.number
            else []
        )
        steps.append(Step("create", _person_id(person.id), _fields(written)))
        refused = await self._container.batch(pk, steps)
        if refused is None:
            return written
        await self._give_email_back(practice_id, person)
        if refused < len(steps) - 1:
            raise AlreadyExists("number_taken")
        raise AlreadyExists(person=person.id)

    async def save(self, practice_id: str, person: Person) -> Person:
        written = replace(person, version=person.version + 1)
        for _ in range(ATTEMPTS):
            there = await self._person(practice_id, person.id)
            if there is None or there["version"] != person.version:
                raise Stale(person=person.id)
            stored = read_body(Person, there)
            if email_key(stored.email) != email_key(person.email):
                raise InvalidInput("email")
            if stored.number != person.number:
                raise InvalidInput("number")
            if await self._container.replace(there, _fields(written)):
                return written
        raise contended()

    async def person(self, practice_id: str, person_id: str) -> Person:
        found = await self._person(practice_id, person_id)
        if found is None:
            raise NotFound(person=person_id)
        return read_body(Person, found)

    async def by_number(self, practice_id: str, number: str) -> Person:
        named = await self._container.read(_practice(practice_id), _number_id(number))
        if named is None:
            raise NotFound
        return await self.person(practice_id, named["name"])

    async def by_email(self, email: str) -> Person:
        named = await self._container.read(_email(email), EMAIL)
        owner = await self._owner(named, email) if named else None
        if owner is None:
            raise NotFound
        return owner

    async def search(
        self, practice_id: str, role: Role | None, query: str, after: str, limit: int
    ) -> tuple[Person, ...]:
        most = max(0, min(limit, MOST_PEOPLE))
        if not most:
            return ()
        name, _, last_id = after.rpartition("|")
        path, before = ("in_role", f"{role.value}|") if role else ("sort", "")
        where = f"c.{path} > @after AND c.{path} < @end"
        values = {"after": before + _sort(name, last_id) if after else before, "end": f"{before}~"}
        if part_of := fold(query):
            where += " AND CONTAINS(c.fields, @part)"
            values["part"] = part_of
        found = await self._container.query(
            _practice(practice_id),
            where,
            select="VALUE c.body",
            order=f"c.{path}",
            limit=most,
            **values,
        )
        return tuple(codec.decode(Person, each.encode()) for each in found)

    async def _person(self, practice_id: str, person_id: str) -> Item | None:
        return await self._container.read(_practice(practice_id), _person_id(person_id))

    async def _owner(self, named: Item, email: str) -> Person | None:
        """Give the account that an address leads to, None if there is none with that address."""
        found = await self._person(named["practice_id"], named["name"])
        owner = None if found is None else read_body(Person, found)
        return owner if owner and email_key(owner.email) == email_key(email) else None

    async def _take_email(self, practice_id: str, person: Person) -> None:
        mine = {"practice_id": practice_id, "name": person.id}
        for _ in range(ATTEMPTS):
            there = await self._container.create(_email(person.email), EMAIL, mine)
            if there is None:
                return
            ours = {each: there[each] for each in mine} == mine
            old = time.time() - there["_ts"] >= self._settle
            if await self._owner(there, person.email) or not (ours or old):
                raise AlreadyExists("email_taken")
            if await self._container.replace(there, mine):
                return
        raise contended()

    async def _give_email_back(self, practice_id: str, person: Person) -> None:
        there = await self._container.read(_email(person.email), EMAIL)
        if there is None or (there["practice_id"], there["name"]) != (practice_id, person.id):
            return
        if await self._owner(there, person.email) is None:
            await self._container.delete(there["pk"], EMAIL, there["_etag"])


def _fields(person: Person) -> dict[str, Any]:
    sort = _sort(fold(person.full_name), person.id)
    return {
        "version": person.version,
        "sort": sort,
        "in_role": f"{person.role.value}|{sort}",
        "fields": "\n".join(fold(text) for text in (person.full_name, person.email, person.number)),
        "body": body_of(person),
    }


def _sort(name: str, person_id: str) -> str:
    """Text that sorts like name and id: in hex, as stores differ on signs outside the first plane."""
    return f"{name.encode().hex()}.{person_id.encode().hex()}"


def _practice(practice_id: str) -> str:
    return key("practice", practice_id)


def _person_id(person_id: str) -> str:
    return f"person-{part(person_id)}"


def _number_id(number: str) -> str:
    return f"number-{part(number)}"


def _email(email: str) -> str:
    return key("email", digest(email_key(email)))
