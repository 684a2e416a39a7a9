"""Mail by SMTP: a connection for each letter, by `smtplib` in a thread.

aiosmtplib would save the thread, but is not worth a package for a letter now and then. What a server
says may quote an address or a letter: its code is kept, its words are not, and causes are not shown.
"""

import asyncio
import hashlib
import smtplib
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from functools import partial
from typing import Any

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
"""Connections: a mail server that hangs must not take all threads that others need."""

WIRE = policy.SMTP.clone(cte_type="7bit")
"""Any server takes 7 bits: what needs more is encoded. But an address can't be, see RFC 6531."""

LETTERS_FAULT: dict[type[Exception], str] = {
    smtplib.SMTPRecipientsRefused: "to",
    smtplib.SMTPNotSupportedError: "to",  # an address with letters that this server can't take
    smtplib.SMTPDataError: "letter",
    ValueError: "letter",
}
"""What says that this letter will never be taken, and which field of it."""

REASONS: dict[type[Exception], str] = {
    smtplib.SMTPException: "login_method",  # said when the server's ways to sign in are none of ours
    smtplib.SMTPServerDisconnected: "disconnected",
    smtplib.SMTPResponseException: "answer",
    smtplib.SMTPSenderRefused: "sender",
    smtplib.SMTPConnectError: "greeting",
    smtplib.SMTPHeloError: "greeting",
    smtplib.SMTPAuthenticationError: "login",
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
        self._server, self._now = server, now
        self._patience = patience
        self._retries = RetryPolicy("a mail is sent again", passes=_passes, pauses=tuple(pauses))
        self._sender = Address(name.strip(' "'), addr_spec=address.strip(" >"))
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def send(self, practice_id: str, letter: Letter) -> None:
        content = self._written(practice_id, letter)
        try:
            async with asyncio.timeout(self._patience):
                await self._retries.call(lambda: self._try(letter.to, content))
        except TimeoutError:
            raise Unavailable(reason="timeout") from None

    async def check(self) -> None:
        """Connect, sign in and say NOOP; sends nothing.

        Raises:
            Unavailable: it is not there, or does not let us in; says why.
        """
        await asyncio.to_thread(self._look)

    async def _try(self, to: str, content: bytes) -> None:
        async with self._turn:
            await _apart(partial(self._hand_over, to, content))

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

    def _hand_over(self, to: str, content: bytes) -> None:
        with smtp_errors(), self._connected() as connection:
            options = () if to.isascii() else ("SMTPUTF8", "BODY=8BITMIME")
            connection.sendmail(self._sender.addr_spec, [to], content, options)

    def _look(self) -> None:
        with smtp_errors(), self._connected() as connection:
            code, words = connection.noop()
            if code >= 400:
                raise smtplib.SMTPResponseException(code, words)

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        """Connect and sign in; nothing is said in the clear unless security is none."""
        server, connection = self._server, self._greeted()
        try:
            connection.ehlo_or_helo_if_needed()
            if server.security == "starttls":
                if not connection.has_extn("starttls"):
                    raise Unavailable(reason="starttls")
                connection.starttls(context=_context())
                connection.ehlo_or_helo_if_needed()
            if server.username:
                if not connection.has_extn("auth"):
                    raise Unavailable(reason="login_method")
                connection.login(server.username, server.password)
            yield connection
            with suppress(smtplib.SMTPException, OSError):  # it has taken the letter
                connection.quit()
        finally:
            connection.close()

    def _greeted(self) -> smtplib.SMTP:
        server = self._server
        us = self._sender.domain  # instead of this machine's name, which smtplib would ask DNS for
        try:
            if server.security == "tls":
                return smtplib.SMTP_SSL(
                    server.host, server.port, us, timeout=server.wait, context=_context()
                )
            return smtplib.SMTP(server.host, server.port, us, timeout=server.wait)
        except smtplib.SMTPServerDisconnected:
            raise Unavailable(reason="no_greeting") from None


async def _apart(work: Callable[[], None]) -> None:
    """Do it in a thread that nobody joins: a server that says nothing must not hold up our stop."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(error: Exception | None) -> None:
        if not done.done():  # else nobody waits any more
            done.set_result(None) if error is None else done.set_exception(error)

    def run() -> None:
        error: Exception | None = None
        try:
            work()
        except Exception as exc:  # noqa: BLE001 - raised where it is waited for
            error = exc
        with suppress(RuntimeError):  # the loop has closed meanwhile
            loop.call_soon_threadsafe(settle, error)

    threading.Thread(target=run, name="smtp", daemon=True).start()
    await done


def _context() -> ssl.SSLContext:
    """Verify as this machine does; SSL_CERT_FILE and SSL_CERT_DIR name other authorities."""
    return ssl.create_default_context()


@contextmanager
def smtp_errors() -> Iterator[None]:
    """Turn what smtplib raises into errors of the domain."""
    try:
        yield
    except (OSError, ValueError) as exc:  # smtplib's own are OSErrors
        raise smtp_error(exc) from None


def smtp_error(exc: Exception) -> TherapyError:
    """Say what an exception of smtplib means. 4xx is "not now", whatever it answers."""
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


def _status(exc: Exception) -> int:
    if isinstance(exc, smtplib.SMTPRecipientsRefused):
        return min((code for code, _ in exc.recipients.values()), default=0)
    code = getattr(exc, "smtp_code", 0)
    return code if isinstance(code, int) else 0


def _passes(error: Exception) -> bool:
    """Tell whether the letter may be taken later."""
    if not isinstance(error, Unavailable):
        return False
    status = error.details.get("status", 0)
    refused = isinstance(status, int) and status >= 500
    return error.details.get("reason") not in LASTING and not refused
