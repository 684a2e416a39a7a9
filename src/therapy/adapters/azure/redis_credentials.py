"""Microsoft Entra credentials for redis-py: the user is the identity's object id, the password a token.

For Azure Cache for Redis and Azure Managed Redis, where access keys are often disabled. redis-py asks for
credentials for each new connection; azure-identity caches a token until shortly before it expires.
"""

import base64
import binascii
import json

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from redis.credentials import CredentialProvider
from redis.exceptions import AuthenticationError

SCOPE = "https://redis.azure.com/.default"


class EntraCredentials(CredentialProvider):
    """Provides user and token. `username` is the identity's object id; if "", it is taken from the token."""

    def __init__(self, credential: AsyncTokenCredential, username: str = "") -> None:
        self._credential, self._username = credential, username

    def get_credentials(self) -> tuple[str, str]:
        raise NotImplementedError("only connections of asyncio ask here")

    async def get_credentials_async(self) -> tuple[str, str]:
        """Return user and token.

        Raises:
            AuthenticationError: no token can be had, or it contains no object id.
        """
        try:
            token = (await self._credential.get_token(SCOPE)).token
        except AzureError as exc:
            raise AuthenticationError(type(exc).__name__) from exc
        return self._username or _object_id(token), token


def _object_id(token: str) -> str:
    """Return the object id in a token, unverified: the server verifies it."""
    try:
        payload = token.split(".")[1]
        padded = payload + "=" * (-len(payload) % 4)
        return str(json.loads(base64.urlsafe_b64decode(padded))["oid"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        raise AuthenticationError("the token names no object id") from None
