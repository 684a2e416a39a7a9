"""A recording is read ahead of its decoder, in few requests, with two segments in memory at most."""

import asyncio

import pytest

from tests import media
from tests.audio.decoding import reader
from therapy.adapters.audio import PyAvAudioDecoder
from therapy.adapters.audio.read_ahead import SEGMENT_BYTES, ReadAhead
from therapy.domain.errors import Unavailable

BLOCK = 1 << 20
DATA = bytes(range(251)) * 80_000
"""20 million bytes, no two blocks of which are the same."""


async def all_of(ahead: ReadAhead, size: int = len(DATA)) -> bytes:
    return b"".join([await ahead.range(at, min(size, at + BLOCK)) for at in range(0, size, BLOCK)])


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.mark.slow
async def test_a_recording_that_is_decoded_is_read_eight_mib_at_a_time() -> None:
    data = media.recording("wav", 400.0)
    asked: list[tuple[int, int]] = []
    async for _ in PyAvAudioDecoder().decode("practice", reader(data, asked), len(data)):
        pass
    assert len(data) > SEGMENT_BYTES + BLOCK
    assert max(end - start for start, end in asked) == SEGMENT_BYTES
    assert len(asked) <= len(data) // SEGMENT_BYTES + 3


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
    assert asked[-1] == (BLOCK + SEGMENT_BYTES, BLOCK + 2 * SEGMENT_BYTES)
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
        if start > 3 * BLOCK:
            raise Unavailable(reason="away")
        return DATA[start:end]

    ahead = ReadAhead(read, len(DATA))
    at = 0
    for at in range(0, SEGMENT_BYTES + BLOCK, BLOCK):
        await ahead.range(at, at + BLOCK)
    await settle()
    with pytest.raises(Unavailable):
        await ahead.range(at + BLOCK, at + 2 * BLOCK)
    await ahead.aclose()


async def test_a_decoder_that_is_closed_leaves_no_read_behind() -> None:
    data, begun, ended = media.recording("wav", 400.0), asyncio.Event(), asyncio.Event()

    async def read(start: int, end: int) -> bytes:
        if start > SEGMENT_BYTES:
            begun.set()
            try:
                await asyncio.sleep(3600)
            finally:
                ended.set()
        return data[start:end]

    chunks = PyAvAudioDecoder().decode("practice", read, len(data))
    await anext(chunks)
    await begun.wait()
    await chunks.aclose()
    assert ended.is_set()
