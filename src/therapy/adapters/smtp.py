"""Mail over SMTP, with aiosmtplib: one connection per letter.

What passes within seconds, such as a broken connection, is tried again here. A letter that the server does
not take now (a 4xx: it is busy, or this is more than it takes in an hour) is left to the outbox, which tries
it for as long as it is of use.

A server's answer may quote an address or a letter: errors keep its code, not its text, and hide their
causes.
"""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

import aiosmtplib

from therapy.adapters.retry import RetryPolicy
from therapy.domain.errors import InvalidInput, TherapyError, Unavailable
from therapy.ports.mail import Letter, Mail, check_letter

WAIT_SECONDS = 10.0
"""The longest wait for a connection, and for each answer."""

PAUSES = (1.0, 4.0)
"""Seconds between tries in one delivery; the outbox ends it after 24 seconds, and begins another later."""

PATIENCE_SECONDS = 60.0
"""After this time a delivery ends, whatever it is waiting for."""

AT_ONCE = 2
"""Connections at a time: many servers refuse more from one address."""

WIRE = policy.SMTP.clone(cte_type="7bit")
"""Every server takes 7 bits, so texts that need more are encoded. Addresses can't be, see RFC 6531."""

LETTERS_FAULT: dict[type[Exception], str] = {
    aiosmtplib.SMTPRecipientRefused: "to",
    aiosmtplib.SMTPRecipientsRefused: "to",
    aiosmtplib.SMTPNotSupported: "to",  # an address with characters that this server doesn't support
    aiosmtplib.SMTPDataError: "letter",
    ValueError: "letter",
}
"""Errors that mean that this letter will never be accepted, and the field that is to blame."""

REASONS: dict[type[Exception], str] = {
    aiosmtplib.SMTPException: "login_method",  # raised if we support none of the server's login methods
    aiosmtplib.SMTPServerDisconnected: "disconnected",
    aiosmtplib.SMTPTimeoutError: "disconnected",
    aiosmtplib.SMTPReadTimeoutError: "disconnected",
    aiosmtplib.SMTPResponseException: "answer",
    aiosmtplib.SMTPSenderRefused: "sender",
    aiosmtplib.SMTPConnectError: "no_greeting",
    aiosmtplib.SMTPConnectTimeoutError: "no_greeting",
    aiosmtplib.SMTPConnectResponseError: "greeting",
    aiosmtplib.SMTPHeloError: "greeting",
    aiosmtplib.SMTPAuthenticationError: "login",
    ssl.SSLCertVerificationError: "certificate",
}
"""Why nothing could be delivered; the nearest base class counts, other errors keep their own names."""

LASTING = frozenset({"certificate", "login_method", "starttls"})
"""Reasons that an operator has to fix, so another try at once is useless. So it is after any refusal."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class MailServer:
    """Where letters are delivered. `security` is "starttls", "tls" (both verify the host name) or "none"."""

    host: str
    port: int
    security: str
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    wait: float = WAIT_SECONDS


class SmtpMail(Mail):
    """Sends letters from `sender`, an address with or without a name: `The clinic <a@b.example>`."""

    def __init__(
        self,
        server: MailServer,
        sender: str,
        *,
        pauses: Sequence[float] = PAUSES,
        patience: float = PATIENCE_SECONDS,
        now: Callable[[], datetime] = _now,
    ) -> None:
        name, _, address = sender.rpartition("<")
        self._server, self._now, self._patience = server, now, patience
        self._retries = RetryPolicy("a mail is sent again", passes=_passes, pauses=tuple(pauses))
        self._sender = Address(name.strip(' "'), addr_spec=address.strip(" >"))
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def send(self, practice_id: str, letter: Letter) -> None:
        content = self._written(practice_id, letter)
        try:
            async with asyncio.timeout(self._patience):
                await self._retries.call(lambda: self._hand_over(letter.to, content))
        except TimeoutError:
            raise Unavailable(reason="timeout") from None

    async def check(self) -> None:
        """Connect, sign in and send NOOP; sends no mail.

        Raises:
            Unavailable: the server can't be reached or refuses us; says why.
        """
        with smtp_errors():
            async with self._connected() as connection:
                await connection.noop()

    def _written(self, practice_id: str, letter: Letter) -> bytes:
        check_letter(letter)
        sent_again = hashlib.sha256(f"{practice_id}|{letter.id}".encode()).hexdigest()[:32]
        user, _, domain = letter.to.rpartition("@")
        message = EmailMessage(policy=WIRE.clone(utf8=not letter.to.isascii()))
        try:
            message["From"] = self._sender
            message["To"] = Address(username=user, domain=domain)
            message["Subject"] = letter.subject
            message["Date"] = format_datetime(self._now())
            message["Message-ID"] = f"<{sent_again}@{self._sender.domain}>"
            message["Auto-Submitted"] = "auto-generated"
            message["X-Auto-Response-Suppress"] = "All"  # the same for Exchange
            message["X-Letter"] = letter.id
            message.set_content(letter.body)
            return message.as_bytes()
        except (ValueError, MessageError):
            raise InvalidInput("letter") from None  # the cause would quote the letter

    async def _hand_over(self, to: str, content: bytes) -> None:
        options = () if to.isascii() else ("SMTPUTF8", "BODY=8BITMIME")
        async with self._turn:
            with smtp_errors():
                async with self._connected() as connection:
                    sender = self._sender.addr_spec
                    await connection.sendmail(sender, [to], content, mail_options=options)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """Yield a connection that is signed in; nothing is sent unencrypted unless security is "none".

        Hosts are verified against this machine's authorities; SSL_CERT_FILE and SSL_CERT_DIR name others.
        """
        server = self._server
        connection = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            local_hostname=self._sender.domain,  # instead of this machine's, which it would ask DNS for
            timeout=server.wait,
            use_tls=server.security == "tls",
            start_tls=False,  # done below, to detect a server that does not offer it
        )
        try:
            await connection.connect()
            if server.security == "starttls":
                await _start_tls(connection)
            if server.username:
                await connection.login(server.username, server.password)
            yield connection
            with suppress(aiosmtplib.SMTPException, OSError):  # it has accepted the letter by now
                await connection.quit()
        finally:
            connection.close()


async def _start_tls(connection: aiosmtplib.SMTP) -> None:
    try:
        await connection.starttls()
    except aiosmtplib.SMTPException as exc:
        if type(exc) is not aiosmtplib.SMTPException:
            raise
        raise Unavailable(reason="starttls") from None  # the server does not offer it


@contextmanager
def smtp_errors() -> Iterator[None]:
    """Turn what aiosmtplib raises into domain errors."""
    try:
        yield
    except (aiosmtplib.SMTPException, OSError, ValueError) as exc:
        raise smtp_error(exc) from None


def smtp_error(exc: Exception) -> TherapyError:
    """Return the domain error for an exception of aiosmtplib; a 4xx code always means "try later"."""
    exc = _beneath(exc)
    status = _status(exc)
    details: dict[str, Any] = {"status": status} if status else {}
    if 400 <= status < 500:
        return Unavailable(reason="later", **details)
    kind = next(
        (each for each in type(exc).__mro__ if each in LETTERS_FAULT or each in REASONS), None
    )
    if kind in LETTERS_FAULT:
        return InvalidInput(LETTERS_FAULT[kind], **details)
    return Unavailable(reason=REASONS[kind] if kind else type(exc).__name__, **details)


def _beneath(exc: Exception) -> Exception:
    """Return the cause of a failed connection; any other exception as it is."""
    cause = exc.__cause__
    if not isinstance(exc, aiosmtplib.SMTPConnectError) or not isinstance(cause, OSError):
        return exc
    return exc if isinstance(cause, aiosmtplib.SMTPException) else cause


def _status(exc: Exception) -> int:
    if isinstance(exc, aiosmtplib.SMTPRecipientsRefused):
        return min((each.code for each in exc.recipients), default=0)
    code = getattr(exc, "code", 0)
    return code if isinstance(code, int) else 0


def _passes(error: Exception) -> bool:
    """Return whether the letter may be accepted in a few seconds: not after any answer that refuses it."""
    return (
        isinstance(error, Unavailable)
        and error.details.get("reason") not in LASTING
        and not error.details.get("status", 0)
    )
