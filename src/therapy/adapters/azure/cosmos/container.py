"""One container: items read, queried and written, each call within one partition.

Every write carries a `mark` of its own. A write whose answer was lost on the way is sent again, by the
SDK or by us, and is then refused because of itself (409, 412, 404); the mark in the store tells. So all
writes here may be repeated, and a refusal means somebody else.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosBatchOperationError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from therapy.adapters.azure.cosmos.errors import contended, cosmos_errors
from therapy.adapters.retry import RetryPolicy

Item = Mapping[str, Any]
Fields = Mapping[str, Any]
Kind = Literal["create", "replace", "upsert", "delete", "check"]
T = TypeVar("T")

ATTEMPTS = 8
"""How often a change that lost a race is tried anew."""

MOST_STEPS = 100
"""What one batch may have."""

PAUSES = (0.1, 0.4)
"""Seconds before a call that failed on the way, or inside Cosmos, is made again."""

WITHIN = 30.0
"""Seconds that a call may take with all its repetitions. `due` counts on it."""

_PASSING = frozenset({408, 410, 449, 500, 502, 503, 504})
_REFUSED = frozenset({404, 409, 412})


class Step(NamedTuple):
    """One write of a batch; `etag` is that of the item as it was read, "" for whatever is there.

    A "check" leaves the item as it is but for the mark of the batch in `checked`, and so changes its ETag.
    """

    kind: Kind
    item_id: str
    fields: Fields = MappingProxyType({})
    etag: str = ""


@dataclass(frozen=True)
class Lost:
    """What became of a batch to which no answer came: nobody knows. The error says why none came."""

    error: AzureError


class Container:
    """A container of Cosmos DB."""

    def __init__(self, proxy: ContainerProxy, pauses: Sequence[float] = PAUSES) -> None:
        self._proxy = proxy
        self.pauses = tuple(pauses)

    async def read(self, pk: str, item_id: str) -> Item | None:
        """Give an item, None if there is none."""
        with cosmos_errors():
            try:
                return await self._sent(lambda: self._proxy.read_item(item_id, partition_key=pk))
            except CosmosResourceNotFoundError:
                return None

    async def query(
        self, pk: str, where: str, *, select: str, order: str = "", limit: int = 0, **values: object
    ) -> list[Any]:
        """Give what a query finds in one partition: `where` over `c`, with @names for the values.

        The partition is in the text as well as in the call: a second fence around the tenant.
        """
        top = f"TOP {limit} " if limit else ""
        by = f" ORDER BY {order}" if order else ""
        text = f"SELECT {top}{select} FROM c WHERE c.pk = @pk AND {where}{by}"  # noqa: S608 - our constants; values are parameters
        parameters = [{"name": f"@{name}", "value": value} for name, value in values.items()]
        parameters.append({"name": "@pk", "value": pk})

        async def ask() -> list[Any]:
            found = self._proxy.query_items(
                text, parameters=parameters, partition_key=pk, max_item_count=limit or -1
            )
            return [each async for each in found]

        with cosmos_errors():
            return await self._sent(ask)

    async def pages(
        self, size: int, where: str = "", **values: object
    ) -> AsyncIterator[list[Item]]:
        """Yield all items there are, or those that a condition over `c` finds, page by page.

        Asks every partition: never on behalf of a request.
        """
        # A query: over a failed page of `read_all_items` the SDK fails with a TypeError.
        text = f"SELECT * FROM c WHERE {where}" if where else "SELECT * FROM c"  # noqa: S608 - our constants; values are parameters
        parameters = [{"name": f"@{name}", "value": value} for name, value in values.items()]
        found = self._proxy.query_items(text, parameters=parameters, max_item_count=size)
        asked = found.by_page()

        async def following() -> list[Item] | None:
            try:
                return [item async for item in await anext(asked)]
            except StopAsyncIteration:
                return None

        while True:
            with cosmos_errors():
                page = await self._sent(following)
            if page is None:
                return
            yield page

    async def create(self, pk: str, item_id: str, fields: Fields) -> Item | None:
        """Write a new item; gives None, or the item that is there already and stays."""
        item = _marked(pk, item_id, fields, secrets.token_hex(8))
        with cosmos_errors():
            for _ in range(ATTEMPTS):
                try:
                    await self._sent(lambda: self._proxy.create_item(item))
                    return None
                except CosmosResourceExistsError:
                    found = await self.read(pk, item_id)
                    if found is not None:
                        return None if found["mark"] == item["mark"] else found
        raise contended()

    async def replace(self, old: Item, fields: Fields) -> Item | None:
        """Replace an item that is as it was read; gives the new one, None if it has changed or is gone."""
        pk, item_id = old["pk"], old["id"]
        item = _marked(pk, item_id, fields, secrets.token_hex(8))
        unchanged = {"etag": old["_etag"], "match_condition": MatchConditions.IfNotModified}
        with cosmos_errors():
            try:
                return await self._sent(
                    lambda: self._proxy.replace_item(item_id, item, **unchanged)
                )
            except (CosmosAccessConditionFailedError, CosmosResourceNotFoundError):
                found = await self.read(pk, item_id)
                return found if found is not None and found["mark"] == item["mark"] else None

    async def put(self, pk: str, item_id: str, fields: Fields) -> None:
        """Write an item, whatever is there."""
        item = _marked(pk, item_id, fields, secrets.token_hex(8))
        with cosmos_errors():
            await self._sent(lambda: self._proxy.upsert_item(item))

    async def delete(self, pk: str, item_id: str, etag: str = "") -> bool:
        """Delete an item, if it is as it was read when an ETag is given; False if it has changed."""
        unchanged: dict[str, Any] = (
            {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}
        )
        with cosmos_errors():
            try:
                await self._sent(lambda: self._proxy.delete_item(item_id, pk, **unchanged))
            except CosmosResourceNotFoundError:
                return True
            except CosmosAccessConditionFailedError:
                return False
        return True

    async def batch(self, pk: str, steps: Sequence[Step]) -> int | None:
        """Write all steps or none; gives None, or the place of the step that was refused.

        Refused: an item to create is there, one to replace or delete has changed or is gone.
        """
        mark = secrets.token_hex(8)
        with cosmos_errors():
            try:
                await self._sent(lambda: self._execute(pk, steps, mark))
            except CosmosBatchOperationError as exc:
                if exc.status_code not in _REFUSED or exc.error_index is None:
                    raise
                return None if await self._was_ours(pk, steps, mark) else exc.error_index
        return None

    async def write(
        self, pk: str, steps: Sequence[Step], mark: str
    ) -> tuple[str, ...] | Lost | None:
        """Write all steps or none under this mark; return their new ETags, "" for a deletion.

        None: refused, as by `batch`. Lost: unknown. In neither case it is sent again, so that the caller
        can look first. One step is a batch, too: that is a POST, which aiohttp, unlike a PUT, never
        sends again by itself.
        """
        with cosmos_errors():
            try:
                results = await self._sent(lambda: self._execute(pk, steps, mark), _throttled)
            except CosmosBatchOperationError as exc:
                if exc.status_code not in _REFUSED:
                    raise
                return None
            except AzureError as exc:
                if not _passes(exc):
                    raise
                return Lost(exc)
        return tuple(each.get("eTag") or "" for each in results)

    async def _execute(
        self, pk: str, steps: Sequence[Step], mark: str
    ) -> Sequence[Mapping[str, Any]]:
        # Made anew each time: the SDK takes the ETags out of what it is given.
        operations = [_operation(pk, step, mark) for step in steps]
        return await self._proxy.execute_item_batch(operations, partition_key=pk)

    async def _was_ours(self, pk: str, steps: Sequence[Step], mark: str) -> bool:
        """Tell whether a refused batch was written the first time it was sent."""
        written = next((step.item_id for step in steps if step.kind != "delete"), None)
        found = await self.read(pk, written) if written else None
        return found is not None and found["mark"] == mark

    async def _sent(
        self, call: Callable[[], Awaitable[T]], again: Callable[[AzureError], bool] | None = None
    ) -> T:
        """Make a call, again after a pause if it failed in a way that passes, or that `again` names.

        429 is the SDK's: it waits as long as Cosmos says. A 429 inside a batch is ours.
        """
        passes = again or _passes
        policy = RetryPolicy(
            "cosmos is asked again",
            passes=lambda exc: isinstance(exc, AzureError) and passes(exc),
            pauses=self.pauses,
        )
        async with asyncio.timeout(WITHIN):
            return await policy.call(call)


def _passes(exc: AzureError) -> bool:
    if isinstance(exc, HttpResponseError):
        return exc.status_code in _PASSING or _throttled(exc)
    return isinstance(exc, ServiceRequestError | ServiceResponseError)


def _throttled(exc: AzureError) -> bool:
    return isinstance(exc, CosmosBatchOperationError) and exc.status_code == 429


def _marked(pk: str, item_id: str, fields: Fields, mark: str) -> dict[str, Any]:
    return {"id": item_id, "pk": pk, "mark": mark, **fields}


def _operation(pk: str, step: Step, mark: str) -> tuple[Any, ...]:
    conditions = {"if_match_etag": step.etag} if step.etag else {}
    if step.kind == "delete":
        return "delete", (step.item_id,), conditions
    if step.kind == "check":
        set_mark = {"op": "set", "path": "/checked", "value": mark}
        return "patch", (step.item_id, [set_mark]), conditions
    item = _marked(pk, step.item_id, step.fields, mark)
    return step.kind, (step.item_id, item) if step.kind == "replace" else (item,), conditions


def among(values: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Return what comes after IN in a query, and the values that belong to its names."""
    named = {f"value{number}": value for number, value in enumerate(values)}
    return f"({', '.join(f'@{name}' for name in named)})", named
