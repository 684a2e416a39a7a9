"""Attempts to sign in, and to have letters sent: admitted within quotas by account and by address.

An attempt is counted before its password is tried, and given back if the password was right, so that only
wrong ones count, however many are made at once. An account is counted whether it exists or not. An address
from which the account was signed in to before has a quota of its own, so that whatever others do from
elsewhere, and whatever else is done from there, its owner can sign in (`docs/adr/017-guessing.md`).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from therapy.domain.attempts import Attempt, Quota, Quotas
from therapy.domain.errors import TooManyAttempts, TryAgain, Unavailable
from therapy.domain.people import email_key
from therapy.ports.attempt_limits import AttemptLimits
from therapy.ports.tokens import Tokens
from therapy.repositories.change import Change
from therapy.repositories.known_addresses import KnownAddresses
from therapy.repositories.records import Records
from therapy.workflows.attempts_in_progress import AttemptsInProgress

AT_ONCE = timedelta(0)
PATIENCE_SECONDS = 5.0
"""How long an attempt waits for those before it whose end may admit it."""

HASH_DIGITS = 32
"""Digits of a keyed hash that are used as a name."""


class Taken(NamedTuple):
    """An attempt as it is counted under one key."""

    key: str
    attempt: Attempt
    quota: Quota


class Full(NamedTuple):
    """The key whose quota is used up, and the error that says so."""

    key: str
    error: TooManyAttempts


@dataclass
class Try:
    """An attempt under way: it counts unless the password was right, or was not tried.

    `known` are the addresses from which the account was signed in to before.
    """

    known: KnownAddresses
    counts: bool = True


@dataclass(frozen=True)
class AttemptCounter:
    """Counts attempts; raises TooManyAttempts if one has to wait. Addresses are networks of one client."""

    limits: AttemptLimits
    tokens: Tokens
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    quotas: Quotas = field(default_factory=Quotas)
    _in_progress: AttemptsInProgress = field(default_factory=AttemptsInProgress)

    @asynccontextmanager
    async def sign_in(self, email: str, address: str, *, records: Records) -> AsyncIterator[Try]:
        """Count an attempt to sign in, and yield it: it goes on counting unless `counts` is set to False.

        It no longer counts, either, if what is done meanwhile raises TryAgain: then no password was tried.

        Raises:
            TooManyAttempts: of this account, or from this address.
        """
        quotas = (self.quotas.sign_in, self.quotas.sign_in_address)
        known = await records.known_addresses.load(self._account(email))
        taken, attempt = await self._admitted("sign-in", email, address, quotas, known), Try(known)
        try:
            yield attempt
        except TryAgain:
            attempt.counts = False
            raise
        finally:
            await self._end(taken, counts=attempt.counts)

    async def letter(self, email: str, address: str, *, records: Records) -> None:
        """Count a letter that is asked for.

        Raises:
            TooManyAttempts: to this account, or from this address.
        """
        quotas = (self.quotas.letter, self.quotas.letter_address)
        known = await records.known_addresses.load(self._account(email))
        taken = await self._admitted("letter", email, address, quotas, known)
        await self._end(taken, counts=True)

    async def wrong_token(self, account: str, address: str) -> None:
        """Count a token that was not right, of an account ("" = it names none) and from an address.

        A right one is never refused: it can't be guessed, and nobody is to be locked out by wrong ones.

        Raises:
            TooManyAttempts: of this account, or from this address.
        """
        quota, source = self.quotas.token, self._address(address)
        named = [("address", source)]
        if account:
            named.append(("account", self._name(f"token|{account}")))
        for kind, name in named:
            await self._counted(f"token.{kind}.{name}", source, quota)

    async def remember(
        self, email: str, address: str, known: KnownAddresses, *, records: Records
    ) -> None:
        """Remember that the account was signed in to from this address; `known` are its addresses so far."""
        after = known.with_used(self._address(address), records.now())
        if after is not None:
            account = self._account(email)
            await Change(records.known_addresses.write(account, after)).commit(records.store)

    async def _admitted(
        self,
        what: str,
        email: str,
        address: str,
        quotas: tuple[Quota, Quota],
        known: KnownAddresses,
    ) -> tuple[Taken, ...]:
        """Return the attempt as it is counted; before it is refused, wait for those whose end may admit it.

        Raises:
            TooManyAttempts: it is not admitted.
        """
        account, source = self._account(email), self._address(address)
        at_home = known.includes(source, self.now())
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    taken = await self._tried(what, account, source, quotas, known=at_home)
                    if not isinstance(taken, Full):
                        return taken
                    if not await self._in_progress.next_end(taken.key):
                        raise taken.error
        raise TooManyAttempts(retry_after=int(PATIENCE_SECONDS))

    async def _tried(
        self, what: str, account: str, source: str, quotas: tuple[Quota, Quota], *, known: bool
    ) -> "tuple[Taken, ...] | Full":
        """Return the attempt as it is counted now, or what is full."""
        for_account, for_address = quotas
        waiting = timedelta.max
        if known and self.quotas.sign_in_known.most:
            at_home = f"{what}.known.{self._name(f'{account}|{source}')}"
            taken, waiting = await self._take(at_home, source, self.quotas.sign_in_known)
            if waiting == AT_ONCE:
                return (taken,)
        key = f"{what}.account.{account}"
        looked = Taken(key, Attempt(self.new_id(), source, self.now()), for_account)
        if (wait_here := await self.limits.look(*looked)) > AT_ONCE:  # most of a flood ends here
            return Full(key, _too_many(min(waiting, wait_here)))
        first, wait_there = await self._take(f"{what}.address.{source}", source, for_address)
        if wait_there > AT_ONCE:
            return Full(first.key, _too_many(min(waiting, wait_there)))
        is_admitted = False
        try:
            second, wait_here = await self._take(key, source, for_account)
            is_admitted = wait_here == AT_ONCE
        finally:  # also if nothing answers, or the attempt has waited too long
            if not is_admitted:
                await self._end((first,), counts=False)
        if not is_admitted:
            return Full(second.key, _too_many(min(waiting, wait_here)))
        return first, second

    async def _take(self, key: str, source: str, quota: Quota) -> tuple[Taken, timedelta]:
        """Count an attempt and note that it is in progress; return how long to wait if it is refused."""
        taken = Taken(key, Attempt(self.new_id(), source, self.now()), quota)
        async with self._in_progress.beginning(key):
            waiting = await self.limits.take(*taken)
            if waiting == AT_ONCE:
                self._in_progress.begin(key)
        return taken, waiting

    async def _end(self, taken: tuple[Taken, ...], *, counts: bool) -> None:
        """Note that an attempt has ended; if it is not to count, give it back."""
        try:
            for each in taken if not counts else ():
                with suppress(Unavailable):  # then it counts, although it need not
                    await self.limits.give_back(*each)
        finally:  # of all keys, whatever came of giving one back: else others wait for its end
            for each in taken:
                self._in_progress.end(each.key)

    async def _counted(self, key: str, source: str, quota: Quota) -> None:
        taken, waiting = await self._take(key, source, quota)
        if waiting > AT_ONCE:
            raise _too_many(waiting)
        await self._end((taken,), counts=True)

    def _account(self, email: str) -> str:
        return self._name(f"account|{email_key(email)}")

    def _address(self, address: str) -> str:
        return self._name(f"address|{address}")

    def _name(self, text: str) -> str:
        return self.tokens.keyed_hash(text)[:HASH_DIGITS]


def _too_many(waiting: timedelta) -> TooManyAttempts:
    return TooManyAttempts(retry_after=max(1, -(-waiting // timedelta(seconds=1))))
