"""Mail by SMTP, over aiosmtplib: a connection for each letter.

What a server says may quote an address or a letter: its code is kept, its words are not, and causes are
not shown.
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
"""For a connection, and for each answer."""

PAUSES = (2.0, 10.0, 30.0, 90.0)
"""Seconds between tries; a letter is kept nowhere, so after the last one it is lost."""

PATIENCE_SECONDS = 300.0
"""After which a letter is given up, whatever it waits for."""

AT_ONCE = 2
"""Connections: many servers refuse more from one address."""

WIRE = policy.SMTP.clone(cte_type="7bit")
"""Any server takes 7 bits: what needs more is encoded. But an address can't be, see RFC 6531."""

LETTERS_FAULT: dict[type[Exception], str] = {
    aiosmtplib.SMTPRecipientRefused: "to",
    aiosmtplib.SMTPRecipientsRefused: "to",
    aiosmtplib.SMTPNotSupported: "to",  # an address with letters that this server can't take
    aiosmtplib.SMTPDataError: "letter",
    ValueError: "letter",
}
"""What says that this letter will never be taken, and which field of it."""

REASONS: dict[type[Exception], str] = {
    aiosmtplib.SMTPException: "login_method",  # said when the server's ways to sign in are none of ours
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
"""Why nothing could be handed over; the nearest ancestor counts, other errors go by their own names."""

LASTING = frozenset({"certificate", "login_method", "starttls"})
"""Reasons that an operator has to see to: another try is no use. So is one after any answer from 500 on."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class MailServer:
    """Where letters are handed over. `security` is starttls, tls or none; both verify the host's name."""

    host: str
    port: int
    security: str
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    wait: float = WAIT_SECONDS


class SmtpMail(Mail):
    """Sends letters as `sender`, an address that may have a name before it: `The clinic <a@b.example>`."""

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
        """Connect, sign in and say NOOP; sends nothing.

        Raises:
            Unavailable: it is not there, or does not let us in; says why.
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
        """Connect and sign in; nothing is said in the clear unless security is none.

        Hosts are verified as this machine does; SSL_CERT_FILE and SSL_CERT_DIR name other authorities.
        """
        server = self._server
        connection = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            local_hostname=self._sender.domain,  # instead of this machine's, which it would ask DNS for
            timeout=server.wait,
            use_tls=server.security == "tls",
            start_tls=False,  # below, so that a server without it is told from others
        )
        try:
            await connection.connect()
            if server.security == "starttls":
                await _start_tls(connection)
            if server.username:
                await connection.login(server.username, server.password)
            yield connection
            with suppress(aiosmtplib.SMTPException, OSError):  # it has taken the letter
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
    """Turn what aiosmtplib raises into errors of the domain."""
    try:
        yield
    except (aiosmtplib.SMTPException, OSError, ValueError) as exc:
        raise smtp_error(exc) from None


def smtp_error(exc: Exception) -> TherapyError:
    """Return what an exception of aiosmtplib means. 4xx is "not now", whatever it answers."""
    exc = _beneath(exc)
    status = _status(exc)
    told: dict[str, Any] = {"status": status} if status else {}
    if 400 <= status < 500:
        return Unavailable(reason="later", **told)
    kind = next(
        (each for each in type(exc).__mro__ if each in LETTERS_FAULT or each in REASONS), None
    )
    if kind in LETTERS_FAULT:
        return InvalidInput(LETTERS_FAULT[kind], **told)
    return Unavailable(reason=REASONS[kind] if kind else type(exc).__name__, **told)


def _beneath(exc: Exception) -> Exception:
    """Return why there is no connection, where that is what the exception is about."""
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
    """Tell whether the letter may be taken later."""
    if not isinstance(error, Unavailable):
        return False
    status = error.details.get("status", 0)
    refused = isinstance(status, int) and status >= 500
    return error.details.get("reason") not in LASTING and not refused
