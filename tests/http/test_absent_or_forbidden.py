"""A session that is someone else's and one that never was: the same answer, the same reads, at even times."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from tests.http.clinic import ALEX, JAMIE, JORDAN, NOA, OLIVIA, Clinic, open_clinic
from tests.http.server import serving
from therapy.adapters.local.sqlite.store import SqliteStore
from therapy.domain.people import Person
from therapy.ports.store import Item, Store
from therapy.repositories.logins import access_partition

ABSENT = "0123456789abcdef0123456789abcdef"
ACCESS = access_partition("", "").partition("|")[0]
LINES = [{"speaker": "Patient", "text": "Hm.", "timestamp": "00:01"}]

OF_A_THERAPIST: dict[tuple[str, str], Any] = {
    ("GET", "/sessions/{}"): None,
    ("GET", "/sessions/{}/transcript"): None,
    ("GET", "/sessions/{}/recording"): None,
    ("POST", "/sessions/{}/recording-link"): None,
    ("GET", "/data/transcript/{}"): None,
    ("PUT", "/data/transcript/{}"): LINES,
    ("PATCH", "/sessions/{}"): {"summary": "x"},
    ("DELETE", "/sessions/{}"): None,
    ("POST", "/sessions/{}/retry"): {},
    ("POST", "/sessions/{}/patient-link"): {"patient_id": JORDAN.number},
    ("DELETE", "/sessions/{}/patient-link"): None,
}
DETAILS = ("GET", "/sessions/{}/details")
CASES = [
    *((operation, ALEX) for operation in (*OF_A_THERAPIST, DETAILS)),
    *((operation, NOA) for operation in (*OF_A_THERAPIST, DETAILS)),
    *((operation, JAMIE) for operation in (("GET", "/sessions/{}"), DETAILS)),
]


class Reads(Store):
    """A store that notes in what kind of partition something is read, and of how many items.

    The caller's own access is not noted: whether that is looked up depends on when it was last. What is not
    found is looked for twice, as in a store that another process's writes may not have reached yet.
    """

    lag = timedelta(milliseconds=1)

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.seen: list[tuple[str, str, int]] = []

    def note(self, what: str, partition: str, items: int) -> None:
        kind = partition.partition("|")[0]
        if kind != ACCESS:
            self.seen.append((what, kind, items))

    async def get(self, partition: str, *ids: str) -> Mapping[str, Item]:
        self.note("get", partition, len(ids))
        return await self.store.get(partition, *ids)

    async def list(self, partition: str, *args: Any, **more: Any) -> tuple[Item, ...]:
        self.note("list", partition, 1)
        return await self.store.list(partition, *args, **more)

    async def due(self, *args: Any) -> tuple[Item, ...]:
        return await self.store.due(*args)

    async def commit(self, partition: str, writes: Any) -> None:
        self.note("commit", partition, len(writes))
        await self.store.commit(partition, writes)

    async def purge(self, limit: int) -> int:
        return await self.store.purge(limit)


async def looked(
    clinic: Clinic, reads: Reads, operation: tuple[str, str], session_id: str, person: Person
) -> tuple[object, ...]:
    """What an operation answers, without the request's id, and what was read for it."""
    method, path = operation
    body = OF_A_THERAPIST.get(operation)
    reads.seen.clear()
    answer = await clinic.ask(method, path.format(session_id), person, json=body)
    told = answer.json()
    told.pop("request_id")
    headers = {name: text for name, text in answer.headers.items() if name != "x-request-id"}
    return answer.status_code, told, headers, tuple(reads.seen)


@pytest.fixture
async def installed(tmp_path):
    made: list[Reads] = []

    def wrap(store: SqliteStore) -> Reads:
        made.append(Reads(store))
        return made[0]

    async with open_clinic(tmp_path, wrapped={"store": wrap}) as clinic:
        yield clinic, made[0]


async def test_absent_and_forbidden_have_the_same_answer_and_cost_the_same_reads(installed):
    clinic, reads = installed
    theirs = {"in review": await clinic.reviewable(), "closed": await clinic.closed()}
    for state, session_id in theirs.items():
        for operation, person in CASES:
            forbidden = await looked(clinic, reads, operation, session_id, person)
            absent = await looked(clinic, reads, operation, ABSENT, person)
            assert forbidden == absent, (state, operation, person.id)
            assert forbidden[0] in {403, 404}, (state, operation, person.id)


async def test_what_is_not_found_is_not_named(installed):
    clinic, _ = installed
    answer = await clinic.get(f"/sessions/{ABSENT}", OLIVIA)
    assert ABSENT not in answer.text + str(answer.headers)


def test_a_404_comes_at_its_moment_and_not_before(tmp_path, caplog):
    """Whatever it took: so the time of the log is a little more than the step."""
    caplog.set_level("INFO")
    with serving(tmp_path, environment={"THERAPY_EVEN_TIMES_MS": "200"}) as server:
        connection = server.connect()
        head = f"Host: x\r\nAuthorization: Bearer {server.token()}\r\n\r\n"
        connection.sock.sendall(f"GET /sessions/{ABSENT} HTTP/1.1\r\n{head}".encode())
        assert connection.answer().status == 404
        connection.sock.close()
    (taken,) = [each.ms for each in caplog.records if getattr(each, "status", 0) == 404]
    assert taken >= 199  # a timer may be early by its own resolution
