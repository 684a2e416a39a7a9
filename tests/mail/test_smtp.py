"""Mail over SMTP to a real server: what leaves, over what, and what happens when it is refused."""

import asyncio
import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aiosmtpd")

import aiosmtplib

from tests.builders import NOW, PRACTICE, a_letter
from tests.emulators.certificate import certificate
from tests.emulators.faults import Fault
from tests.emulators.processes import free_port, refusing_port
from tests.emulators.smtp import SENDER, FakeSmtp
from therapy.adapters.smtp import AT_ONCE, LETTERS_FAULT, REASONS, MailServer, SmtpMail
from therapy.domain.errors import InvalidInput, TherapyError, Unavailable

pytestmark = pytest.mark.emulator
SECRETS = ("jordan", "A new password", "Here it is", "smtp-password")


def a_mail(server: FakeSmtp, *, sender: str = SENDER, **changes: Any) -> SmtpMail:
    told = {"security": server.security, "username": server.username, "password": server.password}
    pauses = changes.pop("pauses", (0.0, 0.0))
    options = {"patience": changes.pop("patience", 60.0), "now": lambda: NOW}
    access = MailServer("127.0.0.1", server.port, **({"wait": 5.0} | told | changes))
    return SmtpMail(access, sender, pauses=pauses, **options)


async def refused(mail: SmtpMail, kind: type[TherapyError], **changes: Any) -> TherapyError:
    """Send a letter and give the error, which must say nothing of it."""
    with pytest.raises(kind) as refusal:
        await mail.send(PRACTICE, a_letter(**changes))
    shown = "".join(traceback.format_exception(refusal.value)) + repr(refusal.value) + repr(mail)
    assert not [each for each in SECRETS if each in shown]
    return refusal.value


@pytest.fixture(params=["starttls", "tls"])
def guarded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FakeSmtp]:
    """A server with a certificate that nobody knows."""
    with FakeSmtp(request.param, certificate(tmp_path)) as server:
        yield server


async def test_a_letter_has_the_head_of_one_that_no_person_wrote(fake_smtp: FakeSmtp) -> None:
    mail = a_mail(fake_smtp, sender="מרפאה <therapy@clinic.example>")
    await mail.send(PRACTICE, a_letter(subject="סיסמה חדשה", body="שלום"))
    (letter,) = fake_smtp.letters
    assert letter["From"] == "מרפאה <therapy@clinic.example>"
    assert (letter["To"], letter["Subject"]) == (a_letter().to, "סיסמה חדשה")
    assert letter["Date"].datetime == NOW
    assert letter["Message-ID"].endswith("@clinic.example>")
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter.get_content().strip() == "שלום"
    assert letter.as_bytes().isascii()
    assert PRACTICE not in letter.as_string()
    assert fake_smtp.envelopes == [("therapy@clinic.example", [a_letter().to])]


async def test_nothing_is_said_to_a_server_that_cannot_show_who_it_is(guarded: FakeSmtp) -> None:
    error = await refused(a_mail(guarded), Unavailable)
    assert error.details == {"reason": "certificate"}
    assert guarded.sessions <= 1, "it stays so: another try is no use"
    assert guarded.letters == []


async def test_letters_go_under_tls_once_its_authority_is_known(
    guarded: FakeSmtp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.crt"))
    mail = a_mail(guarded)
    await mail.check()
    assert guarded.letters == []
    await mail.send(PRACTICE, a_letter())
    assert len(guarded.letters) == 1


async def test_a_password_is_not_said_where_starttls_was_stripped(fake_smtp: FakeSmtp) -> None:
    error = await refused(a_mail(fake_smtp, security="starttls"), Unavailable)
    assert error.details == {"reason": "starttls"}
    assert fake_smtp.letters == []


async def test_a_server_that_wants_nobody_to_sign_in_is_asked_for_nothing() -> None:
    with FakeSmtp() as relay:
        relay.username = relay.password = ""
        await a_mail(relay).send(PRACTICE, a_letter())
        assert len(relay.letters) == 1


async def test_who_is_not_let_in_does_not_try_again(fake_smtp: FakeSmtp) -> None:
    for wrong in ({"password": "smtp-password 2"}, {"username": "somebody"}):
        error = await refused(a_mail(fake_smtp, **wrong), Unavailable)
        assert error.details == {"reason": "login", "status": 535}
    assert fake_smtp.sessions == 2
    with pytest.raises(Unavailable):
        await a_mail(fake_smtp, password="another").check()


async def test_a_way_to_sign_in_that_comes_with_tls_only_is_missed(tmp_path: Path) -> None:
    with FakeSmtp("starttls", certificate(tmp_path)) as server:
        error = await refused(a_mail(server, security="none"), Unavailable)
        assert error.details == {"reason": "login_method"}


@pytest.mark.parametrize(
    "fault",
    [
        Fault("greeting", status=421),
        Fault("AUTH", status=454, times=2),  # for each way to sign in
        *(Fault(on, status=451) for on in ("MAIL", "RCPT", "DATA", "letter")),
        Fault("RCPT", status=421),
    ],
    ids=lambda fault: f"{fault.on} {fault.status}",
)
async def test_what_a_server_does_not_take_now_is_left_to_the_outbox(
    fake_smtp: FakeSmtp, fault: Fault
) -> None:
    fake_smtp.add(fault)
    error = await refused(a_mail(fake_smtp), Unavailable)
    assert error.details == {"reason": "later", "status": fault.status}
    assert fake_smtp.sessions == 1
    await a_mail(fake_smtp).send(PRACTICE, a_letter())
    assert len(fake_smtp.letters) == 1


@pytest.mark.parametrize("on", ["greeting", "EHLO", "AUTH", "MAIL", "DATA", "letter"])
async def test_a_connection_that_breaks_is_tried_again(fake_smtp: FakeSmtp, on: str) -> None:
    fake_smtp.add(Fault(on, "reset"))
    await a_mail(fake_smtp).send(PRACTICE, a_letter())
    assert len(fake_smtp.letters) == 1
    assert fake_smtp.sessions == 2


async def test_a_letter_whose_receipt_was_lost_comes_twice_as_the_same_letter(
    fake_smtp: FakeSmtp,
) -> None:
    fake_smtp.add(Fault("letter", "lost"))
    await a_mail(fake_smtp).send(PRACTICE, a_letter())
    first, second = fake_smtp.letters
    assert first["Message-ID"] == second["Message-ID"]


async def test_a_farewell_that_fails_does_not_unsend_a_letter(fake_smtp: FakeSmtp) -> None:
    for fault in (Fault("QUIT", status=500), Fault("QUIT", "reset")):
        fake_smtp.add(fault)
        await a_mail(fake_smtp).send(PRACTICE, a_letter())
    assert len(fake_smtp.letters) == fake_smtp.sessions == 2


@pytest.mark.parametrize(
    ("fault", "kind", "details"),
    [
        (Fault("RCPT", status=550), InvalidInput, {"field": "to", "status": 550}),
        (Fault("letter", status=554), InvalidInput, {"field": "letter", "status": 554}),
        (Fault("DATA", status=554), InvalidInput, {"field": "letter", "status": 554}),
        (Fault("MAIL", status=553), Unavailable, {"reason": "sender", "status": 553}),
        (Fault("greeting", status=554), Unavailable, {"reason": "greeting", "status": 554}),
    ],
    ids=lambda case: f"{case.on} {case.status}" if isinstance(case, Fault) else "",
)
async def test_what_is_refused_for_good_is_not_tried_again(
    fake_smtp: FakeSmtp, fault: Fault, kind: type[TherapyError], details: dict[str, Any]
) -> None:
    fake_smtp.add(Fault(fault.on, status=fault.status, message="5.1.1 <jordan.white1> Here it is"))
    assert (await refused(a_mail(fake_smtp), kind)).details == details
    assert fake_smtp.sessions == 1
    assert fake_smtp.letters == []


async def test_a_server_that_says_nothing_is_not_waited_for_without_end(
    fake_smtp: FakeSmtp,
) -> None:
    fake_smtp.add(Fault("greeting", "stall"), Fault("MAIL", "stall"))
    error = await refused(a_mail(fake_smtp, wait=1.5, pauses=()), Unavailable)
    assert error.details == {"reason": "no_greeting"}
    error = await refused(a_mail(fake_smtp, wait=1.5, pauses=()), Unavailable)
    assert error.details == {"reason": "disconnected"}


async def test_a_letter_that_waited_for_too_long_is_given_up() -> None:
    with FakeSmtp() as away:
        mail = a_mail(away, pauses=(60.0,), patience=0.5)
    assert (await refused(mail, Unavailable)).details == {"reason": "timeout"}


async def test_a_letter_outlives_a_restart_of_the_mail_server() -> None:
    server = FakeSmtp()
    server.port = free_port()
    sending = asyncio.create_task(a_mail(server, pauses=(0.2,) * 50).send(PRACTICE, a_letter()))
    await asyncio.sleep(0.3)
    async with server:
        await sending
        assert len(server.letters) == 1


async def test_a_server_that_hangs_leaves_the_threads_of_others_alone(fake_smtp: FakeSmtp) -> None:
    fake_smtp.add(Fault("greeting", "stall", times=None))
    mail = a_mail(fake_smtp, wait=3.0, pauses=())
    sending = [asyncio.create_task(mail.send(PRACTICE, a_letter(id=str(n)))) for n in range(40)]
    await asyncio.sleep(0.1)
    async with asyncio.timeout(2.0):
        await asyncio.to_thread(lambda: None)
    for each in sending:
        each.cancel()
    await asyncio.wait(sending)
    assert fake_smtp.sessions <= AT_ONCE


async def test_an_address_beyond_ascii_needs_a_server_that_takes_it(fake_smtp: FakeSmtp) -> None:
    letter = a_letter(to="נועה@example.health", subject="סיסמה חדשה")
    await a_mail(fake_smtp).send(PRACTICE, letter)
    assert fake_smtp.envelopes[0][1] == [letter.to]
    fake_smtp.utf8 = False
    assert (await refused(a_mail(fake_smtp), InvalidInput, to=letter.to)).details["field"] == "to"


async def test_nothing_of_a_letter_is_in_the_log(
    fake_smtp: FakeSmtp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake_smtp.add(Fault("RCPT", status=550))
    await refused(a_mail(fake_smtp), InvalidInput)
    await a_mail(fake_smtp).send(PRACTICE, a_letter())
    said = [each.getMessage() for each in caplog.records if each.name != "mail.log"]
    assert not [each for each in SECRETS if each in " ".join(said)]


def test_every_exception_of_aiosmtplib_has_its_meaning() -> None:
    known = LETTERS_FAULT.keys() | REASONS.keys()
    raised = {each for each in vars(aiosmtplib.errors).values() if isinstance(each, type)}
    assert {each for each in raised if issubclass(each, aiosmtplib.SMTPException)} <= known


@pytest.mark.parametrize(
    ("host", "security", "reason"),
    [
        ("127.0.0.1", "none", "ConnectionRefusedError"),
        ("127.0.0.1", "tls", "ConnectionRefusedError"),
        ("mail.invalid", "none", "gaierror"),
    ],
)
async def test_why_there_is_no_connection_is_told(host: str, security: Any, reason: str) -> None:
    with refusing_port() as port, pytest.raises(Unavailable) as away:
        await SmtpMail(MailServer(host, port, security), SENDER, pauses=()).check()
    assert away.value.details == {"reason": reason}
