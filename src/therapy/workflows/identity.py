"""Signing in and staying signed in; forgotten passwords; devices; finding patients.

Tokens are kept as SHA-256 hashes only. A refresh token is good once: shown again within the grace
period it is a lost answer and gets the same answer, later it is a replay and ends the login.
"""

import hashlib

from msgspec import Struct
from msgspec.structs import replace

from therapy.domain.access import Action, Actor, require
from therapy.domain.errors import Forbidden, InvalidInput, NotFound, NotSignedIn, Stale
from therapy.domain.messages import sentence
from therapy.domain.people import Device, Login, Person, Reset, Role, check_password
from therapy.domain.session_entry import MOST_ENTRIES
from therapy.domain.text_folding import fold
from therapy.ports.mail import Letter
from therapy.workflows.desk import Desk


class SignedIn(Struct, frozen=True):
    """What a login or a refresh gives the app; `expires_in` is in seconds."""

    person: Person
    access_token: str
    refresh_token: str
    expires_in: int


def token_hash(token: str) -> str:
    """SHA-256 (hex) of a token: the form in which it is kept."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


async def log_in(email: str, password: str, *, desk: Desk) -> SignedIn:
    """Sign a person in; takes as long whether or not there is such an account.

    Raises:
        NotSignedIn: no such account, or another password.
    """
    try:
        person = await desk.people.by_email(email)
    except NotFound:
        person = None
    right = await desk.passwords.verify(password, person.password_hash if person else "")
    if person is None or not right:
        raise NotSignedIn("wrong_credentials")
    now, refresh = desk.now(), desk.new_secret()
    login = Login(
        sid=desk.new_id(),
        practice_id=person.practice_id,
        person_id=person.id,
        refresh_hash=token_hash(refresh),
        created_at=now,
        rotated_at=now,
        expires_at=now + desk.limits.refresh_lifetime,
    )
    await desk.logins.add(person.practice_id, login)
    return await _signed_in(person, login, refresh, desk=desk)


async def _signed_in(person: Person, login: Login, refresh: str, *, desk: Desk) -> SignedIn:
    practice = await desk.people.practice(person.practice_id)
    actor = Actor(person.id, person.role, person.practice_id, login.sid, practice.language)
    token, seconds = desk.tokens.issue(actor, now=desk.now())
    return SignedIn(person, token, refresh, seconds)


async def refresh(token: str, *, desk: Desk) -> SignedIn:
    """Exchange a refresh token for the next one and a new access token.

    Raises:
        NotSignedIn: unknown, expired, or used before.
    """
    presented, now = token_hash(token), desk.now()
    following = desk.tokens.refresh_after(token)
    try:
        login = await desk.logins.by_refresh(presented)
        person = await desk.people.person(login.practice_id, login.person_id)
    except NotFound:
        raise NotSignedIn from None
    if now >= login.expires_at:
        await desk.logins.end(login.practice_id, login.sid)
        raise NotSignedIn("token_expired")
    if presented == login.refresh_hash:
        after = replace(
            login, refresh_hash=token_hash(following), previous_hash=presented, rotated_at=now
        )
        try:
            login = await desk.logins.rotate(login.practice_id, after)
        except Stale:  # the same token at the same moment: it got the same answer
            return await refresh(token, desk=desk)
    elif now > login.rotated_at + desk.limits.refresh_grace:
        await desk.logins.end(login.practice_id, login.sid)
        raise NotSignedIn
    return await _signed_in(person, login, following, desk=desk)


async def forgot_password(email: str, *, desk: Desk) -> None:
    """Mail a one-time token to the address if it has an account; tells nobody whether it has."""
    try:
        person = await desk.people.by_email(email)
    except NotFound:
        return
    practice = await desk.people.practice(person.practice_id)
    secret, lifetime = desk.new_secret(), desk.limits.reset_lifetime
    reset = Reset(token_hash(secret), person.practice_id, person.id, desk.now() + lifetime)
    await desk.logins.add_reset(person.practice_id, reset)
    minutes = int(lifetime.total_seconds() // 60)
    letter = Letter(
        id=desk.new_id(),
        to=person.email,
        subject=sentence("reset_mail_subject", practice.language),
        body=sentence("reset_mail_body", practice.language, token=secret, minutes=minutes),
    )
    await desk.mail.send(person.practice_id, letter)


async def change_password(token: str, password: str, *, desk: Desk) -> None:
    """Set a new password with a token from the mail; every login and device of the person ends.

    A password that is too weak does not use the token up.

    Raises:
        InvalidInput: the token is unknown, used or expired, or the password is too weak.
    """
    hashed_token = token_hash(token)
    try:
        reset = await desk.logins.reset(hashed_token, desk.now())
        person = await desk.people.person(reset.practice_id, reset.person_id)
        check_password(password, email=person.email)
        hashed = await desk.passwords.hash(password)
        await desk.logins.use_reset(hashed_token, desk.now())
    except NotFound:
        raise InvalidInput("tokenSec", "reset_token") from None
    while True:
        try:
            await desk.people.save(person.practice_id, replace(person, password_hash=hashed))
            break
        except Stale:
            person = await desk.people.person(person.practice_id, person.id)
    await desk.logins.end_all(person.practice_id, person.id)
    for device in await desk.devices.of_person(person.practice_id, person.id):
        await desk.devices.remove(person.practice_id, device.token)


async def profile(actor: Actor, *, desk: Desk) -> Person:
    """Give the actor's own account.

    Raises:
        NotSignedIn: the account is gone.
    """
    try:
        return await desk.people.person(actor.practice_id, actor.person_id)
    except NotFound:
        raise NotSignedIn from None


async def find_patients(
    actor: Actor, query: str, before: str = "", *, desk: Desk
) -> tuple[Person, ...]:
    """List the practice's patients whose name, e-mail or number contains the query; none for a blank one.

    In order of their names, at most 500; `before` is the number of the last one of the page before.

    Raises:
        InvalidInput: nobody has the number `before`.
    """
    require(actor, Action.FIND_PATIENTS)
    if not fold(query):
        return ()
    after = ""
    if before:
        try:
            last = await desk.people.by_number(actor.practice_id, before)
        except NotFound:
            raise InvalidInput("before", "before") from None
        after = f"{fold(last.full_name)}|{last.id}"
    return await desk.people.search(actor.practice_id, Role.PATIENT, query, after, MOST_ENTRIES)


async def register_device(
    actor: Actor, token: str, *, platform: str, user_id: str, desk: Desk
) -> None:
    """Send the actor's pushes to this device, as long as this login lasts.

    Raises:
        Forbidden: `user_id` is not the actor.
    """
    await _is_caller(actor, user_id, desk=desk)
    device = Device(token, actor.practice_id, actor.person_id, actor.sid, platform, desk.now())
    await desk.devices.put(actor.practice_id, device)


async def unregister_devices(actor: Actor, user_id: str, *, desk: Desk) -> None:
    """Remove the devices of this login, or all of the actor's if it has none.

    Raises:
        Forbidden: `user_id` is not the actor.
        NotFound: nothing is registered.
    """
    await _is_caller(actor, user_id, desk=desk)
    devices = await desk.devices.of_person(actor.practice_id, actor.person_id)
    if not devices:
        raise NotFound("not_registered")
    for device in [each for each in devices if each.sid == actor.sid] or devices:
        await desk.devices.remove(actor.practice_id, device.token)


async def _is_caller(actor: Actor, user_id: str, *, desk: Desk) -> None:
    person = await profile(actor, desk=desk)
    if user_id not in {person.id, person.public_id}:
        raise Forbidden("not_caller")
