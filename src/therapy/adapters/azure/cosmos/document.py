"""How an item of the store is kept as a document of Cosmos.

    id, pk      its id and partition
    kind, version, queue
    due         when it becomes due, then its id: text that sorts like (due_at, id)
    expires     from when on it is as if absent; `ttl` lets Cosmos delete it a day later
    body        the body, if it is short and JSON; otherwise
    packed      the body deflated, in base64: 8 MB of a commit have to fit into Cosmos' 2 MB
    mark        of the commit that wrote it; `checked` of the last one that checked it

Moments are written by `keys.stamp`. Bodies that are large are packed and unpacked in a thread.
"""

import asyncio
import base64
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from therapy.adapters.azure.cosmos.keys import END, moment, stamp
from therapy.domain.errors import Unavailable
from therapy.ports.store import Item, Put

Document = Mapping[str, Any]
Fields = dict[str, Any]
T = TypeVar("T")

SHORT = 4_096
"""Bytes up to which a body that is JSON stays as it is, and can be read in Azure's portal."""

LEVEL = 6
"""Of zlib; 9 takes twice the time for two per cent."""

WHILE_WAITING = 65_536
"""Bytes that are packed (1 ms) or unpacked on the event loop; more go to a thread."""

KEPT_FOR = timedelta(days=1)
"""How long an expired item stays: clocks differ, and `expires` decides."""

MOST_SECONDS = 2**31 - 1
"""The greatest `ttl`; what lives longer has none."""

GONE: Fields = {"kind": "gone", "version": 1, "body": "", "expires": "0" * 18, "ttl": 1}
"""A document that has always been expired, and that Cosmos deletes at once."""

LIVING = "(NOT IS_DEFINED(c.expires) OR c.expires > @living)"
"""What a query says of items that have not expired by the stamp @living."""

SEEN = "c.id, c.version, c.queue, c.due, c.expires, c.mark, c.checked, c._etag"
HEAD = f"{SEEN}, c.pk, c.kind"
"""What a query selects: what a writer must know of an item, and an item without its body."""


class Seen(NamedTuple):
    """What a writer must know of an item that is there; `due` and `expires` are stamps, "" for never."""

    version: int
    etag: str = ""
    queue: str = ""
    due: str = ""
    expires: str = ""
    marks: tuple[str, ...] = ()

    def lives(self, now: datetime) -> bool:
        """Tell whether it has not expired."""
        return not self.expires or self.expires > stamp(now)


def seen_in(document: Document) -> Seen:
    """Return what a writer must know of a document."""
    return Seen(
        document["version"],
        document["_etag"],
        document.get("queue", ""),
        document.get("due", "").partition("-")[0],
        document.get("expires", ""),
        (document.get("mark", ""), document.get("checked", "")),
    )


def fields_of(write: Put, version: int, body: Fields, now: datetime) -> Fields:
    """Return the fields of an item that is written; `body` is made by `packed`."""
    fields: Fields = {"kind": write.kind, "version": version, **body}
    if write.due_at is not None:
        fields |= {"queue": write.queue, "due": due_key(write.due_at, write.id)}
    if write.expires_at is not None:
        fields["expires"] = stamp(write.expires_at)
        seconds = (write.expires_at - now + KEPT_FOR) // timedelta(seconds=1)
        if seconds <= MOST_SECONDS:
            fields["ttl"] = max(1, seconds)
    return fields


def due_key(due_at: datetime, item_id: str) -> str:
    """Return text that sorts, within a partition, like (due_at, item_id)."""
    return f"{stamp(due_at)}-{item_id}"


def due_beyond(partition: str, after: Item | None) -> str:
    """Return what the `due` of a partition's items exceeds if they come beyond `after`."""
    if after is None or after.due_at is None:
        return ""
    if partition == after.partition:
        return due_key(after.due_at, after.id)
    return stamp(after.due_at) + (END if partition < after.partition else "")


async def packed(bodies: Sequence[bytes]) -> list[Fields]:
    """Return the fields that keep each of these bodies."""
    return await _apart(sum(map(len, bodies)), lambda: [_pack(body) for body in bodies])


def _pack(body: bytes) -> Fields:
    if len(body) <= SHORT and body.startswith(b"{"):
        try:
            return {"body": body.decode()}
        except UnicodeDecodeError:
            pass  # no JSON
    return {"packed": base64.b64encode(zlib.compress(body, LEVEL)).decode("ascii")}


async def items_of(documents: Sequence[Document]) -> tuple[Item, ...]:
    """Return the items that these documents keep.

    Raises:
        Unavailable: one is damaged.
    """
    size = sum(len(each.get("packed", "")) for each in documents)
    return await _apart(size, lambda: tuple(_item(each) for each in documents))


def _item(document: Document) -> Item:
    seen = seen_in(document)
    return Item(
        partition=document["pk"],
        id=document["id"],
        kind=document["kind"],
        body=_unpack(document),
        version=seen.version,
        queue=seen.queue,
        due_at=moment(seen.due) if seen.due else None,
        expires_at=moment(seen.expires) if seen.expires else None,
    )


def _unpack(document: Document) -> bytes:
    if "packed" not in document:
        return str(document.get("body", "")).encode()
    try:
        return zlib.decompress(base64.b64decode(document["packed"], validate=True))
    except (ValueError, zlib.error):
        raise Unavailable(reason="damaged", kind=document["kind"]) from None


async def _apart(size: int, work: Callable[[], T]) -> T:
    """Do work on so many bytes: in a thread if it would hold up everything else."""
    return await asyncio.to_thread(work) if size > WHILE_WAITING else work()
