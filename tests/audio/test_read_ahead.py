"""A recording is read ahead of its decoder: in few requests if it waits, in little memory if it does not."""

import asyncio

import pytest

from tests import media
from tests.audio.decoding import reader
from therapy.adapters.audio import PyAvAudioDecoder
from therapy.adapters.audio.read_ahead import FIRST_BYTES, LEAST_BYTES, MOST_BYTES, ReadAhead
from therapy.domain.errors import Unavailable

BLOCK = 1 << 20
DATA = bytes(range(251)) * 80_000
"""20 million bytes, no two blocks of which are the same."""

LONG = bytes(60 * BLOCK)


async def all_of(ahead: ReadAhead, size: int = len(DATA)) -> bytes:
    return b"".join([await ahead.range(at, min(size, at + BLOCK)) for at in range(0, size, BLOCK)])


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def lengths(asked: list[tuple[int, int]]) -> list[int]:
    """How many MiB each read but the first took."""
    return [(end - start) // BLOCK for start, end in asked[1:]]


async def test_a_decoder_that_waits_has_eight_mib_read_at_a_time() -> None:
    asked: list[tuple[int, int]] = []
    ahead = ReadAhead(reader(DATA, asked), len(DATA))
    await all_of(ahead)  # it never lets the next segment arrive before it wants that
    assert lengths(asked)[:4] == [2, 2, 4, 8]
    assert MOST_BYTES == 8 * BLOCK


async def test_one_that_does_not_wait_has_less_and_less_read() -> None:
    asked: list[tuple[int, int]] = []
    ahead = ReadAhead(reader(LONG, asked), len(LONG))
    for at in range(0, len(LONG), BLOCK):
        await ahead.range(at, at + BLOCK)
        await settle()
    assert lengths(asked)[:6] == [2, 2, 2, 2, 2, 1]
    assert set(lengths(asked)[5:]) == {LEAST_BYTES // BLOCK} == {1}


async def test_one_that_waits_again_has_more_and_more_read() -> None:
    asked: list[tuple[int, int]] = []
    ahead = ReadAhead(reader(LONG, asked), len(LONG))
    at = 0
    while lengths(asked)[-1:] != [1]:
        await ahead.range(at, at + BLOCK)
        await settle()
        at += BLOCK
    shrunk = len(asked)
    while at < len(LONG):
        await ahead.range(at, at + BLOCK)
        at += BLOCK
    assert lengths(asked)[shrunk - 1 : shrunk + 3] == [1, 2, 4, 8]
    await ahead.aclose()


async def test_ranges_in_order_are_what_is_there_and_each_byte_is_read_once() -> None:
    asked: list[tuple[int, int]] = []
    ahead = ReadAhead(reader(DATA, asked), len(DATA))
    assert await all_of(ahead) == DATA
    assert sum(end - start for start, end in asked) == len(DATA)


async def test_one_segment_is_read_ahead_of_the_one_that_is_decoded_and_no_more() -> None:
    asked: list[tuple[int, int]] = []
    ahead = ReadAhead(reader(DATA, asked), len(DATA))
    await ahead.range(0, BLOCK)
    await ahead.range(BLOCK, 2 * BLOCK)
    await settle()
    assert asked[-1] == (BLOCK + FIRST_BYTES, BLOCK + 2 * FIRST_BYTES)
    await ahead.aclose()


async def test_ranges_here_and_there_are_read_as_they_are() -> None:
    asked: list[tuple[int, int]] = []
    ahead = ReadAhead(reader(DATA, asked), len(DATA))
    wanted = [(0, 100), (16 * BLOCK, 16 * BLOCK + 5), (5 * BLOCK, 6 * BLOCK), (0, 100)]
    assert [await ahead.range(*each) for each in wanted] == [DATA[a:b] for a, b in wanted]
    assert asked == wanted
    await ahead.range(3 * BLOCK, 4 * BLOCK)
    await ahead.range(4 * BLOCK, 5 * BLOCK)
    assert await ahead.range(BLOCK, 2 * BLOCK) == DATA[BLOCK : 2 * BLOCK]
    assert await ahead.range(2 * BLOCK, 3 * BLOCK) == DATA[2 * BLOCK : 3 * BLOCK]
    await ahead.aclose()


async def test_what_fails_ahead_is_raised_where_it_is_wanted() -> None:
    async def read(start: int, end: int) -> bytes:
        if start > MOST_BYTES:
            raise Unavailable(reason="away")
        return DATA[start:end]

    ahead = ReadAhead(read, len(DATA))
    at = 0
    for at in range(0, BLOCK + MOST_BYTES, BLOCK):
        await ahead.range(at, at + BLOCK)
    await settle()
    with pytest.raises(Unavailable):
        await ahead.range(at + BLOCK, at + 2 * BLOCK)
    await ahead.aclose()


@pytest.mark.slow
async def test_a_decoder_that_is_closed_leaves_no_read_behind() -> None:
    data, begun, ended = media.recording("wav", 400.0), asyncio.Event(), asyncio.Event()

    async def read(start: int, end: int) -> bytes:
        if start > MOST_BYTES:
            begun.set()
            try:
                await asyncio.sleep(3600)
            finally:
                ended.set()
        return data[start:end]

    chunks = PyAvAudioDecoder().decode("practice", read, len(data))
    while not begun.is_set():
        await anext(chunks)
    await chunks.aclose()
    assert ended.is_set()
