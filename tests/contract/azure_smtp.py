"""The azure family's mail: SMTP to a real server, which keeps what it takes."""

from email.message import EmailMessage
from typing import Any

from tests.emulators.smtp import SENDER, FakeSmtp
from therapy.adapters.smtp import MailServer, SmtpMail
from therapy.ports.mail import Letter


def smtp_mail(server: FakeSmtp) -> dict[str, Any]:
    """The adapter, and what a mail program shows: one of those with the same Message-ID."""
    access = MailServer("127.0.0.1", server.port, "none", server.username, server.password)

    def sent() -> list[Letter]:
        return [
            read(each) for each in {each["Message-ID"]: each for each in server.letters}.values()
        ]

    return {"mail": SmtpMail(access, SENDER), "sent_letters": sent}


def read(message: EmailMessage) -> Letter:
    lines = message.get_content().replace("\r\n", "\n").removesuffix("\n")
    return Letter(str(message["X-Letter"]), str(message["To"]), str(message["Subject"]), lines)
