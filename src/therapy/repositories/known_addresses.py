"""Known addresses: from which an account was signed in to, so that others who guess don't lock its owner out.

Account and addresses are keyed hashes, so that nothing says who was where, nor whether there is an account.
"""

from datetime import datetime, timedelta

from msgspec import Struct

from therapy.domain.partition_keys import key
from therapy.repositories.change import Pending
from therapy.repositories.repository import Repository

MOST_KNOWN = 4
"""Addresses that are remembered for an account: with more, they would be a way to guess more often."""

KNOWN_FOR = timedelta(days=90)
NOTED_EVERY = timedelta(days=1)
"""How often it is noted that a known address was used again, so that most sign-ins write nothing here."""

KNOWN = "known-addresses"


class KnownAddress(Struct, frozen=True):
    """A hash of an address, and when the account was last signed in to from there."""

    address: str
    at: datetime


class KnownAddresses(Struct, frozen=True):
    """The addresses of an account, the one used last in front."""

    known: tuple[KnownAddress, ...] = ()

    def includes(self, address: str, now: datetime) -> bool:
        """Return whether the account was signed in to from this address not too long ago."""
        return any(each.address == address for each in self.known if now < each.at + KNOWN_FOR)

    def with_used(self, address: str, now: datetime) -> "KnownAddresses | None":
        """Return them after a sign-in from this address; None if that need not be noted."""
        fresh = (each for each in self.known if each.address == address)
        if any(now < each.at + NOTED_EVERY for each in fresh):
            return None
        others = (each for each in self.known if each.address != address)
        return KnownAddresses((KnownAddress(address, now), *others)[:MOST_KNOWN])


class KnownAddressLists(Repository[KnownAddresses]):
    """Stores the known addresses of accounts, whether there is such an account or not."""

    kind = KNOWN
    struct = KnownAddresses

    def expires_at(self, record: KnownAddresses) -> datetime | None:
        return max(each.at for each in record.known) + KNOWN_FOR

    async def load(self, account: str) -> KnownAddresses:
        """Return the known addresses of an account; none if it has none."""
        return await self.get(key(KNOWN, account), KNOWN) or KnownAddresses()

    def write(self, account: str, known: KnownAddresses) -> Pending:
        """Write an account's addresses: of two at once the later one stays, which does no harm."""
        return self.put(key(KNOWN, account), KNOWN, known)
