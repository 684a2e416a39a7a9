"""The Cosmos containers of 148999e under this program: copied whole, killed on the way, finished."""

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import forked, migrated
from tests.azure import dying_copy
from tests.azure.old_containers import as_it_was_left, dump
from tests.contract.azure import DATABASES
from tests.emulators.faults import Fault
from tests.local.data_directory import session_id, unpacked
from therapy.adapters.azure.cosmos import migration
from therapy.adapters.azure.cosmos.client import PREFIX, Cosmos, open_cosmos
from therapy.adapters.azure.cosmos.container_definitions import SHAPES
from therapy.adapters.azure.cosmos.keys import stamp
from therapy.adapters.azure.cosmos.migration_records import NAMES
from therapy.adapters.azure.cosmos.store import CosmosStore
from therapy.domain.errors import Unavailable
from therapy.testing.clock import Clock
from therapy.wiring.stores import cosmos_stores

pytestmark = [pytest.mark.slow, pytest.mark.emulator]

QUICK = (0.0, 0.0, 0.0)


def now() -> Any:
    return migrated.LOOKED_AT


@pytest.fixture
async def account(cosmos: Any) -> AsyncIterator[Cosmos]:
    """An account as 148999e left it."""
    database = next(DATABASES)
    await as_it_was_left(cosmos, database)
    async with open_cosmos(cosmos.url, cosmos.key, database, pauses=QUICK) as opened:
        yield opened
        await opened.client.delete_database(database)


async def copy(account: Cosmos, now: Callable[[], Any] = now) -> None:
    """Do what `therapy migrate` does."""
    await account.migrate()
    await migration.copy_first_layout(account, now, pauses=QUICK)


COPIED: dict[str, str] = {}
"""A database like that one after `copy`, by the address of the emulator; nobody changes it."""


@pytest.fixture
async def copied_once(cosmos: Any) -> str:
    """The name of a database that was copied where nothing went wrong."""
    if cosmos.url not in COPIED:
        name = next(DATABASES)
        await as_it_was_left(cosmos, name)
        async with open_cosmos(cosmos.url, cosmos.key, name) as opened:
            await copy(opened)
        COPIED[cosmos.url] = name
    return COPIED[cosmos.url]


@pytest.fixture
async def copied_account(cosmos: Any, copied_once: str) -> AsyncIterator[Cosmos]:
    """An account as `therapy migrate` leaves it."""
    database = next(DATABASES)
    cosmos.copy(copied_once, database)
    async with open_cosmos(cosmos.url, cosmos.key, database, pauses=QUICK) as opened:
        yield opened
        await opened.client.delete_database(database)


@asynccontextmanager
async def opened(account: Cosmos, tmp_path: Path) -> AsyncIterator[migrated.Program]:
    clock, directory = Clock(migrated.LOOKED_AT), unpacked(tmp_path)
    async with migrated.opened(cosmos_stores(account, clock), directory, clock) as program:
        yield program


async def documents(account: Cosmos, name: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return every document of a container."""
    container = account.database.get_container_client(account.prefix + name)
    return {(each["pk"], each["id"]): each async for each in container.read_all_items()}


async def old_documents(account: Cosmos) -> dict[str, Any]:
    return {name: await documents(account, name) for name in NAMES}


async def copied(account: Cosmos) -> dict[str, Any]:
    """Return what is in the containers of now, but for what differs each time it is written."""
    changing = {"mark", "ttl", "_etag", "_ts", "_rid", "_self", "_attachments"}
    return {
        shape.name: {
            place: {field: each[field] for field in each if field not in changing}
            for place, each in (await documents(account, shape.name)).items()
            if place[0] != migration.PARTITION
        }
        for shape in SHAPES
    }


# --- everything is there -------------------------------------------------------------------------


async def test_everything_is_there_and_answered_as_before(
    copied_account: Cosmos, tmp_path: Path
) -> None:
    await migration.require_current(copied_account)
    async with opened(copied_account, tmp_path) as program:
        await migrated.check_everything(program)
        await migrated.check_search_over_people(program)
        await migrated.check_tokens(program)


async def test_a_sweep_does_what_was_left_to_do(copied_account: Cosmos, tmp_path: Path) -> None:
    """That it leaves all else as it was, `tests/local/test_migration.py` asks; the sweep is the same."""
    async with opened(copied_account, tmp_path) as program:
        await migrated.check_after_sweep(program, all_answers=False)


async def test_what_is_due_is_found_in_the_copy(copied_account: Cosmos) -> None:
    store = CosmosStore(copied_account, now)
    waiting = [each async for each in store.walk() if each.due_at is not None]
    queues = {each.queue for each in waiting}
    assert {each.partition("|")[0].partition(".")[0] for each in queues} == {
        *("run", "outbox", "upload")
    }
    found = await store.due(queues, migrated.LOOKED_AT, 100)
    due = [each for each in waiting if each.due_at and each.due_at <= migrated.LOOKED_AT]
    assert sorted(due, key=lambda each: (each.due_at, each.partition, each.id)) == list(found)
    assert 10 < len(found) < len(waiting)


async def test_the_old_containers_are_left_as_they_were(account: Cosmos) -> None:
    before = await old_documents(account)
    await copy(account)
    assert await old_documents(account) == before
    assert {name: len(before[name]) for name in NAMES} == {
        name: len(dump()[PREFIX + name]) for name in NAMES
    }


async def test_a_copy_that_is_complete_is_never_made_again(copied_account: Cosmos) -> None:
    account = copied_account
    container = account.container("items")
    await container.put("session|p|s", "session", {"kind": "session", "version": 1, "body": "{}"})
    before = {shape.name: await documents(account, shape.name) for shape in SHAPES}
    await copy(account)
    assert {shape.name: await documents(account, shape.name) for shape in SHAPES} == before


# --- before it is copied -------------------------------------------------------------------------


async def test_an_account_that_was_not_copied_is_refused_and_nothing_is_made(
    account: Cosmos,
) -> None:
    with pytest.raises(Unavailable, match="reason=first_layout"):
        await migration.require_current(account)
    made = [each["id"] async for each in account.database.list_containers()]
    assert sorted(made) == sorted(PREFIX + name for name in NAMES)


async def test_a_new_account_is_not_refused(cosmos: Any) -> None:
    async with open_cosmos(cosmos.url, cosmos.key, next(DATABASES)) as new:
        await migration.require_current(new)
        await copy(new)
        await migration.require_current(new)
        assert await migration.left_to_finish(new) == ()
        await new.client.delete_database(new.database.id)


async def claim_run(account: Cosmos, until: Any) -> None:
    """Let a worker of 148999e be at work on a session."""
    container = account.container("sessions")
    pk = next(
        each["pk"]
        for each in dump()[f"{PREFIX}sessions"]
        if each["kind"] == "run" and session_id("claimed, the lease ran out") in each["body"]
    )
    for run in await container.query(pk, "c.kind = 'run'", select="*"):
        body = json.loads(run["body"]) | {"due_at": until.isoformat()}
        fields = {name: run[name] for name in ("kind", "version", "name")}
        fields |= {"due": stamp(until), "body": json.dumps(body)}
        assert await container.replace(run, fields)


async def test_while_a_lease_is_live_it_refuses_and_copies_nothing(account: Cosmos) -> None:
    ends = migrated.LOOKED_AT + timedelta(seconds=20)
    await claim_run(account, ends)
    with pytest.raises(Unavailable, match="reason=live_lease until=08:00:20 UTC"):
        await copy(account)
    assert [len(each) for each in (await copied(account)).values()] == [0, 0, 0, 0]
    with pytest.raises(Unavailable, match="reason=first_layout"):
        await migration.require_current(account)
    await copy(account, lambda: ends)
    await migration.require_current(account)


async def test_new_containers_in_which_something_else_is_are_left_alone(account: Cosmos) -> None:
    await account.migrate()
    await account.items.put("somebody", "else", {"kind": "a", "version": 1, "body": "{}"})
    with pytest.raises(Unavailable, match="reason=not_empty container=practice-items"):
        await copy(account)
    assert len((await copied(account))["items"]) == 1


async def test_what_nobody_of_us_wrote_is_named_and_not_left_out(account: Cosmos) -> None:
    await account.container("people").put("practice|p", "surprise", {})
    with pytest.raises(Unavailable, match="reason=not_of_the_first_layout item=people/practice"):
        await copy(account)
    with pytest.raises(Unavailable, match="copy_not_complete"):
        await migration.require_current(account)


@pytest.mark.parametrize(
    ("container", "item_id", "damage"),
    [
        ("sessions", "transcript-1", {"packed": "AAAA"}),
        ("sessions", "transcript-1", {"packed": "no base64"}),
        ("people", "practice", {"body": "{"}),
        ("tokens", "login", {"body": "{}"}),
    ],
)
async def test_a_damaged_document_is_named(
    container: str, item_id: str, damage: dict[str, str], account: Cosmos
) -> None:
    here = account.container(container)
    found = next(each for each in dump()[PREFIX + container] if each["id"] == item_id)
    stored = await here.read(found["pk"], item_id)
    assert stored
    kept = {name: stored[name] for name in found if name not in {"id", "pk", "mark"}}
    assert await here.replace(stored, kept | damage)
    where = re.escape(f"{container}/{found['pk']}/{item_id}")
    with pytest.raises(Unavailable, match=f"reason=damaged_record item={where}"):
        await copy(account)


# --- killed on the way ---------------------------------------------------------------------------

MOMENTS = (
    *(
        "upsert_item|1",
        "query_items|4",
        "query_items|8",
    ),  # before the mark; as nothing, little is copied
    *("execute_item_batch|1", "execute_item_batch|90"),
    *("query_items|18", "replace_item|1"),  # in the second pass; before it is marked as complete
)


async def killed(account: Cosmos, cosmos: Any, before: str) -> None:
    arguments = (cosmos.url, cosmos.key, account.database.id, before)
    ended = await asyncio.to_thread(forked.run, dying_copy.run, *arguments)
    assert ended == -signal.SIGKILL


UNDISTURBED: dict[str, Any] = {}


@pytest.fixture
async def undisturbed(cosmos: Any, copied_once: str) -> dict[str, Any]:
    """What is copied where nothing goes wrong; the same for every test."""
    if not UNDISTURBED:
        async with open_cosmos(cosmos.url, cosmos.key, copied_once) as other:
            UNDISTURBED.update(await copied(other))
    return UNDISTURBED


@pytest.mark.parametrize("moment", MOMENTS)
async def test_killed_and_run_again_it_comes_to_the_same(
    moment: str, account: Cosmos, cosmos: Any, undisturbed: dict[str, Any]
) -> None:
    await killed(account, cosmos, moment)
    with pytest.raises(Unavailable, match=r"first_layout|copy_not_complete"):
        await migration.require_current(account)
    with pytest.raises(Unavailable, match="copy_not_complete"):
        await migration.left_to_finish(account)
    await copy(account)
    assert await copied(account) == undisturbed
    await migration.require_current(account)


async def test_what_was_copied_before_it_was_killed_is_not_written_again(
    account: Cosmos, cosmos: Any
) -> None:
    await killed(account, cosmos, "execute_item_batch|90")
    before = await documents(account, "items")
    await copy(account)
    after = await documents(account, "items")
    same = [place for place in before if before[place]["_etag"] == after[place]["_etag"]]
    assert len(same) == len(before) - 1  # the mark
    assert len(before) > 50


async def test_what_was_erased_between_two_runs_is_not_in_the_copy(
    account: Cosmos, cosmos: Any
) -> None:
    await killed(account, cosmos, "replace_item|1")
    words = next(each for each in dump()[f"{PREFIX}sessions"] if each["id"] == "transcript-1")
    assert (words["pk"], "text-000001") in (await copied(account))["items"]
    await account.container("sessions").delete(words["pk"], "transcript-1")
    await copy(account)
    left = {item_id for pk, item_id in (await copied(account))["items"] if pk == words["pk"]}
    assert not {each for each in left if each.endswith("-000001")}
    assert "session" in left


async def test_of_two_that_copy_at_once_the_later_one_goes_on(account: Cosmos) -> None:
    await account.migrate()
    runs = [migration.copy_first_layout(account, now, pauses=QUICK) for _ in range(2)]
    ended = await asyncio.gather(*runs, return_exceptions=True)
    assert sum(each is None for each in ended) >= 1
    assert {str(each) for each in ended if each} <= {"unavailable reason=another_copy"}
    await migration.require_current(account)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("batch practice-items", status=429, times=4),
        Fault("batch practice-items", status=503, times=4),
        Fault("query practice-sessions", status=503, times=4),
    ],
)
async def test_an_account_that_is_busy_is_waited_for(
    fault: Fault, account: Cosmos, cosmos: Any, undisturbed: dict[str, Any]
) -> None:
    await account.migrate()
    cosmos.add(fault)
    await copy(account)
    assert await copied(account) == undisturbed


# --- finished ------------------------------------------------------------------------------------


async def test_finishing_deletes_the_old_containers_and_nothing_else(
    account: Cosmos, tmp_path: Path
) -> None:
    with pytest.raises(Unavailable, match="copy_not_complete"):
        await migration.finish(account)
    await copy(account)
    assert sorted(await migration.left_to_finish(account)) == sorted(
        PREFIX + each for each in NAMES
    )
    await migration.finish(account)
    await migration.finish(account)
    await copy(account)
    made = [each["id"] async for each in account.database.list_containers()]
    assert sorted(made) == sorted(PREFIX + shape.name for shape in SHAPES)
    await migration.require_current(account)
    async with opened(account, tmp_path) as program:
        await migrated.check_people(program)


async def test_containers_that_the_old_program_has_used_since_are_not_deleted(
    copied_account: Cosmos,
) -> None:
    account = copied_account
    await asyncio.sleep(1)  # Cosmos counts in seconds
    await account.container("keys").put("practice|key", "key", {"value": "used since"})
    for again in (migration.finish(account), copy(account)):
        with pytest.raises(Unavailable, match="first_layout_changed container=practice-keys"):
            await again
    assert "practice-keys" in [each["id"] async for each in account.database.list_containers()]
