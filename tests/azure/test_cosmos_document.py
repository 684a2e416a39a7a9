"""How items are kept in Cosmos: bodies as text or deflated, moments, and what is deleted by itself."""

import random

import pytest

from tests.azure.cosmos_items import Items
from tests.builders import DAY, MINUTE, NOW, SECOND
from therapy.domain.errors import TooLarge, Unavailable
from therapy.ports.store import MOST_BYTES
from therapy.testing.store.items import PARTITION, create, one, refused_place, replace

pytestmark = pytest.mark.emulator

SPOKEN = b'{"schema_version":1,"text":"' + "שלום, good morning. ".encode() * 500 + b'"}'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"text":"\xff\xfe"}',
        bytes(range(256)) * 300,
        b'{"text":"\x00\x7f\xe2\x80\xa8"}',
        SPOKEN,
        SPOKEN * 20,
    ],
)
async def test_any_bytes_come_back(items: Items, body: bytes) -> None:
    await items.store.commit(PARTITION, [create("a", body=body)])
    assert (await one(items.other, "a")).body == body
    (listed,) = await items.other.list(PARTITION)
    assert listed.body == body


async def test_short_json_can_be_read_in_the_database_and_what_is_long_is_deflated(
    items: Items,
) -> None:
    short = '{"schema_version":1,"text":"בוקר טוב"}'
    await items.store.commit(
        PARTITION, [create("short", body=short.encode()), create("long", body=SPOKEN)]
    )
    assert (await items.document("short"))["body"] == short
    long = await items.document("long")
    assert "body" not in long
    assert len(long["packed"]) < len(SPOKEN) / 20


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # 2 MB is the point
async def test_as_many_bytes_as_a_commit_may_have_fit_if_they_are_text(items: Items) -> None:
    seeded = random.Random(7)
    words = [f"word{number}" for number in range(400)]
    sentences = [" ".join(seeded.choices(words, k=9)) for _ in range(100)]
    said = ". ".join(seeded.choices(sentences, k=140_000)).encode()[: MOST_BYTES - 11]
    body = b'{"text":"' + said + b'"}'
    assert len(body) == MOST_BYTES
    await items.store.commit(PARTITION, [create("a", body=body)])
    assert (await one(items.other, "a")).body == body


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
@pytest.mark.parametrize("size", [1_600_000, 4_000_000])
async def test_what_does_not_deflate_into_what_cosmos_takes_is_too_large(
    items: Items, size: int
) -> None:
    await items.store.commit(PARTITION, [create("session")])
    noise = random.Random(7).randbytes(size)
    with pytest.raises(TooLarge):
        await items.store.commit(PARTITION, [replace("session", 1), create("noise", body=noise)])
    assert [item.version for item in await items.store.list(PARTITION)] == [1]


async def test_a_damaged_body_is_told_and_can_be_replaced(items: Items) -> None:
    await items.store.commit(PARTITION, [create("a", body=b"\x00", kind="note")])
    document = await items.document("a")
    fields = {name: document[name] for name in ("kind", "version")}
    await items.cosmos.items.put(PARTITION, "a", {**fields, "packed": "AAAA"})
    with pytest.raises(Unavailable) as told:
        await items.store.get(PARTITION, "a")
    assert told.value.details == {"reason": "damaged", "kind": "note"}
    assert await refused_place(items.store, [replace("a", 1)]) is None


# --- expiry --------------------------------------------------------------------------------------


async def test_cosmos_deletes_what_expired_a_day_ago_and_nothing_that_lives_on(
    items: Items,
) -> None:
    lives = {"short": MINUTE, "long": 60 * 365 * DAY, "longest": 100 * 365 * DAY, "over": -9 * DAY}
    writes = [create(name, expires_at=NOW + span) for name, span in lives.items()]
    await items.store.commit(PARTITION, writes)
    over = await items.cosmos.items.read(PARTITION, "over")
    assert over is None or over["ttl"] == 1  # it may be gone by now
    times = {name: (await items.document(name)).get("ttl") for name in lives if name != "over"}
    assert times == {
        "short": (DAY + MINUTE) // SECOND,
        "long": (60 * 365 * DAY + DAY) // SECOND,
        "longest": None,
    }
