"""Which family of adapters serves which port: what is set decides, a setting of its own overrides.

A family that is half set up is a fault that names the rest, never a silent fall-back: nobody should
find a clinic's sessions on a container's disk.
"""

from collections.abc import Iterator

from msgspec import Struct

from therapy.config.table import AUTO


class Family(Struct, frozen=True):
    """A choice: the field that holds it, its setting, what is chosen when, and what that needs.

    `signs` are fields of which any one, when set, chooses `chosen`. Each of `needs` is a group of
    fields of which one must be set.
    """

    field: str
    setting: str
    chosen: str
    signs: tuple[str, ...]
    needs: tuple[tuple[str, ...], ...]


FAMILIES: tuple[Family, ...] = (
    Family("stores", "THERAPY_STORES", "azure", ("cosmos_uri", "cosmos_key"), (("cosmos_uri",),)),
    Family(
        "recordings",
        "THERAPY_RECORDINGS",
        "azure",
        ("storage_connection", "storage_account"),
        (("storage_connection", "storage_account"),),
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
    ),
    Family(
        "notices",
        "THERAPY_NOTICES",
        "firebase",
        ("firebase_project", "firebase_account", "google_credentials"),
        (("firebase_project", "firebase_account"),),
    ),
    Family("doorbell", "THERAPY_DOORBELL", "redis", ("redis_host",), (("redis_host",),)),
)

_TOGETHER = ("stores", "recordings")
"""Documents and recordings belong to one family unless somebody says otherwise on purpose."""


def chosen(values: dict[str, object]) -> dict[str, str]:
    """Give each field's family: what a setting says, else what follows from what is set."""
    families = {}
    for each in FAMILIES:
        said = str(values.get(each.field, AUTO))
        follows = each.chosen if any(values.get(sign) for sign in each.signs) else "local"
        families[each.field] = follows if said == AUTO else said
    if AUTO in {str(values.get(field, AUTO)) for field in _TOGETHER}:
        any_azure = "azure" in {families[field] for field in _TOGETHER}
        for field in _TOGETHER:
            if any_azure and str(values.get(field, AUTO)) == AUTO:
                families[field] = "azure"
    return families


def faults(settings: dict[str, object], names: dict[str, str]) -> Iterator[str]:
    """Say what a chosen family lacks; `names` maps fields to settings' names."""
    for each in FAMILIES:
        if settings.get(each.field) != each.chosen:
            continue
        for group in each.needs:
            if not any(settings.get(field) for field in group):
                wanted = " or ".join(names[field] for field in group)
                why = f"{each.chosen} serves the {each.field}"
                yield f"{wanted} is missing: {why}; set it, or {each.setting}=local"
