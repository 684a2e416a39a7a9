"""How an item of the store is stored as a document in Cosmos.

    id, pk      its id and partition
    kind, version, queue
    due         when it becomes due, and its id: text that sorts like (due_at, id)
    expires     from when on it counts as absent; `ttl` makes Cosmos delete it a day later
    body        the body, if it is short and JSON; otherwise
    packed      the body deflated, in base64: 8 MB of a commit have to fit into Cosmos's 2 MB
    mark        that of the commit that wrote it; `checked` is that of the last commit that checked it

Moments are written by `keys.stamp`. Large bodies are packed and unpacked in a thread.
"""

import asyncio
import base64
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from msgspec import Struct

from therapy.adapters.azure.cosmos.keys import END, moment, stamp
from therapy.domain import codec
from therapy.domain.errors import Unavailable
from therapy.ports.store import Item, Put

Document = Mapping[str, Any]
Fields = dict[str, Any]
S = TypeVar("S", bound=Struct)
T = TypeVar("T")

SHORT = 4_096
"""Up to so many bytes a JSON body is stored as it is, and can be read in Azure's portal."""

LEVEL = 6
"""The level for zlib; 9 takes twice the time and saves two per cent."""

WHILE_WAITING = 65_536
"""Up to so many bytes are packed (1 ms) or unpacked on the event loop, more in a thread."""

KEPT_FOR = timedelta(days=1)
"""How long an expired item stays: clocks differ, and `expires` is what counts."""

MOST_SECONDS = 2**31 - 1
"""The greatest `ttl`; what expires later has none."""

GONE: Fields = {"kind": "gone", "version": 1, "body": "", "expires": "0" * 18, "ttl": 1}
"""A document that is expired from the start, and that Cosmos deletes at once."""

LIVING = "(NOT IS_DEFINED(c.expires) OR c.expires > @living)"
"""The condition in queries for items that have not expired by the stamp @living."""

SEEN = "c.id, c.version, c.queue, c.due, c.expires, c.mark, c.checked, c._etag"
HEAD = f"{SEEN}, c.pk, c.kind"
"""What queries select: SEEN is what a writer must know of an item, HEAD an item without its body."""


def holds_version(version: int, now: datetime) -> str:
    """Return the condition that an item has this version and has not expired by `now`."""
    living = LIVING.replace("@living", f'"{stamp(now)}"')
    return f"c.version = {version} AND {living}"


class Seen(NamedTuple):
    """What a writer must know of an existing item; `due` and `expires` are stamps, "" for never."""

    version: int
    etag: str = ""
    queue: str = ""
    due: str = ""
    expires: str = ""
    marks: tuple[str, ...] = ()

    def lives(self, now: datetime) -> bool:
        """Return whether it has not expired."""
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
    """Return the fields of an item to write; `body` comes from `packed`."""
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
    """Return the value that `due` must exceed for a partition's items that come beyond `after`."""
    if after is None or after.due_at is None:
        return ""
    if partition == after.partition:
        return due_key(after.due_at, after.id)
    return stamp(after.due_at) + (END if partition < after.partition else "")


async def packed(bodies: Sequence[bytes]) -> list[Fields]:
    """Return the fields in which each of these bodies is stored."""
    return await _off_the_loop(sum(map(len, bodies)), lambda: [_pack(body) for body in bodies])


def _pack(body: bytes) -> Fields:
    if len(body) <= SHORT and body.startswith(b"{"):
        try:
            return {"body": body.decode()}
        except UnicodeDecodeError:
            pass  # not JSON
    return {"packed": base64.b64encode(zlib.compress(body, LEVEL)).decode("ascii")}


async def items_of(documents: Sequence[Document]) -> tuple[Item, ...]:
    """Return the items in these documents.

    Raises:
        Unavailable: one is damaged.
    """
    size = sum(len(each.get("packed", "")) for each in documents)
    return await _off_the_loop(size, lambda: tuple(_item(each) for each in documents))


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


async def _off_the_loop(size: int, work: Callable[[], T]) -> T:
    """Return the result of work on so many bytes, done in a thread if it would block the event loop."""
    return await asyncio.to_thread(work) if size > WHILE_WAITING else work()


def body_of(stored: Struct) -> str:
    """Return the stored form of a struct as text: cheaper than a JSON object, which would be parsed twice."""
    return codec.encode(stored).decode()


def read_body(kind: type[S], document: Document) -> S:
    """Return the struct in a document's `body`.

    Raises:
        Unavailable: it is damaged, or only a newer program can read it.
    """
    return codec.decode(kind, document["body"].encode())
