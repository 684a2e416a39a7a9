"""Connection to Azure Speech: addresses, authentication (a key, or an identity's tokens), waiting times."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError
from msgspec import Struct

from therapy.adapters.azure.engine_errors import engine_errors
from therapy.adapters.keep_alive import KEEP_ALIVE_SECONDS

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken
    from azure.core.credentials_async import AsyncTokenCredential

SCOPE = "https://cognitiveservices.azure.com/.default"

TOKEN_SECONDS = 30.0
"""Seconds that the Speech SDK's thread waits for a token."""


@dataclass(frozen=True)
class SpeechAccess:
    """A Speech resource: `region` and `key`, or `endpoint` (its own domain) and a `credential`.

    A `region` and a `credential` need `resource_id`, the resource's full id in Azure; Fast Transcription
    takes no token there. `host` and `fast_endpoint` are for a container or an emulator. `properties` are
    passed to the Speech SDK by name; never enable the logging of audio there. `keep_alive` are the seconds of
    silence after which a connection is probed.
    """

    region: str = ""
    key: str = field(default="", repr=False)
    endpoint: str = ""
    host: str = ""
    fast_endpoint: str = ""
    credential: "AsyncTokenCredential | None" = field(default=None, repr=False)
    resource_id: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    keep_alive: float = KEEP_ALIVE_SECONDS

    @property
    def by_token(self) -> bool:
        """Whether the Speech SDK gets the credential itself, which it takes only with an endpoint."""
        return self.credential is not None and bool(self.endpoint or self.host)

    @property
    def fast_address(self) -> str:
        """The address of Fast Transcription."""
        named = (self.fast_endpoint or self.endpoint).rstrip("/")
        return named or f"https://{self.region}.api.cognitive.microsoft.com"

    async def authorization(self) -> str:
        """Return the text that the Speech SDK sends as token; "" if it gets a key or the credential.

        A credential is asked in any case, as it says better than the SDK why there is no token.

        Raises:
            EngineFailed: no token can be had.
        """
        if self.credential is None:
            return ""
        with engine_errors():
            token = (await self.credential.get_token(SCOPE)).token
        return "" if self.by_token else f"aad#{self.resource_id}#{token}"


class TokensOfLoop:
    """A credential in the form that the Speech SDK takes: it asks from its own thread, and waits there."""

    def __init__(self, credential: "AsyncTokenCredential") -> None:
        self._credential, self._loop = credential, asyncio.get_running_loop()

    def get_token(self, *scopes: str, **options: Any) -> "AccessToken":
        """Return a token, asked for on the event loop.

        Raises:
            AzureError: there is none; of all errors the SDK expects only this one.
        """
        asking = self._credential.get_token(*scopes, **options)
        try:
            asked = asyncio.run_coroutine_threadsafe(asking, self._loop)
        except RuntimeError:  # the loop is closed: the process ends
            asking.close()
            raise AzureError("closed") from None
        try:
            return asked.result(TOKEN_SECONDS)
        except Exception as exc:  # noqa: BLE001 - the SDK expects AzureError and no other
            asked.cancel()
            raise AzureError(type(exc).__name__) from None


class Deadlines(Struct, frozen=True):
    """Seconds without a sign of life from the service after which we give up.

    `talking`: while it has samples to recognise. The SDK itself ends a session in which 66 seconds of audio
    had no final result. `ending`: after the last sample; the SDK would wait forever. `renewal` is how often
    the SDK gets the identity's current token where it does not ask for it itself.
    """

    talking: float = 120.0
    ending: float = 60.0
    renewal: float = 240.0


class Patience(Struct, frozen=True):
    """Seconds to wait for an answer: `least`, plus `share` of the recording's length.

    `pauses` are the seconds between tries if the service asks for none. If it asks for more than
    `longest`, the run fails and is tried again later.
    """

    least: float = 300.0
    share: float = 0.25
    pauses: tuple[float, ...] = (2.0, 5.0, 12.0)
    longest: float = 60.0
