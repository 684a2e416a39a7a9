"""Blob recordings without any key of the account: an identity's tokens, and links signed by delegation.

Azurite takes tokens over TLS only, so this one has a certificate of its own. It looks at a token's claims
and not at its signature.
"""

import base64
import json
import re
import ssl
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
from azure.core.credentials import AccessToken
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.builders import PRACTICE
from tests.emulators.azurite import ACCOUNT, Azurite
from tests.emulators.fixtures import require_node
from therapy.adapters.azure.blob.recordings import BlobRecordings

pytestmark = pytest.mark.emulator
MINUTES = timedelta(minutes=5)


class SafeAzurite(Azurite):
    """Azurite with TLS and tokens."""

    ready = re.compile(Azurite.ready.pattern.replace("http:", "https:"))

    def __init__(self, certificate: Path, key: Path) -> None:
        super().__init__()
        self.certificate, self._key = certificate, key

    def command(self) -> list[str]:
        safe = ["--oauth", "basic", "--cert", str(self.certificate), "--key", str(self._key)]
        return [*super().command(), *safe]

    def environment(self) -> dict[str, str]:
        """It fetches what it copies from itself."""
        return super().environment() | {"NODE_EXTRA_CA_CERTS": str(self.certificate)}

    @property
    def url(self) -> str:
        return super().url.replace("http:", "https:")


class Identity:
    """A managed identity, as far as a client sees one."""

    def __init__(self) -> None:
        self.asked = 0

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        self.asked += 1
        now, tenant = int(time.time()), str(uuid.uuid4())
        claims = {
            "aud": "https://storage.azure.com",
            "iss": f"https://sts.windows.net/{tenant}/",
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "oid": str(uuid.uuid4()),
            "tid": tenant,
        }
        parts = (json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, claims))
        token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
        return AccessToken(f"{token}.c2lnbmVk", now + 3600)

    async def close(self) -> None:
        """Nothing is open."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Nothing is open."""


@pytest.fixture(scope="module")
def safe_azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SafeAzurite]:
    require_node()
    folder = tmp_path_factory.mktemp("azurite")
    with SafeAzurite(*certificate(folder)) as running:
        yield running


def certificate(folder: Path) -> tuple[Path, Path]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "certificate.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    )
    return folder / "certificate.pem", folder / "key.pem"


@pytest.fixture
def identity() -> Identity:
    return Identity()


@pytest.fixture
async def recordings(
    safe_azurite: SafeAzurite, identity: Identity
) -> AsyncIterator[BlobRecordings]:
    async with BlobRecordings.open(
        f"test-{uuid.uuid4().hex}",
        account_name=ACCOUNT,
        credential=identity,
        endpoint=safe_azurite.url,
        connection_verify=str(safe_azurite.certificate),
    ) as recordings:
        yield recordings


@pytest.mark.parametrize("key", ["upload-1", "elsewhere"])
async def test_an_identity_keeps_a_recording_and_links_to_it(
    recordings: BlobRecordings, identity: Identity, safe_azurite: SafeAzurite, key: str
) -> None:
    await recordings.stage(PRACTICE, "upload-1", 0, b"a recording")
    assert await recordings.keep(PRACTICE, "upload-1", 1, key) == 11
    assert identity.asked
    link = await recordings.playback_link(PRACTICE, key, MINUTES, "audio/mp4")
    assert "skoid=" in link
    assert "spr=https" in link
    trust = ssl.create_default_context(cafile=str(safe_azurite.certificate))
    async with httpx.AsyncClient(verify=trust) as player:
        answer = await player.get(link, headers={"Range": "bytes=2-"})
        assert (answer.status_code, answer.content) == (206, b"recording")
        assert (await player.delete(link)).status_code == 403


async def test_the_key_of_a_delegation_is_fetched_once(recordings: BlobRecordings) -> None:
    await recordings.stage(PRACTICE, "upload-1", 0, b"a recording")
    await recordings.keep(PRACTICE, "upload-1", 1, "upload-1")
    links = [
        await recordings.playback_link(PRACTICE, "upload-1", MINUTES, "audio/mp4") for _ in range(2)
    ]
    starts = {httpx.URL(link).params["skt"] for link in links}
    assert len(starts) == 1
