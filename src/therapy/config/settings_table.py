"""The table of all settings, made from the fields of `Settings` and of its parts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import fields

from therapy.config.azure_settings import AzureSettings
from therapy.config.person_limit_settings import PersonLimitSettings
from therapy.config.recording_settings import RecordingSettings
from therapy.config.settings import Settings
from therapy.config.sign_in_settings import SignInSettings
from therapy.config.value_parsers import SECRET, parts


@dataclass(frozen=True)
class Setting:
    """A setting: its name in the environment, its field in `Settings`, its form, default and purpose.

    `part` is the field of the part that has it; "" = `Settings` itself. No two parts have the same field.
    """

    name: str
    part: str
    field: str
    form: Any
    default: object
    purpose: str
    secret: bool

    @property
    def default_text(self) -> str:
        """The default as one would set it; "" if there is none."""
        match self.default:
            case bool():
                return str(self.default).lower()
            case Path():
                return ""  # of this machine
            case timedelta():
                return f"{self.default.total_seconds():g}"
            case tuple():
                return ",".join(self.default)
            case _:
                return str(self.default)


PARTS: dict[str, type[Struct]] = {
    "person_limits": PersonLimitSettings,
    "recording_limits": RecordingSettings,
    "sign_in_limits": SignInSettings,
    "azure_limits": AzureSettings,
}


def _settings_in(part: str, struct: type[Struct]) -> Iterator[Setting]:
    for each in fields(struct):
        marks = parts(each.type)[1]
        if marks:
            purpose = next(mark for mark in marks if isinstance(mark, str))
            secret = SECRET in marks
            yield Setting(
                each.encode_name, part, each.name, each.type, each.default, purpose, secret
            )


def settings_of(values: Mapping[str, object]) -> Settings:
    """Return the settings with these values, by field, each in its part."""
    inside = {
        name: part(**{each: values[each] for each in part.__struct_fields__})
        for name, part in PARTS.items()
    }
    of_parts = {each for part in PARTS.values() for each in part.__struct_fields__}
    own = {name: value for name, value in values.items() if name not in of_parts}
    return Settings(**own, **inside)  # type: ignore[arg-type]  # each was read in its own form


SETTINGS = (
    *_settings_in("", Settings),
    *(setting for each in PARTS.items() for setting in _settings_in(*each)),
)

RENAMED = {"THERAPY_NOTICES": "THERAPY_PUSH"}
"""Former names of settings and what they are called now; the former one counts where only that is set."""

NO_LONGER_NEEDED = {
    "FLASK_SECRET_KEY": "there are no cookies to sign",
    "FLASK_DEBUG": "see THERAPY_LOG_LEVEL",
    "GUNICORN_THREADS": "one process serves many requests at once",
}
"""Settings of the earlier generation that are accepted and do nothing."""
