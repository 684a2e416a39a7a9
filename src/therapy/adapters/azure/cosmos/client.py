"""Opens Cosmos DB from plain values and closes it; counts requests and request units.

There is one SDK client per process, and it lives as long as the `async with`.
"""

import base64
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from azure.cosmos.aio import CosmosClient, DatabaseProxy

from therapy.adapters.azure.cosmos import container_definitions
from therapy.adapters.azure.cosmos.container_requests import PATIENCE, PAUSES, Container
from therapy.adapters.azure.cosmos.errors import cosmos_errors
from therapy.adapters.azure.credentials import machine_identity
from therapy.adapters.azure.transport import KeepAliveTransport
from therapy.adapters.keep_alive import KEEP_ALIVE_SECONDS
from therapy.domain.errors import Unavailable

PREFIX = "practice-"
"""The prefix of our containers' names."""

THROTTLED_TRIES = 200
"""How often a call that is throttled is repeated: Cosmos often asks for a few milliseconds only."""

ANSWER_WITHIN = 8.0
"""Seconds without a byte of the answer after which a call is repeated."""

LAG = timedelta(milliseconds=200)
"""After so long, as a rule, every replica has what another process wrote; in one region it is some ms."""

SETTLE = timedelta(seconds=60)
"""An announcement younger than this may belong to a write that is still under way (see `due_hints`)."""


TOO_WEAK = frozenset({"Eventual", "ConsistentPrefix"})
"""Default consistencies of an account with which a process may not see what it has just written."""

log = logging.getLogger(__name__)


@dataclass
class Meter:
    """Counts of requests, 429s and request units since the start; for metrics and tests."""

    requests: int = 0
    throttled: int = 0
    request_units: float = 0.0

    def count(self, response: Any) -> None:
        """Count one answer; the SDK calls this for each, including those after which it retries."""
        answer = response.http_response
        self.requests += 1
        self.throttled += answer.status_code == 429
        self.request_units += float(answer.headers.get("x-ms-request-charge") or 0)


@dataclass
class Cosmos:
    """An open Cosmos DB: the containers and the meter."""

    client: CosmosClient
    database: DatabaseProxy
    prefix: str
    meter: Meter
    settle: timedelta = SETTLE
    pauses: Sequence[float] = PAUSES
    patience: float = PATIENCE
    lag: timedelta = LAG
    items: Container = field(init=False)
    hints: Container = field(init=False)
    session_index: Container = field(init=False)
    people_index: Container = field(init=False)

    def __post_init__(self) -> None:
        self.items = self.container(container_definitions.ITEMS.name)
        self.hints = self.container(container_definitions.HINTS.name)
        self.session_index = self.container(container_definitions.SESSION_INDEX.name)
        self.people_index = self.container(container_definitions.PEOPLE_INDEX.name)

    def container(self, name: str) -> Container:
        """Return the container of this name (without the prefix), whether it exists or not."""
        proxy = self.database.get_container_client(self.prefix + name)
        return Container(proxy, self.pauses, self.patience, self.meter.count)

    async def prepare(self) -> None:
        """Create what is missing and change nothing that exists: replicas of two versions may be running.

        Raises:
            Unavailable: as `container_definitions.migrate`, which is called only if something is missing.
        """
        try:
            outdated = await container_definitions.verify(self.database, self.prefix)
        except Unavailable as exc:
            if exc.details.get("reason") != "container_missing":
                raise
            await container_definitions.migrate(
                self.client, self.database.id, self.prefix, update=False
            )
            outdated = await container_definitions.verify(self.database, self.prefix)
        for name in outdated:
            log.warning(
                "a container has another version's indexes: run `therapy migrate`",
                extra={"container": name},
            )

    async def migrate(self, *, throughput: int | None = None) -> None:
        """Create or update the database and its containers; see `container_definitions.migrate`."""
        await container_definitions.migrate(
            self.client, self.database.id, self.prefix, throughput=throughput
        )

    async def check(self) -> None:
        """Raise Unavailable if Cosmos does not answer, a container is missing, or reads may be too old.

        `consistency`: the account's is weaker than Session, so that a process may not see its own writes.
        """
        await container_definitions.verify(self.database, self.prefix)
        with cosmos_errors():
            account = await self.client._get_database_account()  # noqa: SLF001 - the only way to ask
        level = (account.ConsistencyPolicy or {}).get("defaultConsistencyLevel", "")
        if level in TOO_WEAK:
            raise Unavailable(reason="consistency", level=level)


@asynccontextmanager
async def open_cosmos(
    uri: str,
    key: str | None,
    database: str,
    *,
    prefix: str = PREFIX,
    endpoint_discovery: bool | None = None,
    regions: Sequence[str] = (),
    patience: float = PATIENCE,
    throttled_tries: int = THROTTLED_TRIES,
    answer_within: float = ANSWER_WITHIN,
    pauses: Sequence[float] = PAUSES,
    settle: timedelta = SETTLE,
    lag: timedelta = LAG,
    keep_alive: float = KEEP_ALIVE_SECONDS,
) -> AsyncIterator[Cosmos]:
    """Yield an account's database, opened with a key or, without one, with the machine's identity.

    Endpoint discovery is off for http, i.e. emulators, which report addresses other than their own, unless
    `endpoint_discovery` is passed. `regions` are preferred in this order. After 429s a call is repeated
    `throttled_tries` times, until the waits that Cosmos asks for are `patience` seconds together. Call
    `prepare`, `migrate` or `check` next.

    Raises:
        Unavailable: the account does not answer or refuses the key, or the URI or key is malformed.
    """
    _check_form(uri, key)
    secure = uri.startswith("https:")
    discover = secure if endpoint_discovery is None else endpoint_discovery
    meter = Meter()
    async with AsyncExitStack() as stack:
        credential: Any = key or await stack.enter_async_context(machine_identity())
        client = CosmosClient(
            uri,
            credential=credential,
            enable_endpoint_discovery=discover,
            preferred_locations=list(regions),
            retry_throttle_total=throttled_tries,  # the SDK's own nine are over in 50 ms
            retry_throttle_backoff_max=patience,
            read_timeout=answer_within,
            retry_connect=0,  # `Container` retries, whatever kind of failure it was
            retry_read=0,
            raw_response_hook=meter.count,
            transport=KeepAliveTransport(keep_alive),
        )
        stack.push_async_callback(client.close)  # also if opening fails halfway
        with cosmos_errors():
            await client.__aenter__()
        opened = client.get_database_client(database)
        yield Cosmos(client, opened, prefix, meter, settle, pauses, patience, lag)


def _check_form(uri: str, key: str | None) -> None:
    """Raise Unavailable for what can't be an address or a key, before the SDK fails on it less clearly."""
    address = urlsplit(uri)
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise Unavailable(reason="uri")
    try:
        base64.b64decode(key or "", validate=True)
    except ValueError:
        raise Unavailable(reason="key") from None
