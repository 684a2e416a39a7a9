"""A mail server that takes so many letters in a minute and an hour: the others wait while they are of use."""

from datetime import timedelta

import pytest

pytest.importorskip("aiosmtpd")

from tests.builders import MINUTE, a_person
from tests.emulators.smtp import SENDER, FakeSmtp
from tests.workflows.memory_installation import MemoryInstallation, an_installation
from therapy.adapters.logged_mail import LoggedMail
from therapy.adapters.smtp import MailServer, SmtpMail
from therapy.domain.errors import Unavailable
from therapy.entrypoints.cli.faults.diagnosis import diagnose
from therapy.repositories.records import UNATTACHED
from therapy.workflows import accounts
from therapy.workflows.reset_letters import LetterPace, ask_for_letter
from therapy.workflows.undelivered import undelivered

pytestmark = pytest.mark.emulator
EVERY_20_MINUTES = ((10, 1_200.0),)
AZURE_MANAGED = ((5, 60.0), (10, 3_600.0))


async def clinic(server: FakeSmtp, people: int, **options: object) -> MemoryInstallation:
    """Return an installation with this mail server and so many people."""
    access = MailServer("127.0.0.1", server.port, "none", server.username, server.password)
    mail = LoggedMail(SmtpMail(access, SENDER, pauses=()))
    installed = await an_installation(mail=mail, options=options)
    server.clock = lambda: installed.clock().timestamp()
    for number in range(people):
        someone = a_person(id=f"person-{number}", email=f"p{number}@example.health", number="")
        await accounts.add_person(someone, records=installed.records)
    return installed


async def ask(installed: MemoryInstallation, people: int) -> None:
    """Have everyone ask for a letter at once."""
    records, attempts = installed.records, installed.sign_in.attempts
    for number in range(people):
        email = f"p{number}@example.health"
        await records.deliver(await ask_for_letter(email, records=records, attempts=attempts))


async def pass_minutes(installed: MemoryInstallation, minutes: int) -> None:
    """Let minutes pass with a sweep in each half of one."""
    for _ in range(2 * minutes):
        installed.clock.advance(seconds=30)
        await installed.sweep()


async def test_letters_beyond_what_a_server_takes_in_a_minute_arrive_in_the_next(
    fake_smtp: FakeSmtp,
) -> None:
    fake_smtp.rates = AZURE_MANAGED
    installed = await clinic(fake_smtp, 10)
    await ask(installed, 10)
    assert len(fake_smtp.letters) == 5
    await pass_minutes(installed, 2)
    assert sorted(each["To"] for each in fake_smtp.letters) == sorted(
        f"p{number}@example.health" for number in range(10)
    )


async def test_the_eleventh_letter_is_waited_out_while_it_is_of_use(fake_smtp: FakeSmtp) -> None:
    fake_smtp.rates = EVERY_20_MINUTES
    installed = await clinic(fake_smtp, 11)
    await ask(installed, 11)
    (waiting,) = await undelivered(records=installed.records)
    assert (waiting.dependency, waiting.number) == ("mail", 1)
    assert waiting.why == "unavailable reason=later status=452"
    finding = diagnose("smtp", "mail", "", Unavailable(waiting.why))
    assert "more than it takes in a minute or an hour" in finding.cause
    await pass_minutes(installed, 22)
    assert len(fake_smtp.letters) == 11
    assert await installed.waiting(UNATTACHED) == ()


async def test_a_letter_that_expired_in_waiting_is_dropped_and_the_log_says_why(
    fake_smtp: FakeSmtp, caplog: pytest.LogCaptureFixture
) -> None:
    fake_smtp.rates = AZURE_MANAGED
    installed = await clinic(fake_smtp, 11)
    await ask(installed, 11)
    asked_at = installed.clock.now
    await pass_minutes(installed, 70)
    assert len(fake_smtp.letters) == 10
    assert await installed.waiting(UNATTACHED) == ()
    (dropped,) = [each for each in caplog.records if each.levelname == "ERROR"]
    said = vars(dropped)
    assert dropped.getMessage() == "a letter expired before it could be sent, and was dropped"
    assert (said["asked_at"], said["why"]) == (
        asked_at.isoformat(),
        "unavailable reason=later status=452",
    )
    assert said["attempts"] >= 29
    assert "example.health" not in str(said)


async def test_with_a_longer_life_the_eleventh_letter_of_an_hour_arrives(
    fake_smtp: FakeSmtp,
) -> None:
    fake_smtp.rates = AZURE_MANAGED
    pace = LetterPace(lifetime=timedelta(minutes=90), longest_pause=5 * MINUTE)
    installed = await clinic(fake_smtp, 11, letter_pace=pace)
    await ask(installed, 11)
    await pass_minutes(installed, 70)
    assert len(fake_smtp.letters) == 11
    assert fake_smtp.sessions < 60
