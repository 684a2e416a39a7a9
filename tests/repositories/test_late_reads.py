"""What is not found is looked for once more where the store may be late, and only so often at once."""

import asyncio
from datetime import timedelta

import pytest

from tests.builders import NOW
from therapy.adapters.memory.store import MemoryStore
from therapy.domain.errors import NotFound
from therapy.repositories.late_reads import MOST_AT_ONCE, LateReads


class LateStore(MemoryStore):
    lag = timedelta(milliseconds=1)


class Sought:
    """Something that is found at the look with this number; 0: never."""

    def __init__(self, at: int) -> None:
        self.at, self.looks = at, 0

    async def look(self) -> str:
        self.looks += 1
        if self.looks != self.at:
            raise NotFound
        return "found"


def reads(kind: type[MemoryStore]) -> LateReads:
    return LateReads(kind(lambda: NOW))


async def test_what_is_found_is_looked_for_once() -> None:
    sought = Sought(1)
    assert await reads(LateStore).twice("person-1", sought.look) == "found"
    assert sought.looks == 1


async def test_what_is_not_found_is_looked_for_once_more() -> None:
    late, absent = Sought(2), Sought(0)
    assert await reads(LateStore).twice("person-1", late.look) == "found"
    with pytest.raises(NotFound):
        await reads(LateStore).twice("person-1", absent.look)
    assert absent.looks == 2


async def test_a_store_that_is_never_late_is_asked_once() -> None:
    absent = Sought(0)
    with pytest.raises(NotFound):
        await reads(MemoryStore).twice("person-1", absent.look)
    assert absent.looks == 1


async def test_many_made_up_ids_of_one_person_are_not_all_looked_for_again() -> None:
    records, absent = reads(LateStore), Sought(0)
    asked = [records.twice("person-1", absent.look) for _ in range(20)]
    other = Sought(2)
    *refused, found = await asyncio.gather(
        *asked, records.twice("person-2", other.look), return_exceptions=True
    )
    assert [type(each) for each in refused] == [NotFound] * 20
    assert absent.looks == 20 + MOST_AT_ONCE
    assert found == "found"
    late = Sought(2)  # and none counts for ever
    assert await records.twice("person-1", late.look) == "found"
