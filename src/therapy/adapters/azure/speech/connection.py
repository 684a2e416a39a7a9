"""Connection to Azure Speech: addresses, authentication (a key, or an identity's tokens), waiting times."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec import Struct

from therapy.adapters.azure.engine_errors import engine_errors

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

SCOPE = "https://cognitiveservices.azure.com/.default"


@dataclass(frozen=True)
class SpeechAccess:
    """A Speech resource: `region` and `key`, or `endpoint` (its own domain) and a `credential`.

    `resource_id` is the resource's full id in Azure, which the conversation transcriber needs besides an
    identity's token. `host` and `fast_endpoint` are for a container or an emulator. `properties` are passed
    to the Speech SDK by name; never enable the logging of audio there.
    """

    region: str = ""
    key: str = field(default="", repr=False)
    endpoint: str = ""
    host: str = ""
    fast_endpoint: str = ""
    credential: "AsyncTokenCredential | None" = field(default=None, repr=False)
    resource_id: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def fast_address(self) -> str:
        """The address of Fast Transcription."""
        named = (self.fast_endpoint or self.endpoint).rstrip("/")
        return named or f"https://{self.region}.api.cognitive.microsoft.com"

    async def authorization(self) -> str:
        """Return the token that the Speech SDK sends; "" if a key is used.

        Raises:
            EngineFailed: no token can be had.
        """
        if self.credential is None:
            return ""
        with engine_errors():
            token = (await self.credential.get_token(SCOPE)).token
        return f"aad#{self.resource_id}#{token}" if self.resource_id else token


class Deadlines(Struct, frozen=True):
    """Seconds without a sign of life from the service after which we give up.

    `talking`: while it has samples to recognise. The SDK itself ends a session in which 66 seconds of audio
    had no final result. `ending`: after the last sample; the SDK would wait forever. `renewal` is how often
    the SDK gets the identity's current token.
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
