"""The doorbell over a real Valkey: what is promised while it is away, and who is let in."""

import asyncio
import contextlib
import json
from pathlib import Path

import pytest

pytest.importorskip("redis")

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from tests.azure.redis_rings import (
    PATIENCE,
    Identity,
    Listener,
    a_broker,
    tls_before,
    token_of,
    until,
)
from tests.builders import PRACTICE
from tests.emulators.certificate import certificate
from tests.emulators.valkey import Valkey
from tests.workflows.memory_installation import an_installation, upload
from therapy.adapters.azure.redis_credentials import SCOPE, EntraCredentials
from therapy.adapters.redis import MOST_RINGS, QUEUE, QUIET_SECONDS
from therapy.adapters.taskiq import TaskiqDoorbell
from therapy.domain.errors import Unavailable

pytestmark = pytest.mark.emulator


async def test_each_ring_reaches_one_of_those_who_listen(empty: Valkey) -> None:
    async with (
        a_broker(empty.port) as first,
        a_broker(empty.port) as second,
        a_broker(empty.port) as ringing,
        Listener(first) as one,
        Listener(second) as other,
    ):
        doorbell = TaskiqDoorbell(ringing)
        rung = [f"session-{number}" for number in range(40)]
        for session_id in rung:
            await doorbell.ring(PRACTICE, session_id)
        await until(lambda: len(one.received) + len(other.received) >= len(rung))
        await asyncio.sleep(0.1)
        assert sorted(one.received + other.received) == sorted(rung)
        assert one.received
        assert other.received


async def test_a_redis_that_was_killed_and_comes_back_empty_rings_again(empty: Valkey) -> None:
    async with a_broker(empty.port) as broker, Listener(broker) as listener:
        doorbell = TaskiqDoorbell(broker)
        await doorbell.ring(PRACTICE, "before")
        await until(lambda: listener.received == ["before"])
        await asyncio.to_thread(empty.restart_empty)

        async def rings() -> bool:
            with contextlib.suppress(Unavailable):
                await doorbell.ring(PRACTICE, "after")
            return "after" in listener.received

        async with asyncio.timeout(QUIET_SECONDS + PATIENCE):
            while not await rings():  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.1)


async def test_nobody_spins_while_redis_is_away(empty: Valkey) -> None:
    knocks = 0

    async def slam(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal knocks
        knocks += 1
        writer.close()

    async with a_broker(empty.port) as broker, Listener(broker) as listener:
        doorbell = TaskiqDoorbell(broker)
        await doorbell.ring(PRACTICE, "before")
        await until(lambda: listener.received == ["before"])
        await asyncio.to_thread(empty.kill)
        door = await asyncio.start_server(slam, "127.0.0.1", empty.port)
        began, refused = asyncio.get_running_loop().time(), 0
        async with door:
            while asyncio.get_running_loop().time() < began + 3:
                with pytest.raises(Unavailable):
                    await doorbell.ring(PRACTICE, "meanwhile")
                refused += 1
                await asyncio.sleep(0.01)
        assert refused > 50, "a ring that can't be received costs whoever rings next to nothing"
        assert 1 <= knocks <= 20
        await asyncio.to_thread(empty.start)


async def test_what_nobody_could_ring_for_is_rung_for_by_the_sweep(empty: Valkey) -> None:
    async with a_broker(empty.port) as broker:
        installed = await an_installation(doorbell=TaskiqDoorbell(broker))
        await asyncio.to_thread(empty.kill)
        async with asyncio.timeout(5):
            receipt = await upload(installed.intake)
        await asyncio.to_thread(empty.start)
        await asyncio.sleep(QUIET_SECONDS)
        async with Listener(broker) as listener:
            installed.clock.advance(minutes=2)
            await installed.sweep()
            await until(lambda: receipt.session_id in listener.received)


async def test_rings_that_nobody_receives_are_kept_up_to_a_limit(empty: Valkey) -> None:
    async with Redis.from_url(empty.url) as redis, a_broker(empty.port) as broker:
        await redis.lpush(QUEUE, *(b"old" for _ in range(MOST_RINGS + 50)))
        await TaskiqDoorbell(broker).ring(PRACTICE, "newest")
        assert await redis.llen(QUEUE) == MOST_RINGS
        assert b"newest" in (await redis.lrange(QUEUE, 0, 0))[0]
        await redis.delete(QUEUE)


async def test_a_ring_is_json_with_two_ids_in_it(empty: Valkey) -> None:
    async with Redis.from_url(empty.url) as redis, a_broker(empty.port) as broker:
        await TaskiqDoorbell(broker).ring(PRACTICE, "session-1")
        ring = json.loads(await redis.rpop(QUEUE))
        assert ring["args"] == [PRACTICE, "session-1"]
        assert ring["kwargs"] == {}


async def test_what_is_no_ring_is_passed_over(empty: Valkey) -> None:
    async with (
        Redis.from_url(empty.url) as redis,
        a_broker(empty.port) as broker,
        Listener(broker) as listener,
    ):
        await redis.lpush(QUEUE, b"\x80\x04 a pickle, say", b"{}", b"null")
        await TaskiqDoorbell(broker).ring(PRACTICE, "session-1")
        await until(lambda: listener.received == ["session-1"])


async def test_a_password_lets_in_and_a_wrong_one_does_not() -> None:
    async with Valkey(password="open sesame / 1") as locked:
        async with a_broker(locked.port, password="open sesame / 1") as broker:
            await broker.check()
        for options in ({"password": "wrong"}, {}):
            async with a_broker(locked.port, **options) as broker:
                with pytest.raises(Unavailable) as refusal:
                    await broker.check()
                assert "wrong" not in str(refusal.value)
                with pytest.raises(Unavailable):
                    await TaskiqDoorbell(broker).ring(PRACTICE, "session-1")


async def test_an_identity_is_let_in_by_its_object_id_and_a_fresh_token(empty: Valkey) -> None:
    first, second = token_of("an-object-id"), token_of("an-object-id", 2)
    identity = Identity(first, second)
    async with Redis.from_url(empty.url) as redis:
        await redis.execute_command(
            "ACL", "SETUSER", "an-object-id", "on", f">{first}", "~*", "+@all"
        )
        async with a_broker(empty.port, credentials=EntraCredentials(identity)) as broker:
            await broker.check()
            # The token runs out: Azure ends the connection, and takes the next token only.
            await redis.execute_command("ACL", "SETUSER", "an-object-id", "resetpass", f">{second}")
            await redis.execute_command("CLIENT", "KILL", "USER", "an-object-id")
            await broker.check()
        await redis.execute_command("ACL", "DELUSER", "an-object-id")
    assert identity.scopes == [SCOPE, SCOPE]


async def test_the_user_may_be_set_instead_of_read_from_the_token() -> None:
    credentials = EntraCredentials(Identity("opaque"), "an-object-id")
    assert await credentials.get_credentials_async() == ("an-object-id", "opaque")


@pytest.mark.parametrize("token", ["opaque", "a.b.c", token_of("x").replace(".", "")])
async def test_a_token_without_an_object_id_lets_nobody_in_and_is_not_told(token: str) -> None:
    with pytest.raises(AuthenticationError) as refusal:
        await EntraCredentials(Identity(token)).get_credentials_async()
    assert token not in str(refusal.value)


async def test_no_token_is_unavailable(empty: Valkey) -> None:
    async with a_broker(empty.port, credentials=EntraCredentials(Identity())) as broker:
        with pytest.raises(Unavailable):
            await broker.check()


async def test_tls_is_spoken_and_the_server_has_to_show_who_it_is(
    empty: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crt, key = certificate(tmp_path)
    async with tls_before(empty.port, crt, key) as port:
        async with a_broker(port, tls=True) as broker:
            with pytest.raises(Unavailable) as refusal:
                await broker.check()
            assert "CERTIFICATE_VERIFY_FAILED" in str(refusal.value.__cause__)
        async with a_broker(port, tls=False) as broker:
            with pytest.raises(Unavailable):
                await broker.check()
        monkeypatch.setenv("SSL_CERT_FILE", str(crt))
        async with a_broker(port, tls=True) as broker, Listener(broker) as listener:
            await broker.check()
            await TaskiqDoorbell(broker).ring(PRACTICE, "session-1")
            await until(lambda: listener.received == ["session-1"])
