"""Signing in and staying so: the chain of refresh tokens, its grace and its replays; new passwords."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.builders import DAY, PRACTICE, a_person, a_therapist
from tests.workflows.desks import ACTOR, an_office
from therapy.domain.errors import InvalidInput, NotFound, NotSignedIn, Unavailable
from therapy.workflows import identity

EMAIL = a_therapist().email


@pytest.fixture
async def office():
    return await an_office()


async def signed_in(office):
    return await identity.log_in(EMAIL, "good", desk=office.desk)


async def refreshed(office, token: str):
    return await identity.refresh(token, desk=office.desk)


async def test_every_refresh_gives_a_new_pair_of_the_same_login(office):
    first = await signed_in(office)
    seen = {first.refresh_token}
    token, sid = (
        first.refresh_token,
        office.desk.tokens.read(first.access_token, now=office.clock.now).sid,
    )
    for _ in range(5):
        office.clock.on(minutes=10)
        following = await refreshed(office, token)
        actor = office.desk.tokens.read(following.access_token, now=office.clock.now)
        assert (actor.sid, actor.person_id) == (sid, ACTOR.person_id)
        token = following.refresh_token
        assert token not in seen
        seen.add(token)


async def test_two_at_once_with_the_same_token_get_the_same_answer_and_both_go_on(office):
    token = (await signed_in(office)).refresh_token
    one, other = await asyncio.gather(refreshed(office, token), refreshed(office, token))
    assert one.refresh_token == other.refresh_token
    office.clock.on(minutes=10)
    assert (await refreshed(office, one.refresh_token)).refresh_token


async def test_a_lost_answer_is_given_again_within_the_grace(office):
    token = (await signed_in(office)).refresh_token
    first = await refreshed(office, token)
    office.clock.now += office.desk.limits.refresh_grace
    assert (await refreshed(office, token)).refresh_token == first.refresh_token


async def test_a_replay_after_the_grace_ends_the_login(office):
    token = (await signed_in(office)).refresh_token
    following = await refreshed(office, token)
    office.clock.now += office.desk.limits.refresh_grace + timedelta(seconds=1)
    with pytest.raises(NotSignedIn):
        await refreshed(office, token)
    with pytest.raises(NotSignedIn):
        await refreshed(office, following.refresh_token)


async def test_a_token_of_two_refreshes_ago_is_refused(office):
    token = (await signed_in(office)).refresh_token
    second = await refreshed(office, token)
    await refreshed(office, second.refresh_token)
    with pytest.raises(NotSignedIn):
        await refreshed(office, token)


async def test_a_login_ends_for_good_however_often_it_was_refreshed(office):
    token = (await signed_in(office)).refresh_token
    for _ in range(29):
        office.clock.now += DAY
        token = (await refreshed(office, token)).refresh_token
    office.clock.now += DAY
    with pytest.raises(NotSignedIn):
        await refreshed(office, token)


async def test_logins_know_nothing_of_each_other(office):
    one, other = await signed_in(office), await signed_in(office)
    await refreshed(office, one.refresh_token)
    office.clock.on(minutes=1)
    with pytest.raises(NotSignedIn):
        await refreshed(office, one.refresh_token)
    assert await refreshed(office, other.refresh_token)


async def test_an_unknown_address_takes_the_hashers_time_too(office):
    for email in (EMAIL, "nobody@example.org"):
        with pytest.raises(NotSignedIn, match="wrong_credentials"):
            await identity.log_in(email, "bad", desk=office.desk)
    assert office.desk.passwords.asked == ["hash of good", ""]


async def mailed(office) -> str:
    await identity.forgot_password(EMAIL.upper(), desk=office.desk)
    return next(word for word in office.mail.sent[-1].body.split() if word.startswith("secret-"))


async def test_a_forgotten_password_of_nobody_sends_nothing(office):
    await identity.forgot_password("nobody@example.org", desk=office.desk)
    assert office.mail.sent == []


async def test_a_mail_says_nothing_but_the_token(office):
    await mailed(office)
    letter = office.mail.sent[0]
    assert letter.to == EMAIL
    for word in ("Olivia", "Hayes", PRACTICE):
        assert word not in letter.subject + letter.body


async def test_a_reset_token_expires(office):
    token = await mailed(office)
    office.clock.now += office.desk.limits.reset_lifetime
    with pytest.raises(InvalidInput, match="reset_token"):
        await identity.change_password(token, "a long new one", desk=office.desk)
    assert (await signed_in(office)).refresh_token


async def test_an_account_that_changed_in_the_meantime_still_gets_its_new_password(office):
    token, people = await mailed(office), office.desk.people
    save, raced = people.save, []

    async def somebody_first(practice_id, person):
        if not raced:
            raced.append(True)
            stored = await people.person(practice_id, person.id)
            await save(practice_id, replace(stored, picture_url="https://example.org/p.png"))
        return await save(practice_id, person)

    people.save = somebody_first
    await identity.change_password(token, "a long new one", desk=office.desk)
    person = await people.by_email(EMAIL)
    assert person.picture_url
    assert person.password_hash == "hash of a long new one"


async def test_a_new_password_ends_logins_devices_and_other_reset_tokens(office):
    login, token, other = await signed_in(office), await mailed(office), await mailed(office)
    await identity.change_password(token, "a long new one", desk=office.desk)
    with pytest.raises(NotSignedIn):
        await refreshed(office, login.refresh_token)
    with pytest.raises(InvalidInput):
        await identity.change_password(other, "a longer new one", desk=office.desk)
    assert await office.desk.devices.of_person(PRACTICE, ACTOR.person_id) == ()


async def test_nobody_elses_login_ends_with_it(office):
    patient = await identity.log_in(a_person().email, "good", desk=office.desk)
    await identity.change_password(await mailed(office), "a long new one", desk=office.desk)
    assert await refreshed(office, patient.refresh_token)


async def test_mail_that_cannot_be_sent_is_said_to_the_caller_of_the_workflow(office):
    office.mail.down = True
    with pytest.raises(Unavailable):
        await identity.forgot_password(EMAIL, desk=office.desk)


async def test_an_account_that_is_gone_is_not_signed_in(office):
    with pytest.raises(NotSignedIn):
        await identity.profile(replace(ACTOR, person_id="gone"), desk=office.desk)
    with pytest.raises(NotFound):
        await office.desk.people.person(PRACTICE, "gone")
