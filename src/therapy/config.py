"""Settings: one frozen struct, read once from a mapping; one table says what each is for.

Every fault is named in one message, with its mend. A secret is in no repr and no message.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from msgspec import Struct

PLACEHOLDERS = ("changeme", "change-me", "secret", "your-", "placeholder", "default", "example")
SHORTEST_SECRET = 32
"""Bytes of a signing secret: the length of an HS256 key, RFC 7518, 3.2."""

AZURE = ("COSMOS_", "AZURE_STORAGE_", "SPEECH_KEY", "SPEECH_REGION", "TEXT_ANALYTICS_")
"""Settings that ask for adapters which this version does not have yet."""


class SettingsError(Exception):
    """Raised at the start when settings are missing or malformed: one line for each, with its mend."""


class Settings(Struct, frozen=True):
    """What an installation can choose. Sizes are bytes; see `SETTINGS` for the names outside."""

    host: str
    port: int
    data_dir: Path
    jwt_secret: str
    operator_token: str
    language: str
    speech_languages: tuple[str, ...]
    speech_model: str
    upload_bytes: int
    disk_reserve: int
    lease: timedelta
    sweep_every: timedelta
    sessions_at_once: int
    log_level: str

    def __repr__(self) -> str:
        return f"Settings(host={self.host!r}, port={self.port}, data_dir={str(self.data_dir)!r})"


@dataclass(frozen=True)
class Setting:
    """One setting: its name outside, its field, how it is read, and what it is for."""

    name: str
    field: str
    default: str
    read: Callable[[str], object]
    purpose: str
    secret: bool = False


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(text)
        if not least <= number <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return number

    return read


def _seconds(text: str) -> timedelta:
    seconds = float(text)
    if not 0.1 <= seconds <= 86_400:
        raise ValueError("seconds, from 0.1 to 86400")
    return timedelta(seconds=seconds)


def _one_of(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in {each.lower() for each in choices}:
            raise ValueError(f"one of {', '.join(choices)}")
        return text.lower()

    return read


def _languages(text: str) -> tuple[str, ...]:
    tags = tuple(tag.strip() for tag in text.split(",") if tag.strip())
    if not tags or not all(tag.replace("-", "").isalnum() for tag in tags):
        raise ValueError("language tags with commas between, e.g. he-IL,en-US")
    return tags


SETTINGS: tuple[Setting, ...] = (
    Setting("THERAPY_HOST", "host", "127.0.0.1", str, "the address to listen on"),
    Setting("PORT", "port", "8000", _whole(0, 65_535), "the port to listen on; 0 takes a free one"),
    Setting(
        "THERAPY_DATA_DIR",
        "data_dir",
        "therapy-data",
        Path,
        "where everything is kept; an empty directory is fine",
    ),
    Setting(
        "JWT_SECRET_KEY",
        "jwt_secret",
        "",
        str,
        "signs access tokens, at least 32 bytes; when empty, one is made and kept in the data directory",
        secret=True,
    ),
    Setting(
        "THERAPY_OPERATOR_TOKEN",
        "operator_token",
        "",
        str,
        "shows the details of /health/ready to whoever sends it as a bearer token; empty: to nobody",
        secret=True,
    ),
    Setting(
        "THERAPY_LANGUAGE",
        "language",
        "en",
        _one_of("en", "he"),
        "of errors where a client asks for none, and of a new practice",
    ),
    Setting(
        "SPEECH_LANGUAGE",
        "speech_languages",
        "he-IL,en-US",
        _languages,
        "what is spoken in sessions, recognised among these",
    ),
    Setting(
        "THERAPY_SPEECH_MODEL",
        "speech_model",
        "tiny.en",
        str,
        "the recogniser's model: tiny.en, base (multilingual; extra [hebrew]) or a directory with one",
    ),
    Setting(
        "THERAPY_MAX_UPLOAD_BYTES",
        "upload_bytes",
        str(2 * 1024**3),
        _whole(1, 2**50),
        "the largest recording that is taken in",
    ),
    Setting(
        "THERAPY_DISK_RESERVE_BYTES",
        "disk_reserve",
        str(512 * 1024**2),
        _whole(0, 2**60),
        "room on the disk that recordings leave free",
    ),
    Setting(
        "THERAPY_LEASE_SECONDS",
        "lease",
        "30",
        _seconds,
        "how long a dead worker's session waits before another takes it",
    ),
    Setting(
        "THERAPY_SWEEP_SECONDS",
        "sweep_every",
        "10",
        _seconds,
        "how often forgotten work is looked for",
    ),
    Setting(
        "CELERY_CONCURRENCY", "sessions_at_once", "4", _whole(1, 64), "sessions worked on at once"
    ),
    Setting(
        "THERAPY_LOG_LEVEL",
        "log_level",
        "info",
        _one_of("debug", "info", "warning", "error"),
        "how much is logged; never what people said",
    ),
)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings from names and texts; an empty text is the default.

    Raises:
        SettingsError: something is malformed, contradictory or not to be had; names all of it.
    """
    values: dict[str, object] = {}
    faults = list(_not_yet(environment))
    for setting in SETTINGS:
        text = environment.get(setting.name, "").strip() or setting.default
        try:
            values[setting.field] = setting.read(text)
        except ValueError as exc:
            wanted = (
                str(exc)
                if "invalid literal" not in str(exc) and "could not" not in str(exc)
                else "a number"
            )
            faults.append(f"{setting.name} must be {wanted}: {setting.purpose}")
    faults.extend(_weak_secret(str(values.get("jwt_secret", "")), environment))
    if faults:
        raise SettingsError(
            "\n".join(["The settings can't be used:", *(f"  - {fault}" for fault in faults)])
        )
    return Settings(**values)  # type: ignore[arg-type]  # each was read by its own function above


def in_production(environment: Mapping[str, str]) -> bool:
    """Tell whether this is an App Service, or says of itself that it is in production."""
    return "WEBSITE_INSTANCE_ID" in environment or environment.get("THERAPY_ENV") == "production"


def _weak_secret(secret: str, environment: Mapping[str, str]) -> Iterator[str]:
    if secret and in_production(environment):
        mend = "`openssl rand -hex 32` makes one"
        if len(secret.encode()) < SHORTEST_SECRET:
            yield f"JWT_SECRET_KEY must have {SHORTEST_SECRET} bytes or more: {mend}"
        elif any(each in secret.lower() for each in PLACEHOLDERS):
            yield f"JWT_SECRET_KEY is a placeholder: {mend}"


def _not_yet(environment: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(environment):
        if name.startswith(AZURE) and environment[name].strip():
            yield f"{name} asks for Azure, which this version does not serve: unset it"
