"""Access tokens as JWT (HS256, RFC 7519), and the secrets of refresh tokens.

An access token says what kind it is (`typ`), for whom and from whom (`aud`, `iss`), which login (`sid`) and
which key (`kid`), so that keys can be changed and no token can be used for another purpose.

A process verifies a token once and remembers what it says: the same text can't become another's, and the time
is compared at each use. Whether the login is alive is another question: see `workflows.login_check`.
"""

import base64
import hashlib
import hmac
import math
from datetime import datetime, timedelta
from typing import NamedTuple

import jwt

from therapy.domain.access import Actor
from therapy.domain.errors import NotSignedIn
from therapy.domain.people import Role
from therapy.ports.tokens import Tokens

ALGORITHM = "HS256"
AUDIENCE = "therapy-app"
KIND = "access"

MOST_REMEMBERED = 4_096
"""Verified tokens that one process remembers, about 1 kB each; one more, and the oldest is forgotten."""

LONGEST_REMEMBERED = 2_048
"""Characters; ours have some 400. Older PyJWT (2.10) passes over what is no letter of base64, so that
whoever has a token can make it as long as a header may be.
"""


class Verified(NamedTuple):
    """What a token whose signature is ours says: who it is for, and between which moments it counts."""

    actor: Actor
    begins_at: float
    expires_at: float


class JwtTokens(Tokens):
    """Signs access tokens with keys derived from one secret of at least 32 bytes."""

    def __init__(
        self,
        secret: str,
        issuer: str = "therapy",
        lifetime: timedelta = timedelta(minutes=15),
        most_remembered: int = MOST_REMEMBERED,
    ) -> None:
        self._key = hashlib.sha256(b"access|" + secret.encode()).digest()
        self._refresh_key = hashlib.sha256(b"refresh|" + secret.encode()).digest()
        self._name_key = hashlib.sha256(b"names|" + secret.encode()).digest()
        self._kid = hashlib.sha256(self._key).hexdigest()[:8]
        self._issuer = issuer
        self._lifetime = lifetime
        self._most = most_remembered
        self._verified: dict[str, Verified] = {}

    def issue(self, actor: Actor, *, now: datetime) -> tuple[str, int]:
        claims = {
            "sub": actor.person_id,
            "role": actor.role.value,
            "practice": actor.practice_id,
            "sid": actor.sid,
            "lang": actor.language,
            "typ": KIND,
            "iss": self._issuer,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + self._lifetime,
        }
        token = jwt.encode(claims, self._key, ALGORITHM, headers={"kid": self._kid})
        return token, int(self._lifetime.total_seconds())

    def secret_after(self, token: str) -> str:
        digest = hmac.digest(self._refresh_key, token.encode("utf-8", "replace"), "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def keyed_hash(self, text: str) -> str:
        return hmac.digest(self._name_key, text.encode("utf-8", "replace"), "sha256").hex()

    def read(self, token: str, *, now: datetime) -> Actor:
        actor, begins_at, expires_at = self._verified.get(token) or self._remembered(token)
        moment = now.timestamp()
        if moment < begins_at:
            raise NotSignedIn
        if moment >= expires_at:
            self._verified.pop(token, None)
            raise NotSignedIn("token_expired")
        return actor

    def _remembered(self, token: str) -> Verified:
        verified = self._verify(token)
        if len(token) > LONGEST_REMEMBERED:
            return verified
        self._verified[token] = verified
        if len(self._verified) > self._most:
            del self._verified[next(iter(self._verified))]
        return verified

    def _verify(self, token: str) -> Verified:
        """Return what a token says.

        Raises:
            NotSignedIn: it is not ours, altered, or of another kind.
        """
        try:
            if jwt.get_unverified_header(token).get("kid") != self._kid:
                raise NotSignedIn
            claims = jwt.decode(
                token,
                self._key,
                [ALGORITHM],
                audience=AUDIENCE,
                issuer=self._issuer,
                options={
                    "require": ["exp", "iat", "sub", "sid"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
            if claims["typ"] != KIND:
                raise NotSignedIn
            begins_at, expires_at = _moment(claims.get("nbf", 0)), _moment(claims["exp"])
            _moment(claims["iat"])
            role = Role(claims["role"])
            actor = Actor(claims["sub"], role, claims["practice"], claims["sid"], claims["lang"])
        except (jwt.PyJWTError, KeyError, ValueError, TypeError, OverflowError) as exc:
            raise NotSignedIn from exc
        return Verified(actor, begins_at, expires_at)


def _moment(claim: object) -> float:
    """Return the seconds of a claim that is a moment (NumericDate, RFC 7519, 2).

    Raises:
        ValueError: it is no number, or not a finite one: with NaN no comparison would ever be true.
        OverflowError: it is larger than any moment.
    """
    if isinstance(claim, bool) or not isinstance(claim, int | float) or not math.isfinite(claim):
        raise ValueError("not a moment")
    return float(claim)
