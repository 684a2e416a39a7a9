"""Logins that tests begin with."""

from contextlib import suppress

from tests.builders import a_login
from therapy.domain.errors import Stale
from therapy.repositories.change import Change
from therapy.repositories.records import Records

LOGIN = "login-1"


async def has_login(
    practice_id: str, person_id: str, *sids: str, records: Records, **changes: object
) -> None:
    """Write logins of the present epoch that do not expire while tests run; those that exist stay."""
    credentials = await records.credentials.load(practice_id, person_id)
    for sid in sids or (LOGIN,):
        login = a_login(
            sid=sid,
            practice_id=practice_id,
            person_id=person_id,
            epoch=credentials.epoch,
            **changes,
        )
        with suppress(Stale):
            await Change(records.logins.write(login)).commit(records.store)
