"""What a server or worker says at its start: what it serves, and what is doubtful about its settings."""

import logging
from collections.abc import Iterator, Mapping

from therapy.config import (
    FAMILIES,
    NO_LONGER_NEEDED,
    RENAMED,
    Settings,
    is_loopback,
    on_app_service,
    recognised_by,
    unknown,
    weakness_of,
)

STOP_LIMIT, USUAL_STOP_LIMIT = "WEBSITES_CONTAINER_STOP_TIME_LIMIT", 5
"""App Service's setting for how many seconds it waits for a container to stop, and its default."""

ENGLISH_ONLY = ("en-US",)
DEMO_PRACTICE = "the demo practice is in this data: whoever knows its password can sign in"

log = logging.getLogger(__name__)


def summary(settings: Settings, sources: str) -> list[str]:
    """Return a few lines about what is served; `sources` says where the settings come from."""
    return [
        f"  speech: {', '.join(settings.speech_languages)} by {_recogniser(settings)}{_but(settings)}",
        f"  adapters: {_adapters(settings)}",
        f"  settings: {sources}",
    ]


def lacking(settings: Settings) -> tuple[str, ...]:
    """Return the languages that the local recogniser's model is known not to recognise."""
    if settings.speech != "local" or recognised_by(settings.speech_model) != ENGLISH_ONLY:
        return ()
    return tuple(each for each in settings.speech_languages if each.partition("-")[0] != "en")


def start_warnings(settings: Settings, variables: Mapping[str, str]) -> Iterator[str]:
    """Yield what is doubtful about the settings of a server, a sentence each with what to do."""
    if not is_loopback(settings.host) and not settings.trusted_proxies:
        yield (
            f"others can reach this server ({settings.host}), and it has no TLS: put a TLS proxy in front"
            " and name it in THERAPY_TRUSTED_PROXIES"
        )
    if settings.jwt_secret and (weakness := weakness_of(settings.jwt_secret)):
        yield (
            f"JWT_SECRET_KEY {weakness}, and is refused once others can reach this server:"
            " `openssl rand -hex 32` generates one"
        )
    yield from _stop_warnings(settings, variables)
    for name, why in NO_LONGER_NEEDED.items():
        if variables.get(name):
            yield f"{name} is no longer needed: {why}"
    for former, name in RENAMED.items():
        if variables.get(former):
            rest = ", which counts" if variables.get(name) else "; it counts under both names"
            yield f"{former} is called {name} now{rest}: rename it"
    for name, nearest in unknown(variables):
        yield f"{name} is not a setting" + (f"; did you mean {nearest}?" if nearest else "")


def _stop_warnings(settings: Settings, variables: Mapping[str, str]) -> Iterator[str]:
    text, drain = variables.get(STOP_LIMIT, ""), settings.drain.total_seconds()
    limit = int(text) if text.isdecimal() else USUAL_STOP_LIMIT
    if on_app_service(variables) and drain > limit:
        yield (
            f"GUNICORN_TIMEOUT is {drain:g} s, and App Service kills a container that has not stopped after"
            f" {limit} s: set GUNICORN_TIMEOUT below {STOP_LIMIT} (at most 120). How long a request may"
            " take, which the earlier generation set with it, has no limit"
        )


def _recogniser(settings: Settings) -> str:
    if settings.speech == "local":
        return f"Whisper {settings.speech_model} on this machine"
    if settings.speech == "azure":
        return f"Azure Speech ({settings.speech_engine})"
    return settings.speech


def _but(settings: Settings) -> str:
    missing = ", ".join(lacking(settings))
    return f" (which does not recognise {missing}: see `therapy check`)" if missing else ""


def _adapters(settings: Settings) -> str:
    """Return which family or plugin serves what, e.g. "local: stores, mail; azure: speech"."""
    served: dict[str, list[str]] = {}
    for each in FAMILIES:
        served.setdefault(getattr(settings, each.field), []).append(each.field)
    return "; ".join(f"{family}: {', '.join(fields)}" for family, fields in served.items())
