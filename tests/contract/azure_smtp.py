"""The azure family's mail: SMTP to a real server, which keeps what it takes."""

from email.message import EmailMessage

from tests.emulators.smtp import SENDER, FakeSmtp
from therapy.adapters.smtp import MailServer, SmtpMail
from therapy.ports.mail import Letter


def smtp_mail(server: FakeSmtp) -> SmtpMail:
    """The adapter, where the server takes letters."""
    access = MailServer("127.0.0.1", server.port, "none", server.username, server.password)
    return SmtpMail(access, SENDER)


def letters_at(server: FakeSmtp) -> list[Letter]:
    """What a mail program shows: one of those with the same Message-ID."""
    return [read(each) for each in {each["Message-ID"]: each for each in server.letters}.values()]


def read(message: EmailMessage) -> Letter:
    lines = message.get_content().replace("\r\n", "\n").removesuffix("\n")
    return Letter(str(message["X-Letter"]), str(message["To"]), str(message["Subject"]), lines)
