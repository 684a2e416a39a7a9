"""What `repositories.logins`, `repositories.reset_tokens` and the end of a person's access promise."""

import pytest
from msgspec.structs import replace

from tests.builders import (
    DAY,
    HOUR,
    NOW,
    OTHER_PRACTICE,
    PATIENT,
    PRACTICE,
    SECOND,
    a_device,
    a_login,
    a_reset,
)
from tests.repositories.changes import NO_UNICODE, ODD_IDS, at_once, commit
from therapy.domain.errors import InvalidInput, NotFound, Stale
from therapy.domain.people import Login, Reset
from therapy.ports.store import MOST_WRITES
from therapy.repositories.logins import KEPT_AFTER_EXPIRY, OldToken, access_partition
from therapy.repositories.records import Records
from therapy.testing.clock import Clock
from therapy.workflows.end_of_access import end_access


async def write(records: Records, *logins: Login) -> None:
    for login in logins:
        await commit(records, records.logins.write(login))


async def write_reset(records: Records, *resets: Reset) -> None:
    for reset in resets:
        await commit(records, records.reset_tokens.write(reset))


async def load(records: Records, sid: str = "login-1") -> Login:
    return await records.logins.load(PRACTICE, PATIENT, sid)


async def reset_of(records: Records, token_hash: str = "reset-1") -> Reset:
    found = await records.reset_tokens.find(PRACTICE, PATIENT, token_hash)
    if found is None:
        raise NotFound
    return found


def rotated(login: Login, refresh_hash: str) -> Login:
    return replace(login, refresh_hash=refresh_hash, previous_hash=login.refresh_hash)


# --- logins --------------------------------------------------------------------------------------


async def test_a_new_login_is_loaded_with_version_1(records: Records) -> None:
    await write(records, a_login())
    assert await load(records) == a_login(version=1)


async def test_a_rotated_login_counts_its_version_and_knows_both_hashes(records: Records) -> None:
    await write(records, a_login(), rotated(a_login(version=1), "hash-2"))
    login = await load(records)
    assert (login.version, login.refresh_hash, login.previous_hash) == (2, "hash-2", "hash-1")


async def test_a_login_is_found_by_its_practice_person_and_id_only(records: Records) -> None:
    await write(records, a_login())
    for practice_id, person_id, sid in (
        (PRACTICE, PATIENT, "unknown"),
        (PRACTICE, PATIENT, ""),
        (PRACTICE, "somebody-else", "login-1"),
        (OTHER_PRACTICE, PATIENT, "login-1"),
    ):
        with pytest.raises(NotFound):
            await records.logins.load(practice_id, person_id, sid)


@pytest.mark.parametrize("version", [0, 1, 3])
async def test_a_login_with_another_version_than_the_stored_one_is_stale(
    records: Records, version: int
) -> None:
    stored = rotated(a_login(version=1), "hash-2")
    await write(records, a_login(), stored)
    with pytest.raises(Stale):
        await write(records, a_login(version=version, refresh_hash="late"))
    assert await load(records) == replace(stored, version=2)


async def test_a_login_that_is_gone_is_stale_and_stays_gone(records: Records) -> None:
    await write(records, a_login())
    login = await load(records)
    await commit(records, records.logins.end(login))
    with pytest.raises(Stale):
        await write(records, rotated(login, "hash-2"))
    with pytest.raises(NotFound):
        await load(records)


async def test_of_those_who_rotate_at_once_one_does(records: Records, replica: Records) -> None:
    await write(records, a_login())
    won, failed = await at_once(
        *(
            write(each, rotated(a_login(version=1), f"new-{at}"))
            for at, each in enumerate([records, replica] * 3)
        )
    )
    assert failed == [Stale] * 5
    assert (await load(replica)).refresh_hash == f"new-{won[0]}"


async def test_a_login_that_has_ended_is_not_found_and_others_are(records: Records) -> None:
    await write(records, a_login(), a_login(sid="login-2"))
    for _ in range(2):
        await commit(records, records.logins.end(a_login()))
        with pytest.raises(NotFound):
            await load(records)
    assert (await load(records, "login-2")).sid == "login-2"


async def test_a_login_is_ended_whoever_wrote_it_last(records: Records) -> None:
    await write(records, a_login())
    read = await load(records)
    await write(records, rotated(read, "hash-2"))
    await commit(records, records.logins.end(read))
    with pytest.raises(NotFound):
        await load(records)


async def test_ending_from_another_practice_does_nothing(records: Records) -> None:
    await write(records, a_login())
    await commit(records, records.logins.end(a_login(practice_id=OTHER_PRACTICE)))
    assert await load(records) == a_login(version=1)


async def test_a_persons_logins_come_in_order_of_their_ids(records: Records) -> None:
    logins = [a_login(sid=sid) for sid in ("b", "c", "a")]
    await write(records, *logins, a_login(person_id="somebody-else"))
    await write_reset(records, a_reset())
    found = await records.logins.of_person(PRACTICE, PATIENT)
    assert [login.sid for login in found] == ["a", "b", "c"]
    assert await records.logins.of_person(OTHER_PRACTICE, PATIENT) == ()


async def test_an_expired_login_is_kept_for_a_day_and_then_as_if_it_had_ended(
    records: Records, clock: Clock
) -> None:
    await write(records, a_login(expires_at=NOW + HOUR))
    clock.now = NOW + HOUR + KEPT_AFTER_EXPIRY - SECOND
    assert (await load(records)).expires_at == NOW + HOUR
    clock.now += SECOND
    with pytest.raises(NotFound):
        await load(records)
    assert await records.logins.of_person(PRACTICE, PATIENT) == ()
    with pytest.raises(Stale):
        await write(records, a_login(version=1))


async def test_a_token_without_an_address_leads_to_its_login_until_it_expires(
    records: Records, clock: Clock
) -> None:
    pointer = OldToken(PRACTICE, PATIENT, "login-1", NOW + DAY)
    for _ in range(2):
        await commit(records, records.logins.old_tokens.write("hash-1", pointer))
    assert await records.logins.old_tokens.load("hash-1") == pointer
    for unknown in ("", "hash-2", "HASH-1"):
        assert await records.logins.old_tokens.load(unknown) is None
    clock.now = NOW + DAY
    assert await records.logins.old_tokens.load("hash-1") is None


# --- reset tokens --------------------------------------------------------------------------------


async def test_a_reset_token_can_be_looked_at_any_number_of_times(records: Records) -> None:
    await write_reset(records, a_reset())
    for _ in range(2):
        assert await reset_of(records) == a_reset(version=1)


@pytest.mark.parametrize("token_hash", ["", "unknown"])
async def test_an_unknown_reset_token_is_not_found(records: Records, token_hash: str) -> None:
    await write_reset(records, a_reset())
    with pytest.raises(NotFound):
        await reset_of(records, token_hash)
    assert await records.reset_tokens.find(OTHER_PRACTICE, PATIENT, "reset-1") is None
    with pytest.raises(NotFound):
        await write_reset(records, a_reset(token_hash=token_hash, used=True, version=1))


async def test_a_reset_token_is_good_until_it_expires(records: Records, clock: Clock) -> None:
    await write_reset(records, a_reset())
    clock.now = NOW + HOUR - SECOND
    read = await reset_of(records)
    clock.now = NOW + HOUR
    with pytest.raises(NotFound):
        await reset_of(records)
    with pytest.raises(NotFound):
        await write_reset(records, replace(read, used=True))


async def test_a_used_reset_token_is_found_as_such_and_not_used_again(records: Records) -> None:
    await write_reset(records, a_reset(), a_reset(used=True, version=1))
    assert (await reset_of(records)).used
    for version in (0, 1):
        with pytest.raises(NotFound):
            await write_reset(records, a_reset(used=True, version=version))


async def test_of_those_who_use_a_reset_token_at_once_one_gets_it(
    records: Records, replica: Records
) -> None:
    await write_reset(records, a_reset())
    won, failed = await at_once(
        *(write_reset(each, a_reset(used=True, version=1)) for each in [records, replica] * 3)
    )
    assert failed == [NotFound] * 5
    assert len(won) == 1


async def test_a_removed_reset_token_is_not_found(records: Records) -> None:
    await write_reset(records, a_reset(), a_reset(token_hash="reset-2"))
    for _ in range(2):
        await commit(records, records.reset_tokens.remove(a_reset()))
        with pytest.raises(NotFound):
            await reset_of(records)
    found = (await records.access.load(PRACTICE, PATIENT)).resets
    assert [reset.token_hash for reset in found] == ["reset-2"]


# --- the end of a person's access ----------------------------------------------------------------


async def test_everything_that_let_a_person_in_ends_together(records: Records) -> None:
    for at in range(3):
        await write(records, a_login(sid=f"login-{at}"))
    await write_reset(records, a_reset(), a_reset(token_hash="dated", created_at=NOW))
    await commit(records, records.devices.write(a_device()))
    for _ in range(2):
        await end_access(PRACTICE, PATIENT, NOW, records=records)
        assert await records.logins.of_person(PRACTICE, PATIENT) == ()
        assert (await records.access.load(PRACTICE, PATIENT)).resets == ()


async def test_what_came_after_the_moment_stays(records: Records) -> None:
    later = NOW + SECOND
    await write(records, a_login(), a_login(sid="later", created_at=later))
    await write_reset(records, a_reset(created_at=NOW), a_reset(token_hash="l", created_at=later))
    await end_access(PRACTICE, PATIENT, NOW, records=records)
    assert [each.sid for each in await records.logins.of_person(PRACTICE, PATIENT)] == ["later"]
    resets = (await records.access.load(PRACTICE, PATIENT)).resets
    assert [each.token_hash for each in resets] == ["l"]


async def test_ending_a_persons_access_touches_nobody_else(records: Records) -> None:
    await write(records, a_login())
    await write_reset(records, a_reset())
    await end_access(PRACTICE, "somebody-else", NOW, records=records)
    await end_access(OTHER_PRACTICE, PATIENT, NOW, records=records)
    assert await load(records) == a_login(version=1)
    assert await reset_of(records) == a_reset(version=1)


async def test_any_number_of_logins_ends(records: Records) -> None:
    count = MOST_WRITES + 5
    await write(records, *(a_login(sid=f"login-{at}") for at in range(count)))
    assert len(await records.logins.of_person(PRACTICE, PATIENT)) == count
    await end_access(PRACTICE, PATIENT, NOW, records=records)
    assert await records.logins.of_person(PRACTICE, PATIENT) == ()


async def test_no_two_odd_ids_share_a_login_or_a_reset_token(records: Records) -> None:
    for at, odd in enumerate(ODD_IDS):
        await write(records, a_login(person_id=odd, sid=odd, refresh_hash=f"{at}"))
        await write_reset(records, a_reset(person_id=odd, token_hash=odd))
    for at, odd in enumerate(ODD_IDS):
        assert (await records.logins.load(PRACTICE, odd, odd)).refresh_hash == f"{at}"
        (login,) = await records.logins.of_person(PRACTICE, odd)
        assert (login.sid, login.refresh_hash) == (odd, f"{at}")
        (reset,) = (await records.access.load(PRACTICE, odd)).resets
        assert reset == a_reset(person_id=odd, token_hash=odd, version=1)


async def test_what_is_no_unicode_is_refused_without_quoting_it(records: Records) -> None:
    for login in (a_login(sid=NO_UNICODE), a_login(refresh_hash=NO_UNICODE)):
        with pytest.raises(InvalidInput) as caught:
            await write(records, login)
        assert "said" not in str(caught.value)
    with pytest.raises(NotFound):
        await records.logins.load(PRACTICE, NO_UNICODE, NO_UNICODE)
    assert await records.store.list(access_partition(PRACTICE, PATIENT)) == ()
