"""What is left after the storm: every recording, session, push and blob is accounted for."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from azure.storage.blob import BlobServiceClient
from msgspec.structs import replace as replaced
from rich.console import Console
from rich.table import Table

from tests.azure.storm_crowd import PLATFORMS, Therapist
from tests.emulators.demo import Cloud
from therapy.config import read_settings
from therapy.domain.errors import LeaseLost
from therapy.domain.run import RunKind, RunState
from therapy.domain.session_status import AWAITED_KINDS, SessionStatus
from therapy.ports.store import MOST_ITEMS, Store
from therapy.repositories.change import Change
from therapy.repositories.outbox import OUTBOX_QUEUES
from therapy.repositories.records import Records
from therapy.repositories.runs import RUN_QUEUES
from therapy.repositories.uploads import UPLOAD_QUEUE
from therapy.wiring import open_therapy
from therapy.workflows.installation import Installation

TALK = [
    {"at": 100, "dur": 300, "text": "How have you been?", "speaker": "Guest-1", "lang": "en-US"},
    {"at": 500, "dur": 400, "text": "I slept badly.", "speaker": "Guest-2", "lang": "en-US"},
]

FOR_PLAYERS = ("playback", "peaks")
"""What is made of each session's recordings, by what the names of the files begin with."""


LONG = timedelta(minutes=1)
"""A pause that nobody waits for here."""


@dataclass
class Outcome:
    """What became of it; every list of `wrong` but nothing else must be empty."""

    sessions: int
    seconds: float = 0.0
    answers: Counter[str] = field(default_factory=Counter)
    faults: dict[str, Counter[str]] = field(default_factory=dict)
    killed: int = 0
    redis_lost: int = 0
    claims: Counter[int] = field(default_factory=Counter)
    attempts: Counter[int] = field(default_factory=Counter)
    pushes: int = 0
    swept: int = 0
    wrong: dict[str, list[str]] = field(default_factory=dict)

    @property
    def well(self) -> bool:
        return not any(self.wrong.values())

    def show(self, console: Console) -> None:
        table = Table("what", "figures", title=f"{self.sessions} sessions in a storm")
        table.add_row("seconds", f"{self.seconds:.0f}")
        table.add_row("answers to uploads", spelled(self.answers))
        for name, counts in self.faults.items():
            table.add_row(f"faults of {name}", spelled(counts))
        table.add_row("workers killed with -9", str(self.killed))
        table.add_row("Redis killed and come back empty", str(self.redis_lost))
        table.add_row("runs by claims", spelled(self.claims))
        table.add_row("runs by failed attempts", spelled(self.attempts))
        table.add_row("pushes", f"{self.pushes} for {self.sessions * len(PLATFORMS)} to tell")
        table.add_row("dead uploads that a later sweep removed", str(self.swept))
        for name, found in self.wrong.items():
            table.add_row(name, f"[red]{len(found)}: {', '.join(found[:5])}" if found else "none")
        console.print(table)


def spelled(counts: Counter[Any]) -> str:
    return ", ".join(f"{name}: {number}" for name, number in sorted(counts.items())) or "none"


async def settle(
    variables: dict[str, str], crowd: list[Therapist], outcome: Outcome, *, until: float
) -> None:
    """Wait until nothing is due any more; then look at every session, and sweep as of tomorrow."""
    async with open_therapy(read_settings(variables)) as opened:
        here = opened.installation
        store, tomorrow = here.records.store, here.records.now() + timedelta(days=1)
        left = await unfinished(store, tomorrow)
        while left and time.monotonic() < until:
            await cut_pauses_short(here.records, tomorrow)
            await asyncio.sleep(0.5)
            left = await unfinished(store, tomorrow)
        outcome.wrong["runs and consequences left"] = left
        outcome.swept = len(await store.due((UPLOAD_QUEUE,), tomorrow, MOST_ITEMS))
        await sweep_as_of(tomorrow, here)
        left = [each.id for each in await store.due((UPLOAD_QUEUE,), tomorrow, MOST_ITEMS)]
        left += [name for _, name in await here.recordings.staged_before(tomorrow, 1_000)]
        outcome.wrong["uploads left"] = left
        await account_for_sessions(here, crowd, outcome)


async def unfinished(store: Store, by: datetime) -> list[str]:
    """Return where runs and consequences are that are not done."""
    queues = (*RUN_QUEUES, *OUTBOX_QUEUES)
    return [each.partition for each in await store.due(queues, by, MOST_ITEMS)]


async def cut_pauses_short(records: Records, by: datetime) -> None:
    """Make the search for insights due that waits for minutes after it failed, as if they had passed."""
    now = records.now()
    for run in records.runs.known(await records.store.due(RUN_QUEUES, by, MOST_ITEMS)):
        if run.kind is RunKind.INSIGHTS and run.due_at - now > LONG:
            with suppress(LeaseLost):
                await Change(records.runs.write(replaced(run, due_at=now))).commit(records.store)


async def sweep_as_of(moment: datetime, here: Installation) -> None:
    """Sweep once, as if it were that moment."""
    relay = here.sweep.relay
    records = Records(relay.records.store, now=lambda: moment, new_id=relay.records.new_id)
    await replace(here.sweep, relay=replace(relay, records=records)).once()


async def account_for_sessions(
    here: Installation, crowd: list[Therapist], outcome: Outcome
) -> None:
    """Each recording is one session: transcribed once, waiting for review, one entry in one list.

    Insights were found, or given up: they fail where Language failed twice.
    """
    records = here.records
    (practice,) = await records.practices.all()
    wrong, ids = [], [one for therapist in crowd for one in therapist.sessions.values()]
    wrong += [one for one, times in Counter(ids).items() if times > 1]
    for therapist in crowd:
        listed: list[str] = []
        before = ""
        while page := await here.session_index.of_therapist(
            practice.id, therapist.id, set(SessionStatus), before, 100
        ):
            wrong += [
                entry.session_id
                for entry in page
                if entry.state is not SessionStatus.AWAITING_REVIEW
            ]
            listed += [entry.session_id for entry in page]
            before = page[-1].sort_key
        if sorted(listed) != sorted(therapist.sessions.values()):
            wrong.append(therapist.email)
    for one in ids:
        session = await records.sessions.load(practice.id, one)
        runs = await records.runs.of_session(practice.id, one)
        outcome.claims.update(run.claims for run in runs)
        outcome.attempts.update(run.attempt for run in runs)
        words = await records.transcripts.load(practice.id, one, session.transcript_number)
        said = [utterance.text for utterance in words.utterances]
        awaited = [run.state for run in runs if run.kind in AWAITED_KINDS]
        if (
            awaited != [RunState.DONE]
            or [run.kind for run in runs if run.over].count(RunKind.INSIGHTS) != 1
            or session.transcript_number != 1
            or said != [phrase["text"] for phrase in TALK]
        ):
            wrong.append(one)
    missing = outcome.sessions - len(ids)
    outcome.wrong["recordings that are no session"] = ["?"] * missing
    outcome.wrong["sessions not once in review"] = wrong


def account_for_pushes(cloud: Cloud, crowd: list[Therapist], outcome: Outcome) -> None:
    """Each phone of the therapist, and no other, is told of each session under one notification id."""
    told: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for message in cloud.fcm.messages:
        session = message["data"]["dataId"]
        told[message["device"], session].add(message["android"]["collapse_key"])
        if message["data"]["notification_type"] != "SESSION_READY":
            outcome.wrong.setdefault("failures told", []).append(session)
    outcome.pushes = len(cloud.fcm.messages)
    due = {
        (device, session)
        for therapist in crowd
        for device in therapist.devices
        for session in therapist.sessions.values()
    }
    outcome.wrong["phones not told"] = sorted(session for _, session in due - told.keys())
    outcome.wrong["phones told of others' sessions"] = sorted(one for _, one in told.keys() - due)
    outcome.wrong["told under several ids"] = sorted(
        session for (_, session), ids in told.items() if len(ids) > 1
    )


def account_for_blobs(cloud: Cloud, outcome: Outcome) -> None:
    """There are one recording and the two files for players for each session, and nothing half."""
    with BlobServiceClient.from_connection_string(cloud.azurite.connection_string) as service:
        blobs = service.get_container_client("audio-uploads").list_blobs(
            include=["uncommittedblobs"]
        )
        kinds = Counter(kind_of(blob.name) for blob in blobs)
    for kind in ("recordings", *FOR_PLAYERS):
        outcome.wrong[f"{kind} too many or too few"] = ["?"] * abs(kinds[kind] - outcome.sessions)


def kind_of(blob: str) -> str:
    """What a blob is, by its name."""
    beside = (kind for kind in FOR_PLAYERS if blob.rpartition("/")[2].startswith(f"{kind}-"))
    return next(beside, "recordings")
