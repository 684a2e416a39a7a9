"""Converts the documents of the first layout's six containers to those of the current ones; pure.

    sessions   a partition for each session: session, transcript-<n> (deflated), run-<id>, item-<id>
    rows       entries of the session index: the home in row|…, and a copy in each list
    due        hints about what is due, which are generated again; uploads, in partitions of their own
    people     practices, accounts, numbers and e-mail addresses
    tokens     logins, reset tokens, devices; pointers to them are generated again
    keys       unique keys; the partitions' names are hashes, and stay

What only guarded against late writers is not converted, because the program has stopped.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from msgspec.structs import replace

from therapy.adapters import migration_records as old
from therapy.adapters.azure.cosmos import container_definitions, people_index
from therapy.adapters.azure.cosmos.document import fields_of, packed
from therapy.adapters.azure.cosmos.due_hints import place_of
from therapy.adapters.azure.cosmos.keys import moment, stamp
from therapy.adapters.migration_records import NewItem
from therapy.domain.errors import Unavailable
from therapy.domain.partition_keys import digest, part
from therapy.ports.store import Put

SESSIONS, ROWS, DUE, PEOPLE, TOKENS, KEYS = "sessions", "rows", "due", "people", "tokens", "keys"

NAMES = (DUE, PEOPLE, TOKENS, KEYS, ROWS, SESSIONS)
"""The containers, without the prefix; the last one is deleted last: it is the sign of the first layout."""

NOT_COMPARED = frozenset({"id", "pk", "mark", "checked", "ttl"})
"""Fields that name a document, or that differ each time it is written."""

Document = Mapping[str, Any]


class _Unknown(Exception):
    """No program with the first layout wrote this."""


class Target(NamedTuple):
    """A document to write: its current container, partition, id and fields."""

    container: str
    pk: str
    id: str
    fields: Mapping[str, Any]

    @property
    def name(self) -> bytes:
        """A hash that identifies this document."""
        return name_of(self.container, self.pk, self.id)

    @property
    def content(self) -> bytes:
        """A hash of this document's content."""
        return content_of(self.fields)


def name_of(container: str, pk: str, item_id: str) -> bytes:
    """Return a hash that identifies a document, in 16 bytes because a million of them may be in memory."""
    return _hashed(f"{container}/{pk}/{item_id}")


def content_of(document: Document) -> bytes:
    """Return a hash of a document's content, in 16 bytes."""
    told = {
        name: value
        for name, value in document.items()
        if name not in NOT_COMPARED and not name.startswith("_")
    }
    return _hashed(json.dumps(told, sort_keys=True))


def _hashed(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


async def targets_of(
    container: str, documents: Sequence[Document], now: datetime
) -> tuple[Target, ...]:
    """Return what these documents of an old container become, with hints before what is due.

    Raises:
        Unavailable: one of them is damaged, or does not belong to the first layout.
    """
    if container == ROWS:
        return tuple(target for each in documents for target in _session_entry(each))
    items = [item for each in documents for item in _items(container, each)]
    kept = [each for each in items if each.expires_at is None or each.expires_at > now]
    bodies = await packed([item.body for item in kept])
    stored = [
        _stored(item, fields_of(_written(item), item.version, body, now))
        for item, body in zip(kept, bodies, strict=True)
    ]
    entries = [_person_entry(each) for each in documents if _is_person(container, each)]
    return (*_hints(kept), *stored, *entries)


def _items(container: str, document: Document) -> Sequence[NewItem]:
    """Return the items of the store that an old document becomes.

    Raises:
        Unavailable: it is damaged, or does not belong to the first layout; says which.
    """
    try:
        return tuple(_made_of(container, document))
    except _Unknown:
        raise _wrong("not_of_the_first_layout", container, document) from None
    except (Unavailable, ValueError, KeyError):  # the cause would quote what is stored
        raise _wrong("damaged_record", container, document) from None


def _made_of(container: str, document: Document) -> Iterable[NewItem]:
    kind, _, _ = document["pk"].partition("|")
    match container, kind:
        case ("sessions", "session"):
            return _of_session(document)
        case ("people", _):
            return _of_people(kind, document)
        case ("tokens", _):
            return _of_token(kind, document)
        case ("due", "uploads"):
            return (_upload(document),)
        case ("due", "due"):
            return ()  # hints
        case ("keys", _):
            return (old.unique_key_item(_renamed(document["pk"]), document["value"]),)
    raise _Unknown


def _of_session(document: Document) -> Iterator[NewItem]:
    """Yield items of a session, in its partition; bodies may not say whose they are."""
    for item in _in_session(document):
        yield replace(item, partition=_renamed(document["pk"]))


def _in_session(document: Document) -> Iterable[NewItem]:
    match document["kind"]:
        case "session":
            return (old.session_item("", "", document["version"], _body(document)),)
        case "transcript":
            return old.transcript_items("", "", _unpacked(document))
        case "run":
            due_at = moment(document["due"]) if "due" in document else None
            return (old.run_item("", "", document["version"], due_at, _body(document)),)
        case "item":
            position, due_at = int(document["position"]), moment(document["due"])
            return (old.outbox_item(*_whose(document), position, due_at, _body(document)),)
    raise _Unknown


def _of_people(kind: str, document: Document) -> Iterable[NewItem]:
    name, _, _ = document["id"].partition("-")
    if kind == "email":
        owner = document["practice_id"], document["name"]
        return (old.email_item(document["pk"], *owner),)
    if kind == "practices" or name == "practice":
        body = json.loads(document["body"])
        listed, itself = old.practice_items(body["id"], _body(document))
        return (listed if kind == "practices" else itself,)
    if name == "number":
        here = _renamed(document["pk"]), document["id"]
        return (old.number_item(*here, document["name"]),)
    if name == "person":
        return (old.person_item(_whose(document)[0], document["version"], _body(document)),)
    raise _Unknown


def _of_token(kind: str, document: Document) -> Iterable[NewItem]:
    match kind:
        case "login":
            return old.login_items(_whose(document)[0], document["version"], _body(document))
        case "reset":
            if document["used"]:
                return ()
            return old.reset_items(_whose(document)[0], _body(document))
        case "device":
            return old.device_items(_whose(document)[0], _body(document))
        case "refresh" | "signed-in" | "devices":
            return ()  # they point to the three above
    raise _Unknown


def _upload(document: Document) -> NewItem:
    body = json.loads(document["body"])
    return old.upload_item(body["practice_id"], body["id"], _body(document))


def _session_entry(document: Document) -> Iterator[Target]:
    """Yield an entry unchanged under the current names, but not the mark of one that left a list."""
    if "ttl" in document:
        return
    pk, item_id = document["pk"], document["id"]
    if pk.startswith("row|"):
        pk = f"entry|{pk.removeprefix('row|')}"
    if item_id.startswith("row-"):
        item_id = f"entry-{item_id.removeprefix('row-')}"
    fields = {
        name: value
        for name, value in document.items()
        if name not in NOT_COMPARED and not name.startswith("_")
    }
    yield Target(container_definitions.SESSION_INDEX.name, pk, item_id, fields)


def _is_person(container: str, document: Document) -> bool:
    return container == PEOPLE and document["id"].startswith("person-")


def _person_entry(document: Document) -> Target:
    entry = old.person_entry(document["version"], _body(document))
    pk, item_id = people_index.partition_of(entry.practice_id), people_index.item_id_of(entry.id)
    fields = people_index.fields_of(entry)
    return Target(container_definitions.PEOPLE_INDEX.name, pk, item_id, fields)


def _written(item: NewItem) -> Put:
    return Put(
        id=item.id,
        kind=item.kind,
        body=item.body,
        queue=item.queue,
        due_at=item.due_at,
        expires_at=item.expires_at,
    )


def _stored(item: NewItem, fields: Mapping[str, Any]) -> Target:
    return Target(container_definitions.ITEMS.name, item.partition, item.id, fields)


def _hints(items: Iterable[NewItem]) -> Iterator[Target]:
    """Yield a hint for each item that becomes due, with an id that is the same each time."""
    for item in items:
        if item.due_at is not None:
            at = f"{stamp(item.due_at)}-{digest(f'{item.partition}/{item.id}')[:16]}"
            fields = {"at": at, "partition": item.partition, "queues": [item.queue]}
            yield Target(container_definitions.HINTS.name, place_of(item.partition), at, fields)


def _renamed(pk: str) -> str:
    """Return the current name of a partition: parts may be shorter now, and hashes stay."""
    return "|".join(each if each.startswith("~") else part(each) for each in pk.split("|"))


def _whose(document: Document) -> tuple[str, str]:
    """Return the practice and the session in a stored body; "" for no session."""
    body = json.loads(document["body"])
    return body["practice_id"], body.get("session_id", "")


def _body(document: Document) -> bytes:
    return str(document["body"]).encode()


def _unpacked(document: Document) -> bytes:
    try:
        return zlib.decompress(base64.b64decode(document["packed"], validate=True))
    except zlib.error as exc:
        raise ValueError from exc


def _wrong(reason: str, container: str, document: Document) -> Unavailable:
    where = f"{container}/{document['pk']}/{document['id']}"
    return Unavailable(reason=reason, item=where)
