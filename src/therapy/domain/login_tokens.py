"""Refresh and reset tokens: what precedes their secret, so that no look-up by hash is needed.

    <practice>.<person>.<sid>.<number>.<secret>     a refresh token; the number counts the family from 1
    <practice>.<person>.<secret>                    a reset token

Only hashes of whole tokens are stored. What precedes the secret is not secret and proves nothing. The
secret of each token of a login follows from the login's `family` and the token's number, by a key that no
store has: so a spent token is told from one that was never issued, without a list of them.
"""

import hashlib
import re
from collections.abc import Callable

from msgspec import Struct

from therapy.domain.people import Login

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_ESCAPED = re.compile(r"~(?:[0-9a-f]{2}){0,128}", re.ASCII)
_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)

LONGEST = 1_000
"""Characters of the longest text that is parsed as a token."""


class RefreshToken(Struct, frozen=True):
    """A parsed refresh token; `str` gives the token back."""

    practice_id: str
    person_id: str
    sid: str
    number: int
    secret: str

    def __repr__(self) -> str:
        return f"RefreshToken(sid={self.sid!r}, number={self.number})"

    def __str__(self) -> str:
        parts = (self.practice_id, self.person_id, self.sid)
        return ".".join([*map(_escaped, parts), str(self.number), self.secret])


class ResetToken(Struct, frozen=True):
    """A parsed reset token; `str` gives the token back."""

    practice_id: str
    person_id: str
    secret: str

    def __repr__(self) -> str:
        return f"ResetToken(person_id={self.person_id!r})"

    def __str__(self) -> str:
        return ".".join([_escaped(self.practice_id), _escaped(self.person_id), self.secret])


def token_hash(token: str) -> str:
    """Return the SHA-256 (hex) of a token: the form in which it is stored."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def token_of(login: Login, number: int, keyed: Callable[[str], str]) -> str:
    """Return the refresh token of this number of a login's family.

    `keyed` returns an unguessable text for each text, always the same.
    """
    secret = keyed("|".join(("family", login.family, login.sid, str(number))))
    return str(RefreshToken(login.practice_id, login.person_id, login.sid, number, secret))


def was_issued(token: RefreshToken, login: Login, keyed: Callable[[str], str]) -> bool:
    """Return whether a spent token was really issued; where a login has no family, its number decides."""
    if token.number >= login.counter:
        return False
    if not login.family:
        return True
    return token_hash(str(token)) == token_hash(token_of(login, token.number, keyed))


def parse_refresh_token(text: str) -> RefreshToken | None:
    """Return the parsed refresh token; None if the text does not have this form."""
    parts = text.split(".") if len(text) <= LONGEST else []
    if len(parts) != 5 or not _NUMBER.fullmatch(parts[3]):
        return None
    ids = [_unescaped(each) for each in parts[:3]]
    practice_id, person_id, sid = ids
    if practice_id is None or person_id is None or sid is None:
        return None
    return RefreshToken(practice_id, person_id, sid, int(parts[3]), parts[4])


def parse_reset_token(text: str) -> ResetToken | None:
    """Return the parsed reset token; None if the text does not have this form."""
    parts = text.split(".") if len(text) <= LONGEST else []
    if len(parts) != 3:
        return None
    practice_id, person_id = _unescaped(parts[0]), _unescaped(parts[1])
    if practice_id is None or person_id is None:
        return None
    return ResetToken(practice_id, person_id, parts[2])


def _escaped(text: str) -> str:
    """Return an id as a part of a token: as it is, or a tilde and its UTF-8 in hex."""
    return text if _PLAIN.fullmatch(text) else f"~{text.encode().hex()}"


def _unescaped(text: str) -> str | None:
    if _PLAIN.fullmatch(text):
        return text
    if not _ESCAPED.fullmatch(text):
        return None
    try:
        return bytes.fromhex(text[1:]).decode()
    except UnicodeDecodeError:
        return None
