"""What `ports.mail` promises."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from therapy.domain.errors import InvalidInput
from therapy.ports.mail import Letter, Mail
from therapy.testing.optional_promises import CutOff, ask_what_is_cut_off, ask_what_is_well
from therapy.testing.samples import PRACTICE, a_letter


async def test_a_letter_arrives_as_it_was_sent(
    mail: Mail, sent_letters: Callable[[], list[Letter]]
) -> None:
    letter = a_letter(subject="סיסמה חדשה", body="שלום,\n\nFrom here on:\n.\nabc-123 " + "x" * 300)
    await mail.send(PRACTICE, letter)
    assert sent_letters() == [letter]


async def test_a_letter_that_is_sent_again_is_the_same_letter(
    mail: Mail, sent_letters: Callable[[], list[Letter]]
) -> None:
    await mail.send(PRACTICE, a_letter())
    await mail.send(PRACTICE, a_letter())
    assert sent_letters() == [a_letter()]


async def test_every_letter_counts(mail: Mail, sent_letters: Callable[[], list[Letter]]) -> None:
    letters = [a_letter(id=f"letter {number}/../x") for number in range(3)]
    for letter in letters:
        await mail.send(PRACTICE, letter)
    assert sorted(sent_letters(), key=lambda each: each.id) == letters


@pytest.mark.parametrize("field", ["id", "to", "subject"])
@pytest.mark.parametrize(
    "lines", ["x\nBcc: a@b.example", "x\r\n", "x\r", "x\u2028", "x\x85", "x\n"]
)
async def test_a_letter_whose_head_would_have_another_line_is_refused(
    mail: Mail, sent_letters: Callable[[], list[Letter]], field: str, lines: str
) -> None:
    with pytest.raises(InvalidInput, match=f"field={field}"):
        await mail.send(PRACTICE, replace(a_letter(), **{field: lines}))
    assert sent_letters() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"body": "half \ud800"},
        {"to": "nobody"},
        {"to": " nobody@here.example"},
        {"to": "first,second@here.example"},
        {"to": "first@here.example,second"},
        {"to": "seems(is)@here.example"},
        {"to": "<other@here.example>"},
    ],
    ids=ascii,
)
async def test_a_letter_that_can_never_be_sent_is_refused_and_not_quoted(
    mail: Mail, sent_letters: Callable[[], list[Letter]], changes: dict[str, str]
) -> None:
    letter = replace(a_letter(), **changes)
    with pytest.raises(InvalidInput) as refused:
        await mail.send(PRACTICE, letter)
    assert letter.to not in repr(refused.value)
    assert refused.value.__cause__ is None
    assert sent_letters() == []


def test_a_letter_does_not_show_what_it_says() -> None:
    assert "Here it is" not in repr(a_letter())
    assert "jordan" not in repr(a_letter())


async def test_a_check_of_mail_sends_no_letter(
    mail: Mail, sent_letters: Callable[[], list[Letter]]
) -> None:
    await ask_what_is_well(mail)
    assert sent_letters() == []


async def test_a_check_tells_of_mail_that_is_out_of_reach(
    mail: Mail, cut_off: CutOff | None
) -> None:
    await ask_what_is_cut_off(mail, cut_off)
