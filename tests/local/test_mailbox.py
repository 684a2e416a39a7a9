"""The file mailbox: what it keeps goes once it is of no use."""

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.builders import DAY, HOUR, NOW, OTHER_PRACTICE, PRACTICE, a_letter
from therapy.adapters.local.mail import FileMail, sent_letters

RESET = replace(a_letter(), topic="reset-person-1", expires_at=NOW + HOUR)


@pytest.fixture
def mail(tmp_path: Path) -> FileMail:
    return FileMail(tmp_path, lambda: NOW)


def left(tmp_path: Path) -> list[str]:
    return [each.id for each in sent_letters(tmp_path)]


async def test_a_letter_says_what_it_is_about_and_until_when_it_is_of_use(mail, tmp_path):
    await mail.send(PRACTICE, RESET)
    assert sent_letters(tmp_path) == (RESET,)


async def test_letters_that_have_expired_are_deleted_and_others_stay(mail, tmp_path):
    await mail.send(PRACTICE, replace(RESET, id="over", expires_at=NOW))
    await mail.send(PRACTICE, replace(RESET, id="good"))
    await mail.discard_expired(NOW)
    assert left(tmp_path) == ["good"]


async def test_a_letter_of_before_which_does_not_say_until_when_stays_for_a_day(mail, tmp_path):
    old = FileMail(tmp_path, lambda: NOW - 2 * DAY)
    await mail.send(PRACTICE, a_letter(id="recent"))
    await old.send(PRACTICE, a_letter(id="old"))
    await mail.discard_expired(NOW)
    assert left(tmp_path) == ["recent"]


async def test_letters_on_a_topic_are_deleted_of_that_practice_only(mail, tmp_path):
    await mail.send(PRACTICE, replace(RESET, id="first"))
    await mail.send(PRACTICE, replace(RESET, id="second"))
    await mail.send(PRACTICE, replace(RESET, id="another", topic="reset-person-2"))
    await mail.send(PRACTICE, replace(RESET, id="none", topic=""))
    await mail.send(OTHER_PRACTICE, replace(RESET, id="elsewhere"))
    await mail.discard(PRACTICE, RESET.topic, NOW)
    await mail.discard(PRACTICE, RESET.topic, NOW)
    assert sorted(left(tmp_path)) == ["another", "elsewhere", "none"]


async def test_a_letter_that_was_sent_later_stays(mail, tmp_path):
    """Its token is not the one that has ended."""
    await mail.send(PRACTICE, RESET)
    await mail.discard(PRACTICE, RESET.topic, NOW - HOUR)
    assert left(tmp_path) == [RESET.id]


async def test_a_mailbox_that_was_never_used_has_nothing_to_delete(mail):
    await mail.discard(PRACTICE, RESET.topic, NOW)
    await mail.discard_expired(NOW)


FOREIGN = {
    "without a date": b"Subject: hello\n\nText",
    "not a letter": b"\xff\x00\x01",
    "empty": b"",
    "of another program": b"Date: Mon, 01 Jan 2001 00:00:00 +0000\nSubject: hello\n\nText",
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
async def test_what_others_put_into_the_mailbox_stays_and_is_in_nobodys_way(
    mail, tmp_path, content
):
    await mail.send(PRACTICE, replace(RESET, id="over", expires_at=NOW))
    for name in ("000", "zzz"):  # whichever comes first
        (tmp_path / "mail" / f"{name}.eml").write_bytes(content)
    await mail.discard_expired(NOW)
    await mail.discard(PRACTICE, RESET.topic, NOW)
    assert left(tmp_path) == []
    assert (tmp_path / "mail" / "000.eml").read_bytes() == content


@pytest.mark.parametrize("field", ["Date", "X-Expires"])
@pytest.mark.parametrize("value", ["", "soon", "Mon, 01 Jan 2001 00:00:00 -0000"])
async def test_a_letter_with_a_date_that_cannot_be_read_goes_a_day_after_its_file_was_written(
    mail, tmp_path, field, value
):
    await mail.send(PRACTICE, a_letter(id="edited"))
    (path,) = (tmp_path / "mail").glob("*.eml")
    lines = [each for each in path.read_text().splitlines() if not each.startswith(field)]
    path.write_text("\n".join([f"{field}: {value}", *lines]))
    os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    await mail.discard_expired(NOW + DAY / 2)
    assert left(tmp_path) == ["edited"]
    await mail.discard_expired(NOW + DAY)
    assert left(tmp_path) == []


async def test_a_folder_with_the_name_of_a_letter_is_in_nobodys_way(mail, tmp_path):
    await mail.send(PRACTICE, replace(RESET, id="over", expires_at=NOW))
    (tmp_path / "mail" / "000.eml").mkdir()
    await mail.discard_expired(NOW)
    assert left(tmp_path) == []
