"""Ending a person's access: every login, reset token and device that they had.

New credentials, under the next epoch, and the deletion of the logins of before are one commit in the
person's partition, so whatever is checked against a login or its epoch is refused from then on. Logins that a
commit has no room for are ended before it, as a program that dies must not leave them; what it did not see is
ended by what follows from it, `end_access`.
"""

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from therapy.domain.credentials import Credentials, current_hash
from therapy.domain.outbox import AccessEnded
from therapy.domain.people import Login
from therapy.ports.store import MOST_WRITES
from therapy.repositories.access import Access
from therapy.repositories.change import Change, Pending
from therapy.repositories.records import Records
from therapy.workflows.devices import devices_of, devices_under
from therapy.workflows.retry_stale import retry_stale


async def end_all(access: Access, after: Credentials, *with_it: Pending, records: Records) -> None:
    """Write credentials of the next epoch; every login, reset token and device of before ends.

    Devices end with their logins: what is left of them is removed afterwards. If the credentials can't be
    written, some logins may have ended nevertheless.

    `with_it` are other writes to the person's partition, in the same commit; a reset token among them stays.

    Raises:
        Stale: the credentials have changed since they were read.
    """
    change = Change(records.credentials.write(after), *with_it)
    written = {each.write.id for each in change}
    ended = [each for each in _endings(access, records=records) if each.write.id not in written]
    room = MOST_WRITES - len(change) - 1
    await _commit_all(ended[room:], records=records)
    change.add(*ended[:room])
    follows = AccessEnded(after.person_id, records.now(), after.epoch)
    await records.commit(after.practice_id, change, follows)
    records.logins.have_ended(*access.logins)


def _endings(access: Access, *, records: Records) -> list[Pending]:
    return [
        *(records.logins.end(each) for each in access.logins),
        *(records.reset_tokens.remove(each) for each in access.resets),
    ]


async def end_login(login: Login, *, records: Records) -> None:
    """End a login with its devices. Idempotent."""
    await Change(records.logins.end(login)).commit(records.store)
    records.logins.have_ended(login)
    await devices_of(login.practice_id, login.person_id, records=records)  # removes what is left


async def end_access(
    practice_id: str, person_id: str, at: datetime, epoch: int = 0, *, records: Records
) -> None:
    """End what is left of the access that a person had at `at`, before `epoch`; later ones stay.

    The new password is carried over to the account. Epoch 0 is that of a program that knows none: then the
    moment decides of every login. Idempotent.
    """
    access = await records.access.load(practice_id, person_id)
    past = [
        each
        for each in access.logins
        if each.epoch < epoch or (epoch == 0 and each.created_at <= at)
    ]
    resets = [each for each in access.resets if each.created_at is None or each.created_at <= at]
    ended = access._replace(logins=tuple(past), resets=tuple(resets))
    await _commit_all(_endings(ended, records=records), records=records)
    records.logins.have_ended(*past)
    left = tuple(each for each in access.logins if each not in past)
    await devices_under(access._replace(logins=left), records=records)  # removes the others
    await _carry_over(practice_id, person_id, access.credentials, records=records)


async def _commit_all(pending: Iterable[Pending], *, records: Records) -> None:
    writes = list(pending)
    for start in range(0, len(writes), MOST_WRITES):
        await Change(*writes[start : start + MOST_WRITES]).commit(records.store)


async def _carry_over(
    practice_id: str, person_id: str, credentials: Credentials, *, records: Records
) -> None:
    """Write the newest password hash into the account, where programs look that know no credentials."""

    async def attempt() -> None:
        before = await records.people.load(practice_id, person_id)
        after = replace(before, password_hash=current_hash(before, credentials))
        if after != before:
            await Change(records.people.write(before, after)).commit(records.store)

    if credentials.password_hash:
        await retry_stale(attempt)
