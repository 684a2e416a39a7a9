"""What `ports.mail` promises."""

from tests.builders import PRACTICE, a_letter
from tests.contract.conftest import Family


async def test_a_letter_arrives_as_it_was_sent(family: Family) -> None:
    letter = a_letter(subject="סיסמה חדשה", body="שלום,\n\nFrom here on:\n.\nabc-123 " + "x" * 300)
    await family.mail.send(PRACTICE, letter)
    assert family.sent_letters() == [letter]


async def test_a_letter_that_is_sent_again_is_the_same_letter(family: Family) -> None:
    await family.mail.send(PRACTICE, a_letter())
    await family.mail.send(PRACTICE, a_letter())
    assert family.sent_letters() == [a_letter()]


async def test_every_letter_counts(family: Family) -> None:
    letters = [a_letter(id=f"letter {number}/../x") for number in range(3)]
    for letter in letters:
        await family.mail.send(PRACTICE, letter)
    assert sorted(family.sent_letters(), key=lambda each: each.id) == letters


def test_a_letter_does_not_show_what_it_says() -> None:
    assert "Here it is" not in repr(a_letter())
    assert "jordan" not in repr(a_letter())
