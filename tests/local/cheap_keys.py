"""Keys of a backup whose passphrase costs nothing: scrypt with 2 rounds in place of the 2^18 of the library.

Written by the specification of age (age-encryption.org/v1), which the library does not let one choose in.
"""

import hashlib
import hmac
import os
from base64 import b64encode

import pyrage
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from therapy.adapters.local.backup.backup_file import Keys


def cheap_keys(passphrase: str, claimed: int = 1) -> Keys:
    """A new key pair, its secret half encrypted with this passphrase; the rounds may be a lie."""
    identity = pyrage.x25519.Identity.generate()
    return Keys(identity, _encrypted(str(identity).encode(), passphrase.encode(), claimed))


def _encrypted(text: bytes, passphrase: bytes, claimed: int) -> bytes:
    file_key, salt, nonce = os.urandom(16), os.urandom(16), os.urandom(16)
    label = b"age-encryption.org/v1/scrypt" + salt
    wrapping = hashlib.scrypt(passphrase, salt=label, n=2, r=8, p=1, dklen=32)
    wrapped = ChaCha20Poly1305(wrapping).encrypt(bytes(12), file_key, None)
    head = f"age-encryption.org/v1\n-> scrypt {_base64(salt)} {claimed}\n{_base64(wrapped)}\n---".encode()
    mac = hmac.digest(_derived(file_key, b"", b"header"), head, "sha256")
    payload = ChaCha20Poly1305(_derived(file_key, nonce, b"payload"))
    last = bytes(11) + b"\x01"
    return head + f" {_base64(mac)}\n".encode() + nonce + payload.encrypt(last, text, None)


def _derived(key: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, info).derive(key)


def _base64(content: bytes) -> str:
    return b64encode(content).decode().rstrip("=")
