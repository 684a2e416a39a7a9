"""Letters with a one-time token for a new password: asked for by anyone, sent later, to accounts only.

Asking looks nobody up: it writes the same for any address, and the outbox relay finds out later whether there
is such an account. So neither the answer nor what it costs says so, and a letter survives a crash. The token
is made when the letter is sent; of it only a hash is ever stored. If sending is repeated, it is another one.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from therapy.domain.errors import InvalidInput, NotFound
from therapy.domain.login_tokens import ResetToken, token_hash
from therapy.domain.messages import sentence
from therapy.domain.outbox import ResetLetterDue
from therapy.domain.people import Person, Reset, email_key
from therapy.ports.mail import KeepsLetters, Letter, Mail, NotesExpired
from therapy.repositories.change import Change
from therapy.repositories.outbox import Placed
from therapy.repositories.records import Records
from therapy.workflows.attempts import AttemptCounter


@dataclass(frozen=True)
class LetterPace:
    """How long a letter is of use, and how long it waits at most before it is tried again meanwhile."""

    lifetime: timedelta = timedelta(minutes=30)
    longest_pause: timedelta = timedelta(seconds=60)


DEFAULT_PACE = LetterPace()


@dataclass(frozen=True)
class ResetLetters:
    """What sends the letters, and at which pace; `new_secret` returns an unguessable text."""

    mail: Mail
    new_secret: Callable[[], str]
    pace: LetterPace = DEFAULT_PACE

    @property
    def lifetime(self) -> timedelta:
        """How long a token is good for."""
        return self.pace.lifetime


async def ask_for_letter(
    email: str, *, address: str = "", records: Records, attempts: AttemptCounter
) -> Placed:
    """Write that a letter to this address is asked for; return what `Records.deliver` sends.

    Without that, a sweep sends it once the writer's claim has ended.

    Raises:
        TooManyAttempts: too many were asked for, to this account or from this address.
    """
    await attempts.letter(email, address, records=records)
    readable = email_key(email).encode("utf-8", "replace").decode()
    return await records.leave(ResetLetterDue(readable, records.now()))


async def send_letter(
    due: ResetLetterDue,
    *,
    attempts: int = 0,
    why: str = "",
    records: Records,
    letters: ResetLetters,
) -> None:
    """Mail a new token if the address has an account; the person's earlier tokens end.

    Nothing is sent if it was asked for so long ago that a token of then would have expired: that is noted,
    with the number of attempts so far and why the last one failed.

    Raises:
        Unavailable: the letter could not be delivered to the mail server.
    """
    try:
        person, practice = await records.people.by_email_with_practice(due.email)
    except NotFound:
        return
    access = await records.access.load(person.practice_id, person.id)
    if access.credentials.disabled:
        return
    if records.now() >= due.at + letters.lifetime:
        if isinstance(letters.mail, NotesExpired):
            letters.mail.note_expired(due.at, attempts, why)
        return
    token = await _new_token(person, access.resets, records=records, letters=letters)
    minutes = int(letters.lifetime.total_seconds() // 60)
    letter = Letter(
        id=records.new_id(),  # another each time: mail programs hide a second letter with the same
        to=person.email,
        subject=sentence("reset_mail_subject", practice.language),
        body=sentence("reset_mail_body", practice.language, token=token, minutes=minutes),
        topic=_topic_of(person.id),
        expires_at=records.now() + letters.lifetime,
    )
    with suppress(InvalidInput):  # no mail server takes it, ever
        await letters.mail.send(person.practice_id, letter)


async def discard_letters(
    practice_id: str, person_id: str, at: datetime, *, letters: ResetLetters
) -> None:
    """Delete a person's letters of `at` or before, if they are kept anywhere: their tokens have ended."""
    if isinstance(letters.mail, KeepsLetters):
        await letters.mail.discard(practice_id, _topic_of(person_id), at)


async def discard_expired(now: datetime, *, letters: ResetLetters) -> None:
    """Delete all letters whose token has expired, if they are kept anywhere."""
    if isinstance(letters.mail, KeepsLetters):
        await letters.mail.discard_expired(now)


def _topic_of(person_id: str) -> str:
    return f"reset-{person_id}"


async def _new_token(
    person: Person, earlier: Iterable[Reset], *, records: Records, letters: ResetLetters
) -> str:
    """Write a new token in the place of the person's earlier ones and return it."""
    token = str(ResetToken(person.practice_id, person.id, letters.new_secret()))
    now = records.now()
    reset = Reset(
        token_hash=token_hash(token),
        practice_id=person.practice_id,
        person_id=person.id,
        expires_at=now + letters.lifetime,
        created_at=now,
        only=True,
    )
    ended = (records.reset_tokens.remove(each) for each in earlier if not each.only)
    await Change(records.reset_tokens.issue(reset), *ended).commit(records.store)
    return token
