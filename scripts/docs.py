"""Write the pages of docs/ that are made from the code: `.venv/bin/python scripts/docs.py`, or `--check`.

A test runs the check, so a page never says anything but what the code does.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import runpy
import sys
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from types import ModuleType

from therapy import adapters, ports, repositories
from therapy.config import FAMILIES as CHOICES
from therapy.config import GROUPS, NO_LONGER_NEEDED, RENAMED, SETTINGS
from therapy.domain.session import TRANSITIONS, Event, State
from therapy.ports.insights import InsightFinder
from therapy.ports.mail import Mail
from therapy.ports.push import PushSender
from therapy.ports.recordings import Recordings
from therapy.ports.sentiment import Sentiment
from therapy.ports.speech import Speech

ROOT = Path(__file__).resolve().parent.parent

PLUGIN_PORTS: dict[str, type] = {
    "recordings": Recordings,
    "speech": Speech,
    "sentiment": Sentiment,
    "insights": InsightFinder,
    "push": PushSender,
    "mail": Mail,
}
"""What a plugin of a field is checked against by `therapy.wiring`; the stores are three."""

_STATES_PAGE = """\
# The states of a session

Made from `TRANSITIONS` in `therapy.domain.session` by `.venv/bin/python scripts/docs.py`; do not edit.

A session is a document, and these are its states. What a client sees as `transcribing` or `failed`
is not in them: it is derived from the session and the runs on it (`therapy.domain.session_status`).

```mermaid
{diagram}
```

Whatever is not in this table is refused with `WrongState`, and nothing changes.

{table}

## A resumable upload

It is no session yet, and has no named states; `GET /uploads/{{id}}` shows how far it is.

- **`offset` less than `length`**, or `length` null: bytes are missing. `PATCH` goes on from `offset`, at any
  server.
- **`has_metadata` false**: nobody has said what the recording is. `PUT /uploads/{{id}}/metadata` says it.
- **Everything there, no `session_id`**: it is being checked, or its request died; then the sweep makes the
  session after a minute.
- **`problem`** has a code: it can't become a session. Metadata sent again, the same or better ones, try it
  again.
- **`session_id`**: it is a session, in one of the states above. It says so for a day.

In all but the last it is removed, with its bytes, by `DELETE`, or if nothing comes of it for a day.
Two requests that add bytes at one offset: the later one takes over, the other is answered 409.

## The patient's link

Beside its state a session has a link to its patient's account; only a `closed` session is shown to it.

- **Made** at the upload, or by a correction before the submission, if number and name are those of an
  account; else by the session's therapist, with `POST /sessions/{{id}}/patient-link`, in every state but
  `cancelled`. With another number the link moves. What was entered about the patient is then replaced by
  what that account says, so that the right patient reads nothing about the wrong one.
- **Undone** by the session's therapist with `DELETE /sessions/{{id}}/patient-link`, in every state. From the
  answer on the account neither finds the session in a list nor reads it, on any replica, and a push about it
  that still waits is not sent. The number is again the one that was entered. What the patient has read or
  stored before can't be taken back. Recordings and links that play them are never a patient's.
- **Not made again** by anything but `POST`: neither by a correction of the patient's details nor by the same
  recording sent again. `hints` says so (`patient_link_undone`).

Each change after the upload is kept with the session: who, when, from which account to which. An operation
that reads these comes later, as does an admin who may undo links: there is no such role yet.
"""


def states_page() -> str:
    """The diagram of TRANSITIONS and the table that says the same in words."""
    return _STATES_PAGE.format(diagram=_diagram(), table=_table())


def _diagram() -> str:
    lines = ["stateDiagram-v2", f"    [*] --> {State.AWAITING_TRANSCRIPT.value}"]
    arrows = [((before, after), event) for (before, event), after in TRANSITIONS.items()]
    order = {ends: number for number, ends in enumerate(dict.fromkeys(ends for ends, _ in arrows))}
    arrows.sort(key=lambda arrow: order[arrow[0]])
    for (before, after), group in groupby(arrows, key=lambda arrow: arrow[0]):
        events = ", ".join(event.value for _, event in group)
        lines.append(f"    {before.value} --> {after.value}: {events}")
    leaving = {before for before, _ in TRANSITIONS}
    lines += [f"    {state.value} --> [*]" for state in State if state not in leaving]
    return "\n".join(lines)


def _table() -> str:
    rows = [
        ["state", *(f"`{event.value}`" for event in Event)],
        ["---"] * (len(Event) + 1),
        *([f"**`{state.value}`**", *(_cell(state, event) for event in Event)] for state in State),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(state: State, event: Event) -> str:
    new_state = TRANSITIONS.get((state, event))
    if new_state is None:
        return "-"
    return "stays" if new_state is state else f"`{new_state.value}`"


_SETTINGS_PAGE = """\
# Settings

Made from `SETTINGS` in `therapy.config` by `.venv/bin/python scripts/docs.py`; do not edit.

Every setting is an environment variable; an empty one means the default. In development they may also be in
a file `.env` in the directory in which `therapy` is started; if `THERAPY_ENV=production` or
`WEBSITE_INSTANCE_ID` is set, only the environment counts. If any setting is wrong, the program does not
start, and one message names all faults.

{table}

Sizes are in bytes, times in seconds. Names that are not in this table are ignored (`therapy check` points out
those that look mistyped), except these, which count in the environment only, never in `.env`:

- `THERAPY_ENV`: `production` as above; it is checked before `.env` is read
- `THERAPY_FLOW_PASSWORD`: the password for `therapy flow`
- `AZURE_CLIENT_ID`: which of this machine's identities on Azure to use; read by Azure's library
- `SSL_CERT_FILE`: a file with the authorities to trust when sending mail; read by Python's TLS

## Which family serves what

What is set decides; the setting in the last column overrides it, so that a clinic can mix families, e.g.
local recognition with Cosmos DB. If a family is only partly configured, the program does not start and names
the rest. Documents and recordings use the same family unless they are explicitly set to different ones. In
"needs", one of the names separated by "or" is enough; without a key, the machine's identity (managed
identity, workload identity) is used.

{families}

## Adapters of other projects

The settings in the last column, except `THERAPY_DOORBELL`, also accept a plugin: the name under which an
installed package registers an adapter, or `package.module:factory`. `therapy check` lists what is installed.
A plugin gets the variables of the environment (and of `.env`) that begin with its package's name in upper
case: `OPENAI_SPEECH_…` for the package `openai_speech`. See [Write an
adapter](../how-to/write-an-adapter.md).

| setting | group of entry points | what the factory returns |
| --- | --- | --- |
{groups}

## From Key Vault

On App Service a value like `@Microsoft.KeyVault(SecretUri=…)` is resolved before the program starts. If one
could not be resolved, the program does not start, and says its name and what to do.

## Renamed

These names count, too, where the new one is not set; `therapy check` names those that are set.

{renamed}

## No longer needed

These settings of the earlier generation are accepted but have no effect; `therapy check` names those that are
set. `PYTHONUNBUFFERED` still has its effect on Python.

{unneeded}
"""


def settings_page() -> str:
    """The table of all settings."""
    rows = [["name", "default", "what it is for"], ["---"] * 3]
    for each in SETTINGS:
        default = f"`{each.default_text}`" if each.default_text else "(empty)"
        rows.append(
            [f"`{each.name}`", default, each.purpose + (" (secret)" if each.secret else "")]
        )
    unneeded = [f"- `{name}`: {why}" for name, why in NO_LONGER_NEEDED.items()]
    renamed = [f"- `{former}` is called `{name}` now" for former, name in RENAMED.items()]
    return _SETTINGS_PAGE.format(
        table="\n".join(f"| {' | '.join(row)} |" for row in rows),
        families=_choices(),
        groups=_groups(),
        renamed="\n".join(renamed),
        unneeded="\n".join(unneeded),
    )


def _groups() -> str:
    settings = {each.field: each.setting for each in CHOICES}
    kinds = {field: f"a `{port.__name__}`" for field, port in PLUGIN_PORTS.items()}
    kinds["stores"] = "a tuple of a `Store`, a `SessionIndex` and a `PeopleIndex`"
    return "\n".join(
        f"| `{settings[field]}` | `{group}` | {kinds[field]} |" for field, group in GROUPS.items()
    )


def _choices() -> str:
    names = {each.field: f"`{each.name}`" for each in SETTINGS}
    rows = [["what", "served by", "if any of these is set", "needs", "override"], ["---"] * 5]
    for each in CHOICES:
        signs = ", ".join(names[sign] for sign in each.signs)
        needs = "; ".join(" or ".join(names[field] for field in group) for group in each.needs)
        key = f"; {names[each.key]} or an identity" if each.key else ""
        rows.append([each.field, each.chosen, signs, needs + key, f"`{each.setting}`"])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


_ADAPTERS_PAGE = """\
# Which adapter serves which port

Made from the classes in `therapy.adapters` and `therapy.repositories` by
`.venv/bin/python scripts/docs.py`; do not edit.

`therapy.wiring` picks them. The contract suite in `tests/contract` runs what this table says: every
adapter of a port passes the same tests. "all" stands for adapters that belong to no family: each of them
serves with any. `StoredAttempts`, e.g., counts in the store of whichever family where there is no Redis.

{table}
"""


def adapters_page() -> str:
    """The table port x family."""
    inside = [*_modules(adapters), *_modules(repositories)]
    found = [module for module in inside if "recogniser_process" not in module.__name__]
    rows = []
    for port in _modules(ports):
        for _, contract in inspect.getmembers(port, inspect.isclass):
            if contract.__module__ == port.__name__ and inspect.isabstract(contract):
                served = _served(contract, found)
                rows.append([f"`{port.__name__.rpartition('.')[2]}`", *served])
    head = [["port", *FAMILIES], ["---"] * (len(FAMILIES) + 1)]
    return _ADAPTERS_PAGE.format(table="\n".join(f"| {' | '.join(row)} |" for row in head + rows))


FAMILIES = ("memory", "local", "azure", "firebase", "all")


def _served(contract: type, found: list[ModuleType]) -> list[str]:
    cells: dict[str, list[str]] = {family: [] for family in FAMILIES}
    for module in found:
        for name, adapter in inspect.getmembers(module, inspect.isclass):
            if adapter.__module__ == module.__name__ and issubclass(adapter, contract):
                family = module.__name__.split(".")[2]
                cells[family if family in FAMILIES else "all"].append(f"`{name}`")
    return [", ".join(cells[family]) or "-" for family in FAMILIES]


def _modules(package: ModuleType) -> list[ModuleType]:
    names = [each.name for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    return [importlib.import_module(name) for name in sorted(names)]


def cosmos_page() -> str:
    """What lies where in Cosmos DB, and what it costs."""
    made: str = runpy.run_path(str(ROOT / "scripts/cosmos_costs.py"))["page"]()
    return made


def library_page() -> str:
    """The public names of the library."""
    made: str = runpy.run_path(str(ROOT / "scripts/library_page.py"))["page"]()
    return made


def costs_page() -> str:
    """What a session costs on Azure."""
    made: str = runpy.run_path(str(ROOT / "scripts/session_costs.py"))["page"]()
    return made


def contributing_page() -> str:
    """Where things go: every module."""
    made: str = runpy.run_path(str(ROOT / "scripts/modules_list.py"))["page"]()
    return made


def upload_page() -> str:
    """Every field of an upload."""
    made: str = runpy.run_path(str(ROOT / "scripts/upload_page.py"))["page"]()
    return made


PAGES: dict[str, Callable[[], str]] = {
    "CONTRIBUTING.md": contributing_page,
    "docs/how-to/upload-a-session.md": upload_page,
    "docs/reference/adapters.md": adapters_page,
    "docs/reference/cosmos.md": cosmos_page,
    "docs/reference/costs.md": costs_page,
    "docs/reference/library.md": library_page,
    "docs/reference/settings.md": settings_page,
    "docs/reference/states.md": states_page,
}


def outdated() -> list[str]:
    """The pages that do not say what the code says."""
    stale = []
    for name, make in PAGES.items():
        page = ROOT / name
        if not page.is_file() or page.read_text(encoding="utf-8") != make():
            stale.append(name)
    return stale


def main(arguments: list[str]) -> int:
    stale = outdated()
    for name in stale:
        if "--check" in arguments:
            print(f"{name} is out of date: run `.venv/bin/python scripts/docs.py`")
        else:
            (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / name).write_text(PAGES[name](), encoding="utf-8")
            print(f"wrote {name}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
