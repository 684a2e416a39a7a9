"""What is in the partition of one session, and in which form.

    session          the document
    transcript-<n>   a version of the transcript, compressed
    run-<id>         a run; `due` as long as it is not over
    item-<id>        an outbox item; `due`, and `position` for the order of writing

Each keeps the stored form of domain/codec.py as a text in `body`; other fields are what is looked up
by, and `version` is what a writer must have read. A transcript is deflated: an hour of speech, 9,000
words with their times, is some 450 KB, and an item and a batch may have 2 MB. Deflated and in base64 it
is 170 KB at the most, so that eleven hours without a pause fit in one item, with no pieces to join; what
does not is `TooLarge`.
"""

import base64
import time
import zlib
from typing import Any, TypeVar

from msgspec import Struct

from therapy.adapters.azure.cosmos.container import Item
from therapy.adapters.azure.cosmos.keys import key, part, stamp
from therapy.domain import codec
from therapy.domain.errors import Unavailable
from therapy.domain.outbox import OutboxItem
from therapy.domain.run import Run
from therapy.domain.session import Session
from therapy.domain.transcript import TranscriptVersion

SESSION = "session"
MOST_VERSIONS = 2**31
"""No transcript has a number beyond this."""

S = TypeVar("S", bound=Struct)


def of_session(practice_id: str, session_id: str) -> str:
    """Give the name of a session's partition."""
    return key("session", practice_id, session_id)


def run_id(run_name: str) -> str:
    """Give the id of a run's item."""
    return f"run-{part(run_name)}"


def item_id(item_name: str) -> str:
    """Give the id of an outbox item."""
    return f"item-{part(item_name)}"


def transcript_id(number: int) -> str:
    """Give the id of a version of a transcript."""
    return f"transcript-{number}"


def body_of(stored: Struct) -> str:
    """Give the stored form as text: it is cheaper to carry than an object that is read twice."""
    return codec.encode(stored).decode()


def read_body(kind: type[S], item: Item) -> S:
    """Read what `body_of` gave."""
    return codec.decode(kind, item["body"].encode())


def session_fields(session: Session) -> dict[str, Any]:
    """The fields of a session; its version is the one it gets."""
    return {
        "kind": SESSION,
        "version": session.version,
        "transcript": session.transcript_number,
        "body": body_of(session),
    }


def run_fields(run: Run) -> dict[str, Any]:
    """The fields of a run; its version is the one it gets."""
    due = {} if run.over else {"due": stamp(run.due_at)}
    return {"kind": "run", "version": run.version, "name": run.id, "body": body_of(run), **due}


def item_fields(item: OutboxItem, position: str) -> dict[str, Any]:
    """The fields of an outbox item."""
    return {
        "kind": "item",
        "name": item.id,
        "position": position,
        "due": stamp(item.due_at),
        "body": body_of(item),
    }


def transcript_fields(version: TranscriptVersion) -> dict[str, Any]:
    """The fields of a version of a transcript."""
    packed = zlib.compress(codec.encode(version))
    return {"kind": "transcript", "packed": base64.b64encode(packed).decode("ascii")}


def read_transcript(item: Item) -> TranscriptVersion:
    """Read a version of a transcript."""
    try:
        unpacked = zlib.decompress(base64.b64decode(item["packed"], validate=True))
    except (ValueError, zlib.error):
        raise Unavailable(reason="damaged", kind="Version") from None
    return codec.decode(TranscriptVersion, unpacked)


class Positions:
    """Texts that sort in the order in which this process asked for them.

    Across processes their clocks decide. Items that several processes write of one session within
    the difference of their clocks follow from changes that ran beside each other anyway.
    """

    def __init__(self) -> None:
        self._last = 0

    def following(self) -> str:
        """Give the next one."""
        self._last = max(self._last + 1, time.time_ns())
        return f"{self._last:020d}"
