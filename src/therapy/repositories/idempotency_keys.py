"""Idempotency keys: the requests that were sent under one, of each person in one partition, for a day.

Programs up to commit 49e7ce41 know a request by the template of its path, and may run at the same time. So a
request with a `route` is two items, written in one commit: one under the operation's name, one under its
route. An older program reads and writes only the latter, so that of the two the later one holds.
"""

from datetime import datetime

from msgspec.structs import replace

from therapy.domain.idempotency import KeyedRequest
from therapy.domain.partition_keys import key, part
from therapy.repositories.change import Pending
from therapy.repositories.repository import Repository


class KeyedRequests(Repository[KeyedRequest]):
    """Stores a request by its person, its operation and the hash of its key."""

    kind = "keyed_request"
    struct = KeyedRequest

    def expires_at(self, record: KeyedRequest) -> datetime:
        return record.expires_at

    async def load(self, like: KeyedRequest) -> KeyedRequest | None:
        """Return the request of the same person, operation and key; None if there is none."""
        own, older = _id(like, like.operation), _id(like, like.route)
        items = await self._store.get(_partition(like), *(each for each in (own, older) if each))
        found = {each: self.read(item) for each, item in items.items() if item.kind == self.kind}
        if not found:
            return None
        return replace(
            max(found.values(), key=_written_last),
            operation=like.operation,
            route=like.route,
            version=found[own].version if own in found else 0,
            route_version=found[older].version if older in found else 0,
        )

    def writes(self, request: KeyedRequest) -> tuple[Pending, ...]:
        """Write a request that is new (its versions 0) or unchanged since it was read; else Stale."""
        versions = {
            _id(request, request.route): request.route_version,
            _id(request, request.operation): request.version,
        }
        record = replace(request, route_version=0)
        return tuple(
            self.save(_partition(request), item_id, record, version)
            for item_id, version in versions.items()
            if item_id
        )


def _partition(request: KeyedRequest) -> str:
    return key("requests", request.practice_id, request.person_id)


def _id(request: KeyedRequest, name: str) -> str:
    return f"request-{part(name)}|{part(request.key_hash)}" if name else ""


def _written_last(request: KeyedRequest) -> tuple[bool, datetime]:
    """Return what is greater in the later of two: an answer stays, and only a later claim runs longer."""
    return request.answer is not None, request.running_until
