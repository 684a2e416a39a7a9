"""Rings that are lost, doubled, late or out of order, and workers that die: sessions get ready anyway."""

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.builders import PRACTICE, a_wav
from tests.chaos.steps import Crash, Cut, Process
from tests.workflows.memory_installation import MemoryInstallation, an_installation, upload
from therapy.config import read_settings
from therapy.domain.outbox import PushKind
from therapy.domain.session import State
from therapy.ports.doorbell import Answer, Doorbell
from therapy.repositories.sessions import session_partition

SESSIONS = 6
ROUNDS = 12
Rings = list[tuple[str, str]]
BadLine = Callable[[Rings, random.Random], tuple[Rings, Rings]]
"""Makes, of the rings that wait, those that are received now and those that still wait."""


class WaitingRings(Doorbell):
    """Keeps rings until a test hands them to a worker."""

    def __init__(self) -> None:
        self.waiting: Rings = []

    async def ring(self, practice_id: str, session_id: str) -> None:
        self.waiting.append((practice_id, session_id))

    async def listen(self, answer: Answer) -> None:
        """Answer nothing."""


def lost(rings: Rings, chance: random.Random) -> tuple[Rings, Rings]:
    return [each for each in rings if chance.random() < 0.5], []


def doubled(rings: Rings, _: random.Random) -> tuple[Rings, Rings]:
    return [*rings, *rings], []


def delayed(rings: Rings, chance: random.Random) -> tuple[Rings, Rings]:
    late: Rings = []
    now: Rings = []
    for ring in rings:
        (late if chance.random() < 0.5 else now).append(ring)
    return now, late


def reordered(rings: Rings, chance: random.Random) -> tuple[Rings, Rings]:
    return chance.sample(rings, len(rings)), []


def all_of_it(rings: Rings, chance: random.Random) -> tuple[Rings, Rings]:
    received, _ = lost(rings, chance)
    received, late = delayed(doubled(received, chance)[0], chance)
    return reordered(received, chance)[0], late


@pytest.mark.parametrize("line", [lost, doubled, delayed, reordered, all_of_it])
async def test_rings_on_a_bad_line_lose_and_double_no_session(line: BadLine) -> None:
    doorbell, chance = WaitingRings(), random.Random(11)
    installed = await an_installation(doorbell=doorbell)
    sounds = [a_wav(bytes([number, 0]) * 4_000) for number in range(1, SESSIONS + 1)]
    sent = [(await upload(installed.intake, sound)).session_id for sound in sounds]
    assert len(doorbell.waiting) == SESSIONS
    for _ in range(ROUNDS):
        received, doorbell.waiting = line(doorbell.waiting, chance)
        await asyncio.gather(*(installed.worker.work_on(*ring) for ring in received))
        installed.clock.advance(seconds=30)
        await installed.sweep()
    for session_id in sent:
        await check(installed, session_id)
    assert len(set(told(installed))) == len(told(installed)) == SESSIONS


async def check(installed: MemoryInstallation, session_id: str) -> None:
    """See that a session is in review, by one run of each kind that was claimed once."""
    session = await installed.session(session_id)
    assert (session.state, session.transcript_number) == (State.AWAITING_REVIEW, 1)
    runs = await installed.runs(session_id)
    assert sorted((run.kind.value, run.claims) for run in runs) == [
        ("insights", 1),
        ("transcribe", 1),
    ]
    assert await installed.waiting(session_partition(PRACTICE, session_id)) == ()


def told(installed: MemoryInstallation) -> list[str]:
    """Return the ids of the notifications that a session is ready, as often as they were sent."""
    sent = [push for _, push in installed.ports.push.sent]
    return [push.id for push in sent if push.kind is PushKind.SESSION_READY]


async def test_another_worker_goes_on_within_a_minute_of_a_workers_death_by_default() -> None:
    settings = read_settings({})
    installed = await an_installation(options={"lease": settings.lease})
    session_id = (await upload(installed.intake)).session_id
    dying = Process(12, Cut.DIES_BEFORE)
    with pytest.raises(Crash):
        await dying.running(installed).work(session_id)
    assert (await installed.run(session_id)).claims == 1
    died_at = installed.clock.now
    while (await installed.session(session_id)).state is not State.AWAITING_REVIEW:
        installed.clock.now += settings.sweep_every
        await installed.sweep()
        if installed.installation.sweep.has_rung:
            await installed.work(session_id)
        assert installed.clock.now <= died_at + timedelta(minutes=1)
    assert (await installed.run(session_id)).claims == 2
