"""The store of items on a Cosmos that loses answers: what was written is told from what was not."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.azure.cosmos_items import Items
from tests.emulators.faults import Fault
from therapy.adapters.azure.cosmos.batch_steps import Step
from therapy.domain.errors import Unavailable
from therapy.ports.store import Delete, Write
from therapy.testing.store.items import (
    PARTITION,
    check,
    create,
    ids,
    one,
    put,
    refused_place,
    replace,
)

pytestmark = pytest.mark.emulator

WRITES: dict[str, Sequence[Write]] = {
    "create": [create("new")],
    "replace": [replace("a", 1)],
    "put": [put("a")],
    "check": [check("a", 1)],
    "delete": [Delete(id="a")],
    "delete a version": [Delete(id="a", version=1)],
    "delete several": [Delete(id="a", version=1), Delete(id="b")],
    "check and delete": [check("a", 1), Delete(id="b", version=1)],
    "all": [replace("a", 1), Delete(id="b"), create("new"), put("newer")],
}


@pytest.mark.parametrize("kind", ["lost", "reset"])
@pytest.mark.parametrize("what", WRITES)
async def test_a_commit_is_done_once_whatever_became_of_its_answer(
    what: str, kind: str, items: Items
) -> None:
    await items.store.commit(PARTITION, [create("a"), create("b")])
    items.emulator.add(Fault("batch *items", kind=kind))
    await items.store.commit(PARTITION, WRITES[what])
    found = {item.id: item.version for item in await items.other.list(PARTITION)}
    expected = {"a": 1, "b": 1} | {"new": 1, "newer": found.get("newer")}
    for write in WRITES[what]:
        if isinstance(write, Delete):
            del expected[write.id]
    if what in {"replace", "all"}:
        expected["a"] = 2
    if what == "put":
        expected["a"] = found["a"]
        assert found["a"] != 1
    kept = {name for name in ("new", "newer") if name in {write.id for write in WRITES[what]}}
    assert found == {name: expected[name] for name in expected if name in {"a", "b"} | kept}


async def test_a_commit_whose_answer_was_lost_is_remembered(items: Items) -> None:
    await items.store.commit(PARTITION, [create("a")])
    items.emulator.add(Fault("batch *items", kind="lost"))
    await items.store.commit(PARTITION, [replace("a", 1)])
    items.emulator.clear()
    await items.store.commit(PARTITION, [replace("a", 2)])
    assert items.requests() == {"batch": 1}


@pytest.mark.parametrize(
    "writes", [[replace("a", 1), create("b")], [create("b")], [put("new"), check("a", 1)]]
)
async def test_a_refusal_whose_answer_was_lost_is_one_if_something_proves_it(
    writes: list[Write], items: Items
) -> None:
    """The second remembers them as they were before it wrote, and so they still are."""
    await items.store.commit(PARTITION, [create("a"), create("b")])
    await items.store.commit(PARTITION, [replace("a", 1), replace("b", 1)])
    await items.other.get(PARTITION, "a", "b")
    items.emulator.add(Fault("batch *items", kind="lost"))
    assert await refused_place(items.other, writes) is not None


async def test_who_can_not_tell_a_refusal_from_a_success_says_so(items: Items) -> None:
    """It knew nothing of the item before; what is there may have come after its own."""
    await items.store.commit(PARTITION, [create("a")])
    items.emulator.add(Fault("batch *items", kind="lost"))
    with pytest.raises(Unavailable) as told_so:
        await items.other.commit(PARTITION, [create("a")])
    assert told_so.value.details == {"reason": "answer_lost"}
    assert await refused_place(items.other, [create("a")]) == 0


async def rivalled(items: Items, ours: Sequence[Write], theirs: Sequence[Write]) -> None:
    """Commit ours; the answer is lost, and before the look at what became of it they commit theirs."""
    items.emulator.clear()
    items.emulator.add(
        Fault("batch *items", kind="lost"),
        *(Fault(f"{kind} *items", kind="slow", seconds=0.5) for kind in ("read", "query")),
    )
    committing = asyncio.create_task(items.store.commit(PARTITION, ours))
    await items.until_struck("slow")  # the look has been sent, and sees what comes now
    await items.other.commit(PARTITION, theirs)
    await committing


async def rivals(items: Items) -> None:
    await items.store.commit(PARTITION, [create("a"), create("b")])
    await items.other.get(PARTITION, "a", "b")


async def test_what_was_written_and_then_overwritten_is_never_called_refused(items: Items) -> None:
    await rivals(items)
    with pytest.raises(Unavailable) as told_so:
        await rivalled(items, [replace("a", 1, body=b"ours")], [put("a", body=b"theirs")])
    assert told_so.value.details == {"reason": "answer_lost"}
    assert (await one(items.store, "a")).body == b"theirs"


async def test_one_item_that_nobody_has_overwritten_tells_that_all_was_written(
    items: Items,
) -> None:
    await rivals(items)
    await rivalled(items, [replace("a", 1), create("c")], [put("a", body=b"theirs")])
    assert (await one(items.store, "a")).body == b"theirs"
    assert await ids(items.store) == ["a", "b", "c"]


async def test_a_check_by_another_process_hides_nothing(items: Items) -> None:
    """Theirs is of the very item that ours has just written; without its mark ours seemed refused."""
    await rivals(items)
    await rivalled(items, [replace("a", 1, body=b"ours")], [check("a", 2)])
    there = await one(items.other, "a")
    assert (there.version, there.body) == (2, b"ours")


async def test_of_writers_that_race_while_answers_are_lost_one_wins(items: Items) -> None:
    await items.store.commit(PARTITION, [create("a")])
    stores = [items.opened() for _ in range(6)]
    items.emulator.add(Fault("batch *items", kind="lost", times=None, chance=0.3))

    async def claim(number: int) -> str:
        body = f"writer-{number}"
        try:
            refused = await refused_place(
                stores[number], [replace("a", 1, body=body.encode()), put(f"{number}")]
            )
        except Unavailable:
            return "unknown"
        return body if refused is None else "refused"

    answers = await asyncio.gather(*map(claim, range(6)))
    items.emulator.clear()
    there = await one(items.other, "a")
    winner = there.body.decode()
    assert there.version == 2
    assert [each for each in answers if each.startswith("writer")] in ([winner], [])
    assert answers[int(winner[-1])] != "refused"
    assert await ids(items.other) == [winner[-1], "a"]


async def test_a_batch_that_is_sent_again_still_names_its_etags(items: Items) -> None:
    await items.store.commit(PARTITION, [create("a")])
    old = await items.document("a")
    await items.store.commit(PARTITION, [replace("a", 1, body=b"theirs")])
    for kind in ("reset", "lost"):
        items.emulator.add(Fault("batch *items", kind=kind))
        step = Step("replace", "a", {"kind": "note", "version": 9}, old["_etag"])
        assert await items.cosmos.items.batch(PARTITION, [step]) == 0
    assert (await one(items.store, "a")).body == b"theirs"
