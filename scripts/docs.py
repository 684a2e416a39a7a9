"""Write the pages of docs/ that are made from the code: `python scripts/docs.py`, or `--check`.

A test runs the check, so a page never says anything but what the code does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

from therapy.domain.session import TRANSITIONS, Event, State

ROOT = Path(__file__).resolve().parent.parent

_STATES_PAGE = """\
# The states of a session

Made from `TRANSITIONS` in `therapy.domain.session` by `python scripts/docs.py`; do not edit.

A session is a document, and these are its states. What a client sees as `transcribing` or `failed`
is not in them: it is derived from the session and the runs on it (`therapy.domain.status`).

```mermaid
{diagram}
```

Whatever is not in this table is refused with `WrongState`, and nothing changes.

{table}
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
    following = TRANSITIONS.get((state, event))
    if following is None:
        return "-"
    return "stays" if following is state else f"`{following.value}`"


PAGES: dict[str, Callable[[], str]] = {"docs/reference/states.md": states_page}


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
            print(f"{name} is out of date: run `python scripts/docs.py`")
        else:
            (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / name).write_text(PAGES[name](), encoding="utf-8")
            print(f"wrote {name}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
