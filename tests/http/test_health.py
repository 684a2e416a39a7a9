"""Health, and the page that documents the API: for whoever runs or calls it, without a token."""

import asyncio
from datetime import timedelta

import pytest

from tests.builders import a_push_due, a_wav, an_item
from tests.http.clinic import (
    OLIVIA,
    SOUND,
    check_problem,
    metadata_of,
    open_clinic,
)
from therapy.adapters.memory.store import MemoryStore
from therapy.domain.errors import Unavailable
from therapy.entrypoints.http.readiness import Readiness
from therapy.entrypoints.http.shared_answer import SharedAnswer
from therapy.repositories.change import Change
from therapy.repositories.records import UNATTACHED
from therapy.wiring.stores import utc_now


async def test_health_needs_no_token_and_shows_details_to_the_operator_only(tmp_path):
    environment = {"THERAPY_OPERATOR_TOKEN": "the operator's token"}
    async with open_clinic(tmp_path, environment=environment) as clinic:
        assert (await clinic.get("/health/live", None)).json() == {"status": "live"}
        assert (await clinic.get("/health/ready", None)).json() == {"status": "ready"}
        assert (await clinic.get("/health/ready", OLIVIA)).json() == {"status": "ready"}
        headers = {"Authorization": "Bearer the operator's token"}
        told = (await clinic.get("/health/ready", None, headers=headers)).json()
        assert set(told["checks"]) == {"stores", "recordings", "doorbell"}
        assert all(took >= 0 for took in told["checks"].values())


async def test_what_could_not_be_delivered_is_told_to_the_operator_only(tmp_path):
    why = "unavailable dependency=push reason=SENDER_ID_MISMATCH"
    environment = {"THERAPY_OPERATOR_TOKEN": "the operator's token"}
    async with open_clinic(tmp_path, environment=environment) as clinic:
        for item_id in ("item-1", "item-2"):
            noted = f"{why} session={item_id}"
            tried = an_item(item_id, what=a_push_due(), attempts=3, why=noted)
            _, pending = clinic.records.outbox.new(UNATTACHED, tried, position=0)
            await Change(pending).commit(clinic.records.store)
        assert (await clinic.get("/health/ready", OLIVIA)).json() == {"status": "ready"}
        headers = {"Authorization": "Bearer the operator's token"}
        for path in ("/health/ready", "/health/ready/uploads"):
            (waiting,) = (await clinic.get(path, None, headers=headers)).json()["waiting"]
            told = waiting["dependency"], waiting["number"], waiting["since"], waiting["why"]
            assert told == ("push", 2, "1970-01-01T00:00:00Z", why)


@pytest.mark.parametrize("name", ["doorbell", "attempt_limits"])
async def test_what_can_be_worked_without_keeps_nobody_from_working(tmp_path, name):
    async def away() -> None:
        raise Unavailable

    environment = {"THERAPY_OPERATOR_TOKEN": "the operator's token"}
    async with open_clinic(tmp_path, environment=environment, checks={name: away}) as clinic:
        headers = {"Authorization": "Bearer the operator's token"}
        told = (await clinic.get("/health/ready", None, headers=headers)).json()
        assert told["status"] == "ready"
        assert told["checks"][name] is None


async def test_what_it_stands_on_being_away_is_not_ready_but_live(tmp_path):
    class Away:
        lag = timedelta()

        def __getattr__(self, name):
            async def call(*_: object) -> None:
                raise Unavailable

            return call

    checks = {"stores": Away().check}
    async with open_clinic(tmp_path, store=Away(), checks=checks) as clinic:
        answer = await clinic.get("/health/ready", None)
        check_problem(answer, 503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert (await clinic.get("/health/live", None)).status_code == 200
        check_problem(await clinic.get("/sessions/x"), 503)
        check_problem(await clinic.upload(a_wav(SOUND), metadata_of()), 503)


OPERATOR = {"THERAPY_OPERATOR_TOKEN": "the operator's token"}
AS_OPERATOR = {"Authorization": "Bearer the operator's token"}
NO_ROOM = OPERATOR | {"THERAPY_DISK_RESERVE_BYTES": str(2**60)}
PATHS = ("/health/ready", "/health/ready/uploads")


async def test_without_room_for_recordings_it_is_ready_to_read_and_not_to_take_in(tmp_path):
    async with open_clinic(tmp_path, environment=NO_ROOM) as clinic:
        assert (await clinic.get("/health/ready", None)).json() == {"status": "ready"}
        assert (await clinic.get("/sessions")).status_code == 200
        answer = await clinic.get("/health/ready/uploads", None)
        check_problem(answer, 507, "storage_full")
        assert int(answer.headers["retry-after"]) > 0
        check_problem(await clinic.upload(a_wav(SOUND), metadata_of()), 507, "storage_full")
        told = (await clinic.get("/health/ready", None, headers=AS_OPERATOR)).json()
        assert told["full"] == ["recordings"]
        answer = await clinic.get("/health/ready/uploads", None, headers=AS_OPERATOR)
        assert check_problem(answer, 507)["dependencies"] == "recordings"


async def test_with_room_it_is_ready_to_take_recordings_in(clinic):
    assert (await clinic.get("/health/ready/uploads", None)).json() == {"status": "ready"}


@pytest.mark.parametrize("path", PATHS)
async def test_what_is_away_is_named_to_the_operator_and_in_the_log_only(tmp_path, path, caplog):
    async def away() -> None:
        raise Unavailable(reason="ContainerNotFound", dependency="blob")

    checks = {"recordings": away}
    async with open_clinic(tmp_path, environment=OPERATOR, checks=checks) as clinic:
        answer = await clinic.get(path, None)
        check_problem(answer, 503, "unavailable")
        assert {*answer.json()} == {
            *["type", "title", "status", "detail", "error", "code", "request_id"]
        }
        for headers in ({}, {"Authorization": "Bearer of a stranger"}):
            text = (await clinic.get(path, None, headers=headers)).text
            assert not [name for name in ("recordings", "Container", "blob") if name in text]
        answer = await clinic.get(path, None, headers=AS_OPERATOR)
        assert check_problem(answer, 503)["dependencies"] == "recordings"
    (line,) = [each for each in caplog.records if each.name.endswith("readiness")]
    assert (line.dependency, line.reason) == ("recordings", "ContainerNotFound")


async def test_why_a_store_is_away_is_told_to_no_caller_and_logged(tmp_path, caplog):
    class AwayStore(MemoryStore):
        async def get(self, partition, *ids):
            raise Unavailable(reason="ServiceRequestError", dependency="cosmos")

    async with open_clinic(tmp_path, store=AwayStore(utc_now)) as clinic:
        credentials = {"email": OLIVIA.email, "password": "wrong"}
        answer = await clinic.post("/auth/login", None, json=credentials)
        check_problem(answer, 503, "unavailable")
        assert "cosmos" not in answer.text
        assert "ServiceRequestError" not in answer.text
    (line,) = [each for each in caplog.records if each.levelname == "WARNING"]
    assert (line.dependency, line.reason) == ("cosmos", "ServiceRequestError")


async def test_a_flood_of_readiness_calls_asks_each_dependency_once(tmp_path):
    asked = []

    async def check() -> None:
        asked.append(1)
        await asyncio.sleep(0)

    environment = {"THERAPY_READINESS_SECONDS": "3600"}
    async with open_clinic(tmp_path, environment=environment, checks={"stores": check}) as clinic:
        answers = await asyncio.gather(*(clinic.get(path, None) for path in PATHS * 50))
        assert {each.status_code for each in answers} == {200}
        assert len(asked) == 1


async def test_an_answer_about_dependencies_stands_for_so_long_and_is_then_asked_anew():
    asked, now = [], [100.0]

    async def check() -> None:
        asked.append(now[0])
        if len(asked) == 2:
            raise Unavailable

    readiness = Readiness({"stores": check}, timedelta(seconds=2), clock=lambda: now[0])
    for at, times, away in (
        (100.0, 1, []),
        (101.9, 1, []),
        (102.0, 2, ["stores"]),
        (103.9, 2, ["stores"]),
        (104.0, 3, []),
    ):
        now[0] = at
        assert (await readiness.findings()).away == away
        assert len(asked) == times


async def test_a_caller_who_goes_away_takes_the_answer_from_nobody():
    asked, begun, answer = [], asyncio.Event(), asyncio.Event()

    async def check() -> None:
        asked.append(1)
        begun.set()
        await answer.wait()

    readiness = Readiness({"stores": check}, timedelta(seconds=2))
    first = asyncio.ensure_future(readiness.findings())
    second = asyncio.ensure_future(readiness.findings())
    await begun.wait()
    first.cancel()
    answer.set()
    assert (await second).away == []
    assert first.cancelled()
    assert len(asked) == 1


async def test_how_much_work_waits_is_told_to_the_operator_only(tmp_path):
    async with open_clinic(tmp_path, environment=OPERATOR) as clinic:
        for actor, headers in ((None, {}), (OLIVIA, {}), (None, {"Authorization": "Bearer wrong"})):
            check_problem(await clinic.get("/health/work", actor, headers=headers), 401)
        await clinic.upload(a_wav(SOUND), metadata_of())
        told = (await clinic.get("/health/work", None, headers=AS_OPERATOR)).json()
        assert told.pop("oldest_seconds") >= 0
        assert told == {"waiting": 1, "working": 0, "insights": 0, "playback": 0, "in_all": 1}


async def test_without_an_operators_token_nobody_is_told_how_much_work_waits(clinic):
    headers = {"Authorization": "Bearer "}
    check_problem(await clinic.get("/health/work", None, headers=headers), 401)


async def test_an_answer_that_failed_is_asked_for_again_by_the_next_caller():
    asked = []

    async def ask() -> int:
        asked.append(1)
        if len(asked) == 1:
            raise Unavailable
        return 7

    shared = SharedAnswer(ask, timedelta(hours=1))
    with pytest.raises(Unavailable):
        await shared.get()
    assert [await shared.get(), await shared.get()] == [7, 7]
    assert len(asked) == 2


async def test_the_documentation_needs_no_network_and_no_token(clinic):
    page = await clinic.get("/schema", None)
    assert page.status_code == 200
    assert "http://" not in page.text.replace("http://www.w3.org", "")
    assert "https://" not in page.text.replace("https://recordings.example/", "")  # an example
    for path in [each for each in page.text.split('"') if each.startswith("/schema/files/")]:
        answer = await clinic.get(path, None)
        assert answer.status_code == 200
        # Under nosniff a browser takes neither from any other type.
        kind = "text/css" if path.endswith(".css") else "text/javascript"
        assert answer.headers["content-type"].partition(";")[0] == kind
        assert len(answer.content) > 1_000
