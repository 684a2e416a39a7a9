"""Whose address an actor has: the client's, as far as those in front are trusted to tell it."""

import httpx
import pytest
from litestar import get

from tests.http.clinic import OLIVIA
from tests.http.server import serving
from therapy.entrypoints.http.dependencies import Caller

CLIENT = "203.0.113.7"
FORGED = "198.51.100.1"
PEER = "127.0.0.1"


@get("/address", sync_to_thread=False)
def address(actor: Caller) -> str:
    """Return what every workflow gets as the actor's address."""
    return actor.address


@pytest.mark.parametrize(
    ("trusted", "forwarded", "found"),
    [
        ("", CLIENT, PEER),
        ("10.0.0.0/8", CLIENT, PEER),
        ("127.0.0.0/8", CLIENT, CLIENT),
        ("10.0.0.4,127.0.0.1", CLIENT, CLIENT),
        ("127.0.0.1", f"{CLIENT}:50123", CLIENT),
        ("127.0.0.1", f"{FORGED}, {CLIENT}", CLIENT),
        ("127.0.0.1, 10.0.0.0/8", f"{FORGED}, {CLIENT}, 10.1.2.3", CLIENT),
        ("127.0.0.1", "2001:db8::7", "2001:db8::7"),
        ("127.0.0.1", "", PEER),
    ],
    ids=[
        "nobody is trusted",
        "others are trusted",
        "a network is trusted",
        "an address is trusted",
        "a port behind the address",
        "what the client forged",
        "two proxies and what the client forged",
        "IPv6",
        "a proxy that tells nothing",
    ],
)
def test_the_actors_address_is_the_clients(tmp_path, monkeypatch, trusted, forwarded, found):
    monkeypatch.setenv(
        "FORWARDED_ALLOW_IPS", "*"
    )  # uvicorn's own name for it, which does not count
    environment = {"THERAPY_TRUSTED_PROXIES": trusted}
    with serving(tmp_path, environment=environment, handlers=[address]) as server:
        headers = {"Authorization": f"Bearer {server.token(OLIVIA)}"}
        headers |= {"X-Forwarded-For": forwarded} if forwarded else {}
        answer = httpx.get(f"http://127.0.0.1:{server.port}/address", headers=headers)
    assert (answer.status_code, answer.text) == (200, found)
