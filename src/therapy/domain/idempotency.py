"""Requests with an Idempotency-Key: what is known of them, so that one sent again is not done again.

The key itself is never stored, only its hash. What is kept of a body is a hash that begins with the key:
without the key nobody can find out, by trying, what a short body said.
"""

import re
from datetime import datetime

from msgspec import Struct, field

from therapy.domain.errors import InvalidInput

HEADER = "Idempotency-Key"
LONGEST_KEY = 200
"""Characters of a key; a UUID has 36."""

MOST_ANSWER = 4 * 1024
"""The most bytes of an answer's body that are kept."""

_VISIBLE = re.compile(rf"[\x21-\x7e]{{1,{LONGEST_KEY}}}")


class StoredAnswer(Struct, frozen=True, omit_defaults=True):
    """What a request was answered with; if it `is_shown_anew`, its body is not kept but made again."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    is_shown_anew: bool = False


class KeyedRequest(Struct, frozen=True, omit_defaults=True):
    """A request of a person for an operation, under a key.

    `operation` is a name that stays when the paths of the API are renamed; older programs call it `route`, so
    it is stored as that. `holder` is the attempt that works on it, until `running_until` if it gives no sign
    of life. `fingerprint` is the hash of what was asked for and `size` the bytes of its body, once there is
    an `answer`. A request that was refused has none, and may be tried again.
    """

    practice_id: str
    person_id: str
    operation: str = field(name="route")
    key_hash: str
    holder: str
    running_until: datetime
    expires_at: datetime
    fingerprint: str = ""
    size: int = 0
    answer: StoredAnswer | None = None
    version: int = 0

    def is_running(self, now: datetime) -> bool:
        """Return whether an attempt works on it, as far as one can tell."""
        return self.answer is None and now < self.running_until


def parse_key(header: str) -> str:
    """Return the key that a header names; the quotes of RFC 9651 around it are optional.

    Raises:
        InvalidInput: empty, too long, or not visible ASCII.
    """
    text = header.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if not _VISIBLE.fullmatch(text):
        raise InvalidInput(HEADER, "idempotency_key")
    return text
