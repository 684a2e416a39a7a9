"""Make the old data: `python tests/data/make_148999e FOLDER`; README.md says how.

Runs the program of whichever checkout it is started in, with that checkout's Python: 148999e's.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dump
import people
import views
from accidents import leave_consequences, leave_uploads
from packing import archive, write_json
from program import FAR, SIGNING_SECRET, Program, begin, opened
from sessions import Story

from tests.emulators.cosmos import Cosmos
from therapy.adapters.local.mail import sent_letters
from therapy.adapters.local.notices import sent_notices
from therapy.domain.status import ApiState
from therapy.workflows import enrolment
from therapy.workflows.sweep import sweep

BESIDE_COSMOS = {"JWT_SECRET_KEY": SIGNING_SECRET, "THERAPY_STORES": "azure"} | {
    f"THERAPY_{name}": "local"
    for name in ("RECORDINGS", "SPEECH", "SENTIMENT", "NOTICES", "MAIL", "DOORBELL")
}


class Making:
    """Tells the whole story once and then looks at what it left."""

    def __init__(self) -> None:
        self.story: Story
        self.ids: views.Ids = {}
        self.noted: dict[str, Any] = {}

    async def tell(self) -> None:
        """Let a practice live for a while, and end as a program ends that is told to."""
        async with opened() as program:
            practice_id = await people.set_up_practice(program)
            await people.sign_in_everybody(program)
            await people.register_devices(program)
            self.noted["refresh_tokens"] = await people.refresh_tokens(program)
            self.noted["reset_tokens"] = await people.reset_tokens(program)
            self.story = Story(program, practice_id)
            await self.story.tell()

    async def leave_consequences(self) -> None:
        """Go on, and let writers be killed."""
        async with opened() as program:
            self.story.goes_on(program)
            await leave_consequences(self.story)

    async def leave_uploads(self, before_it_ends: Callable[[], None] = lambda: None) -> None:
        """Go on, and let uploads be broken off; `before_it_ends` may copy what is there by then."""
        async with opened() as program:
            self.story.goes_on(program)
            self.noted["uploads"] = await leave_uploads(self.story)
            before_it_ends()

    async def look(self, program: Program) -> dict[str, Any]:
        """Return everything that the program says."""
        practice_id = self.story.practice_id
        own = {name: (practice_id, each) for name, each in self.story.ids.items()}
        self.ids = await _seeded(program) | own
        uploads = self.noted["uploads"]
        return {
            "made_by": "148999e",
            "jwt_secret": SIGNING_SECRET,
            "far": FAR,
            "practices": await views.everybody(program),
            "sessions": await views.sessions_of(program, self.ids),
            "uploads": await views.uploads_of(program, practice_id, uploads),
            "reservations": await views.reservations_of(program, practice_id, self.story.reserved),
            "devices": await views.devices_of(program),
            "mailbox": _mailbox(program),
            "answers": await views.answers(program, self.ids),
        }

    async def look_and_try(self) -> dict[str, Any]:
        """Look, then use what looking can't: tokens."""
        async with opened() as program:
            views.look_at()
            found = await self.look(program)
            found["refresh_tokens"] = await views.tried(program, self.noted["refresh_tokens"])
            found["reset_tokens"] = await views.tried_resets(program, self.noted["reset_tokens"])
        return found

    async def sweep_and_look(self, before: dict[str, Any]) -> dict[str, Any]:
        """Deliver and clean up what is due; returns what is different then, without any run worked on."""
        async with opened() as program:
            views.look_at()
            await sweep(desk=program.desk)
            after = await views.answers(program, self.ids)
            stored = await views.sessions_of(program, self.ids)
            return {
                "answers": [each for each in after if each not in before["answers"]],
                "outbox": {name: each["outbox"] for name, each in stored.items() if each["outbox"]},
                "mailbox": _mailbox(program),
            }


async def _seeded(program: Program) -> views.Ids:
    """Return the sessions of the demo practice."""
    found: views.Ids = {}
    for practice in await enrolment.practices(desk=program.desk):
        async for person in enrolment.everybody(practice, desk=program.desk):
            if person.demo:
                rows = await program.desk.rows.of_therapist(
                    practice.id, person.id, set(ApiState), "", 100
                )
                for row in rows:
                    name = f"seeded: {row.state.value}, {row.date}, {row.therapist_name}"
                    found[f"{name}, {row.patient_name}"] = practice.id, row.session_id
    return found


def _mailbox(program: Program) -> dict[str, Any]:
    """Return what was sent: pushes by device, letters by address."""
    return {
        "notices": [
            {"token": each.token, "kind": each.notice.kind, "session": each.notice.session_id}
            for each in sent_notices(program.mailbox)
        ],
        "letters": [
            {"to": each.to, "subject": each.subject} for each in sent_letters(program.mailbox)
        ],
    }


def settings(data_dir: Path, **more: str) -> None:
    """Set this process's settings; nothing of this machine's own stays."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    os.environ.clear()
    os.environ.update(kept | more)
    os.environ.update(
        PYTHONUTF8="1",
        THERAPY_DATA_DIR=str(data_dir),
        THERAPY_DISK_RESERVE_BYTES="0",
        SPEECH_LANGUAGE="en-US",
    )


def make_local(folder: Path, work: Path) -> dict[str, Any]:
    """Make the data directory, and the two files of its database as they were before it was closed.

    Returns what the program says about it.
    """
    data, unclosed = work / "data", work / "unclosed"
    settings(data)
    begin()
    people.add_accounts()
    making = Making()
    asyncio.run(making.tell())
    asyncio.run(making.leave_consequences())

    def copy() -> None:
        unclosed.mkdir()
        for name in ("therapy.sqlite3", "therapy.sqlite3-wal"):
            shutil.copy2(data / name, unclosed / name)

    asyncio.run(making.leave_uploads(copy))
    archive(data, folder / "data-directory-148999e.tar.gz")
    archive(unclosed, folder / "data-directory-148999e-wal.tar.gz")
    with copied(data, work):
        expected = asyncio.run(making.look_and_try())
    with copied(data, work):
        expected["after_sweep"] = asyncio.run(making.sweep_and_look(expected))
    return expected


@contextlib.contextmanager
def copied(data: Path, work: Path) -> Iterator[None]:
    """Have the program work on a copy while the body runs."""
    shutil.copytree(data, work / "copy")
    os.environ["THERAPY_DATA_DIR"] = str(work / "copy")
    yield
    shutil.rmtree(work / "copy")


def make_cosmos(folder: Path, work: Path) -> dict[str, Any]:
    """Tell the same story to the Cosmos emulator and write down what is in its containers.

    Returns what the program says about it.
    """
    with Cosmos() as emulator:
        settings(work / "beside-cosmos", **BESIDE_COSMOS, **emulator.settings())
        begin()
        people.command("migrate")
        people.add_accounts()
        making = Making()
        asyncio.run(making.tell())
        asyncio.run(making.leave_consequences())
        asyncio.run(making.leave_uploads())
        write_json(folder / "cosmos-148999e.json", asyncio.run(dump.containers(emulator)))
        expected = asyncio.run(making.look_and_try())
        expected["after_sweep"] = asyncio.run(making.sweep_and_look(expected))
    return expected


def main() -> None:
    parser = argparse.ArgumentParser(prog="make_148999e", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder.resolve()
    with tempfile.TemporaryDirectory(prefix="therapy-old-") as work:
        expected = make_local(folder, Path(work))
        of_cosmos = make_cosmos(folder, Path(work))
    different = [name for name in expected if expected[name] != of_cosmos[name]]
    if different:
        raise SystemExit(f"SQLite and Cosmos do not agree on {', '.join(different)}")
    write_json(folder / "expected-148999e.json", expected)


if __name__ == "__main__":
    main()
