"""Secrets at rest: sealed with FIELD_KEYS, opened again when they are used.

A sealed text names the key that sealed it, `v2:gAAAA…`, so that a new key can be put
in front of the old one and rows move over when they are next written.
"""

import base64
from functools import cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class SealError(Exception):
    """Sealed with a key that FIELD_KEYS no longer names, or tampered with."""


@cache
def _box(secret: str, purpose: str) -> Fernet:
    """A key of its own for each purpose, so that no sealed text fits another field."""
    derived = HKDF(SHA256(), length=32, salt=None, info=f"seal:{purpose}".encode())
    return Fernet(base64.urlsafe_b64encode(derived.derive(secret.encode())))


def seal(purpose: str, text: str) -> str:
    """`purpose`: a constant word, such as `mfa`; the same one opens it again."""
    version, secret = next(iter(settings.FIELD_KEYS.items()))
    return f"{version}:{_box(secret, purpose).encrypt(text.encode()).decode()}"


def unseal(purpose: str, sealed: str) -> str:
    """The text again; raises SealError."""
    version, _colon, token = sealed.partition(":")
    secret = settings.FIELD_KEYS.get(version)
    if secret is None:
        raise SealError(f"FIELD_KEYS has no key {version[:12]!r}.")
    try:
        return _box(secret, purpose).decrypt(token.encode()).decode()
    except InvalidToken as exc:
        raise SealError(f"Not sealed for {purpose!r} with key {version!r}.") from exc
