"""Resources whose keys are off (`disableLocalAuth`): a key is refused and named, an identity is let in.

Blob Storage has `test_blob_identity` and `test_blob_account`, Redis `test_redis`.
"""

import time
from pathlib import Path
from typing import Any, Self

import pytest
from azure.core.credentials import AccessToken

from tests.azure.redis_rings import tls_before
from tests.builders import PRACTICE
from tests.emulators.certificate import certificate
from tests.emulators.language import FakeLanguage
from therapy.adapters.azure.language.client import language_client
from therapy.adapters.azure.language.sentiment import LanguageSentiment
from therapy.domain.errors import TherapyError
from therapy.entrypoints.cli.faults.diagnosis import diagnose

pytestmark = pytest.mark.emulator


class Identity:
    """A managed identity, as far as a client sees one."""

    async def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken("a-token", int(time.time()) + 3_600)

    async def close(self) -> None:
        """Nothing is open."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""


async def test_a_key_of_language_that_is_off_is_named_with_the_cure(
    fake_language: FakeLanguage,
) -> None:
    fake_language.keys_off = True
    async with language_client(fake_language.url, key=fake_language.key or "") as client:
        with pytest.raises(TherapyError) as refusal:
            await LanguageSentiment(client).score(PRACTICE, ["All is well."], "en")
    finding = diagnose("azure", "sentiment", "clinic7", refusal.value)
    assert "keys are disabled" in finding.cause
    assert "Cognitive Services Language Reader" in finding.fix


async def test_an_identity_is_let_in_by_language_without_any_key(
    fake_language: FakeLanguage, tmp_path: Path
) -> None:
    fake_language.keys_off = True
    crt, key = certificate(tmp_path)
    async with (
        tls_before(fake_language.port, crt, key) as port,
        language_client(
            f"https://127.0.0.1:{port}", credential=Identity(), connection_verify=str(crt)
        ) as client,
    ):
        assert await LanguageSentiment(client).score(PRACTICE, ["All is well."], "en")
