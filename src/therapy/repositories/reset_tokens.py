"""Reset tokens: mailed one-time tokens, each valid for one new password. Only hashes are stored."""

from datetime import datetime

from therapy.domain.errors import NotFound
from therapy.domain.partition_keys import part
from therapy.domain.people import Reset
from therapy.repositories.change import Pending
from therapy.repositories.logins import access_partition
from therapy.repositories.repository import Repository

ONLY = "reset-|only"
"""The id of a person's only token; no hash has such a place."""


class ResetTokens(Repository[Reset]):
    """Stores reset tokens with the person's logins; used ones are kept until they expire.

    A token is used up by writing it, never by deleting it, so that only one of two attempts succeeds. A
    person has one: the next takes its place. Programs of before wrote each in a place of its own.
    """

    kind = "reset"
    struct = Reset

    def expires_at(self, record: Reset) -> datetime | None:
        return record.expires_at

    async def find(self, practice_id: str, person_id: str, token_hash: str) -> Reset | None:
        """Return a reset token that has not expired, used or not; None if there is none."""
        partition, places = access_partition(practice_id, person_id), (ONLY, _place(token_hash))
        items = (await self._store.get(partition, *places)).values()
        resets = (self.read(item) for item in items if item.kind == self.kind)
        return next((each for each in resets if each.token_hash == token_hash), None)

    def issue(self, reset: Reset) -> Pending:
        """Write a new token as the person's only one, in the place of the one before."""
        return self.put(access_partition(reset.practice_id, reset.person_id), ONLY, reset)

    def write(self, reset: Reset) -> Pending:
        """Write a reset token that is new (version 0) or unchanged since it was read; else NotFound."""
        partition = access_partition(reset.practice_id, reset.person_id)
        return self.save(partition, _id(reset), reset, reset.version, NotFound())

    def remove(self, reset: Reset) -> Pending:
        """Delete a reset token. Idempotent."""
        partition = access_partition(reset.practice_id, reset.person_id)
        return self.delete(partition, _id(reset))


def _id(reset: Reset) -> str:
    return ONLY if reset.only else _place(reset.token_hash)


def _place(token_hash: str) -> str:
    return f"reset-{part(token_hash)}"
