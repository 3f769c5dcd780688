"""Tokens that nobody can guess: of payment links, and of values bound to a purpose.

Everything that ends up in an address is base62 only: mail programs cut `-` and `_`
off the end of a line.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass

from django.conf import settings
from django.core.signing import BadSignature as BadSignature
from django.utils.crypto import salted_hmac

from .ids import ALPHABET

TOKEN_LENGTH = 22
# 131 bits; OWASP ASVS 11.5.1 asks for at least 128
MAX_VALUE_BYTES = 300
# Longest value that `sign` takes; bounds the arithmetic on hostile input.
_MAX_SIGNED_LENGTH = TOKEN_LENGTH + 2 * MAX_VALUE_BYTES
_TRAILING = ".,;:!?>)]}'\"\u2026\u00bb\u201d\u2019"
# What mail and chat programs glue to the end of an address.
_TOKEN = re.compile(rf"\A[0-9A-Za-z]{{{TOKEN_LENGTH}}}\Z")
_SIGNED = re.compile(r"\A[0-9A-Za-z]+\Z")


class UnknownKeyVersion(LookupError):
    """A row names a key that LINK_TOKEN_KEYS no longer holds."""


@dataclass(frozen=True, slots=True)
class LinkToken:
    """`token` goes into the address; only `sha256` (hex) and `key_version` are stored."""

    token: str
    key_version: str

    @property
    def sha256(self) -> str:
        return token_sha256(self.token)


def link_token(
    public_id: str, generation: int, version: str | None = None
) -> LinkToken:
    """The token of that generation of a link, the same every time.

    `version`: of the key the row names; None takes the newest. Raises
    UnknownKeyVersion when that key is gone from the settings.
    """
    keys: dict[str, str] = settings.LINK_TOKEN_KEYS
    chosen = version or next(iter(keys))
    if chosen not in keys:
        raise UnknownKeyVersion(
            f"LINK_TOKEN_KEYS holds no key {chosen!r}; put the old key back."
        )
    digest = hmac.digest(
        keys[chosen].encode(), f"link:{public_id}:{generation}".encode(), "sha256"
    )
    return LinkToken(_token_of(digest), chosen)


def token_sha256(token: str) -> str:
    """What the database keeps of a token, in hex."""
    return hashlib.sha256(token.encode()).hexdigest()


def clean_token(raw: str) -> str | None:
    """The token in what a mail program made of it; None when it can be none.

    One trailing punctuation mark is taken off, never more.
    """
    token = without_trailing(raw)
    return token if _TOKEN.match(token) else None


def without_trailing(raw: str) -> str:
    """Without the one punctuation mark that a mail program may have glued to it."""
    return raw[:-1] if raw and raw[-1] in _TRAILING else raw


def sign(purpose: str, value: str) -> str:
    """`value` and a proof that we wrote it for `purpose`, in base62.

    The value can be read by anybody, at most MAX_VALUE_BYTES bytes of UTF-8. Holds
    as long as SECRET_KEY is current or among the fallbacks.
    """
    data = value.encode()
    if len(data) > MAX_VALUE_BYTES:
        raise ValueError(f"A signed value has at most {MAX_VALUE_BYTES} bytes.")
    # The leading 1 keeps zero bytes at the front.
    return _proof(purpose, value, settings.SECRET_KEY) + _base62(
        int.from_bytes(b"\x01" + data)
    )


def unsign(purpose: str, text: str) -> str:
    """The value that `sign` was given for the same purpose, or BadSignature."""
    if len(text) > _MAX_SIGNED_LENGTH or not _SIGNED.match(text):
        raise BadSignature("malformed")
    proof, body = text[:TOKEN_LENGTH], text[TOKEN_LENGTH:]
    number = 0
    for character in body:
        number = number * 62 + ALPHABET.index(character)
    data = number.to_bytes((number.bit_length() + 7) // 8)
    try:
        value = data[1:].decode()
    except UnicodeDecodeError as exc:
        raise BadSignature("malformed") from exc
    if data[:1] != b"\x01" or _base62(number) != body:
        raise BadSignature("malformed")
    for key in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]:
        if hmac.compare_digest(_proof(purpose, value, key), proof):
            return value
    raise BadSignature("wrong")


def _proof(purpose: str, value: str, key: str) -> str:
    salt = f"merchant_portal.lib.signing:{purpose}"
    return _token_of(salted_hmac(salt, value, secret=key, algorithm="sha256").digest())


def _token_of(digest: bytes) -> str:
    number = int.from_bytes(digest) % 62**TOKEN_LENGTH
    return _base62(number).rjust(TOKEN_LENGTH, ALPHABET[0])


def _base62(number: int) -> str:
    digits: list[str] = []
    while number:
        number, rest = divmod(number, 62)
        digits.append(ALPHABET[rest])
    return "".join(reversed(digits))
