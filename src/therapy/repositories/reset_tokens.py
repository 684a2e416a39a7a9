"""Reset tokens: mailed one-time tokens, each valid for one new password. Only hashes are stored."""

from datetime import datetime

from therapy.domain.errors import NotFound
from therapy.domain.partition_keys import part
from therapy.domain.people import Reset
from therapy.repositories.change import Pending
from therapy.repositories.logins import access_partition
from therapy.repositories.repository import Repository


class ResetTokens(Repository[Reset]):
    """Stores reset tokens with the person's logins; used ones are kept until they expire.

    A token is used up by writing it, never by deleting it, so that only one of two attempts succeeds.
    """

    kind = "reset"
    struct = Reset

    def expires_at(self, record: Reset) -> datetime | None:
        return record.expires_at

    async def load(self, practice_id: str, person_id: str, token_hash: str) -> Reset:
        """Return a reset token that is neither used nor expired.

        Raises:
            NotFound: unknown, used or expired.
        """
        reset = await self.find(practice_id, person_id, token_hash)
        if reset is None or reset.used:
            raise NotFound
        return reset

    async def find(self, practice_id: str, person_id: str, token_hash: str) -> Reset | None:
        """Return a reset token that has not expired, used or not; None if there is none."""
        return await self.get(access_partition(practice_id, person_id), _id(token_hash))

    async def of_person(self, practice_id: str, person_id: str) -> tuple[Reset, ...]:
        """Return a person's reset tokens, used ones included, in order of their hashes."""
        return await self.list_all(access_partition(practice_id, person_id), "reset-")

    def write(self, reset: Reset) -> Pending:
        """Write a reset token that is new (version 0) or unchanged since it was read; else NotFound."""
        partition = access_partition(reset.practice_id, reset.person_id)
        return self.save(partition, _id(reset.token_hash), reset, reset.version, NotFound())

    def remove(self, reset: Reset) -> Pending:
        """Delete a reset token. Idempotent."""
        partition = access_partition(reset.practice_id, reset.person_id)
        return self.delete(partition, _id(reset.token_hash))


def _id(token_hash: str) -> str:
    return f"reset-{part(token_hash)}"
