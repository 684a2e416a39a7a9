"""A container: reads, queries and writes items, each call but `query_many` and `pages` within one partition.

Every write carries a `mark` of its own. A write whose answer was lost is sent again, by the SDK or by us,
and is then refused because of itself (409, 412, 404), which the stored mark reveals. So all writes here may
be repeated, and a refusal is always due to someone else.
"""

import asyncio
import secrets
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from typing import Any, TypeVar

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

from therapy.adapters.azure.cosmos.batch_steps import Fields, Step, marked, operation
from therapy.adapters.azure.cosmos.errors import (
    UNTOLD_PAUSE,
    contended,
    cosmos_errors,
    is_absent,
    is_behind,
    throttled,
    throttled_for,
)
from therapy.adapters.azure.cosmos.queries import among, parameters_of, taking_items
from therapy.adapters.azure.cosmos.session_tokens import SessionTokens
from therapy.adapters.retry import RetryPolicy

Item = Mapping[str, Any]
T = TypeVar("T")

ATTEMPTS = 8
"""How often a change that lost a race is tried."""

PAUSES = (0.1, 0.4)
"""Seconds before a call that failed in transit, or inside Cosmos, is repeated."""

PATIENCE = 10.0
"""Seconds that a call may spend waiting after 429s, as long as each says, before it is Unavailable."""

WITHIN = 30.0
"""Seconds that a call may take with all its repetitions. `due_hints` relies on it."""

CONTINUATION = "x-ms-continuation"

MOST_OF_MANY = 1_000
"""Items in a page of a query of several partitions.

Of a page without a number the SDK finds nothing if Cosmos has it ask range by range.
"""

CONFLICTING = 449
"""The status of a write that met another of the same item and did nothing; the SDK does not repeat it."""

_PASSING = frozenset({408, 410, CONFLICTING, 500, 502, 503, 504})


@dataclass(frozen=True)
class Lost:
    """The unknown result of a batch without an answer; the error says why there was none."""

    error: AzureError


def _nobody_counts(_: Any) -> None:
    """Count nothing."""


class Container:
    """Reads and writes one container of Cosmos DB."""

    def __init__(
        self,
        proxy: ContainerProxy,
        pauses: Sequence[float] = PAUSES,
        patience: float = PATIENCE,
        count: Callable[[Any], None] = _nobody_counts,
    ) -> None:
        self._proxy = proxy
        self._tokens = SessionTokens(proxy)
        self._patience = patience
        self._count = count
        self.pauses = tuple(pauses)

    async def read(self, pk: str, item_id: str) -> Item | None:
        """Return an item; None if there is none."""
        with cosmos_errors():
            try:
                return await self._sent(
                    lambda: self._proxy.read_item(
                        item_id,
                        partition_key=pk,
                        response_hook=self._tokens.note,
                        session_token=self._tokens.newest(),
                    )
                )
            except CosmosResourceNotFoundError as exc:
                if not is_absent(exc):
                    raise
                return None

    async def query(
        self, pk: str, where: str, *, select: str, order: str = "", limit: int = 0, **values: object
    ) -> list[Any]:
        """Return what a query finds in one partition: `where` is over `c`, with @names for the values.

        The partition is in the text as well as in the call: a second safeguard between tenants.
        """
        top = f"TOP {limit} " if limit else ""
        by = f" ORDER BY {order}" if order else ""
        text = f"SELECT {top}{select} FROM c WHERE c.pk = @pk AND {where}{by}"  # noqa: S608 - our constants; values are parameters
        parameters = parameters_of({**values, "pk": pk})
        with cosmos_errors():
            return await self._sent(lambda: self._in_partition(pk, text, parameters, limit))

    async def _in_partition(
        self, pk: str, text: str, parameters: list[dict[str, object]], limit: int
    ) -> list[Any]:
        """Return what a query finds in a partition.

        They are taken out of each answer: the SDK decodes more slowly, and would be awaited for each item.
        """
        items: list[Any] = []
        more = ""

        def note(headers: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
            nonlocal more
            more = headers.get(CONTINUATION, "")
            self._tokens.note(headers)
            items.extend(answer["Documents"])

        found = self._proxy.query_items(
            text,
            parameters=parameters,
            partition_key=pk,
            max_item_count=limit or -1,
            # another one after a failover: the SDK forgets what no replica has
            session_token=self._tokens.newest(),
            response_hook=note,
            raw_response_hook=taking_items(items, self._patiently()),
        )
        async for _ in found.by_page():
            if not more:  # the SDK would prepare a request to find that none is left
                break
        return items

    async def query_many(self, pks: Collection[str], where: str, **values: object) -> list[Item]:
        """Return the items that a condition over `c` finds in these partitions, in no particular order.

        Only the text of the query keeps it to them. Never during a request.
        """
        names, partitions = among(pks)
        text = f"SELECT * FROM c WHERE c.pk IN {names} AND {where}"  # noqa: S608 - our constants; values are parameters
        parameters = parameters_of({**values, **partitions})

        async def ask() -> list[Item]:
            found = self._proxy.query_items(
                text,
                parameters=parameters,
                max_item_count=MOST_OF_MANY,
                response_hook=self._tokens.note,
                raw_response_hook=self._patiently(),
            )
            return [each async for each in found]

        if not pks:
            return []
        with cosmos_errors():
            return await self._sent(ask)

    async def pages(
        self, size: int, where: str = "", **values: object
    ) -> AsyncIterator[list[Item]]:
        """Yield all items, or those that a condition over `c` finds, page by page.

        Queries every partition: never during a request.
        """
        # A query, because if a page of `read_all_items` fails, the SDK raises a TypeError.
        text = f"SELECT * FROM c WHERE {where}" if where else "SELECT * FROM c"  # noqa: S608 - our constants; values are parameters
        found = self._proxy.query_items(
            text,
            parameters=parameters_of(values),
            max_item_count=size,
            response_hook=self._tokens.note,
        )
        pages = found.by_page()

        async def next_page() -> list[Item] | None:
            try:
                return [item async for item in await anext(pages)]
            except StopAsyncIteration:
                return None

        while True:
            with cosmos_errors():
                page = await self._sent(next_page)
            if page is None:
                return
            yield page

    async def create(self, pk: str, item_id: str, fields: Fields) -> Item | None:
        """Write a new item; return None, or the item that already exists and is kept."""
        item = marked(pk, item_id, fields, secrets.token_hex(8))
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
        """Replace an item if it is unchanged since it was read; return the new one, None if it is not."""
        pk, item_id = old["pk"], old["id"]
        item = marked(pk, item_id, fields, secrets.token_hex(8))
        unchanged = {"etag": old["_etag"], "match_condition": MatchConditions.IfNotModified}
        with cosmos_errors():
            try:
                return await self._sent(
                    lambda: self._proxy.replace_item(item_id, item, **unchanged)
                )
            except (CosmosAccessConditionFailedError, CosmosResourceNotFoundError) as exc:
                if not _refused(exc):
                    raise
                found = await self.read(pk, item_id)
                return found if found is not None and found["mark"] == item["mark"] else None

    async def put(self, pk: str, item_id: str, fields: Fields) -> None:
        """Write an item, whatever is stored."""
        item = marked(pk, item_id, fields, secrets.token_hex(8))
        with cosmos_errors():
            await self._sent(lambda: self._proxy.upsert_item(item))

    async def delete(self, pk: str, item_id: str, etag: str = "") -> bool:
        """Delete an item; with an ETag, only if it is unchanged. Return False if it has changed."""
        unchanged: dict[str, Any] = (
            {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}
        )
        with cosmos_errors():
            try:
                await self._sent(lambda: self._proxy.delete_item(item_id, pk, **unchanged))
            except CosmosResourceNotFoundError as exc:
                if not is_absent(exc):
                    raise
                return True
            except CosmosAccessConditionFailedError:
                return False
        return True

    async def batch(self, pk: str, steps: Sequence[Step]) -> int | None:
        """Write all steps or none; return None, or the index of the step that was refused.

        Refused means: an item to create exists, or one to replace or delete has changed or is gone.
        """
        mark = secrets.token_hex(8)
        with cosmos_errors():
            try:
                await self._sent(lambda: self._execute(pk, steps, mark))
            except CosmosBatchOperationError as exc:
                if not _refused(exc) or exc.error_index is None:
                    raise
                return None if await self._was_ours(pk, steps, mark) else exc.error_index
        return None

    async def write(
        self, pk: str, steps: Sequence[Step], mark: str
    ) -> tuple[Mapping[str, Any], ...] | Lost | None:
        """Write all steps or none under this mark; return their results: `eTag` and `resourceBody`, if any.

        None: refused, as in `batch`, or others wrote the same item at that moment. Lost: unknown. Neither is
        sent again, so that the caller can look first. A single step is sent as a batch, too: that is a POST,
        which aiohttp, unlike a PUT, never repeats by itself.
        """
        with cosmos_errors():
            try:
                results = await self._sent(lambda: self._execute(pk, steps, mark), _never)
            except AzureError as exc:
                if _was_not_written(exc):
                    return None
                if not _passes(exc):
                    raise
                return Lost(exc)
        return tuple(results)

    async def _execute(
        self, pk: str, steps: Sequence[Step], mark: str
    ) -> Sequence[Mapping[str, Any]]:
        """Send a batch; repeat it if a step was throttled, which the SDK takes for a refusal of the batch."""
        waited = 0.0
        while True:
            # Built again each time, because the SDK removes the ETags from what it is passed.
            operations = [operation(pk, step, mark) for step in steps]
            try:
                return await self._proxy.execute_item_batch(
                    operations,
                    partition_key=pk,
                    response_hook=self._tokens.note,
                    session_token=self._tokens.newest(),
                )
            except CosmosBatchOperationError as exc:
                # Whoever looks why it was refused sees the reason.
                self._tokens.note(exc.headers or {})
                pause = throttled_for(exc)
                if pause is None or waited >= self._patience:
                    raise
            waited += pause
            await asyncio.sleep(pause)

    async def _was_ours(self, pk: str, steps: Sequence[Step], mark: str) -> bool:
        """Return whether a refused batch was written the first time it was sent."""
        written = next((step.item_id for step in steps if step.kind != "delete"), None)
        found = await self.read(pk, written) if written else None
        return found is not None and found["mark"] == mark

    def _patiently(self) -> Callable[[Any], None]:
        """Return what counts a query's answers, and ends it once its 429s have asked for too long a wait.

        The SDK makes each of its retries of a query up to `throttled_tries` times again.
        """
        waited = 0.0

        def count(response: Any) -> None:
            nonlocal waited
            self._count(response)
            answer = response.http_response
            if answer.status_code == 429:
                waited += float(answer.headers.get("x-ms-retry-after-ms") or UNTOLD_PAUSE * 1000)
                if waited > self._patience * 1000:
                    raise throttled()

        return count

    async def _sent(
        self, call: Callable[[], Awaitable[T]], again: Callable[[AzureError], bool] | None = None
    ) -> T:
        """Make a call; repeat it after a pause if the failure is temporary, or if `again` says so.

        The SDK handles 429 itself, waiting as long as Cosmos says.
        """
        passes = again or _passes
        policy = RetryPolicy(
            "a call to cosmos is repeated",
            passes=lambda exc: isinstance(exc, AzureError) and passes(exc),
            pauses=self.pauses,
        )
        async with asyncio.timeout(WITHIN):
            return await policy.call(call)


def _passes(exc: AzureError) -> bool:
    if isinstance(exc, HttpResponseError):
        return exc.status_code in _PASSING or is_behind(exc)
    return isinstance(exc, ServiceRequestError | ServiceResponseError)


def _was_not_written(exc: AzureError) -> bool:
    """Return whether a batch was refused because of what is stored, or of what others wrote meanwhile."""
    if getattr(exc, "status_code", None) == CONFLICTING:
        return True
    return isinstance(exc, CosmosBatchOperationError) and _refused(exc)


def _never(_: AzureError) -> bool:
    return False


def _refused(exc: HttpResponseError) -> bool:
    """Return whether a write was refused because of what is stored, or not stored."""
    return exc.status_code in {409, 412} or is_absent(exc)
