"""Signing in and staying so: the chain of refresh tokens, its grace, and replays that end the family."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.builders import DAY, MINUTE, PRACTICE, THERAPIST, a_login, a_therapist
from tests.workflows.memory_installation import (
    ACTOR,
    PASSWORD,
    MemoryInstallation,
    an_installation,
)
from therapy.adapters.memory.passwords import MemoryPasswords
from therapy.adapters.tokens import JwtTokens
from therapy.domain.errors import NotFound, NotSignedIn
from therapy.domain.login_tokens import RefreshToken, parse_refresh_token, token_hash
from therapy.ports.store import Delete
from therapy.repositories.logins import OldToken
from therapy.workflows import authentication
from therapy.workflows.account_changes import disable
from therapy.workflows.authentication import SignedIn

EMAIL = a_therapist().email


class AskedPasswords(MemoryPasswords):
    """Remembers the hashes that passwords were compared with."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def verify(self, password, hashed):
        self.asked.append(hashed)
        return await super().verify(password, hashed)


@pytest.fixture
async def installed() -> MemoryInstallation:
    tokens = JwtTokens("a secret of the tests, long enough")
    installed = await an_installation(tokens=tokens, passwords=AskedPasswords())
    await installed.write(installed.records.logins.end(a_login(person_id=THERAPIST)))
    return installed


async def signed_in(installed: MemoryInstallation) -> SignedIn:
    return await authentication.log_in(
        EMAIL, PASSWORD, records=installed.records, sign_in=installed.sign_in
    )


async def refreshed(installed: MemoryInstallation, token: str) -> SignedIn:
    return await authentication.refresh(token, records=installed.records, sign_in=installed.sign_in)


def parsed(token: str) -> RefreshToken:
    found = parse_refresh_token(token)
    assert found is not None
    return found


async def logins(installed: MemoryInstallation) -> int:
    return len(await installed.records.logins.of_person(PRACTICE, THERAPIST))


async def test_every_refresh_gives_a_new_pair_of_the_same_login(installed):
    first = await signed_in(installed)
    tokens, seen = installed.ports.tokens, {first.refresh_token}
    token = first.refresh_token
    sid = tokens.read(first.access_token, now=installed.clock.now).sid
    for _ in range(5):
        installed.clock.advance(minutes=10)
        following = await refreshed(installed, token)
        actor = tokens.read(following.access_token, now=installed.clock.now)
        assert (actor.sid, actor.person_id) == (sid, ACTOR.person_id)
        token = following.refresh_token
        assert token not in seen
        seen.add(token)


async def test_a_token_carries_its_login_and_counts_the_family_from_one(installed):
    token = (await signed_in(installed)).refresh_token
    first = parsed(token)
    assert (first.practice_id, first.person_id, first.number) == (PRACTICE, THERAPIST, 1)
    second = parsed((await refreshed(installed, token)).refresh_token)
    assert second == replace(first, number=2, secret=second.secret)
    (login,) = await installed.records.logins.of_person(PRACTICE, THERAPIST)
    assert (login.sid, login.counter) == (first.sid, 2)


async def test_no_token_is_kept_as_it_is(installed):
    token = (await signed_in(installed)).refresh_token
    following = (await refreshed(installed, token)).refresh_token
    bodies = b"".join([item.body async for item in installed.store.store.walk()])
    for secret in (token, following, parsed(token).secret, parsed(following).secret):
        assert secret.encode() not in bodies


async def test_two_at_once_with_the_same_token_get_the_same_answer_and_both_go_on(installed):
    token = (await signed_in(installed)).refresh_token

    async def let_the_other_read(partition: str, ids: Sequence[str]) -> None:
        await asyncio.sleep(0)

    installed.store.after_get = let_the_other_read
    one, other = await asyncio.gather(refreshed(installed, token), refreshed(installed, token))
    assert one.refresh_token == other.refresh_token
    installed.clock.advance(minutes=10)
    assert (await refreshed(installed, one.refresh_token)).refresh_token


async def test_a_lost_answer_is_given_again_within_the_grace(installed):
    token = (await signed_in(installed)).refresh_token
    first = await refreshed(installed, token)
    installed.clock.advance(seconds=30)
    assert (await refreshed(installed, token)).refresh_token == first.refresh_token
    assert (await refreshed(installed, first.refresh_token)).refresh_token


async def test_a_replay_after_the_grace_ends_the_login(installed):
    token = (await signed_in(installed)).refresh_token
    following = await refreshed(installed, token)
    installed.clock.now += installed.sign_in.refresh_grace + timedelta(seconds=1)
    with pytest.raises(NotSignedIn):
        await refreshed(installed, token)
    with pytest.raises(NotSignedIn):
        await refreshed(installed, following.refresh_token)


async def test_a_token_of_two_refreshes_ago_is_refused(installed):
    token = (await signed_in(installed)).refresh_token
    second = await refreshed(installed, token)
    await refreshed(installed, second.refresh_token)
    with pytest.raises(NotSignedIn):
        await refreshed(installed, token)


@pytest.mark.parametrize("later", [timedelta(0), MINUTE], ids=["at once", "later"])
async def test_a_thief_who_refreshed_several_times_is_out_once_the_victim_shows_an_older_token(
    installed, later
):
    stolen = (await signed_in(installed)).refresh_token
    thief = stolen
    for _ in range(2):
        thief = (await refreshed(installed, thief)).refresh_token
    installed.clock.now += later
    with pytest.raises(NotSignedIn):
        await refreshed(installed, stolen)
    with pytest.raises(NotSignedIn):
        await refreshed(installed, thief)
    assert await logins(installed) == 0


async def test_any_spent_token_of_the_family_ends_it(installed):
    for spent in range(4):
        tokens = [(await signed_in(installed)).refresh_token]
        for _ in range(5):
            tokens.append((await refreshed(installed, tokens[-1])).refresh_token)
        with pytest.raises(NotSignedIn):
            await refreshed(installed, tokens[spent])
        with pytest.raises(NotSignedIn):
            await refreshed(installed, tokens[-1])


@pytest.mark.parametrize("ahead", [0, 1, 1_000], ids=["current", "next", "far"])
async def test_a_forged_token_of_the_current_number_or_above_ends_nothing(installed, ahead):
    token = (await refreshed(installed, (await signed_in(installed)).refresh_token)).refresh_token
    right = parsed(token)
    forged = replace(right, number=right.number + ahead, secret="guessed")
    with pytest.raises(NotSignedIn):
        await refreshed(installed, str(forged))
    assert (await refreshed(installed, token)).refresh_token


async def test_a_token_of_one_login_is_good_for_no_other(installed):
    one = parsed((await signed_in(installed)).refresh_token)
    other = (await signed_in(installed)).refresh_token
    for changes in ({"sid": one.sid}, {"person_id": "somebody"}, {"practice_id": "elsewhere"}):
        with pytest.raises(NotSignedIn):
            await refreshed(installed, str(replace(parsed(other), **changes)))
    assert (await refreshed(installed, other)).refresh_token
    assert (await refreshed(installed, str(one))).refresh_token


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        ".",
        "....",
        "a.b.c.1.",
        "~.~.~.1.x",
        "~00.~2f.~7c.1.x",
        "\ud800",
        "x" * 5_000,
        "a|b.c.d.1.e",
    ],
    ids=range(9),
)
async def test_what_is_no_token_of_ours_is_not_signed_in(installed, hostile):
    with pytest.raises(NotSignedIn):
        await refreshed(installed, hostile)


async def test_a_login_ends_for_good_however_often_it_was_refreshed(installed):
    token = (await signed_in(installed)).refresh_token
    for _ in range(29):
        installed.clock.now += DAY
        token = (await refreshed(installed, token)).refresh_token
    installed.clock.now += DAY
    with pytest.raises(NotSignedIn, match="token_expired"):
        await refreshed(installed, token)


async def test_a_login_that_ends_while_it_is_refreshed_is_over(installed):
    token = (await signed_in(installed)).refresh_token
    (login,) = await installed.records.logins.of_person(PRACTICE, THERAPIST)

    async def ended_first(partition: str, writes: Sequence[object]) -> None:
        await installed.store.store.commit(partition, [installed.records.logins.end(login).write])

    installed.store.before_commit = ended_first
    with pytest.raises(NotSignedIn):
        await refreshed(installed, token)


async def test_logins_know_nothing_of_each_other(installed):
    one, other = await signed_in(installed), await signed_in(installed)
    await refreshed(installed, one.refresh_token)
    installed.clock.advance(minutes=1)
    with pytest.raises(NotSignedIn):
        await refreshed(installed, one.refresh_token)
    assert await refreshed(installed, other.refresh_token)


async def test_an_unknown_address_takes_the_hashers_time_too(installed):
    for email in (EMAIL, "nobody@example.org"):
        with pytest.raises(NotSignedIn, match="wrong_credentials"):
            await authentication.log_in(
                email, "bad", records=installed.records, sign_in=installed.sign_in
            )
    known = await installed.records.people.by_email(EMAIL)
    assert installed.ports.passwords.asked == [known.password_hash, ""]


async def test_an_account_that_is_gone_stays_signed_in_no_longer(installed):
    token = (await signed_in(installed)).refresh_token
    await installed.store.commit(f"practice|{PRACTICE}", [Delete(id=f"person-{THERAPIST}")])
    with pytest.raises(NotSignedIn):
        await refreshed(installed, token)


async def signed_in_before_the_one_store(installed: MemoryInstallation, *tokens: str) -> None:
    """Write a login as the migration does: each token without an address, found by a pointer."""
    records, now = installed.records, installed.clock.now
    login = a_login(
        person_id=THERAPIST,
        refresh_hash=token_hash(tokens[-1]),
        previous_hash=token_hash(tokens[-2]) if len(tokens) > 1 else "",
        rotated_at=now,
    )
    await installed.write(records.logins.write(login))
    for token in tokens:
        pointer = OldToken(PRACTICE, THERAPIST, login.sid, login.expires_at)
        await installed.write(records.logins.old_tokens.write(token_hash(token), pointer))


async def test_a_token_without_an_address_is_exchanged_for_one_with_it(installed):
    await signed_in_before_the_one_store(installed, "opaque-1")
    following = (await refreshed(installed, "opaque-1")).refresh_token
    assert (parsed(following).sid, parsed(following).number) == ("login-1", 2)
    again = (await refreshed(installed, "opaque-1")).refresh_token
    assert again == following
    assert (await refreshed(installed, following)).refresh_token


async def test_a_token_without_an_address_whose_answer_was_lost_before_the_migration_gets_one(
    installed,
):
    await signed_in_before_the_one_store(installed, "opaque-1", "opaque-2")
    following = (await refreshed(installed, "opaque-2")).refresh_token
    assert parsed(following).number == 2


@pytest.mark.parametrize("later", [timedelta(0), MINUTE], ids=["at once", "later"])
async def test_a_spent_token_without_an_address_ends_the_login_too(installed, later):
    await signed_in_before_the_one_store(installed, "opaque-1", "opaque-2")
    following = (await refreshed(installed, "opaque-2")).refresh_token
    following = (await refreshed(installed, following)).refresh_token
    installed.clock.now += later
    with pytest.raises(NotSignedIn):
        await refreshed(installed, "opaque-2")
    with pytest.raises(NotSignedIn):
        await refreshed(installed, following)


async def test_a_pointer_to_a_login_that_is_gone_leads_nowhere(installed):
    await signed_in_before_the_one_store(installed, "opaque-1")
    (login,) = await installed.records.logins.of_person(PRACTICE, THERAPIST)
    await installed.write(installed.records.logins.end(login))
    with pytest.raises(NotSignedIn):
        await refreshed(installed, "opaque-1")


async def test_pointers_are_forgotten_when_their_token_would_have_expired(installed):
    await signed_in_before_the_one_store(installed, "opaque-1")
    old_tokens = installed.records.logins.old_tokens
    assert await old_tokens.load(token_hash("opaque-1"))
    installed.clock.now += 30 * DAY
    assert await old_tokens.load(token_hash("opaque-1")) is None
    with pytest.raises(NotFound):
        await installed.records.logins.load(PRACTICE, THERAPIST, "nobody")


@pytest.mark.parametrize("disabled", [False, True])
async def test_as_much_is_read_for_an_address_without_an_account_as_for_one_with(
    installed, disabled
):
    if disabled:
        await disable(EMAIL, records=installed.records)
    asked = []
    for email in (EMAIL, "nobody@example.health"):
        installed.store.forget_reads()
        with pytest.raises(NotSignedIn):
            await authentication.log_in(
                email, "not this one", records=installed.records, sign_in=installed.sign_in
            )
        asked.append(
            [(partition.partition("|")[0], len(ids)) for partition, ids in installed.store.gets]
        )
    assert asked[0] == asked[1]
    assert len(asked[0]) >= 3


async def test_a_made_up_refresh_token_costs_one_read(installed):
    known = parsed((await signed_in(installed)).refresh_token)
    made_up = RefreshToken(known.practice_id, known.person_id, "nowhere", 1, known.secret)
    installed.store.forget_reads()
    with pytest.raises(NotSignedIn):
        await refreshed(installed, str(made_up))
    assert len(installed.store.gets) == 1


async def test_who_signs_in_is_read_once(installed):
    await signed_in(installed)
    installed.store.forget_reads()
    await signed_in(installed)
    read = [(partition, item_id) for partition, ids in installed.store.gets for item_id in ids]
    assert len(read) == len(set(read))
