"""Old and new replicas side by side: a program that lacks some kinds works over what HEAD wrote.

The older program is HEAD's source without a kind of run, a kind of consequence and a source of
transcripts. It does what it knows, and leaves the rest as it was, to the byte and the version.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import therapy
from tests.builders import (
    MINUTE,
    NOW,
    PATIENT,
    PRACTICE,
    SESSION,
    a_login,
    a_person,
    a_practice,
    a_run,
    a_session,
    a_therapist,
    a_version,
)
from tests.contract.stores import OpenedStores
from tests.repositories.changes import commit
from therapy.domain.errors import NotFound
from therapy.domain.outbox import AccessEnded, PersonEntryChanged, RunDue, SessionEntryChanged
from therapy.domain.run import RunKind
from therapy.domain.session import State
from therapy.domain.transcript import Source
from therapy.ports.store import Item
from therapy.repositories.change import Change
from therapy.repositories.logins import access_partition
from therapy.repositories.practices import practice_partition
from therapy.repositories.records import Records
from therapy.repositories.sessions import session_partition
from therapy.testing.clock import Clock
from therapy.testing.memory import memory_ports
from therapy.workflows.accounts import put_practice
from therapy.workflows.installation import Installation, install

ROOT = Path(__file__).resolve().parents[2]
SRC = Path(therapy.__file__).parent
OTHER = "session-2"

LACKING = (
    ("domain/run.py", '    SCORE = "score"\n', ""),
    ("domain/run.py", 'INSIGHTS = "insights"', 'INSIGHTS = "insights_of_before"'),
    ("domain/session_status.py", ", State.CLOSING: RunKind.SCORE", ""),
    ("domain/session_status.py", "RunKind.SCORE, RunKind.AMEND", "RunKind.AMEND"),
    ("domain/outbox.py", "    | AccessEnded\n", ""),
    ("domain/outbox.py", '    AccessEnded: "outbox.access-ended",\n', ""),
    ("domain/transcript.py", '    EDIT = "edit"\n', ""),
)
"""What the older program does not know: a file, what stands there in HEAD, and what stood there before."""

UNKNOWN_IN_SESSION = ("session", "run-score", "run-insights", "version-000002", "text-000002")


@dataclass(frozen=True)
class Older:
    """The older program's source, and where the items are."""

    path: Path
    stores: OpenedStores

    def works(self) -> dict[str, Any]:
        """Run it over both sessions, a minute after they were written; return what it says."""
        told = {
            "address": self.stores.address,
            "now": (NOW + MINUTE).isoformat(),
            "practice": PRACTICE,
            "sessions": [SESSION, OTHER],
            "recording": a_session().recording.key,
        }
        ran = subprocess.run(
            [sys.executable, "-m", "tests.repositories.older_program", json.dumps(told)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": f"{self.path}{os.pathsep}{ROOT}"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)


@pytest.fixture
def older(stores: OpenedStores, tmp_path: Path) -> Older:
    source = shutil.copytree(SRC, tmp_path / "older" / "therapy")
    for name, stands, stood in LACKING:
        text = (source / name).read_text(encoding="utf-8")
        assert text.count(stands) == 1, (name, stands)
        (source / name).write_text(text.replace(stands, stood), encoding="utf-8")
    return Older(source.parent, stores)


@pytest.fixture
def head(stores: OpenedStores, clock: Clock) -> Installation:
    """HEAD's program, over the same items."""
    ports = replace(
        memory_ports(clock=clock),
        store=stores.store,
        session_index=stores.session_index,
        people_index=stores.people_index,
    )
    return install(ports)


async def written(records: Records) -> None:
    """Write a session to be transcribed, one to be scored after an edit, and a person to be signed out."""
    await put_practice(a_practice(), records=records)
    for person in (a_therapist(), a_person()):
        change = Change(*records.people.new(person))
        await records.commit(PRACTICE, change, PersonEntryChanged(person.id))
    await commit(records, records.logins.write(a_login()))
    person = await records.people.load(PRACTICE, PATIENT)
    ended = Change(records.people.write(person, person))
    await records.commit(PRACTICE, ended, AccessEnded(PATIENT, NOW))
    change = Change(records.sessions.write(a_session()), records.runs.write(a_run()))
    await records.commit(PRACTICE, change, RunDue(SESSION), SessionEntryChanged(SESSION))
    machine, edit = (
        a_version(number, session_id=OTHER, source=source)
        for number, source in ((1, Source.MACHINE), (2, Source.EDIT))
    )
    score = a_run(id="score", session_id=OTHER, kind=RunKind.SCORE)
    insights = a_run(id="insights", session_id=OTHER, kind=RunKind.INSIGHTS)
    change = Change(
        records.sessions.write(a_session(id=OTHER, state=State.CLOSING, transcript_number=2)),
        records.runs.write(score),
        records.runs.write(insights),
        *await records.transcripts.new(PRACTICE, machine),
        *await records.transcripts.new(PRACTICE, edit),
    )
    await records.commit(PRACTICE, change, RunDue(OTHER), SessionEntryChanged(OTHER))


async def unknown_items(records: Records) -> list[Item]:
    """Return everything that the older program does not know, or has no reason to touch."""
    found = [
        *(await records.store.get(session_partition(PRACTICE, OTHER), *UNKNOWN_IN_SESSION)).values()
    ]
    waiting = await records.store.due(["outbox.access-ended"], NOW + MINUTE, 10)
    people = await records.store.list(practice_partition(PRACTICE), "person-")
    logins = await records.store.list(access_partition(PRACTICE, PATIENT))
    assert len(found) == len(UNKNOWN_IN_SESSION)
    assert len(waiting) == len(logins) == 1
    return [*sorted(found, key=lambda item: item.id), *waiting, *people, *logins]


@pytest.mark.slow
@pytest.mark.parametrize("family_name", ["local", "azure"])
async def test_an_older_program_does_what_it_knows_and_leaves_the_rest_as_it_was(
    records: Records, older: Older, head: Installation, clock: Clock
) -> None:
    await written(records)
    before = await unknown_items(records)

    said = older.works()

    assert said["therapy"].startswith(str(older.path))
    assert await unknown_items(records) == before
    assert said["sessions"] == {
        SESSION: {
            "state": "awaiting_review",
            "runs": ["transcribe", "insights_of_before"],
            "versions": [1],
            "text": "readable",
        },
        OTHER: {
            "state": "closing",
            "runs": [],
            "versions": [1],
            "text": "not_known_to_this_version",
        },
    }
    assert said["pending"] == 0
    version = await records.transcripts.load(PRACTICE, SESSION, 1)
    assert [each.text for each in version.utterances] == ["I slept better."]
    for session_id in (SESSION, OTHER):
        assert await records.outbox.pending(session_partition(PRACTICE, session_id)) == ()

    clock.now = NOW + 2 * MINUTE
    await head.sweep.once()
    await head.worker.work_on(PRACTICE, OTHER)
    assert (await records.sessions.load(PRACTICE, OTHER)).state is State.CLOSED
    with pytest.raises(NotFound):
        await records.logins.load(PRACTICE, PATIENT, a_login().sid)
    assert (await head.session_index.get(PRACTICE, OTHER)).state.value == "closed"
    assert (await records.transcripts.load(PRACTICE, OTHER, 2)).insights is not None
    assert len(await head.people_index.search(PRACTICE, None, "example.health", "", 10)) == 2
