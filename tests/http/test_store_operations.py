"""What a call of the app asks of the store and of the indexes does not depend on how large the practice is.

Run with `-s` it prints the operations of each call: how many, on how many items, with how many bytes (of the
indexes: how many, and how many entries).
"""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from tests.builders import NOW, PRACTICE, a_session, a_version
from tests.http.clinic import ALEX, JORDAN, PASSWORD, Clinic, account, as_the_app, open_clinic
from therapy.domain.people import Role
from therapy.domain.person_entry import PersonEntry, person_entry_of
from therapy.domain.session import State
from therapy.domain.session_entry import SessionEntry, entry_of
from therapy.domain.session_status import SessionStatus
from therapy.ports.people_index import PeopleIndex
from therapy.ports.session_index import SessionIndex
from therapy.ports.store import MOST_ITEMS, Item, Put, Store, Write
from therapy.repositories.change import Change
from therapy.workflows.accounts import add_person

ASKED = {"THERAPY_LOGIN_CHECK_SECONDS": "0"}
"""Each request asks for its login, so that counts do not depend on how fast the calls follow each other."""

Calls = dict[str, Counter[str]]
"""For each call of the app: how often each operation is asked for, and the items and bytes of all."""


class CountedStore(Store):
    """Counts what is asked of a store and what it answers."""

    def __init__(self, inner: Store, counted: Counter[str]) -> None:
        self.inner, self.counted = inner, counted

    def _count(self, operation: str, bodies: Collection[bytes]) -> None:
        sizes = {"items": len(bodies), "bytes": sum(map(len, bodies))}
        self.counted.update({operation: 1, **sizes})

    async def get(self, partition: str, *ids: str) -> Mapping[str, Item]:
        found = await self.inner.get(partition, *ids)
        self._count("get", [item.body for item in found.values()])
        return found

    async def list(
        self,
        partition: str,
        prefix: str = "",
        *,
        after: str = "",
        backwards: bool = False,
        limit: int = MOST_ITEMS,
        bodies: bool = True,
    ) -> tuple[Item, ...]:
        found = await self.inner.list(
            partition, prefix, after=after, backwards=backwards, limit=limit, bodies=bodies
        )
        self._count("list", [item.body for item in found])
        return found

    async def commit(self, partition: str, writes: Sequence[Write]) -> None:
        self._count("commit", [each.body if isinstance(each, Put) else b"" for each in writes])
        await self.inner.commit(partition, writes)

    async def due(
        self, queues: Collection[str], now: datetime, limit: int, after: Item | None = None
    ) -> tuple[Item, ...]:
        found = await self.inner.due(queues, now, limit, after)
        self._count("due", [item.body for item in found])
        return found

    async def purge(self, limit: int) -> int:
        return await self.inner.purge(limit)

    def walk(self) -> AsyncIterator[Item]:
        raise AssertionError("no call of the app walks through the store")


class CountedSessionIndex(SessionIndex):
    """Counts what is asked of a session index and how many entries it answers."""

    def __init__(self, inner: SessionIndex, counted: Counter[str]) -> None:
        self.inner, self.counted = inner, counted

    def _count(self, operation: str, entries: int) -> None:
        self.counted.update({f"sessions.{operation}": 1, "sessions' entries": entries})

    async def put(self, practice_id: str, entry: SessionEntry) -> None:
        self._count("put", 1)
        await self.inner.put(practice_id, entry)

    async def remove(self, practice_id: str, session_id: str) -> None:
        self._count("remove", 0)
        await self.inner.remove(practice_id, session_id)

    async def get(self, practice_id: str, session_id: str) -> SessionEntry:
        self._count("get", 1)
        return await self.inner.get(practice_id, session_id)

    async def of_therapist(
        self,
        practice_id: str,
        therapist_id: str,
        states: Collection[SessionStatus],
        before: str,
        limit: int,
    ) -> tuple[SessionEntry, ...]:
        found = await self.inner.of_therapist(practice_id, therapist_id, states, before, limit)
        self._count("of_therapist", len(found))
        return found

    async def of_patient(
        self, practice_id: str, person_id: str, before: str, limit: int
    ) -> tuple[SessionEntry, ...]:
        found = await self.inner.of_patient(practice_id, person_id, before, limit)
        self._count("of_patient", len(found))
        return found

    async def search(
        self, practice_id: str, therapist_id: str, query: str, before: str, limit: int
    ) -> tuple[SessionEntry, ...]:
        found = await self.inner.search(practice_id, therapist_id, query, before, limit)
        self._count("search", len(found))
        return found


class CountedPeopleIndex(PeopleIndex):
    """Counts what is asked of a people index and how many entries it answers."""

    def __init__(self, inner: PeopleIndex, counted: Counter[str]) -> None:
        self.inner, self.counted = inner, counted

    def _count(self, operation: str, entries: int) -> None:
        self.counted.update({f"people.{operation}": 1, "people's entries": entries})

    async def put(self, practice_id: str, entry: PersonEntry) -> None:
        self._count("put", 1)
        await self.inner.put(practice_id, entry)

    async def remove(self, practice_id: str, person_id: str) -> None:
        self._count("remove", 0)
        await self.inner.remove(practice_id, person_id)

    async def search(
        self, practice_id: str, role: Role | None, query: str, after: str, limit: int
    ) -> tuple[PersonEntry, ...]:
        found = await self.inner.search(practice_id, role, query, after, limit)
        self._count("search", len(found))
        return found


async def grown(clinic: Clinic, size: int) -> None:
    """Add patients, and closed sessions of a colleague's."""
    for number in range(size):
        more = {"number": f"{500_000_000 + number}"}
        email = f"patient.{number}@example.health"
        patient = account(f"patient-{number}", Role.PATIENT, f"Patient {number}", email, **more)
        await add_person(patient, records=clinic.records)
        await clinic.installation.people_index.put(PRACTICE, person_entry_of(patient))
        session = a_session(id=f"closed-{number}", therapist_id=ALEX.id, state=State.CLOSED)
        version = replace(a_version(), session_id=session.id)
        session = replace(session, transcript_number=1, closed_at=NOW)
        pending = await clinic.records.transcripts.new(PRACTICE, version)
        await Change(clinic.records.sessions.write(session), *pending).commit(clinic.records.store)
        await clinic.installation.session_index.put(PRACTICE, entry_of(session, (), version))


async def every_call(clinic: Clinic, asked: Counter[str]) -> Calls:
    """Do what the app does, and return what each of its calls asked of the store and the indexes."""
    done: Calls = {}

    def counted(name: str) -> None:
        done[name] = Counter(asked)
        asked.clear()

    asked.clear()
    login = {"email": JORDAN.email, "password": PASSWORD}
    answer = await clinic.post("/auth/login", None, json=login)
    counted("POST /auth/login")
    await clinic.post("/auth/refresh", None, json={"refreshToken": answer.json()["refreshToken"]})
    counted("POST /auth/refresh")
    device = {"token": "t" * 20, "platform": "IOS", "user_id": "203948571", "user_type": "PATIENT"}
    await clinic.post("/devices/register", JORDAN, json=device)
    counted("POST /devices/register")
    session_id = await clinic.session()
    counted("POST /sessions/upload")
    await clinic.work()
    counted("(recognition)")
    for path in ("/data/pending", f"/data/transcript/{session_id}"):
        answer = await clinic.get(path)
        counted(f"GET {path}".replace(session_id, "{id}"))
    lines = as_the_app(answer.json()["transcript"])
    await clinic.ask("PUT", f"/data/transcript/{session_id}", json=lines)
    counted("PUT /data/transcript/{id}")
    await clinic.work()
    counted("(scoring)")
    details = f"/sessions/{session_id}/details"
    for path in ("/profiles/me", "/sessions/me", "/sessions/search?query=jordan", details):
        assert (await clinic.get(path)).is_success
        counted(f"GET {path}".replace(session_id, "{id}"))
    assert (await clinic.get("/profiles/search?query=203948571")).json()[0]["id"] == "203948571"
    counted("GET /profiles/search")
    await clinic.get("/sessions/me", JORDAN)
    counted("GET /sessions/me (patient)")
    return done


async def calls_in_a_practice_of(size: int, directory: Path) -> Calls:
    asked: Counter[str] = Counter()
    counting = {
        "store": CountedStore,
        "session_index": CountedSessionIndex,
        "people_index": CountedPeopleIndex,
    }
    around = {name: partial(each, counted=asked) for name, each in counting.items()}
    async with open_clinic(directory, environment=ASKED, wrapped=around) as clinic:
        await grown(clinic, size)
        return await every_call(clinic, asked)


async def test_no_call_of_the_app_asks_more_of_the_store_and_indexes_in_a_larger_practice(
    tmp_path: Path,
) -> None:
    small, large = [await calls_in_a_practice_of(size, tmp_path / f"{size}") for size in (1, 40)]
    for name, counted in small.items():
        print(f"{name:<32} {dict(sorted(counted.items()))}")
    assert large == small
    assert all(counted["items"] < 50 for counted in small.values())
    asked = set[str]().union(*small.values())
    assert asked >= {"sessions.put", "sessions.of_therapist", "sessions.of_patient"}
    assert asked >= {"sessions.search", "people.search"}
