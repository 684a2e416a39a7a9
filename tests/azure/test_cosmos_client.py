"""Opening Cosmos, making its containers, and what is kept in them."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest
from azure.cosmos import PartitionKey
from msgspec.structs import replace

from tests.azure.cosmos_stores import Stores, after_the_sdks_own
from tests.builders import (
    DAY,
    PATIENT,
    PRACTICE,
    SESSION,
    a_login,
    a_reset,
    a_session,
    a_version,
    an_entry,
    an_utterance,
)
from tests.emulators.cosmos import Cosmos as Emulator
from tests.emulators.faults import Fault
from therapy.adapters.azure.cosmos import session_index_items
from therapy.adapters.azure.cosmos.client import Cosmos, open_cosmos
from therapy.adapters.azure.cosmos.container_definitions import SHAPES
from therapy.adapters.azure.cosmos.keys import key, part, stamp
from therapy.config import read_settings
from therapy.domain.errors import NotFound, TooLarge, Unavailable
from therapy.domain.transcript import Word
from therapy.entrypoints.http.readiness import Readiness
from therapy.repositories.change import Change
from therapy.repositories.logins import access_partition
from therapy.repositories.sessions import session_partition
from therapy.wiring.stores import cosmos_stores, open_database

pytestmark = pytest.mark.emulator
NAMES = (f"client{number}" for number in itertools.count())
EARLIER = {"users", "headers", "processing", "details", "devices", "audit"}


@pytest.fixture
async def bare(cosmos: Emulator) -> AsyncIterator[Cosmos]:
    """An account in which nothing has been made yet."""
    async with open_cosmos(cosmos.url, cosmos.key, next(NAMES), pauses=()) as opened:
        yield opened


async def test_what_is_missing_is_made_and_found_there(bare: Cosmos, cosmos: Emulator) -> None:
    with pytest.raises(Unavailable) as missing:
        await bare.check()
    assert missing.value.details == {
        "reason": "container_missing",
        "container": f"practice-{SHAPES[0].name}",
    }
    await bare.migrate()
    await bare.check()
    names = [each["id"] async for each in bare.database.list_containers()]
    assert sorted(names) == sorted(f"practice-{shape.name}" for shape in SHAPES)
    assert not {*names} & EARLIER


async def test_migrating_again_keeps_items_and_brings_settings_up_to_date(bare: Cosmos) -> None:
    await bare.migrate()
    await bare.items.put("p", "kept", {"value": "here"})
    plain = {"indexingMode": "consistent", "includedPaths": [{"path": "/*"}], "excludedPaths": []}
    await bare.database.replace_container(
        "practice-items", PartitionKey("/pk"), indexing_policy=plain
    )
    await bare.migrate()
    found = await bare.database.get_container_client("practice-items").read()
    assert found["defaultTtl"] == -1
    assert [each["path"] for each in found["indexingPolicy"]["includedPaths"]] == [
        "/pk/?",
        "/due/?",
    ]
    kept = await bare.items.read("p", "kept")
    assert kept is not None
    assert kept["value"] == "here"


async def test_a_start_makes_what_is_missing_and_changes_nothing_that_is_there(
    bare: Cosmos, caplog: pytest.LogCaptureFixture
) -> None:
    await bare.prepare()
    await bare.check()
    assert not [each for each in caplog.records if each.name.startswith("therapy")]
    plain = {"indexingMode": "consistent", "includedPaths": [{"path": "/*"}], "excludedPaths": []}
    await bare.database.replace_container(
        "practice-items", PartitionKey("/pk"), indexing_policy=plain
    )
    await bare.database.delete_container("practice-hints")
    await bare.prepare()
    await bare.check()
    found = await bare.database.get_container_client("practice-items").read()
    assert [each["path"] for each in found["indexingPolicy"]["includedPaths"]] == ["/*"]
    (told,) = (record for record in caplog.records if record.name.startswith("therapy"))
    assert "therapy migrate" in told.message


async def test_two_that_start_together_on_an_empty_account_both_start(bare: Cosmos) -> None:
    await asyncio.gather(*(bare.prepare() for _ in range(3)))
    await bare.check()


async def test_a_start_needs_no_right_to_make_containers(bare: Cosmos, cosmos: Emulator) -> None:
    await bare.migrate()
    cosmos.add(Fault("make", status=403, times=None))
    await bare.prepare()


async def test_a_container_of_somebody_else_is_refused(bare: Cosmos) -> None:
    database = await bare.client.create_database_if_not_exists(bare.database.id)
    await database.create_container("practice-person-entries", PartitionKey("/email"))
    for shape in SHAPES:
        if shape.name != "person-entries":
            await database.create_container(f"practice-{shape.name}", PartitionKey("/pk"))
    for attempt in (bare.prepare, bare.migrate, bare.check):
        with pytest.raises(Unavailable) as refused:
            await attempt()
        wanted = {"reason": "partition_key", "container": "practice-person-entries"}
        assert refused.value.details == wanted


@pytest.mark.parametrize(
    ("uri", "key", "reason"),
    [
        ("http://127.0.0.1:1/", "a2V5", "connection"),
        ("http://127.0.0.1:1/", "no base64!", "key"),
        ("no uri", "a2V5", "uri"),
        ("ftp://127.0.0.1/", "a2V5", "uri"),
    ],
)
async def test_an_account_that_can_not_be_opened_is_unavailable(
    uri: str, key: str, reason: str
) -> None:
    def opening() -> AbstractAsyncContextManager[Cosmos]:
        return open_cosmos(uri, key, "therapydb", pauses=())

    with pytest.raises(Unavailable) as refused:
        async with opening():
            pass
    assert refused.value.details["reason"] == reason
    assert key not in str(refused.value)


async def test_a_flood_of_readiness_calls_costs_one_point_read(stores: Stores) -> None:
    """An account allows 240 RU/s for metadata, so that none of it may be read."""
    now = [0.0]
    probe = cosmos_stores(stores.cosmos).probe
    every = read_settings({}).readiness_every
    readiness = Readiness({"stores": probe}, every, clock=lambda: now[0])
    for _ in range(2):  # the SDK reads the container's form and ranges once
        await probe()
    await after_the_sdks_own(stores.cosmos)
    before = stores.cosmos.meter.request_units
    stores.emulator.clear()
    for at, reads in ((0.0, 1), (every.total_seconds() - 0.1, 1), (every.total_seconds(), 2)):
        now[0] = at
        found = await asyncio.gather(*(readiness.findings() for _ in range(200)))
        assert not any(each.away for each in found)
        seen = stores.emulator.seen()["containers"]
        assert {name: each["operations"] for name, each in seen.items()} == {
            "practice-items": {"read": reads}
        }
        assert stores.cosmos.meter.request_units == before + reads


@pytest.mark.parametrize("level", ["Eventual", "ConsistentPrefix", "Session", "Strong"])
async def test_a_consistency_with_which_own_writes_are_not_read_is_refused(
    level: str, stores: Stores
) -> None:
    stores.emulator.set_consistency(level)
    if level in {"Session", "Strong"}:
        await stores.cosmos.check()
        return
    with pytest.raises(Unavailable) as refused:
        await stores.cosmos.check()
    assert refused.value.details == {"reason": "consistency", "level": level}


async def test_how_long_to_wait_for_cosmos_is_set(cosmos: Emulator) -> None:
    given = {
        "THERAPY_COSMOS_THROTTLED_SECONDS": "3",
        "THERAPY_COSMOS_THROTTLED_TRIES": "7",
        "THERAPY_COSMOS_LAG_MS": "50",
    }
    settings = read_settings(cosmos.settings() | given | {"THERAPY_RECORDINGS": "local"})
    async with AsyncExitStack() as stack:
        opened = await open_database(settings, stack)
        retries = opened.client.client_connection.connection_policy.RetryOptions
        assert (retries.MaxWaitTimeInSeconds, retries.MaxRetryAttemptCount) == (3, 7)
        assert opened.patience == 3
        assert cosmos_stores(opened).store.lag == timedelta(milliseconds=50)


async def test_a_refused_key_is_told_apart(cosmos: Emulator) -> None:
    cosmos.add(Fault("meta", status=401, times=None))
    with pytest.raises(Unavailable, match="credentials"):
        async with open_cosmos(cosmos.url, cosmos.key, "therapydb"):
            pass


async def test_without_a_key_the_machines_identity_is_asked(
    cosmos: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET", "IDENTITY_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    with pytest.raises(Unavailable) as refused:
        async with open_cosmos(cosmos.url, None, "therapydb"):
            pass
    assert refused.value.details["reason"] in {"credentials", "connection"}


async def test_parts_of_names_never_run_into_each_other() -> None:
    assert key("a", "b|c") != key("a|b", "c") != key("a", "b", "c")
    assert part("plain-1.2_3") == "plain-1.2_3"
    for odd in ("", "a/b", "a b", "\ud800", "x" * 10_000, "~", "é"):
        assert part(odd).startswith("~")
        assert len(part(odd)) == 65
        assert key(odd).isascii()


def test_moments_sort_as_text() -> None:
    moments = [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 3, 4, tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
    ]
    stamps = [stamp(moment) for moment in moments]
    assert stamps == sorted(stamps)
    assert {len(each) for each in stamps} == {18}


def an_hour(words: int) -> tuple[object, ...]:
    """Hebrew and English words with their times, in utterances of ten."""
    spoken = [
        Word(
            f"מילה{number % 1_800}" if number % 3 else f"word{number}",
            number * 400,
            number * 400 + 350,
            0.87,
        )
        for number in range(words)
    ]
    return tuple(
        an_utterance(
            " ".join(word.text for word in spoken[first : first + 10]),
            first * 400,
            words=tuple(spoken[first : first + 10]),
        )
        for first in range(0, words, 10)
    )


async def test_an_hour_of_speech_is_a_small_item_and_comes_back_whole(stores: Stores) -> None:
    version = replace(a_version(), utterances=an_hour(9_000))
    records = stores.installation.records
    change = Change(*await records.transcripts.new(PRACTICE, version))
    await change.commit(records.store)
    assert await records.transcripts.load(PRACTICE, SESSION, 1) == version
    text = await stores.cosmos.items.read(session_partition(PRACTICE, SESSION), "text-000001")
    assert text is not None
    assert len(str(text)) < 250_000


@pytest.mark.filterwarnings(
    "ignore:Sending a large body:ResourceWarning"
)  # being large is the point
async def test_what_is_too_large_says_so_and_nothing_is_written(stores: Stores) -> None:
    records = stores.installation.records
    noise = random.Random(7)
    notes = tuple("".join(map(chr, noise.choices(range(33, 1_000), k=50_000))) for _ in range(40))
    session = a_session(details=replace(a_session().details, general_notes=notes))
    with pytest.raises(TooLarge):
        await Change(records.sessions.write(session)).commit(records.store)
    with pytest.raises(NotFound):
        await records.sessions.load(PRACTICE, SESSION)


async def test_tokens_expire_by_themselves(stores: Stores) -> None:
    """A day after they are worth nothing; what must stay has no end."""
    records, now = stores.installation.records, datetime.now(UTC)
    month, half_hour = 30 * DAY, timedelta(minutes=30)
    stores.clock.now = now
    login = a_login(created_at=now, expires_at=now + month)
    reset = a_reset(expires_at=now + half_hour)
    await Change(records.logins.write(login)).commit(records.store)
    await Change(records.reset_tokens.write(reset)).commit(records.store)
    partition = access_partition(PRACTICE, PATIENT)
    for item_id, lifetime in (
        ("login-login-1", month + 2 * DAY),
        ("reset-reset-1", half_hour + DAY),
    ):
        item = await stores.cosmos.items.read(partition, item_id)
        assert item is not None
        assert lifetime.total_seconds() - 60 <= item["ttl"] <= lifetime.total_seconds()
    await stores.ports.session_index.put(PRACTICE, an_entry())
    moved = an_entry(sequence=2, therapist_id="therapist-2")
    await stores.ports.session_index.put(PRACTICE, moved)
    gone = await stores.cosmos.session_index.read(
        session_index_items.of_therapist(PRACTICE, an_entry().therapist_id),
        session_index_items.copy_id(SESSION),
    )
    assert gone is not None
    assert gone["ttl"] == session_index_items.GONE_FOR
    assert "body" not in gone


@pytest.mark.slow
async def test_what_has_expired_is_gone(stores: Stores) -> None:
    await stores.cosmos.items.put("p", "soon", {"ttl": 1})
    await asyncio.sleep(2.1)
    assert await stores.cosmos.items.read("p", "soon") is None
