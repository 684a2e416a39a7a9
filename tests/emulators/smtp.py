"""A mail server (aiosmtpd) that keeps what it is sent, for SMTP with STARTTLS, TLS or neither.

Faults by command (EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, NOOP, QUIT), and by "greeting" and "letter",
which is the end of DATA: `status` answers that; `reset` resets the connection; `lost` takes the letter,
then resets; `stall` never answers. `letters` is all that was accepted, `sessions` counts connections.
`rates` are how many letters it takes in how many seconds of `clock`: more are answered 452, as Azure does it
(an Azure-managed domain: `((5, 60), (10, 3_600))`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.emulators.faults import Fault, Faults
from tests.emulators.threaded import Threaded, reset

SENDER = "therapy@clinic.example"
logging.getLogger("mail.log").setLevel(logging.ERROR)  # it warns of its own attributes


class FakeSmtp(Threaded):
    """Lets in whoever has `username` and `password`; where it has none, everybody.

    `security` is what it speaks: none, starttls (and says nothing of AUTH before) or tls; the last two
    need a certificate and its key.
    """

    def __init__(
        self, security: str = "none", certificate: tuple[Path, Path] | None = None
    ) -> None:
        self.port = 0
        self.security = security
        self.username, self.password = "therapy", "smtp-password"
        self.utf8 = True  # takes addresses beyond ASCII
        self.faults = Faults()
        self.letters: list[EmailMessage] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.sessions = 0
        self.rates: tuple[tuple[int, float], ...] = ()
        self.clock: Callable[[], float] = time.monotonic
        self._accepted: list[float] = []
        self._tls: ssl.SSLContext | None = None
        if certificate:
            self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._tls.load_cert_chain(*certificate)

    def settings(self) -> dict[str, str]:
        return {
            "THERAPY_SMTP_HOST": "127.0.0.1",
            "THERAPY_SMTP_PORT": str(self.port),
            "THERAPY_SMTP_USERNAME": self.username,
            "THERAPY_SMTP_PASSWORD": self.password,
            "THERAPY_SMTP_SECURITY": self.security,
            "THERAPY_MAIL_FROM": SENDER,
        }

    def add(self, *faults: Fault) -> None:
        self.faults.add(*faults)

    def clear(self) -> None:
        self.faults.clear()
        self.letters.clear()
        self.envelopes.clear()
        self.sessions = 0
        self.rates, self.clock = (), time.monotonic
        self._accepted.clear()
        self.utf8 = True

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        server = await asyncio.get_running_loop().create_server(
            lambda: Conversation(self),
            "127.0.0.1",
            self.port,
            ssl=self._tls if self.security == "tls" else None,
        )
        yield server.sockets[0].getsockname()[1]
        server.close()

    # what aiosmtpd asks

    def authenticator(
        self, _: SMTP, __: Session, ___: Envelope, ____: str, said: Any
    ) -> AuthResult:
        right = (said.login, said.password) == (self.username.encode(), self.password.encode())
        return AuthResult(success=right, handled=False)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd finds it by name
        self, _: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.username and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - the same
        self, conversation: SMTP, _: Session, envelope: Envelope
    ) -> str:
        assert isinstance(conversation, Conversation)
        assert isinstance(envelope.content, bytes)
        fault = self.faults.take("letter")
        if fault is None and self._is_too_fast():
            return "452 4.5.127 Message rejected. Excessive message rate from sender."
        if fault is None or fault.kind == "lost":
            self.letters.append(message_from_bytes(envelope.content, policy=policy.default))
            self.envelopes.append((envelope.mail_from or "", envelope.rcpt_tos))
            self._accepted.append(self.clock())
        return await conversation.met(fault) or "250 OK"

    def _is_too_fast(self) -> bool:
        now = self.clock()
        return any(
            sum(now - each < seconds for each in self._accepted) >= most
            for most, seconds in self.rates
        )


class Conversation(SMTP):
    """One connection: what aiosmtpd does, unless a fault is met first."""

    def __init__(self, fake: FakeSmtp) -> None:
        super().__init__(
            fake,
            hostname="localhost",
            enable_SMTPUTF8=fake.utf8,
            tls_context=fake._tls if fake.security == "starttls" else None,
            auth_require_tls=fake.security == "starttls",
            authenticator=fake.authenticator,
            loop=asyncio.get_running_loop(),
        )
        self._fake = fake
        self._smtp_methods = {
            name: self._unless(name, method) for name, method in self._smtp_methods.items()
        }

    async def met(self, fault: Fault | None) -> str:
        """Do what the fault says; gives the answer, if that is all there is to it."""
        match fault.kind if fault else None:
            case "status":
                return f"{fault.status} {fault.message or 'as the test has it'}"
            case "stall":
                await asyncio.Event().wait()
            case "reset" | "lost":
                reset(self.transport)
                raise asyncio.CancelledError
        return ""

    def _unless(self, name: str, method: Any) -> Any:
        async def answer(argument: str | None) -> None:
            if refusal := await self.met(self._fake.faults.take(name)):
                await self.push(refusal)
            else:
                await method(argument)

        return answer

    async def _handle_client(self) -> None:
        self._fake.sessions += 1
        with contextlib.suppress(ConnectionError):  # who asked has gone
            if refusal := await self.met(self._fake.faults.take("greeting")):
                await self.push(refusal)
                self.transport.close()
            else:
                await super()._handle_client()
