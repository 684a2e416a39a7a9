"""An installation on the Cosmos emulator, and the life of a session in it, call by call.

Each call is one that a user, the app or a worker makes, so that its requests are what it costs.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from tests.builders import SECOND, UNHURRIED, a_wav, an_utterance, details
from tests.contract.azure import empty_cosmos
from tests.emulators.cosmos import Cosmos as Emulator
from therapy.adapters.azure.cosmos.client import Cosmos
from therapy.domain.access import Actor
from therapy.domain.people import Practice, Role
from therapy.domain.run import beaten
from therapy.domain.session import SessionPatient, State
from therapy.domain.session_status import SessionStatus
from therapy.domain.transcript import Line, Speaker, Utterance
from therapy.ports.session_index import SessionIndex
from therapy.repositories.change import Change
from therapy.testing.clock import Clock
from therapy.testing.memory import memory_ports
from therapy.wiring.stores import cosmos_stores
from therapy.workflows import (
    accounts,
    authentication,
    devices,
    new_passwords,
    profiles,
    review,
    session_lists,
)
from therapy.workflows.installation import Installation, Ports, install
from therapy.workflows.reset_letters import ask_for_letter
from therapy.workflows.uploads import receiving

__all__ = ["Stores", "stores"]

AT_ONCE = timedelta()
PRACTICE = "practice-1"
PASSWORD = "correct horse battery"
NUMBER = "203948571"
SAID = (
    an_utterance("How did you sleep?", 0, speaker=Speaker.UNKNOWN, voice="0"),
    an_utterance("I am glad, it is better.", 3_000, speaker=Speaker.UNKNOWN, voice="1"),
)
LINES = (
    Line(Speaker.THERAPIST, "How did you sleep?", "0:00:00.000"),
    Line(Speaker.PATIENT, "I am glad, it is better now.", "0:00:03.000"),
)


@dataclass
class Stores:
    """What stands on Cosmos, and an installation over it; everything else is in memory."""

    emulator: Emulator
    cosmos: Cosmos
    clock: Clock = field(default_factory=Clock)
    said: tuple[Utterance, ...] = SAID

    def __post_init__(self) -> None:
        opened = cosmos_stores(self.cosmos, self.clock)
        self.ports: Ports = replace(
            memory_ports(said=self.said, clock=self.clock),
            store=opened.store,
            session_index=opened.session_index,
            people_index=opened.people_index,
        )
        self.installation: Installation = install(
            self.ports, languages=("en-US",), limits=UNHURRIED
        )

    @property
    def session_index(self) -> SessionIndex:
        """The index on Cosmos."""
        return self.ports.session_index

    def operations(self) -> dict[str, int]:
        """Return how many requests of each kind there were since the emulator was cleared.

        Without those about no item: some SDKs ask once for a container's ranges.
        """
        counts: dict[str, int] = {}
        for container in self.emulator.seen()["containers"].values():
            for kind, number in container["operations"].items():
                counts[kind] = counts.get(kind, 0) + number
        counts.pop("meta", None)
        return counts

    def requests(self) -> int:
        """Return how many requests there were, of whatever kind."""
        return sum(self.operations().values())


@pytest.fixture
async def stores(cosmos: Emulator) -> AsyncIterator[Stores]:
    """Empty stores. Failed calls are repeated without a pause."""
    async with empty_cosmos(cosmos, pauses=(0.0, 0.0)) as opened:
        cosmos.clear()
        yield Stores(cosmos, opened)


async def after_the_sdks_own(cosmos: Cosmos) -> None:
    """Wait for the SDK's own look at the account, which it makes beside the first requests of a client.

    Whoever counts requests would find one more or less, as it happens.
    """
    checking = cosmos.client.client_connection._global_endpoint_manager.refresh_task
    if checking is not None:
        await asyncio.wait([checking])


Call = tuple[str, Callable[[], Awaitable[Any]]]


class Life:
    """The life of a session: calls by their names, to be made in this order, each once.

    The therapist submits `lines`; the search is for one of their words.
    """

    def __init__(
        self, stores: Stores, lines: tuple[Line, ...] = LINES, word: str = "better"
    ) -> None:
        self.lines, self.word = lines, word
        self.installed, self.stores = stores.installation, stores
        self.records = stores.installation.records
        self.session_id = ""

    def calls(self) -> list[Call]:
        """Return the calls in order."""
        return [
            ("", self.installed.sweep.once),  # the first one also looks ahead
            ("a sweep, nothing is due", self.installed.sweep.once),
            ("", lambda: accounts.put_practice(Practice(PRACTICE, "Clinic"), records=self.records)),
            ("add an account", lambda: self._add(Role.THERAPIST, "t@example.health")),
            ("", lambda: self._add(Role.PATIENT, "p@example.health", NUMBER)),
            ("`POST /auth/login`", self._log_in),
            ("`POST /auth/refresh`", self._refresh),
            ("an access token, once in 3 seconds a login and process", self._check_twice),
            ("`POST /devices/register`", self._register),
            ("`GET /profiles/me`", lambda: profiles.profile(self.actor, records=self.records)),
            ("`GET /profiles/search`", self._find_patients),
            ("`POST /sessions/upload`", self._upload),
            ("`GET /sessions/{id}`, waiting", self._look),
            ("a worker transcribes, a push is sent", self._work),
            ("a beat", self._beat),
            ("a worker finds insights", self._work),
            ("`GET /data/pending`", self._inbox),
            ("`GET /data/transcript/{id}`", self._for_review),
            ("`PUT /data/transcript/{id}`", self._submit),
            ("a worker scores and closes", self._work),
            ("`GET /sessions/me`, therapist", self._closed),
            ("`GET /sessions/search`", self._search),
            ("`GET /sessions/{id}/details`, therapist", self._details),
            ("`GET /sessions/{id}`, closed", self._look),
            ("`POST /devices/unregister/{userId}`", self._unregister),
            ("", self._patient_logs_in),
            ("`GET /sessions/me`, patient", self._closed),
            ("`GET /sessions/{id}/details`, patient", self._details),
            ("`POST /auth/forgot-password`", self._forgot),
            ("`POST /auth/change-password`", self._change_password),
        ]

    async def _add(self, role: Role, email: str, number: str = "") -> None:
        practice = Practice(PRACTICE, "Clinic")
        await accounts.add_account(
            practice,
            role,
            email=email,
            full_name="Jordan White",
            password=PASSWORD,
            number=number,
            records=self.records,
            passwords=self.installed.sign_in.passwords,
        )

    async def _log_in(self, email: str = "t@example.health") -> None:
        sign_in = self.installed.sign_in
        self.signed = await authentication.log_in(
            email, PASSWORD, records=self.records, sign_in=sign_in
        )
        self.actor: Actor = sign_in.tokens.read(self.signed.access_token, now=self.stores.clock())

    async def _patient_logs_in(self) -> None:
        await self._log_in("p@example.health")

    async def _refresh(self) -> None:
        await authentication.refresh(
            self.signed.refresh_token, records=self.records, sign_in=self.installed.sign_in
        )

    async def _check_twice(self) -> None:
        for _ in range(2):
            await self.installed.login_check.require(self.actor)

    async def _register(self) -> None:
        await devices.register_device(
            self.actor,
            "token-1",
            platform="ANDROID",
            user_id=self.actor.person_id,
            records=self.records,
        )

    async def _unregister(self) -> None:
        await devices.unregister_devices(self.actor, self.actor.person_id, records=self.records)

    async def _find_patients(self) -> None:
        await profiles.find_patients(
            self.actor,
            "jordan",
            records=self.records,
            people_index=self.installed.people_index,
            searches=self.installed.searches,
        )

    async def _upload(self) -> None:
        patient = SessionPatient(NUMBER, "Jordan White")
        async with receiving(self.actor, intake=self.installed.intake) as incoming:
            await incoming.write(a_wav(b"\x10\x00" * 4_000))
            await incoming.end()
            receipt = await incoming.finish(
                self.actor, details(patient=patient), therapist="", file_name="a.wav"
            )
        self.session_id = receipt.session_id

    async def _work(self) -> None:
        await self.installed.worker.work_on(PRACTICE, self.session_id)

    async def _beat(self) -> None:
        run, *_ = await self.records.runs.of_session(PRACTICE, self.session_id)
        self.stores.emulator.clear()
        now = self.stores.clock()
        beat = beaten(run, now=now, hold=30 * SECOND, stage="listening", progress=0.5)
        await Change(self.records.runs.write(beat)).commit(self.records.store)

    async def _look(self) -> None:
        await review.look(self.actor, self.session_id, records=self.records)

    async def _inbox(self) -> None:
        await session_lists.inbox(
            self.actor,
            {SessionStatus.AWAITING_REVIEW},
            session_index=self.installed.session_index,
        )

    async def _for_review(self) -> None:
        await review.for_review(self.actor, self.session_id, records=self.records)

    async def _submit(self) -> None:
        await review.submit(self.actor, self.session_id, self.lines, records=self.records)

    async def _closed(self) -> None:
        await session_lists.closed_sessions(
            self.actor, records=self.records, session_index=self.installed.session_index
        )

    async def _search(self) -> None:
        await session_lists.search(
            self.actor,
            self.word,
            session_index=self.installed.session_index,
            searches=self.installed.searches,
        )

    async def _details(self) -> None:
        await session_lists.closed_session(self.actor, self.session_id, records=self.records)

    async def _forgot(self) -> None:
        attempts = self.installed.sign_in.attempts
        asked = await ask_for_letter("p@example.health", records=self.records, attempts=attempts)
        await self.records.deliver(asked)

    async def _change_password(self) -> None:
        letter: Any = self.stores.ports.mail
        token = next(
            word.strip(".,") for word in letter.sent[-1].body.split() if ".secret-" in word
        )
        await new_passwords.change_password(
            token, f"{PASSWORD} staple", records=self.records, sign_in=self.installed.sign_in
        )


async def require_a_closed_session(life: Life) -> None:
    """Whatever happened on the way: the session is closed, scored once, and in its patient's list."""
    closed = await session_lists.closed_session(life.actor, life.session_id, records=life.records)
    assert closed.session.state is State.CLOSED
    assert [each.text for each in closed.transcript.utterances] == [
        "How did you sleep?",
        "I am glad, it is better now.",
    ]
    assert closed.transcript.utterances[1].scores is not None
    listed = await session_lists.closed_sessions(
        life.actor, records=life.records, session_index=life.installed.session_index
    )
    assert [each.session_id for each in listed] == [life.session_id]
