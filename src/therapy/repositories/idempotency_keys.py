"""Idempotency keys: the requests that were sent under one, of each person in one partition, for a day."""

from datetime import datetime

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
        return await self.get(_partition(like), _id(like))

    def write(self, request: KeyedRequest) -> Pending:
        """Write a request that is new (version 0) or unchanged since it was read; else Stale."""
        return self.save(_partition(request), _id(request), request, request.version)


def _partition(request: KeyedRequest) -> str:
    return key("requests", request.practice_id, request.person_id)


def _id(request: KeyedRequest) -> str:
    return f"request-{part(request.operation)}|{part(request.key_hash)}"
