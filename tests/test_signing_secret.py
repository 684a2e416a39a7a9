"""Signing secrets that could be guessed are refused wherever others than this machine reach the server."""

import base64
import hashlib
from collections.abc import Mapping

import pytest

from therapy.config import SettingsError, read_settings

REACHABLE = ("10.0.0.4", "0.0.0.0", "::", "clinic.example")  # noqa: S104 - what must be refused


def refused(environment: Mapping[str, str]) -> str:
    with pytest.raises(SettingsError) as refusal:
        read_settings(environment)
    return str(refusal.value)


WEAK = {
    "short": "d5b1c0a97e",
    "a placeholder": "please-change-me-before-you-deploy-this-thing",
    "the word for it": "this is the secret of our own clinic, is it not",
    "one letter": "a" * 64,
    "few letters": "abcabdacbbca" * 4,
    "a word again and again": "k3yb0ardsCat!" * 3,
    "a row": "abcdefghijklmnopqrstuvwxyz0123456789",
}


@pytest.mark.parametrize("secret", WEAK.values(), ids=WEAK)
def test_a_weak_secret_is_refused_wherever_others_reach_the_server(secret: str) -> None:
    weak = {"JWT_SECRET_KEY": secret}
    for host in ("", "127.0.0.1", "::1", "localhost", "127.8.8.8"):
        assert read_settings(weak | {"THERAPY_HOST": host}).jwt_secret == secret
    for host in REACHABLE:
        fault = refused(weak | {"THERAPY_HOST": host})
        assert "openssl rand" in fault
        assert secret not in fault
    assert "openssl rand" in refused(weak | {"THERAPY_ENV": "production"})
    assert "openssl rand" in refused(
        weak | {"THERAPY_ENV": "production", "THERAPY_HOST": "127.0.0.1"}
    )


def test_random_secrets_are_strong() -> None:
    for number in range(200):
        digest = hashlib.sha256(f"{number}".encode())
        for text in (digest.hexdigest(), base64.b64encode(digest.digest()).decode()):
            given = {"JWT_SECRET_KEY": text, "THERAPY_HOST": REACHABLE[0]}
            assert read_settings(given).jwt_secret == text
