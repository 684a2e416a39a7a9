"""Connections to Redis that were idle: probed, replaced if a network forgot them, and at a token's end."""

import asyncio
from pathlib import Path

import pytest

pytest.importorskip("redis")

from redis.asyncio import Redis

from tests.azure.redis_rings import (
    Identity,
    Listener,
    a_broker,
    tls_before,
    token_of,
    until,
)
from tests.builders import NOW, PRACTICE
from tests.emulators.certificate import certificate
from tests.emulators.line import SilentLine
from tests.emulators.valkey import Valkey
from tests.tcp_probes import seconds_to_probes
from therapy.adapters.attempt_limits import PREFIX, RedisAttemptLimits
from therapy.adapters.azure.redis_credentials import EntraCredentials
from therapy.adapters.memory.attempt_limits import MemoryAttemptLimits
from therapy.adapters.redis import redis_client
from therapy.adapters.taskiq import TaskiqDoorbell
from therapy.domain.attempts import Attempt, Quota

pytestmark = pytest.mark.emulator
IDLE = {"check_after": 0.1}


async def test_every_connection_sends_probes_and_receives_nothing_of_maintenance(
    empty: Valkey,
) -> None:
    with SilentLine(empty.port) as line:
        async with (
            a_broker(line.port, keep_alive=100) as broker,
            Listener(broker) as listener,
            redis_client("127.0.0.1", line.port, tls=False, keep_alive=100) as redis,
        ):
            await redis.ping()
            await TaskiqDoorbell(broker).ring(PRACTICE, "session-1")
            await until(lambda: listener.received == ["session-1"])
            await until(lambda: 0.0 not in seconds_to_probes(line.port))
            probes = seconds_to_probes(line.port)
            assert len(probes) == line.connections >= 3
            assert all(60 < each <= 100 for each in probes)
        assert b"MAINT_NOTIFICATIONS" not in line.passed.upper()


async def test_the_first_ring_over_a_connection_that_a_network_has_forgotten_is_received(
    empty: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS as on Azure, where even a farewell would be waited for."""
    crt, key = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(crt))
    async with tls_before(empty.port, crt, key) as port, a_broker(empty.port) as other:
        with SilentLine(port) as line:
            async with a_broker(line.port, tls=True, **IDLE) as broker, Listener(other) as listener:
                await TaskiqDoorbell(broker).ring(PRACTICE, "before")
                await until(lambda: listener.received == ["before"])
                line.forget()
                await asyncio.sleep(2 * IDLE["check_after"])
                await TaskiqDoorbell(broker).ring(PRACTICE, "after")
                await until(lambda: listener.received == ["before", "after"])


async def test_the_first_sign_in_over_a_forgotten_connection_is_counted_by_redis(
    empty: Valkey,
) -> None:
    async with Redis.from_url(empty.url) as direct:
        await direct.delete(f"{PREFIX}forgotten")
        with SilentLine(empty.port) as line:
            async with redis_client("127.0.0.1", line.port, tls=False, **IDLE) as redis:
                limits = RedisAttemptLimits(redis, MemoryAttemptLimits())
                for number in range(2):
                    attempt = Attempt(str(number), "here", NOW)
                    await limits.take("forgotten", attempt, Quota(9))
                    line.forget()
                    await asyncio.sleep(2 * IDLE["check_after"])
        assert await direct.zcard(f"{PREFIX}forgotten") == 2


async def test_at_the_end_of_a_token_whoever_listens_and_counts_comes_back_and_no_ring_is_lost(
    empty: Valkey,
) -> None:
    tokens = [token_of("an-object-id", number) for number in range(2)]
    credentials = EntraCredentials(Identity(*tokens))
    async with Redis.from_url(empty.url) as direct:
        await direct.delete(f"{PREFIX}expiry")
        user = ("ACL", "SETUSER", "an-object-id")
        await direct.execute_command(*user, "on", f">{tokens[0]}", f">{tokens[1]}", "~*", "+@all")
        async with (
            a_broker(empty.port, credentials=credentials) as broker,
            Listener(broker) as listener,
            redis_client("127.0.0.1", empty.port, tls=False, credentials=credentials) as redis,
        ):
            limits, doorbell = (
                RedisAttemptLimits(redis, MemoryAttemptLimits()),
                TaskiqDoorbell(broker),
            )
            rung = []
            for number in range(6):
                await doorbell.ring(PRACTICE, f"session-{number}")
                await limits.take("expiry", Attempt(str(number), "here", NOW), Quota(9))
                rung.append(f"session-{number}")
                if (
                    number == 2
                ):  # Azure ends every connection of the first token, which is refused from now on
                    await until(lambda: listener.received == rung)
                    await direct.execute_command(*user, f"<{tokens[0]}")
                    await direct.execute_command("CLIENT", "KILL", "USER", "an-object-id")
            await until(lambda: sorted(listener.received) == sorted(rung))
        assert await direct.zcard(f"{PREFIX}expiry") == 6
        await direct.execute_command("ACL", "DELUSER", "an-object-id")
