"""Connections to Azure are probed while they are silent, so that no load balancer forgets them."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from azure.core.pipeline.transport import HttpRequest

from tests.azure.speech_fakes import an_access, done, heard, seconds
from tests.azure.tcp_info import answered_probes, connection_to, watched
from tests.emulators.fast import FakeFast
from therapy.adapters.azure.blob.recordings import BlobRecordings
from therapy.adapters.azure.cosmos.client import open_cosmos
from therapy.adapters.azure.language.client import language_client
from therapy.adapters.azure.speech.engine import AzureSpeech, Engine
from therapy.adapters.azure.transport import (
    KeepAliveTransport,
    keep_alive_socket,
)

KEY = "a2V5a2V5"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="TCP_INFO is read as Linux has it")


@LINUX
@pytest.mark.slow
async def test_while_fast_transcription_is_silent_its_connection_is_probed_and_answers(
    fake_fast: FakeFast, tmp_path: Path
) -> None:
    fake_fast.works_for = 3.5
    access = replace(an_access(fast=fake_fast), keep_alive=1.0)
    speech = AzureSpeech(access, engine=Engine.FAST, directory=tmp_path)
    listening = asyncio.create_task(heard(speech, seconds(6)))
    seen = await watched(fake_fast.port, listening)
    assert answered_probes(seen) >= 2
    assert done(await listening).duration_ms == 6_000


@LINUX
def test_a_connection_is_probed_after_a_minute_and_given_up_after_four_probes_without_an_answer() -> (
    None
):
    with keep_alive_socket(60.0)((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("", 0))) as made:
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        names = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        options = [made.getsockopt(socket.IPPROTO_TCP, name) for name in names]
    assert options == [60, 15, 4]


async def blob(address: str) -> None:
    opening = BlobRecordings.open("audio", account_name="a", account_key=KEY, endpoint=address)
    async with opening:
        pass


async def cosmos(address: str) -> None:
    async with open_cosmos(address, KEY, "therapydb"):
        pass


async def language(address: str) -> None:
    async with language_client(address, key=KEY) as client:
        await client.analyze_sentiment(["Well."])


@LINUX
@pytest.mark.parametrize("call", [blob, cosmos, language])
async def test_every_client_of_azure_has_its_connections_probed(
    call: Callable[[str], Awaitable[None]],
) -> None:
    over = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        over.set()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        calling = asyncio.ensure_future(call(f"http://127.0.0.1:{port}"))
        while (connection := connection_to(port)) is None:  # noqa: ASYNC110 - until it is connected
            await asyncio.sleep(0.01)
        with connection:
            assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        await over.wait()


async def test_a_closed_transport_stays_closed() -> None:
    transport = KeepAliveTransport(60.0)
    async with transport:
        assert transport.session is not None
    assert transport.session is None
    with pytest.raises(ValueError, match="already been closed"):
        await transport.open()


class CountingServer:
    """Answers every request with 200 and keeps the connection; counts connections."""

    def __init__(self) -> None:
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while await reader.readline():
            while (await reader.readline()).strip():
                pass
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()


@pytest.mark.parametrize(("kept", "connections"), [(0.1, 2), (60.0, 1)])
async def test_a_connection_is_used_again_for_as_long_as_it_is_kept(
    kept: float, connections: int
) -> None:
    counting = CountingServer()
    async with (
        await asyncio.start_server(counting.serve, "127.0.0.1", 0) as server,
        KeepAliveTransport(60.0, kept=kept) as transport,
    ):
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        for pause in (0.0, 0.3):
            await asyncio.sleep(pause)
            answer = await transport.send(HttpRequest("GET", url))
            await answer.load_body()
    assert counting.connections == connections
