"""Types that the schemas of several resources share: bounded texts, dates as the app spells them, parameters.

Requests ignore fields they do not know; no text holds a NUL, and every text has a greatest length.
"""

from datetime import date
from typing import Annotated

from litestar.params import PathParameter, QueryParameter
from msgspec import Meta, Struct

NO_NUL = "^[^\\x00]*$"
Short = Annotated[str, Meta(max_length=200, pattern=NO_NUL)]
Text = Annotated[str, Meta(max_length=20_000, pattern=NO_NUL)]
LanguageTag = Annotated[str, Meta(max_length=35, pattern=NO_NUL)]
Token = Annotated[str, Meta(max_length=4_096, pattern=NO_NUL)]

SessionId = Annotated[str, PathParameter(max_length=100)]
Before = Annotated[str, QueryParameter(name="before", max_length=100)]


class Message(Struct):
    message: str


def day(value: date | None) -> str | None:
    """Write a date as `dd-MM-yyyy`, as most of the contract does."""
    return f"{value:%d-%m-}{value.year:04}" if value else None


def iso(value: date | None) -> str | None:
    """Write a date as `yyyy-MM-dd`, as profiles and lists do."""
    return value.isoformat() if value else None
