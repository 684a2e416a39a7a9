"""Opens Cosmos DB from plain values and closes it; counts what it says about itself.

There is one SDK client for a process and it lives as long as the `async with`.
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

from therapy.adapters.azure.cosmos import containers
from therapy.adapters.azure.cosmos.container import PAUSES, Container
from therapy.adapters.azure.cosmos.errors import cosmos_errors
from therapy.adapters.azure.credentials import machine_identity
from therapy.domain.errors import Unavailable

PREFIX = "practice-"
"""What the names of our containers begin with."""

PATIENCE = 10.0
"""Seconds that a call may wait out 429s, as long as each answer says, before it is Unavailable."""

ANSWER_WITHIN = 8.0
"""Seconds without a byte of an answer after which a call is made again."""

SETTLE = timedelta(seconds=60)
"""An announcement younger than this may belong to a write that is still on its way (see `due`)."""


log = logging.getLogger(__name__)


@dataclass
class Meter:
    """What the answers said since the start; for metrics and for tests."""

    requests: int = 0
    throttled: int = 0
    request_units: float = 0.0

    def count(self, response: Any) -> None:
        """Look at one answer; the SDK calls this for every one, those that it tries again included."""
        answer = response.http_response
        self.requests += 1
        self.throttled += answer.status_code == 429
        self.request_units += float(answer.headers.get("x-ms-request-charge") or 0)


@dataclass
class Cosmos:
    """Cosmos DB while it is open: the containers, by what is in them, and the meter."""

    client: CosmosClient
    database: DatabaseProxy
    prefix: str
    meter: Meter
    settle: timedelta = SETTLE
    pauses: Sequence[float] = PAUSES
    items: Container = field(init=False)
    hints: Container = field(init=False)
    session_index: Container = field(init=False)
    people_index: Container = field(init=False)

    def __post_init__(self) -> None:
        self.items = self.container(containers.ITEMS.name)
        self.hints = self.container(containers.HINTS.name)
        self.session_index = self.container(containers.SESSION_INDEX.name)
        self.people_index = self.container(containers.PEOPLE_INDEX.name)

    def container(self, name: str) -> Container:
        """Return the container of this name, which is without the prefix, whether it is there or not."""
        return Container(self.database.get_container_client(self.prefix + name), self.pauses)

    async def prepare(self) -> None:
        """Make what is missing and change nothing that is there: replicas of two versions may run.

        Raises:
            Unavailable: as `containers.migrate`, which is needed only where something is missing.
        """
        try:
            outdated = await containers.verify(self.database, self.prefix)
        except Unavailable as exc:
            if exc.details.get("reason") != "container_missing":
                raise
            await containers.migrate(self.client, self.database.id, self.prefix, update=False)
            outdated = await containers.verify(self.database, self.prefix)
        for name in outdated:
            log.warning(
                "a container has indexes of another version: run `therapy migrate`",
                extra={"container": name},
            )

    async def migrate(self, *, throughput: int | None = None) -> None:
        """Make or update the database and its containers; see `containers.migrate`."""
        await containers.migrate(self.client, self.database.id, self.prefix, throughput=throughput)

    async def check(self) -> None:
        """Raise Unavailable if Cosmos does not answer, or lacks a container."""
        await containers.verify(self.database, self.prefix)


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
    answer_within: float = ANSWER_WITHIN,
    pauses: Sequence[float] = PAUSES,
    settle: timedelta = SETTLE,
) -> AsyncIterator[Cosmos]:
    """Open an account's database; without a key, as the identity that the machine runs under.

    Endpoint discovery is off for emulators, which speak http and name other addresses than their own,
    unless told otherwise. `regions` are asked in this order. Call `prepare`, `migrate` or
    `check` next.

    Raises:
        Unavailable: the account does not answer or refuses the key, or one of the two can't be right.
    """
    _look_at(uri, key)
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
            retry_backoff_max=patience,
            read_timeout=answer_within,
            retry_connect=0,  # `Container` tries again, whatever kind of failure it was
            retry_read=0,
            raw_response_hook=meter.count,
        )
        stack.push_async_callback(client.close)  # also where opening fails half way
        with cosmos_errors():
            await client.__aenter__()
        yield Cosmos(client, client.get_database_client(database), prefix, meter, settle, pauses)


def _look_at(uri: str, key: str | None) -> None:
    """Refuse what can't be an address or a key before the SDK fails over it in its own words."""
    address = urlsplit(uri)
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise Unavailable(reason="uri")
    try:
        base64.b64decode(key or "", validate=True)
    except ValueError:
        raise Unavailable(reason="key") from None
