"""An ASGI application that does one thing: `python -m benchmarks.compare.bare_server KIND PATH`.

`asgi` answers at once, `sink` reads a body and drops it, `file` writes it to PATH, `azurite` to a block blob
in blocks of 4 MiB, four at once. Prints its port.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

BLOCK = 4 * 1024 * 1024
AT_ONCE = 4
ANSWER = (
    b'{"id":"1","fullName":"Sam Patient","email":"sam.patient@example.health","pictureUrl":null}'
)

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Take = Callable[[AsyncIterator[bytes]], Awaitable[None]]


async def chunks(receive: Receive) -> AsyncIterator[bytes]:
    """Yield the body as it comes."""
    while True:
        event = await receive()
        yield event.get("body", b"")
        if not event.get("more_body"):
            return


async def drop(body: AsyncIterator[bytes]) -> None:
    """Read it."""
    async for _ in body:
        pass


def to_file(path: Path) -> Take:
    """Return what writes a body to a file, and the file to the disk."""

    async def write(body: AsyncIterator[bytes]) -> None:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        async for block in blocks(body):
            await asyncio.to_thread(os.write, file, block)
        await asyncio.to_thread(os.fsync, file)
        os.close(file)

    return write


async def blocks(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield a body in blocks."""
    kept = bytearray()
    async for chunk in body:
        kept += chunk
        if len(kept) >= BLOCK:
            yield bytes(kept)
            kept.clear()
    yield bytes(kept)


@asynccontextmanager
async def to_azurite() -> AsyncIterator[Take]:
    """Yield what stages and commits a body in blocks; its client is open, as in a started service."""
    from azure.storage.blob import BlobBlock
    from azure.storage.blob.aio import BlobServiceClient

    text = os.environ["AZURE_STORAGE_CONNECTION_STRING"]
    async with BlobServiceClient.from_connection_string(text) as service:
        container = service.get_container_client("bare")
        if not await container.exists():
            await container.create_container()

        async def take(body: AsyncIterator[bytes]) -> None:
            blob = container.get_blob_client(os.urandom(8).hex())
            names: list[str] = []
            free = asyncio.Semaphore(AT_ONCE)

            async def stage(name: str, block: bytes) -> None:
                try:
                    await blob.stage_block(name, block)
                finally:
                    free.release()

            async with asyncio.TaskGroup() as tasks:
                async for block in blocks(body):
                    names.append(f"{len(names):06}")
                    await free.acquire()
                    tasks.create_task(stage(names[-1], block))
            await blob.commit_block_list([BlobBlock(name) for name in names])

        yield take


def application(take: Take) -> Callable[..., Awaitable[None]]:
    """Return the application: any request's body is taken, then answered with 202 (a GET with 200)."""

    async def answer(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["method"] != "GET":
            await take(chunks(receive))
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ANSWER))]
        status = 200 if scope["method"] == "GET" else 202
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": ANSWER})

    return answer


async def serve(kind: str, path: Path) -> None:
    """Open what is needed, print the port, and serve until stopped."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    async with AsyncExitStack() as stack:
        if kind == "azurite":
            take = await stack.enter_async_context(to_azurite())
        else:
            take = to_file(path) if kind == "file" else drop
        print(listener.getsockname()[1], flush=True)
        config = uvicorn.Config(
            application(take), log_level="warning", access_log=False, lifespan="off"
        )
        await uvicorn.Server(config).serve(sockets=[listener])


def main() -> None:
    kind, path = sys.argv[1:]
    uvloop.run(serve(kind, Path(path)))


if __name__ == "__main__":
    main()
