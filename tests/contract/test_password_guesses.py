"""Guessing passwords, a little, in each family; `benchmarks/password_guesses.py` guesses far more often."""

import asyncio

import pytest
import pytest_asyncio

from tests.workflows.interrupted_ports import nothing
from tests.workflows.memory_installation import PASSWORD, MemoryInstallation, an_installation
from therapy.adapters.memory.passwords import MemoryPasswords
from therapy.domain.errors import NotSignedIn, TooManyAttempts, Unavailable
from therapy.ports.attempt_limits import AttemptLimits
from therapy.testing.samples import DAY, HOUR, MINUTE
from therapy.workflows.authentication import log_in

VICTIM = "olivia.hayes1@example.health"
HOME, NEW = "198.51.100.7", "203.0.113.9"
MOST = 100
"""Passwords of one account that are tried in an hour, from wherever."""


class CountedPasswords(MemoryPasswords):
    """Counts what is tried; `busy` are the next that are not, because too many wait."""

    def __init__(self) -> None:
        self.tried = 0
        self.busy = 0

    async def verify(self, password: str, hashed: str) -> bool:
        if self.busy:
            self.busy -= 1
            raise Unavailable("busy", retry_after=2)
        self.tried += 1
        await asyncio.sleep(0)
        return await super().verify(password, hashed)


@pytest.fixture
def passwords() -> CountedPasswords:
    return CountedPasswords()


@pytest_asyncio.fixture(loop_scope="module")
async def clinic(attempt_limits: AttemptLimits, passwords: CountedPasswords) -> MemoryInstallation:
    installed = await an_installation()
    return installed.with_ports(attempt_limits=attempt_limits, passwords=passwords)


async def sign_in(
    clinic: MemoryInstallation, address: str, password: str = PASSWORD, email: str = VICTIM
) -> str:
    """Return how it ended: "in", "wrong", "busy", or "wait"."""
    try:
        await log_in(
            email, password, address=address, records=clinic.records, sign_in=clinic.sign_in
        )
    except NotSignedIn:
        return "wrong"
    except TooManyAttempts as exc:
        return "wait" if 0 < int(exc.details["retry_after"]) <= 3_600 else "wait without end"
    except Unavailable as exc:
        return exc.code
    return "in"


async def guess(clinic: MemoryInstallation, addresses: list[str], email: str = VICTIM) -> list[str]:
    """Guess from all these addresses at once."""
    return await asyncio.gather(
        *(sign_in(clinic, each, f"guess {number}", email) for number, each in enumerate(addresses))
    )


async def test_one_account_is_guessed_at_from_fifty_addresses(clinic, passwords):
    addresses = [f"192.0.2.{number % 50}" for number in range(250)]
    ended = await guess(clinic, addresses)
    assert 50 <= ended.count("wrong") == passwords.tried < MOST
    assert await sign_in(clinic, NEW) == "in"


async def test_many_accounts_are_guessed_at_from_one_address(clinic, passwords):
    ended = [
        await sign_in(clinic, "192.0.2.1", "a guess", f"person{number}@example.org")
        for number in range(120)
    ]
    assert ended.count("wrong") == passwords.tried == 100
    assert await sign_in(clinic, NEW) == "in"


async def test_whatever_is_done_from_elsewhere_the_owner_signs_in_from_a_known_address(
    clinic, passwords
):
    assert await sign_in(clinic, HOME) == "in"
    passwords.tried = 0
    await guess(clinic, [f"192.0.2.{number}" for number in range(120)])
    assert await sign_in(clinic, NEW) == "wait"
    assert [await sign_in(clinic, HOME, "mistyped") for _ in range(3)] == ["wrong"] * 3
    assert await sign_in(clinic, HOME) == "in"
    assert passwords.tried < MOST


async def test_from_all_known_addresses_together_no_more_is_tried_than_is_said(clinic, passwords):
    homes = [f"198.51.100.{number}" for number in range(6)]
    assert [await sign_in(clinic, each) for each in homes] == ["in"] * 6
    passwords.tried = 0
    await guess(clinic, homes * 20 + [f"192.0.2.{number}" for number in range(120)])
    assert 80 <= passwords.tried <= MOST


async def test_what_others_guess_from_the_same_address_does_not_keep_the_owner_out(
    clinic, passwords
):
    assert await sign_in(clinic, HOME) == "in"
    for number in range(110):
        await sign_in(clinic, HOME, "a guess", f"person{number}@example.org")
    assert await sign_in(clinic, HOME, email="alex.lebed2@example.health") == "wait"
    assert await sign_in(clinic, HOME) == "in"


async def test_right_passwords_are_never_too_many(clinic):
    assert {await sign_in(clinic, HOME) for _ in range(120)} == {"in"}


async def test_an_account_that_does_not_exist_is_counted_as_one_that_does(clinic):
    nobody = [await sign_in(clinic, NEW, "a guess", "nobody@example.org") for _ in range(15)]
    olivia = [await sign_in(clinic, HOME, "a guess", VICTIM.upper()) for _ in range(15)]
    assert nobody == olivia == ["wrong"] * 9 + ["wait"] * 6


async def test_what_was_not_tried_is_not_counted(clinic, passwords):
    passwords.busy = 50
    assert [await sign_in(clinic, NEW, "a guess") for _ in range(50)] == ["busy"] * 50
    assert await sign_in(clinic, NEW) == "in"


async def test_what_the_store_did_not_answer_is_not_counted(clinic):
    async def away(partition: str, _: object) -> None:
        if partition.startswith("email"):
            raise Unavailable

    clinic.store.after_get = away
    assert [await sign_in(clinic, NEW) for _ in range(20)] == ["unavailable"] * 20
    clinic.store.after_get = nothing
    assert await sign_in(clinic, NEW) == "in"


async def test_after_the_hour_it_is_tried_again(clinic):
    assert (await guess(clinic, [NEW] * 20)).count("wrong") == 9
    clinic.clock.now += HOUR - MINUTE
    assert await sign_in(clinic, NEW) == "wait"
    clinic.clock.now += MINUTE
    assert await sign_in(clinic, NEW) == "in"


async def test_an_address_is_known_for_ninety_days(clinic):
    assert await sign_in(clinic, HOME) == "in"
    clinic.clock.now += 91 * DAY
    await guess(clinic, [f"192.0.2.{number}" for number in range(120)])
    assert await sign_in(clinic, HOME) == "wait"


@pytest.mark.parametrize("address", [HOME, NEW], ids=["known", "new"])
async def test_right_passwords_at_once_do_not_keep_each_other_out(clinic, address):
    assert await sign_in(clinic, HOME) == "in"
    ended = await asyncio.gather(*(sign_in(clinic, address) for _ in range(30)))
    assert ended == ["in"] * 30


async def test_wrong_passwords_at_once_are_not_more_because_they_wait(clinic, passwords):
    ended = await guess(clinic, [NEW] * 60)
    assert ended.count("wrong") == passwords.tried == 9
    assert ended.count("wait") == 51
