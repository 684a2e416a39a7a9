"""What `ports.passwords` promises."""

import asyncio
import unicodedata
from typing import Literal

import pytest

from therapy.ports.passwords import Passwords

PASSWORD = "correct horse סוס"


async def test_the_password_that_was_hashed_is_told_from_others(passwords: Passwords) -> None:
    hashed = await passwords.hash(PASSWORD)
    assert await passwords.verify(PASSWORD, hashed) is True
    for other in ("", "correct horse", PASSWORD + " ", PASSWORD.upper()):
        assert await passwords.verify(other, hashed) is False


@pytest.mark.parametrize("hashed_as", ["NFC", "NFD"])
@pytest.mark.parametrize("typed_as", ["NFC", "NFD"])
async def test_a_password_is_the_same_however_its_letters_are_composed(
    passwords: Passwords, hashed_as: Literal["NFC", "NFD"], typed_as: Literal["NFC", "NFD"]
) -> None:
    hashed = await passwords.hash(unicodedata.normalize(hashed_as, "Zoë schläft שּׁ"))
    typed = unicodedata.normalize(typed_as, "Zoë schläft שּׁ")
    assert await passwords.verify(typed, hashed) is True
    assert await passwords.verify("Zoe schlaft ש", hashed) is False


async def test_two_hashes_of_a_password_differ(passwords: Passwords) -> None:
    first, second = await asyncio.gather(*(passwords.hash(PASSWORD) for _ in range(2)))
    assert first != second
    assert PASSWORD not in first


@pytest.mark.parametrize("hashed", ["", "$", "nonsense", "$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA"])
async def test_what_is_no_hash_is_never_the_password(passwords: Passwords, hashed: str) -> None:
    assert await passwords.verify(PASSWORD, hashed) is False
    assert await passwords.verify("", hashed) is False


@pytest.mark.parametrize(
    "common", ["password", "PassWord", "iloveyou", "12345678", "qwertyuiop!", "  Sunshine."]
)
async def test_common_passwords_are_told_from_others(passwords: Passwords, common: str) -> None:
    assert await passwords.is_common(common) is True
    assert await passwords.is_common(f"{common} of an octopus") is False
