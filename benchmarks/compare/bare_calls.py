"""Calls of one library and nothing else, for `limits`: `python -m benchmarks.compare.bare_calls KIND`.

`point-read` and `list` ask Cosmos by its SDK, `xadd` adds to a stream of Redis, `decode` reads a recording
with PyAV. Prints JSON: CPU of this process in ms for each call (`decode`: in all), wall time, calls.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from statistics import median

from benchmarks.compare.practice import ROWS

CALLS, WARM = 500, 50
TRANSCRIPT = "x" * 40


async def timed(call: Callable[[], Awaitable[object]], calls: int = CALLS) -> dict[str, float]:
    """Return what calls take, one after the other; the first ones do not count."""
    for _ in range(WARM):
        await call()
    taken = []
    cpu, began = time.process_time(), time.perf_counter()
    for _ in range(calls):
        start = time.perf_counter()
        await call()
        taken.append((time.perf_counter() - start) * 1000)
    seconds = time.perf_counter() - began
    return {
        "CPU ms": (time.process_time() - cpu) * 1000 / calls,
        "req/s": calls / seconds,
        "p50 ms": median(taken),
        "p99 ms": sorted(taken)[int(calls * 0.99)],
        "requests": calls + WARM,
    }


async def cosmos(kind: str) -> dict[str, float]:
    """Read one item, or a list of ROWS items, from a container of ours."""
    from azure.cosmos import PartitionKey
    from azure.cosmos.aio import CosmosClient

    uri, key = os.environ["COSMOS_URI"], os.environ["COSMOS_KEY"]
    async with CosmosClient(uri, key, enable_endpoint_discovery=False) as client:
        database = await client.create_database_if_not_exists("bare")
        container = await database.create_container_if_not_exists("items", PartitionKey("/owner"))
        for number in range(ROWS):
            await container.upsert_item(row(number))

        async def point_read() -> object:
            return await container.read_item("row-1", "me")

        async def read_list() -> object:
            text = "SELECT TOP 500 * FROM c WHERE c.list = 'finalized' ORDER BY c.at DESC"
            return [each async for each in container.query_items(text, partition_key="me")]

        if len(await read_list()) != ROWS:  # type: ignore[arg-type] # it is a list
            sys.exit("the emulator did not answer the whole list")
        return await timed(point_read if kind == "point-read" else read_list, CALLS)


def row(number: int) -> dict[str, object]:
    """Return an item of the size of a session's entry in a list."""
    names = {"patient": "Sam Patient", "therapist": "Olivia Hayes", "title": f"Meeting {number}"}
    preview = "Sleep, pressure at work, what would make the weeks lighter."
    about = {
        "id": f"row-{number}",
        "owner": "me",
        "list": "finalized",
        "at": f"2026-01-01T00:{number:04}",
    }
    return about | names | {"preview": preview, "scores": [0.1, 0.8, 0.1], "more": TRANSCRIPT}


async def xadd() -> dict[str, float]:
    """Add to a stream, one by one, then 500 at once over a few connections."""
    from redis.asyncio import BlockingConnectionPool, Redis

    url = f"redis://{os.environ['REDIS_HOST']}:{os.environ['REDIS_PORT']}/0"
    redis = Redis.from_pool(BlockingConnectionPool.from_url(url, max_connections=16))
    found = await timed(lambda: redis.xadd("bare", {"session": "1"}, maxlen=10_000))
    began = time.perf_counter()
    await asyncio.gather(
        *[redis.xadd("bare", {"session": "1"}, maxlen=10_000) for _ in range(CALLS)]
    )
    found["jobs/s"] = CALLS / (time.perf_counter() - began)
    await redis.aclose()
    return found


def decode() -> dict[str, float]:
    """Decode and resample a recording."""
    import av

    resampler = av.AudioResampler(format="s16", layout="mono", rate=16_000)
    cpu, began, samples = time.process_time(), time.perf_counter(), 0
    with av.open(os.environ["BARE_SOUND"]) as container:
        for frame in container.decode(audio=0):
            samples += sum(len(bytes(made.planes[0])) for made in resampler.resample(frame))
    return {
        "s": time.perf_counter() - began,
        "CPU s": time.process_time() - cpu,
        "minutes": samples / 2 / 16_000 / 60,
        "requests": 1,
    }


def main() -> None:
    kind = sys.argv[1]
    if kind == "decode":
        print(json.dumps(decode()))
    else:
        print(json.dumps(asyncio.run(xadd() if kind == "xadd" else cosmos(kind))))


if __name__ == "__main__":
    main()
