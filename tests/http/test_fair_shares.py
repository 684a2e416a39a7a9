"""Limits on what one may have under way, as clients meet them: the status, what to do, and when."""

import asyncio
import select
import time
from pathlib import Path

import pytest
from httpx import Response

from tests.builders import a_wav
from tests.http.clinic import (
    ALEX,
    OLIVIA,
    SOUND,
    Clinic,
    check_problem,
    open_clinic,
)
from tests.http.server import PATIENCE, audio_part, serving
from therapy.adapters.local.sqlite.people_index import SqlitePeopleIndex
from therapy.adapters.local.sqlite.session_index import SqliteSessionIndex
from therapy.domain.people import Person


async def for_ever(*_: object) -> tuple[()]:
    """Search until cancelled."""
    await asyncio.Event().wait()
    return ()


class SlowSessionIndex(SqliteSessionIndex):
    """Its searches go on until they are cancelled."""

    search = for_ever

    def __init__(self, index: SqliteSessionIndex) -> None:
        super().__init__(index._database)


class SlowPeopleIndex(SqlitePeopleIndex):
    """Its searches go on until they are cancelled."""

    search = for_ever

    def __init__(self, index: SqlitePeopleIndex) -> None:
        super().__init__(index._database)


SLOW = {"session_index": SlowSessionIndex, "people_index": SlowPeopleIndex}


def check_wait(answer: Response, status: int, code: str, seconds: str) -> None:
    check_problem(answer, status, code)
    assert answer.headers["Retry-After"] == seconds
    assert answer.json()["detail"] != answer.json()["error"]


SEARCHES = ("/sessions/search?query=jordan", "/profiles/search?query=jordan")


@pytest.mark.parametrize("path", SEARCHES)
async def test_a_search_that_takes_too_long_is_503_and_nobody_elses_request_waits(
    tmp_path: Path, path: str
) -> None:
    environment = {"THERAPY_SEARCH_SECONDS": "0.1"}
    async with open_clinic(tmp_path, environment=environment, wrapped=SLOW) as clinic:
        slow = asyncio.create_task(clinic.get(path))
        assert (await clinic.get("/profiles/me", ALEX)).status_code == 200
        check_wait(await slow, 503, "search_too_slow", "1")


async def test_beyond_the_searches_of_one_person_the_next_is_429(tmp_path: Path) -> None:
    environment = {"THERAPY_SEARCH_SECONDS": "0.1", "THERAPY_SEARCHES": "2"}
    async with open_clinic(tmp_path, environment=environment, wrapped=SLOW) as clinic:
        answers = await asyncio.gather(*(clinic.get(SEARCHES[0]) for _ in range(3)))
        assert sorted(each.status_code for each in answers) == [429, 503, 503]
        refused = next(each for each in answers if each.status_code == 429)
        check_wait(refused, 429, "too_many_searches", "1")


async def test_beyond_the_sessions_that_may_wait_an_upload_is_429(tmp_path: Path) -> None:
    async with open_clinic(tmp_path, environment={"THERAPY_WAITING_SESSIONS": "1"}) as clinic:
        waiting = await clinic.session()
        check_wait(await upload(clinic), 429, "too_many_waiting", "300")
        await clinic.work()
        assert (await clinic.get(f"/sessions/{waiting}")).json()["state"] == "awaiting_review"
        assert (await upload(clinic)).status_code == 202


async def test_beyond_the_bytes_of_a_day_an_upload_is_429_until_midnight(tmp_path: Path) -> None:
    environment = {"THERAPY_UPLOAD_BYTES_A_DAY": "20000"}
    async with open_clinic(tmp_path, environment=environment) as clinic:
        assert (await upload(clinic)).status_code == 202
        answer = await upload(clinic)
        check_problem(answer, 429, "daily_bytes")
        assert 1 <= int(answer.headers["Retry-After"]) <= 86_400


async def upload(clinic: Clinic) -> Response:
    return await clinic.upload(a_wav(SOUND + bytes([1, 2])))


def test_beyond_the_uploads_that_one_may_have_open_the_next_is_429_before_its_body(
    tmp_path: Path,
) -> None:
    with (
        serving(tmp_path, environment={"THERAPY_OPEN_UPLOADS": "1"}) as server,
        server.connect() as first,
        server.connect() as second,
    ):
        first.head(server.token())
        first.chunk(audio_part(a_wav(SOUND)))
        while not server.left()["uploads"]:
            time.sleep(0.02)
        second.head(server.token())
        answer = second.answer()
        assert (answer.status, answer.headers["retry-after"]) == (429, "30")
        assert answer.json()["code"] == "too_many_uploads"


@pytest.mark.parametrize(
    ("setting", "sender", "status", "code"),
    [
        ("THERAPY_LONG_BODIES", OLIVIA, 429, "too_many_bodies"),
        ("THERAPY_LONG_BODIES_IN_ALL", ALEX, 503, "bodies_busy"),
    ],
)
def test_of_two_long_bodies_where_one_may_be_under_way_one_is_refused_unread(
    tmp_path: Path, setting: str, sender: Person, status: int, code: str
) -> None:
    path = f"/data/transcript/{'a' * 32}"
    with (
        serving(tmp_path, environment={setting: "1"}) as server,
        server.connect() as first,
        server.connect() as second,
    ):
        for connection, person in ((first, OLIVIA), (second, sender)):
            connection.head(server.token(person), path, "PUT")
            connection.chunk(b"[")
        answered, _, _ = select.select([first.sock, second.sock], [], [], PATIENCE)
        refused, going_on = (first, second) if first.sock in answered else (second, first)
        answer = refused.answer()
        assert (answer.status, answer.headers["retry-after"]) == (status, "5")
        assert answer.json()["code"] == code
        with server.connect() as short:
            short.head(server.token(sender), path, "PUT", length=2)
            short.sock.sendall(b"[]")
            assert short.answer().status == 404
        going_on.chunk(b"]")
        going_on.end()
        assert going_on.answer().status == 404
        with server.connect() as again:
            again.head(server.token(sender), path, "PUT", length=20_000)
            again.sock.sendall(b"[]".ljust(20_000))
            assert again.answer().status == 404
