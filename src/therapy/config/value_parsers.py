"""The forms of settings' texts: types that msgspec converts to, and how a text is normalised first.

msgspec checks bounds, choices and patterns; a form's title says what is expected. Numbers, switches and times
are accepted as ever: by itself msgspec refuses 08, +5, .5 and yes, which were accepted, and accepts P1D.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta

from therapy.config.installed_plugins import installed, plugins_named
from therapy.domain.errors import InvalidInput
from therapy.domain.session import MOST_PEOPLE, parse_languages

AUTO: Literal["auto"] = "auto"

SECRET = Meta(extra={"secret": True})

_ADDRESS = r"[^\s<>()\[\]@,;:\"\\]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"


@dataclass(frozen=True)
class Spelt:
    """How a text is normalised for msgspec; a ValueError means that it does not have this form."""

    how: Callable[[str], object]


@dataclass(frozen=True)
class ServedBy:
    """What may serve a port: one of our families, or a plugin that is installed for the field."""

    field: str
    families: tuple[str, ...]

    def spell(self, text: str) -> str:
        """Return the family in lower case, or the plugin's name unchanged."""
        if text.lower() in self.families:
            return text.lower()
        if len(plugins_named(self.field, text)) != 1:
            raise ValueError
        return text

    def wanted(self) -> str:
        """Return a text with the possible choices."""
        plugins = installed(self.field)
        names = [each.name for each in plugins]
        own = ", ".join((*self.families, *dict.fromkeys(names)))
        text = f"one of {own}, or the package.module:factory of an adapter"
        if twice := [str(each) for each in plugins if names.count(each.name) > 1]:
            text += f" (two have the same name: {', '.join(twice)})"
        return text if plugins else f"{text} (no plugin is installed for it)"


def _switch(text: str) -> bool:
    if text.lower() in {"1", "true", "yes", "on"}:
        return True
    if text.lower() in {"0", "false", "no", "off"}:
        return False
    raise ValueError


def _seconds(text: str) -> timedelta:
    number = float(text)
    if not 0.1 <= number <= 86_400:
        raise ValueError
    return timedelta(seconds=number)


def _languages(text: str) -> tuple[str, ...]:
    return parse_languages(filter(str.strip, text.split(",")), field="")


def _people(text: str) -> int:
    return 0 if text.lower() == AUTO else int(text)


def _networks(text: str) -> tuple[str, ...]:
    networks = filter(None, map(str.strip, text.split(",")))
    return tuple(str(ip_network(each, strict=False)) for each in networks)


def _address(text: str) -> str:
    return text.rstrip("/")


def _region(text: str) -> str:
    return text.replace(" ", "").lower()  # the portal shows e.g. "West Europe"


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError
    return text


Secret = Annotated[str, SECRET]
Switch = Annotated[bool, Meta(title="true or false"), Spelt(_switch)]
Seconds = Annotated[timedelta, Meta(title="seconds, from 0.1 to 86400"), Spelt(_seconds)]
Languages = Annotated[
    tuple[str, ...],
    Meta(min_length=1, title="at most four language tags with commas between, e.g. he-IL,en-US"),
    Spelt(_languages),
]
People = Annotated[
    int,
    Meta(ge=0, le=MOST_PEOPLE, title=f"auto, or a whole number from 1 to {MOST_PEOPLE}"),
    Spelt(_people),
]
Networks = Annotated[
    tuple[str, ...],
    Meta(title="addresses or networks with commas between, e.g. 10.0.0.4,169.254.0.0/16"),
    Spelt(_networks),
]
HttpAddress = Annotated[
    str,
    Meta(pattern=r"^(https?://|\Z)", title="an address that begins with https or http://"),
    Spelt(_address),
]
SpeechAddress = Annotated[
    str,
    Meta(
        pattern=r"^((https?|wss?)://|\Z)",
        title="an address that begins with https or http or wss or ws://",
    ),
    Spelt(_address),
]
Host = Annotated[
    str,
    Meta(
        pattern=r"^(?![^:]*:[^:]*\Z)([A-Za-z0-9._-]*|\[?[0-9a-fA-F:]+\]?)\Z",
        title="a host's name alone, without scheme and port",
    ),
]
Region = Annotated[
    str,
    Meta(pattern=r"^[^\W_]*\Z", title="a region of Azure, e.g. westeurope"),
    Spelt(_region),
]
AsciiText = Annotated[
    str,
    # What every mail server accepts for signing in.
    Meta(pattern=r"^[ -~]*\Z", title="plain letters, digits and signs (ASCII)"),
]
Sender = Annotated[
    str,
    Meta(
        pattern=rf"^([^<>@\\]*<{_ADDRESS}>|{_ADDRESS}|)\Z",
        title="an address, alone or as The clinic <therapy@clinic.example>",
    ),
    Spelt(_printable),
]


def read(form: Any, text: str) -> object:
    """Return the value that a text has in a form.

    Raises:
        ValueError: it has none; says what is expected but, unlike msgspec's own error, quotes no text.
    """
    try:
        return msgspec.convert(_spelling(form)(text), form, strict=False)
    except (ValueError, InvalidInput):  # msgspec's is a ValueError
        wanted = _wanted(form)
    raise ValueError(wanted)


def _spelling(form: Any) -> Callable[[str], object]:
    kind, marks = parts(form)
    spellings = [mark.how for mark in marks if isinstance(mark, Spelt)]
    spellings += [mark.spell for mark in marks if isinstance(mark, ServedBy)]
    usual: dict[Any, Callable[[str], object]] = {int: int, Path: Path}
    if get_origin(kind) is Literal:
        return str.lower
    return spellings[0] if spellings else usual.get(kind, str)


def _wanted(form: Any) -> str:
    kind, marks = parts(form)
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    if served := [mark for mark in marks if isinstance(mark, ServedBy)]:
        return served[0].wanted()
    metas = [mark for mark in marks if isinstance(mark, Meta)]
    if titles := [meta.title for meta in metas if meta.title]:
        return titles[0]
    return next(f"a whole number from {meta.ge} to {meta.le}" for meta in metas)


def parts(form: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return a form's type and its annotations."""
    if get_origin(form) is not Annotated:
        return form, ()
    kind, *marks = get_args(form)
    return kind, tuple(marks)
