"""People: the accounts of a practice, in its partition, with the patient numbers in use there.

    person-<id>        the account
    number-<number>    whose number it is: created in one commit with the account

An e-mail address is unique across all practices, so it has a partition of its own: it is taken first, then
the account is written; whoever reads the address must check the account.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime, timedelta

from msgspec import Struct

from therapy.domain.errors import AlreadyExists, InvalidInput, NotFound, Stale
from therapy.domain.partition_keys import digest, key, part
from therapy.domain.people import Person, Practice, email_key
from therapy.ports.store import Store
from therapy.repositories.change import Pending
from therapy.repositories.practices import PRACTICE, Practices, practice_partition
from therapy.repositories.repository import Repository

EMAIL = "email"

FREED_FOR = timedelta(days=1)
"""How long it is remembered that an address was freed."""


class NumberOwner(Struct, frozen=True):
    """Whose a patient number is."""

    person_id: str


class EmailOwner(Struct, frozen=True, omit_defaults=True):
    """Whose an e-mail address is, and since when; valid only if that account has this address.

    `person_id` is "" once the address was freed, which is remembered for FREED_FOR.
    """

    practice_id: str
    person_id: str
    at: datetime
    version: int = 0


class Numbers(Repository[NumberOwner]):
    """Stores who has each patient number of a practice."""

    kind = "number"
    struct = NumberOwner


class Emails(Repository[EmailOwner]):
    """Stores who has each e-mail address, across all practices, by the digest of its `email_key`.

    An address is freed by writing it, never by deleting it, so that an old version never matches again.
    """

    kind = EMAIL
    struct = EmailOwner

    def expires_at(self, record: EmailOwner) -> datetime | None:
        return None if record.person_id else record.at + FREED_FOR

    async def load(self, email: str) -> EmailOwner | None:
        """Return an address's owner, whatever its case; None if it was never taken, or freed long ago."""
        return await self.get(_email_partition(email), EMAIL)

    def write(self, email: str, owner: EmailOwner) -> Pending:
        """Take an address that is new (version 0) or unchanged since it was read; else AlreadyExists."""
        taken = AlreadyExists("email_taken")
        return self.save(_email_partition(email), EMAIL, owner, owner.version, taken)

    def give_back(self, email: str, owner: EmailOwner, at: datetime) -> Pending:
        """Free an address that is unchanged since it was read; else Stale: someone has taken it."""
        partition, freed = _email_partition(email), EmailOwner("", "", at)
        return self.replace(partition, EMAIL, freed, owner.version, Stale(kind=EMAIL))


class People(Repository[Person]):
    """Stores accounts."""

    kind = "person"
    struct = Person

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.numbers = Numbers(store)
        self.emails = Emails(store)

    async def load(self, practice_id: str, person_id: str) -> Person:
        """Return an account by its id.

        Raises:
            NotFound: there is none in this practice.
        """
        person = await self.get(practice_partition(practice_id), _id(person_id))
        if person is None:
            raise NotFound(person=person_id)
        return person

    async def load_with_practice(self, practice_id: str, person_id: str) -> tuple[Person, Practice]:
        """Return an account and its practice, in one request.

        Raises:
            NotFound: there is no such account in this practice, or no such practice.
        """
        item_id = _id(person_id)
        items = await self._store.get(practice_partition(practice_id), item_id, PRACTICE)
        person = self.record_in(items, item_id)
        practice = Practices(self._store).record_in(items, PRACTICE)
        if person is None or practice is None:
            raise NotFound(person=person_id)
        return person, practice

    async def by_number(self, practice_id: str, number: str, probably: str = "") -> Person:
        """Return an account by its nine-digit number; if it is `probably` the one with that id, in one read.

        Raises:
            NotFound: there is none in this practice.
        """
        if probably and number:
            with suppress(NotFound):
                person = await self.load(practice_id, probably)
                if person.number == number:
                    return person
        owner = await self.numbers.get(practice_partition(practice_id), _number_id(number))
        if owner is None:
            raise NotFound
        return await self.load(practice_id, owner.person_id)

    async def by_email(self, email: str) -> Person:
        """Return an account by its e-mail address, whatever its case: the look-up that needs no practice.

        Raises:
            NotFound: there is none.
        """
        owner = await self.emails.load(email)
        person = await self.owner_of(email, owner) if owner else None
        if person is None:
            raise NotFound
        return person

    async def by_email_with_practice(self, email: str) -> tuple[Person, Practice]:
        """Return an account by its e-mail address, as `by_email`, and its practice.

        Raises:
            NotFound: there is none.
        """
        owner = await self.emails.load(email)
        if owner is None or not owner.person_id:
            raise NotFound
        person, practice = await self.load_with_practice(owner.practice_id, owner.person_id)
        if email_key(person.email) != email_key(email):
            raise NotFound
        return person, practice

    async def owner_of(self, email: str, owner: EmailOwner) -> Person | None:
        """Return the account that an address belongs to; None if it is absent or has another address."""
        try:
            person = await self.load(owner.practice_id, owner.person_id)
        except NotFound:
            return None
        return person if email_key(person.email) == email_key(email) else None

    async def of_practice(self, practice_id: str) -> AsyncIterator[Person]:
        """Yield the accounts of a practice that this program can read, in order of their ids."""
        async for item in self.items(practice_partition(practice_id), "person-"):
            if (person := self.read_if_known(item)) is not None:
                yield person

    async def every_one_of_practice(self, practice_id: str) -> AsyncIterator[Person]:
        """Yield every account of a practice, in order of their ids.

        Raises:
            Unavailable: one is damaged, or only a newer program can read it.
        """
        async for item in self.items(practice_partition(practice_id), "person-"):
            yield self.read(item)

    def new(self, person: Person) -> tuple[Pending, ...]:
        """Write a new account, and take its number if it has one.

        Refused with AlreadyExists: `number_taken`, or `already_exists` for the id.
        """
        partition = practice_partition(person.practice_id)
        written = self.create(partition, _id(person.id), person, AlreadyExists(person=person.id))
        if not person.number:
            return (written,)
        taken = AlreadyExists("number_taken")
        owner = NumberOwner(person.id)
        return self.numbers.create(partition, _number_id(person.number), owner, taken), written

    def write(self, before: Person, after: Person) -> Pending:
        """Replace an account that is unchanged since it was read; else Stale.

        Raises:
            InvalidInput: the e-mail (apart from case) or the number differs; they never change.
        """
        if email_key(before.email) != email_key(after.email):
            raise InvalidInput("email")
        if before.number != after.number:
            raise InvalidInput("number")
        partition = practice_partition(before.practice_id)
        stale = Stale(person=before.id)
        return self.replace(partition, _id(before.id), after, before.version, stale)

    def remove(self, person: Person) -> Pending:
        """Delete an account that is unchanged since it was read, else Stale; free its number before."""
        partition = practice_partition(person.practice_id)
        return self.delete(partition, _id(person.id), person.version, Stale(person=person.id))

    def free_number(self, person: Person) -> Pending:
        """Free a person's number, which must be theirs. Idempotent."""
        partition = practice_partition(person.practice_id)
        return self.numbers.delete(partition, _number_id(person.number))

    def take_number(self, person: Person) -> Pending:
        """Take a person's number again; else AlreadyExists."""
        partition, taken = practice_partition(person.practice_id), AlreadyExists("number_taken")
        number_id, owner = _number_id(person.number), NumberOwner(person.id)
        return self.numbers.create(partition, number_id, owner, taken)


def _id(person_id: str) -> str:
    return f"person-{part(person_id)}"


def _number_id(number: str) -> str:
    return f"number-{part(number)}"


def _email_partition(email: str) -> str:
    return key(EMAIL, digest(email_key(email)))
