"""What several processes import: for a process that forks them, so that they share that memory."""

from importlib import import_module

from therapy.config import Settings

ADAPTERS = "therapy.adapters"
SHARED = {
    ("stores", "local"): (
        "local.sqlite.database",
        "local.sqlite.store",
        "local.sqlite.session_index",
        "local.sqlite.people_index",
    ),
    ("stores", "azure"): (
        "azure.cosmos.client",
        "azure.cosmos.store",
        "azure.cosmos.session_index",
        "azure.cosmos.people_index",
    ),
    ("recordings", "local"): ("local.recordings",),
    ("recordings", "azure"): ("azure.blob.recordings",),
    ("doorbell", "local"): ("local.doorbell", "local.session_events"),
    ("doorbell", "redis"): ("redis", "taskiq", "session_events", "attempt_limits"),
    ("mail", "local"): ("local.mail",),
    ("mail", "smtp"): ("smtp",),
}
"""The modules of the adapters that API processes and workers open, by port and family."""


ENGINES = {
    ("speech", "azure"): ("azure.speech.engine",),
    ("sentiment", "azure"): ("azure.language.sentiment",),
    ("insights", "azure"): ("azure.language.insights",),
    ("push", "firebase"): ("firebase.push",),
}
"""Those that only workers open, of SDKs that take 12 MB: worth it where there are several workers."""


def import_what_is_shared(settings: Settings, *, with_engines: bool = False) -> None:
    """Import the adapters that these settings choose; a plugin is imported by the process that opens it."""
    for (port, family), modules in (SHARED | (ENGINES if with_engines else {})).items():
        if getattr(settings, port) == family:
            for module in ("audio", *modules):
                import_module(f"{ADAPTERS}.{module}")
