"""The transport of the Azure clients: proxies of the environment, and services that do not answer."""

import asyncio
import socket
import sys

import pytest

pytest.importorskip("azure.core", reason="the extra [azure] is not installed")

from azure.core.exceptions import ServiceRequestError
from azure.core.rest import HttpRequest

from therapy.adapters.azure import transport as transports
from therapy.adapters.azure.transport import KeepAliveTransport

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def first_line_of(url_of: str) -> str:
    """Return the first line that arrives at a server, when this is asked for; {} is the server's address."""
    lines = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0].decode())
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        here = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.MonkeyPatch.context() as patched:
            if "{}" not in url_of:
                patched.setenv("http_proxy", f"http://{here}")
            async with KeepAliveTransport() as transport:
                await transport.send(HttpRequest("GET", url_of.format(here)))
    (line,) = lines
    return line


async def test_a_proxy_of_the_environment_is_asked(no_proxies: None) -> None:
    line = await first_line_of("http://cosmos.example/dbs")
    assert line == "GET http://cosmos.example/dbs HTTP/1.1"


async def test_without_a_proxy_no_request_waits_for_a_thread(no_proxies: None) -> None:
    assert await first_line_of("http://{}/dbs") == "GET /dbs HTTP/1.1"
    assert getattr(asyncio.get_running_loop(), "_default_executor") is None  # noqa: B009 - not public


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue refuses at once")
async def test_a_service_that_takes_no_connection_is_given_up(
    no_proxies: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transports, "CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        host, port = full.getsockname()
        with socket.create_connection((host, port)):
            async with KeepAliveTransport() as transport:
                with pytest.raises(ServiceRequestError):
                    await transport.send(HttpRequest("GET", f"http://{host}:{port}/"))
