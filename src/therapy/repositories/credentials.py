"""Credentials: in the partition of the logins that depend on them, so that one commit can end these."""

from therapy.domain.credentials import Credentials
from therapy.repositories.change import Pending
from therapy.repositories.logins import access_partition
from therapy.repositories.repository import Repository

CREDENTIALS = "credentials"


class CredentialsOfPeople(Repository[Credentials]):
    """Stores the credentials of each person; those of an account that has none are in epoch 0."""

    kind = CREDENTIALS
    struct = Credentials

    async def load(self, practice_id: str, person_id: str) -> Credentials:
        """Return a person's credentials; those of epoch 0, with version 0, if none are stored."""
        found = await self.get(access_partition(practice_id, person_id), CREDENTIALS)
        return found or Credentials(practice_id, person_id)

    def write(self, credentials: Credentials) -> Pending:
        """Write credentials that are new (version 0) or unchanged since they were read; else Stale."""
        partition = access_partition(credentials.practice_id, credentials.person_id)
        return self.save(partition, CREDENTIALS, credentials, credentials.version)

    def unchanged(self, credentials: Credentials) -> Pending:
        """Refuse the commit, with Stale, if the credentials have changed since they were read.

        Credentials that were never stored are written, so that of two such commits only one succeeds.
        """
        if not credentials.version:
            return self.write(credentials)
        partition = access_partition(credentials.practice_id, credentials.person_id)
        return self.check(partition, CREDENTIALS, credentials.version)
