"""How to reach Azure Speech, who we are there (a key, or an identity's tokens), how long we wait."""

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

    `resource_id` is the resource's full id in Azure, which the conversation transcriber wants
    beside an identity's token. `host` and `fast_endpoint` are for a container or a fake.
    `properties` go to the Speech SDK by name; never ask there for audio to be logged.
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
        """Where Fast Transcription is asked."""
        named = (self.fast_endpoint or self.endpoint).rstrip("/")
        return named or f"https://{self.region}.api.cognitive.microsoft.com"

    async def authorization(self) -> str:
        """Give the token that the Speech SDK sends; "" when a key is used.

        Raises:
            EngineFailed: no token can be had.
        """
        if self.credential is None:
            return ""
        with engine_errors():
            token = (await self.credential.get_token(SCOPE)).token
        return f"aad#{self.resource_id}#{token}" if self.resource_id else token


class Deadlines(Struct, frozen=True):
    """Seconds without a sign of life from the service after which it is given up.

    `talking`: while it has samples to hear. The SDK itself ends a session in which 66 seconds of
    audio got no final result. `ending`: after the last sample; the SDK would wait for ever.
    `renewal`: how often the SDK is given the identity's current token.
    """

    talking: float = 120.0
    ending: float = 60.0
    renewal: float = 240.0


class Patience(Struct, frozen=True):
    """Seconds. An answer is waited for `least` and a share of the recording's length.

    `pauses` lie between tries where the service names none; one that it names and that is longer
    than `longest` is left to the run, which is tried again later.
    """

    least: float = 300.0
    share: float = 0.25
    pauses: tuple[float, ...] = (2.0, 5.0, 12.0)
    longest: float = 60.0
