"""The promises of links for players fail no recordings that keep them, whatever lies between."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.request import install_opener

import pytest

from therapy.adapters.memory.recordings import MemoryRecordings
from therapy.testing.recordings import playback_links
from therapy.testing.samples import PRACTICE

KEYS = (playback_links.KEY, playback_links.OTHER_KEY)


class LinkedRecordings(MemoryRecordings):
    """Recordings that a server plays by links; every other method than GET gets its connection reset."""

    port = 0

    async def playback_link(
        self, practice_id: str, key: str, lifetime: timedelta, media_type: str
    ) -> str:
        return f"http://127.0.0.1:{self.port}/{key}?signed={KEYS.index(key)}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).decode().split()
        if asked[0] != "GET":
            writer.transport.abort()
            return
        status, body = "403 Forbidden", b""
        for number, key in enumerate(KEYS):
            if asked[1] == f"/{key}?signed={number}":
                status, body = "200 OK", await self.read(PRACTICE, key, 0, 1 << 30)
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()


@pytest.fixture
async def recordings() -> AsyncIterator[LinkedRecordings]:
    opened = LinkedRecordings()
    async with await asyncio.start_server(opened.answer, "127.0.0.1") as server:
        opened.port = server.sockets[0].getsockname()[1]
        yield opened


async def test_a_server_may_refuse_by_a_reset(recordings: LinkedRecordings) -> None:
    promise = playback_links.test_a_link_reads_no_other_recording_and_changes_none
    await promise(recordings, recordings)


async def test_a_link_is_fetched_without_a_proxy(
    recordings: LinkedRecordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    install_opener(None)  # that of the process may have been made before
    await playback_links.kept(recordings, b"what was said")
    link = await recordings.playback_link(PRACTICE, playback_links.KEY, timedelta(1), "audio/mp4")
    try:
        assert (await playback_links.played(link))[2] == b"what was said"
    finally:
        install_opener(None)
