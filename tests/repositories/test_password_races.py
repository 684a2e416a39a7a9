"""On each family: sign-ins, refreshes and registrations at once with a password change, on two replicas."""

import asyncio
from dataclasses import replace

import pytest
import pytest_asyncio

from tests.builders import PRACTICE, a_practice, a_therapist
from therapy.adapters.memory.passwords import MemoryPasswords
from therapy.domain.errors import NotSignedIn
from therapy.domain.people import Person
from therapy.repositories.records import Records
from therapy.testing.memory import memory_ports
from therapy.workflows import accounts, authentication, devices, new_passwords
from therapy.workflows.authentication import SignedIn, SignIn
from therapy.workflows.devices import devices_of
from therapy.workflows.installation import install
from therapy.workflows.login_check import require_login

OLD, NEW = "the first password", "the second password"
ROUNDS = 4


class HeldPasswords(MemoryPasswords):
    """Takes until `go_on` to say whether a password is right."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def verify(self, password: str, hashed: str) -> bool:
        right = await super().verify(password, hashed)
        await self.go_on.wait()
        return right


class Replicas:
    """Two processes with one store and one signing key; a request goes to either."""

    def __init__(self, *records: Records) -> None:
        self.records = records
        self.passwords = HeldPasswords()
        ports = replace(memory_ports(), passwords=self.passwords)
        self.sign_in: SignIn = install(ports).sign_in

    async def log_in(self, replica: int, email: str) -> SignedIn:
        return await authentication.log_in(
            email, OLD, records=self.records[replica], sign_in=self.sign_in
        )

    async def change(self, person: Person, hashed: str) -> None:
        """Set a password; those that are being checked meanwhile are checked until it is set."""
        await new_passwords.set_password(person, hashed, records=self.records[0])
        self.passwords.go_on.set()

    async def refresh(self, replica: int, login: SignedIn) -> SignedIn:
        return await authentication.refresh(
            login.refresh_token, records=self.records[replica], sign_in=self.sign_in
        )

    async def register(self, replica: int, login: SignedIn, name: str) -> None:
        actor = self.sign_in.tokens.read(login.access_token, now=self.records[0].now())
        await devices.register_device(
            actor, name, platform="A", user_id=actor.person_id, records=self.records[replica]
        )


@pytest_asyncio.fixture(loop_scope="module")
async def replicas(records: Records, replica: Records) -> Replicas:
    made = Replicas(records, replica)
    await accounts.put_practice(a_practice(), records=records)
    return made


async def test_of_what_races_with_a_password_change_nothing_is_alive(replicas: Replicas) -> None:
    records, hashed = replicas.records[0], await replicas.sign_in.passwords.hash(OLD)
    for number in range(ROUNDS):
        email = f"olivia{number}@example.health"
        olivia = a_therapist(id=f"olivia-{number}", email=email, password_hash=hashed)
        await accounts.add_person(olivia, records=records)
        replicas.passwords.go_on.set()
        login, other = await replicas.log_in(0, email), await replicas.log_in(1, email)
        after = await replicas.sign_in.passwords.hash(NEW)
        replicas.passwords.go_on.clear()
        results = await asyncio.gather(
            replicas.log_in(0, email),
            replicas.refresh(1, login),
            replicas.register(1, other, f"phone-{number}"),
            replicas.change(olivia, after),
            replicas.log_in(1, email),
            replicas.refresh(0, other),
            replicas.register(0, login, f"tablet-{number}"),
            return_exceptions=True,
        )
        failed = [each for each in results if isinstance(each, BaseException)]
        assert [each for each in failed if not isinstance(each, NotSignedIn)] == []
        for each in (login, other, *results):
            if isinstance(each, SignedIn):
                actor = replicas.sign_in.tokens.read(each.access_token, now=records.now())
                with pytest.raises(NotSignedIn):
                    await require_login(actor, records=replicas.records[1])
                with pytest.raises(NotSignedIn):
                    await replicas.refresh(1, each)
        assert await devices_of(PRACTICE, olivia.id, records=replicas.records[1]) == ()
