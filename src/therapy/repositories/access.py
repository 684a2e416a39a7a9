"""A person's access: all that the partition of their logins holds, or one login with its credentials."""

from datetime import datetime
from typing import NamedTuple

from therapy.domain.credentials import Credentials, is_alive
from therapy.domain.errors import NotFound
from therapy.domain.people import Login, Reset
from therapy.ports.store import Store
from therapy.repositories.credentials import CREDENTIALS, CredentialsOfPeople
from therapy.repositories.devices import DevicePointer, DevicePointers
from therapy.repositories.logins import Logins, access_partition, login_id
from therapy.repositories.reset_tokens import ResetTokens


class Access(NamedTuple):
    """Everything that lets a person in, or sends something to them; each in order of their ids.

    `unknown` are the ids of the items of logins that only a newer program can read.
    """

    credentials: Credentials
    logins: tuple[Login, ...]
    resets: tuple[Reset, ...]
    pointers: tuple[DevicePointer, ...]
    unknown: frozenset[str] = frozenset()

    def living(self, now: datetime) -> dict[str, Login]:
        """Return the logins that are neither expired nor ended, by their `sid`."""
        return {each.sid: each for each in self.logins if is_alive(each, self.credentials, now)}

    def is_unknown(self, sid: str) -> bool:
        """Return whether only a newer program can tell if this login is alive."""
        return login_id(sid) in self.unknown


class AccessOfPeople:
    """Reads the records of several repositories in one request; it writes nothing."""

    def __init__(
        self,
        store: Store,
        credentials: CredentialsOfPeople,
        logins: Logins,
        resets: ResetTokens,
        pointers: DevicePointers,
    ) -> None:
        self._store = store
        self._credentials = credentials
        self._logins = logins
        self._resets = resets
        self._pointers = pointers

    async def load(self, practice_id: str, person_id: str) -> Access:
        """Return a person's access; credentials of epoch 0, with version 0, if none are stored.

        Raises:
            Unavailable: the store can't be reached; an item is damaged, or only a newer program can read
                the credentials, without which nobody knows who may sign in.
        """
        partition = access_partition(practice_id, person_id)
        items = [item async for item in self._logins.items(partition, "")]
        stored = [self._credentials.read(item) for item in items if item.kind == CREDENTIALS]
        logins = self._logins.known(items)
        read = {login_id(each.sid) for each in logins}
        return Access(
            stored[0] if stored else Credentials(practice_id, person_id),
            logins,
            self._resets.known(items),
            self._pointers.known(items),
            frozenset(item.id for item in items if item.kind == Logins.kind) - read,
        )

    async def load_login(
        self, practice_id: str, person_id: str, sid: str
    ) -> tuple[Login, Credentials]:
        """Return a login and the credentials that it depends on; of epoch 0, if none are stored.

        Raises:
            NotFound: this person has no login with that id, or no longer.
        """
        partition, item_id = access_partition(practice_id, person_id), login_id(sid)
        items = await self._store.get(partition, item_id, CREDENTIALS)
        login = self._logins.record_in(items, item_id)
        if login is None:
            raise NotFound(login=sid)
        credentials = self._credentials.record_in(items, CREDENTIALS)
        return login, credentials or Credentials(practice_id, person_id)
