"""Lets redis-py in by Microsoft Entra: the user is the identity's object id, the password a fresh token.

For Azure Cache for Redis and Azure Managed Redis, where access keys are often switched off. redis-py asks
for each new connection; azure-identity keeps a token until it is nearly out.
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
    """`username` is the object id of the identity; without it, it is read from the token."""

    def __init__(self, credential: AsyncTokenCredential, username: str = "") -> None:
        self._credential, self._username = credential, username

    def get_credentials(self) -> tuple[str, str]:
        raise NotImplementedError("only connections of asyncio ask here")

    async def get_credentials_async(self) -> tuple[str, str]:
        """Give user and token.

        Raises:
            AuthenticationError: there is no token for us, or none that names an object id.
        """
        try:
            token = (await self._credential.get_token(SCOPE)).token
        except AzureError as exc:
            raise AuthenticationError(type(exc).__name__) from exc
        return self._username or _object_id(token), token


def _object_id(token: str) -> str:
    """Read whom a token names; it is the server that verifies it."""
    try:
        payload = token.split(".")[1]
        padded = payload + "=" * (-len(payload) % 4)
        return str(json.loads(base64.urlsafe_b64decode(padded))["oid"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        raise AuthenticationError("the token names no object id") from None
