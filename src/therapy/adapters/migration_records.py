"""Converts the first layout (a table or container for each kind of record) to items of the store; pure.

It is a snapshot on purpose: it writes what the program wrote at the time of this migration, and does not
change with the repositories. Stored forms that have not changed are copied byte for byte. Refresh and reset
tokens of that time carry no ids, so they get pointers, by their hashes, to the person.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from therapy.domain import codec
from therapy.domain.partition_keys import digest, key, part
from therapy.domain.people import Person, email_key
from therapy.domain.person_entry import PersonEntry, person_entry_of
from therapy.domain.transcript import TranscriptVersion
from therapy.domain.transcript_parts import header_of, scores_of, without_findings

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)

CONSEQUENCES = {
    "RunDue": ("run_due", "outbox.run"),
    "RowChanged": ("session_entry_changed", "outbox.session-entry"),
    "NoticeDue": ("push_due", "outbox.push"),
    "EraseDue": ("erase_due", "outbox.erase"),
}
"""The current names of the first layout's tags, and the queue of each."""


class NewItem(Struct, frozen=True, kw_only=True):
    """An item to write; see `ports.store.Item`."""

    partition: str
    id: str
    kind: str
    body: bytes
    version: int = 1
    queue: str = ""
    due_at: datetime | None = None
    expires_at: datetime | None = None


def session_item(practice_id: str, session_id: str, version: int, body: bytes) -> NewItem:
    """Return the item of a session."""
    partition = key("session", practice_id, session_id)
    return NewItem(partition=partition, id="session", kind="session", body=body, version=version)


def transcript_items(practice_id: str, session_id: str, body: bytes) -> Iterator[NewItem]:
    """Yield the items of one version of a transcript: header, words, and its scores and insights."""
    version = codec.decode(TranscriptVersion, body)
    parts: dict[str, Struct | None] = {
        "version": header_of(version),
        "text": without_findings(version),
        "scores": scores_of(version) or None,
        "insights": version.insights,
    }
    partition = key("session", practice_id, session_id)
    for kind, stored in parts.items():
        if stored is not None:
            name = f"{kind}-{version.number:06}"
            yield NewItem(partition=partition, id=name, kind=kind, body=codec.encode(stored))


def run_item(
    practice_id: str, session_id: str, version: int, due_at: datetime | None, body: bytes
) -> NewItem:
    """Return the item of a run; `due_at` is None once it is over."""
    run = _read(body)
    return NewItem(
        partition=key("session", practice_id, session_id),
        id=f"run-{part(run['id'])}",
        kind="run",
        body=body,
        version=version,
        queue=f"run.{run['kind']}" if due_at else "",
        due_at=due_at,
    )


def outbox_item(
    practice_id: str, session_id: str, position: int, due_at: datetime, body: bytes
) -> NewItem:
    """Return the item of a consequence, of the corresponding kind."""
    old = _read(body)
    what = dict(old["what"])
    what["type"], queue = CONSEQUENCES[what["type"]]
    what["session_id"] = session_id
    new: dict[str, Any] = {each: old[each] for each in ("id", "due_at", "attempts") if each in old}
    return NewItem(
        partition=key("session", practice_id, session_id),
        id=f"item-{position:020}-{part(old['id'])}",
        kind="outbox",
        body=_written({**new, "practice_id": practice_id, "what": what}),
        queue=queue,
        due_at=due_at,
    )


def practice_items(practice_id: str, body: bytes) -> Iterator[NewItem]:
    """Yield the items of a practice: its entry in the list of all, and itself."""
    yield NewItem(partition="practices", id=part(practice_id), kind="practice", body=body)
    yield NewItem(partition=key("practice", practice_id), id="practice", kind="practice", body=body)


def person_items(practice_id: str, version: int, body: bytes) -> Iterator[NewItem]:
    """Yield the items of an account: its address, its number, and itself."""
    person = codec.decode(Person, body)
    yield email_item(key("email", digest(email_key(person.email))), practice_id, person.id)
    if person.number:
        partition, name = key("practice", practice_id), f"number-{part(person.number)}"
        yield number_item(partition, name, person.id)
    yield person_item(practice_id, version, body)


def email_item(partition: str, practice_id: str, person_id: str) -> NewItem:
    """Return the item of an e-mail address: whose it is."""
    owner = {"practice_id": practice_id, "person_id": person_id, "at": _moment(LONG_AGO)}
    return NewItem(partition=partition, id="email", kind="email", body=_written(owner))


def number_item(partition: str, name: str, person_id: str) -> NewItem:
    """Return the item of a number: whose it is."""
    body = _written({"person_id": person_id})
    return NewItem(partition=partition, id=name, kind="number", body=body)


def person_item(practice_id: str, version: int, body: bytes) -> NewItem:
    """Return the item of an account."""
    partition, name = key("practice", practice_id), f"person-{part(_read(body)['id'])}"
    return NewItem(partition=partition, id=name, kind="person", body=body, version=version)


def person_entry(version: int, body: bytes) -> PersonEntry:
    """Return an account's entry in the search over people."""
    entry = person_entry_of(codec.decode(Person, body))
    return PersonEntry(**{**_fields(entry), "sequence": version})


def login_items(practice_id: str, version: int, body: bytes) -> Iterator[NewItem]:
    """Yield the items of a login: pointers from its tokens, and itself; all expire together."""
    login = _read(body)
    forgotten = datetime.fromisoformat(login["expires_at"]) + DAY
    whose = {"practice_id": practice_id, "person_id": login["person_id"], "sid": login["sid"]}
    for token_hash in (login["refresh_hash"], login.get("previous_hash", "")):
        if token_hash:
            yield _pointer(token_hash, whose, forgotten)
    yield NewItem(
        partition=key("signed-in", practice_id, login["person_id"]),
        id=f"login-{part(login['sid'])}",
        kind="login",
        body=body,
        version=version,
        expires_at=forgotten,
    )


def reset_items(practice_id: str, body: bytes) -> Iterator[NewItem]:
    """Yield the items of an unused reset token: a pointer from it, and itself."""
    reset = _read(body)
    ends = datetime.fromisoformat(reset["expires_at"])
    whose = {"practice_id": practice_id, "person_id": reset["person_id"], "sid": ""}
    yield _pointer(reset["token_hash"], whose, ends)
    yield NewItem(
        partition=key("signed-in", practice_id, reset["person_id"]),
        id=f"reset-{part(reset['token_hash'])}",
        kind="reset",
        body=body,
        expires_at=ends,
    )


def device_items(practice_id: str, body: bytes) -> Iterator[NewItem]:
    """Yield the items of a device: its person's pointer to it, and itself."""
    device = _read(body)
    name = digest(device["token"])
    pointer = {
        "practice_id": practice_id,
        "person_id": device["person_id"],
        "token_digest": name,
        "at": device["registered_at"],
    }
    yield NewItem(
        partition=key("signed-in", practice_id, device["person_id"]),
        id=f"device-{name}",
        kind="device-pointer",
        body=_written(pointer),
    )
    yield NewItem(partition=key("device", name), id="device", kind="device", body=body)


def upload_item(practice_id: str, upload_id: str, body: bytes) -> NewItem:
    """Return the item of an open upload, due when it expires."""
    return NewItem(
        partition=key("uploads", practice_id),
        id=f"upload-{part(upload_id)}",
        kind="upload",
        body=body,
        queue="upload",
        due_at=datetime.fromisoformat(_read(body)["expires_at"]),
    )


def unique_key_item(partition: str, value: str) -> NewItem:
    """Return the item of a taken key; the partition is named as in the first layout."""
    return NewItem(partition=partition, id="key", kind="key", body=_written({"value": value}))


def _pointer(token_hash: str, whose: Mapping[str, str], ends: datetime) -> NewItem:
    body = _written({**whose, "expires_at": _moment(ends)})
    partition = key("token", token_hash)
    return NewItem(partition=partition, id="token", kind="token", body=body, expires_at=ends)


def _fields(stored: Struct) -> dict[str, Any]:
    return {name: getattr(stored, name) for name in stored.__struct_fields__}


def _read(body: bytes) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(body)
    return read


def _written(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(
        {"schema_version": 1, **fields}, ensure_ascii=False, separators=(",", ":")
    ).encode()


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
