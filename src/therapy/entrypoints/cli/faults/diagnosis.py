"""Diagnoses errors for operators: the likely cause and the fix, by the rules in `known_faults`.

SDKs are not imported: an error is identified by the class names in its chain, its status, and the service's
codes and texts. These texts are matched but never printed, because they may quote a secret.
"""

import re
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime

from msgspec import Struct

from therapy.config import SettingsError
from therapy.domain.errors import TherapyError
from therapy.entrypoints.cli.faults.account_faults import ACCOUNT_WARNINGS
from therapy.entrypoints.cli.faults.error_messages import EXTRAS
from therapy.entrypoints.cli.faults.installation import HEBREW, how_to_install
from therapy.entrypoints.cli.faults.known_faults import RULES

CLOCK_SECONDS = 300
"""Azure and Google refuse requests whose time is off by more than 5 to 15 minutes."""

PLUGIN_FIX = (
    "its own settings and its package are its author's: see their page, or choose another adapter"
)

_PORT = re.compile(r":\d+$")


class Finding(Struct, frozen=True):
    """A likely cause, its fix, and the classes of the errors, for whoever wants to investigate further.

    `kinds` is "" where the cause says all there is.
    """

    cause: str
    fix: str
    kinds: str


def diagnose(
    family: str, name: str, where: str, exc: BaseException, doing: str = "", *, host: str = ""
) -> Finding:
    """Return the likely cause of a dependency's error and the fix; `doing` is the command, if it matters.

    `host` is the dependency's host on the network; "" = `where`.
    """
    kinds = kinds_in(exc)
    if family == "local" and (denied := _of_a_file(exc)):
        fix = "check THERAPY_DATA_DIR: this user must be able to write there"
        return Finding(f"{denied.strerror}: {denied.filename}", fix, kinds)
    if isinstance(exc, SettingsError):
        return Finding(str(exc), PLUGIN_FIX, kinds)
    if finding := _of_the_installation(exc, kinds):
        return finding
    off = clock_offset(exc)
    text = f"{' '.join(_texts(exc))} at={where} doing={doing}".lower()
    if off is not None and abs(off) > CLOCK_SECONDS:
        text += " clock "
    for rule in RULES:
        if (not rule.of or name in rule.of.split()) and re.search(rule.signs, text, re.DOTALL):
            host = host or where or name
            cause = rule.cause.format(host=host, name=_PORT.sub("", host))
            fix = rule.fix.replace("{hebrew}", how_to_install(HEBREW))
            return Finding(cause, fix, kinds)
    cause, fix = "it failed in a way that is not known here", "the server's log may say more"
    return Finding(cause, fix, kinds)


def diagnose_code(family: str, name: str, code: str) -> Finding:
    """Return what a code says that a dependency's `examine` returned; of one that is not ours, the code.

    Codes are compared as they are: those of another project's adapter may have the words of a fault of ours.
    """
    if fault := ACCOUNT_WARNINGS.get((family, name, code)):
        return Finding(fault.cause, fault.fix, code)
    fix = f"the documentation of the adapter {family} says what this means and what to do"
    return Finding(f"it reports: {code}", fix, "")


def _of_a_file(exc: BaseException) -> OSError | None:
    """Return the error of the file system that names a file, in an error's chain; else None."""
    return next((each for each in _chain(exc) if isinstance(each, OSError) and each.filename), None)


def _of_the_installation(exc: BaseException, kinds: str) -> Finding | None:
    """Return what is missing or damaged in the installation itself, and how to add it; else None."""
    for each in _chain(exc):
        if isinstance(each, ModuleNotFoundError):
            package = (each.name or "").partition(".")[0]
            fix = how_to_install(EXTRAS.get(package, "all"))
            return Finding(f"the library {package} is not installed", fix, kinds)
        details = each.details if isinstance(each, TherapyError) else {}
        if extra := str(details.get("extra", "")):
            return Finding(f"{extra} is not installed", how_to_install(extra), kinds)
        if advice := str(details.get("advice", "")):
            return Finding(f"the model {details.get('model')} is missing or damaged", advice, kinds)
    return None


def kinds_in(exc: BaseException) -> str:
    """Return the names of the classes in an error's chain, or our own codes."""
    kinds = [
        str(each) if isinstance(each, TherapyError) else type(each).__name__ for each in _chain(exc)
    ]
    return " < ".join(dict.fromkeys(kinds))


def clock_offset(exc: BaseException) -> float | None:
    """Return by how many seconds our clock is ahead of that of the server that sent this error, if known."""
    for each in _chain(exc):
        headers: Mapping[str, str] = getattr(getattr(each, "response", None), "headers", None) or {}
        if date := headers.get("Date"):
            try:
                return time.time() - parsedate_to_datetime(date).timestamp()
            except (TypeError, ValueError):
                return None
    return None


def _chain(exc: BaseException) -> Iterator[BaseException]:
    """Yield an error, its causes, and the errors inside them."""
    seen: set[int] = set()
    waiting: list[object] = [exc]
    while waiting:
        each = waiting.pop(0)
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        inner = getattr(each, "inner_exception", None)
        waiting += [each.__cause__, each.__context__, inner, *getattr(each, "exceptions", ())]


def _texts(exc: BaseException) -> Iterator[str]:
    for each in _chain(exc):
        yield from (kind.__name__ for kind in type(each).__mro__[:-3])
        yield str(each)
        status, code = getattr(each, "status_code", None), getattr(each, "error_code", None)
        yield f"status={status} code={getattr(code, 'value', code)}"
