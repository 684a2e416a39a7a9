"""Attempts whose counting is interrupted: nothing goes on counting, or is waited for, that has ended."""

from datetime import timedelta

import pytest

from tests.workflows.memory_installation import PASSWORD, MemoryInstallation, an_installation
from therapy.adapters.memory.attempt_limits import MemoryAttemptLimits
from therapy.domain.attempts import Attempt, Quota, Quotas
from therapy.domain.errors import NotSignedIn, TooManyAttempts, Unavailable
from therapy.ports.store import Write
from therapy.workflows.authentication import log_in

OWNER = "olivia.hayes1@example.health"
HERE, THERE = "198.51.100.7", "203.0.113.9"
ACCOUNT, ADDRESS = "sign-in.account.", "sign-in.address."


class Interrupted(MemoryAttemptLimits):
    """Refuses to take, or fails to give back, under keys that begin like this."""

    def __init__(self) -> None:
        super().__init__()
        self.away_for = "nothing"
        self.broken_for = "nothing"

    async def take(self, key: str, attempt: Attempt, quota: Quota) -> timedelta:
        if key.startswith(self.away_for):
            raise Unavailable
        return await super().take(key, attempt, quota)

    async def give_back(self, key: str, attempt: Attempt, quota: Quota) -> None:
        if key.startswith(self.broken_for):
            raise RuntimeError
        await super().give_back(key, attempt, quota)


@pytest.fixture
def limits() -> Interrupted:
    return Interrupted()


async def a_clinic(limits: Interrupted, **quotas: Quota) -> MemoryInstallation:
    return await an_installation(options={"quotas": Quotas(**quotas)}, attempt_limits=limits)


async def sign_in(clinic: MemoryInstallation, address: str, password: str = PASSWORD) -> None:
    await log_in(OWNER, password, address=address, records=clinic.records, sign_in=clinic.sign_in)


async def test_what_can_not_be_counted_of_an_account_is_not_counted_of_an_address(limits):
    clinic = await a_clinic(limits, sign_in_address=Quota(2))
    limits.away_for = ACCOUNT
    for _ in range(4):
        with pytest.raises(Unavailable):
            await sign_in(clinic, HERE)
    limits.away_for = "nothing"
    await sign_in(clinic, HERE)


async def test_nobody_waits_for_an_attempt_that_could_not_be_given_back(limits):
    clinic = await a_clinic(limits, sign_in=Quota(1))
    limits.broken_for = ADDRESS
    with pytest.raises(RuntimeError):
        await sign_in(clinic, HERE)
    with pytest.raises(TooManyAttempts) as refused:
        await sign_in(clinic, THERE)
    assert refused.value.details["retry_after"] == 3_600  # until it counts no more


async def test_with_a_quota_of_0_a_known_address_is_like_any_other(limits):
    clinic = await a_clinic(limits, sign_in=Quota(1), sign_in_known=Quota(0))
    await sign_in(clinic, HERE)
    with pytest.raises(NotSignedIn):
        await sign_in(clinic, THERE, "not this one")
    with pytest.raises(TooManyAttempts):
        await sign_in(clinic, HERE)


async def test_who_has_signed_in_is_signed_in_also_if_the_address_can_not_be_remembered(limits):
    clinic = await a_clinic(limits)

    async def away(partition: str, writes: list[Write]) -> None:
        if partition.startswith("known-addresses"):
            raise Unavailable

    clinic.store.before_commit = away
    await sign_in(clinic, HERE)
