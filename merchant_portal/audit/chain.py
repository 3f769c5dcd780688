"""Each entry carries a keyed hash of itself and of the entry before it.

The keys (AUDIT_KEYS) are not in the database: who can write to its tables, lift its
triggers and compute any plain hash can still not make an entry that fits.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import connection

GENESIS = "0" * 64
# What stands before the first entry.
LOCK_ID = 0x4D50_4155_4449_5431
# Of the advisory lock; any number that nothing else in this database uses.
_LOCK = f"SET CONSTRAINTS ALL IMMEDIATE; SELECT pg_advisory_xact_lock({LOCK_ID})"
FORMAT = "merchant_portal.audit:1"


class UnknownKeyVersion(LookupError):
    """An entry names a key that AUDIT_KEYS no longer holds."""


@dataclass(frozen=True, slots=True)
class Content:
    """What an entry says. `at`: aware. `details`: as JSON gives them back."""

    at: datetime
    actor: str
    action: str
    object_id: str
    details: Mapping[str, Any]


def newest_key() -> str:
    """Version of the key that new entries are written with."""
    version: str = next(iter(settings.AUDIT_KEYS))
    return version


def entry_hash(previous_hash: str, content: Content, key_version: str) -> str:
    """Hex of HMAC-SHA256(key, hash before ‖ canonical content).

    The place of an entry is what its `previous_hash` says, so its number is not hashed.
    Raises UnknownKeyVersion.
    """
    return keyed_hash(key_version, bytes.fromhex(previous_hash) + _canonical(content))


def keyed_hash(key_version: str, data: bytes) -> str:
    """Hex of HMAC-SHA256 under that key of AUDIT_KEYS; raises UnknownKeyVersion."""
    keys: dict[str, str] = settings.AUDIT_KEYS
    if key_version not in keys:
        raise UnknownKeyVersion(key_version)
    return hmac.digest(keys[key_version].encode(), data, "sha256").hex()


def plain_details(details: Mapping[str, object]) -> dict[str, Any]:
    """`details` as both engines give them back, so that the hash can be made again.

    TypeError for a fraction: the engines write 1e16 in different ways.
    """
    plain: dict[str, Any] = json.loads(json.dumps(details), parse_float=_no_fraction)
    return plain


def take_lock() -> None:
    """Let no other transaction add an entry until this one ends.

    SQLite's immediate transaction is that lock already. On PostgreSQL foreign keys
    are checked first: left to the commit, as Django declares them, the check locks
    the row that is pointed at, whose holder may be waiting for this lock.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_LOCK)


def _canonical(content: Content) -> bytes:
    return json.dumps(
        [
            FORMAT,
            content.at.astimezone(UTC).isoformat(timespec="microseconds"),
            content.actor,
            content.action,
            content.object_id,
            content.details,
        ],
        sort_keys=True,
        separators=(",", ":"),
    ).encode()


def _no_fraction(text: str) -> float:
    raise TypeError(f"{text}: write amounts in minor units and the rest as text.")
