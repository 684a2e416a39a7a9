"""Links to one recording that work for minutes, for anyone who has them: shared access signatures.

They are signed with the account's own key if the store was opened with it, else with a user delegation key
that Entra ID issues for some hours.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from azure.storage.blob import BlobSasPermissions, UserDelegationKey, generate_blob_sas
from azure.storage.blob.aio import BlobClient, BlobServiceClient

from therapy.domain.errors import InvalidInput, Unavailable

LONGEST = timedelta(hours=1)
"""A link is for playing a recording now, not for keeping."""

KEY_LIFETIME = timedelta(hours=6)
SKEW = timedelta(minutes=5)
"""How far our clock may be ahead of Azure's."""


class PlaybackLinks:
    """Makes links that can read one blob, over TLS only if the store itself uses TLS."""

    def __init__(self, store: BlobServiceClient, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._account_key = str(getattr(store.credential, "account_key", "") or "")
        self._delegates = hasattr(store.credential, "get_token")
        self._delegated: UserDelegationKey | None = None
        self._delegated_until: datetime | None = None
        self._fetching = asyncio.Lock()

    async def link(self, blob: BlobClient, lifetime: timedelta, media_type: str = "") -> str:
        """Return a link to a blob, whether it exists or not; it answers with `media_type`, if one is passed.

        Raises:
            InvalidInput: the lifetime is not positive, or more than an hour.
            Unavailable: the store was opened with neither a key nor a credential.
        """
        if not timedelta(0) < lifetime <= LONGEST:
            raise InvalidInput("lifetime")
        until = self._now() + lifetime
        signature = generate_blob_sas(
            account_name=str(self._store.account_name),
            container_name=blob.container_name,
            blob_name=blob.blob_name,
            permission=BlobSasPermissions(read=True),
            expiry=until,
            protocol="https" if blob.url.startswith("https:") else None,
            cache_control="no-store",
            content_type=media_type or None,
            **await self._key(until),
        )
        return f"{blob.url}?{signature}"

    async def _key(self, until: datetime) -> dict[str, Any]:
        if self._account_key:
            return {"account_key": self._account_key}
        if not self._delegates:
            raise Unavailable(reason="no_key")
        async with self._fetching:
            if (
                self._delegated is None
                or not self._delegated_until
                or self._delegated_until < until
            ):
                end = self._now() + KEY_LIFETIME
                self._delegated = await self._store.get_user_delegation_key(self._now() - SKEW, end)
                self._delegated_until = end
            return {"user_delegation_key": self._delegated}
