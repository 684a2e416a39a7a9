"""How a setting's text is read. Each reader gives a value, or raises ValueError that says what is wanted."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from ipaddress import ip_network

from therapy.domain.errors import InvalidInput
from therapy.domain.session import parse_languages

_ADDRESS = r"[^\s<>()\[\]@,;:\"\\]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
_MAILBOX = re.compile(rf"[^<>@\\]*<{_ADDRESS}>|{_ADDRESS}")


def whole(least: int, most: int) -> Callable[[str], int]:
    """Read a whole number within bounds."""

    def read(text: str) -> int:
        wanted = f"a whole number from {least} to {most}"
        try:
            number = int(text)
        except ValueError:
            raise ValueError(wanted) from None
        if not least <= number <= most:
            raise ValueError(wanted)
        return number

    return read


def seconds(text: str) -> timedelta:
    """Read a time in seconds, up to a day."""
    wanted = "seconds, from 0.1 to 86400"
    try:
        number = float(text)
    except ValueError:
        raise ValueError(wanted) from None
    if not 0.1 <= number <= 86_400:
        raise ValueError(wanted)
    return timedelta(seconds=number)


def one_of(*choices: str) -> Callable[[str], str]:
    """Read one of these words, in any case."""

    def read(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return text.lower()

    return read


def yes_or_no(text: str) -> bool:
    """Read a switch; the words of the earlier generation among them."""
    if text.lower() in {"1", "true", "yes", "on"}:
        return True
    if text.lower() in {"0", "false", "no", "off"}:
        return False
    raise ValueError("true or false")


def languages(text: str) -> tuple[str, ...]:
    """Read BCP 47 tags with commas between."""
    with suppress(InvalidInput):
        if tags := parse_languages(filter(str.strip, text.split(",")), field=""):
            return tags
    raise ValueError("at most four language tags with commas between, e.g. he-IL,en-US")


def address(*schemes: str) -> Callable[[str], str]:
    """Read an address that begins with one of these schemes; empty is none."""

    def read(text: str) -> str:
        if text and not text.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError(f"an address that begins with {' or '.join(schemes)}://")
        return text.rstrip("/")

    return read


def like(pattern: str, wanted: str) -> Callable[[str], str]:
    """Read what matches as a whole, or nothing."""

    def read(text: str) -> str:
        if text and not re.fullmatch(pattern, text):
            raise ValueError(wanted)
        return text

    return read


def host(text: str) -> str:
    """Read the name or address of a host, without scheme, port or path; empty is none."""
    if not re.fullmatch(r"[A-Za-z0-9._-]*|\[?[0-9a-fA-F:]+\]?", text) or text.count(":") == 1:
        raise ValueError("a host's name alone, without scheme and port")
    return text


def networks(text: str) -> tuple[str, ...]:
    """Read addresses and networks of IP with commas between; empty is none."""
    try:
        found = (ip_network(each.strip(), strict=False) for each in text.split(",") if each.strip())
        return tuple(str(each) for each in found)
    except ValueError:
        wanted = "addresses or networks with commas between, e.g. 10.0.0.4,169.254.0.0/16"
        raise ValueError(wanted) from None


def ascii_text(text: str) -> str:
    """Read what SMTP can carry when somebody signs in: smtplib sends ASCII only."""
    if not (text.isascii() and text.isprintable()):
        raise ValueError("plain letters, digits and signs (ASCII)")
    return text


def mail_address(text: str) -> str:
    """Read an address of mail, alone or as `A name <the@address>`; empty is none."""
    if text and not (_MAILBOX.fullmatch(text) and text.isprintable()):
        raise ValueError("an address, alone or as The clinic <therapy@clinic.example>")
    return text


def region(text: str) -> str:
    """Read the name of a region as the SDKs want it; "West Europe" is one as the portal shows it."""
    name = text.replace(" ", "").lower()
    if name and not name.isalnum():
        raise ValueError("a region of Azure, e.g. westeurope")
    return name
