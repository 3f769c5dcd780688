"""Limits kept in the memory of this process: a brake, not a lock.

With several processes each counts for itself. What security depends on is counted in
the database.
"""

import ipaddress
import threading
import time
from collections.abc import Mapping

from django.conf import settings

MAX_KEYS = 20_000
# A few megabytes; beyond it everything is forgotten rather than memory filled.


class RateLimit:
    """At most `limit` of one key in each window of `seconds`; 0 means no limit."""

    def __init__(self, limit: int, seconds: float = 60.0) -> None:
        self._limit = limit
        self._seconds = seconds
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._window = 0

    def exceeded(self, key: str, *, limit: int | None = None) -> bool:
        """Count one more of this key and say whether that is too many.

        `limit`: instead of the one given at the start.
        """
        most = self._limit if limit is None else limit
        return self._count(key) > most > 0

    def clear(self) -> None:
        with self._lock:
            self._counts.clear()

    def _count(self, key: str) -> int:
        window = int(time.monotonic() / self._seconds)
        with self._lock:
            if window != self._window or len(self._counts) >= MAX_KEYS:
                self._window = window
                self._counts = {}
            self._counts[key] = self._counts.get(key, 0) + 1
            return self._counts[key]


def client_network(meta: Mapping[str, str]) -> str:
    """Who asks, by `request.META`: an IPv4 address, or the /64 of an IPv6 one."""
    parsed = client_address(meta)
    if parsed is None:
        return "unknown"
    if parsed.version == 6:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def client_address(
    meta: Mapping[str, str],
) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that asks; None where it cannot be known.

    X-Forwarded-For counts only when the operator says that a proxy of theirs is in
    front, and of it only the last entry, which that proxy wrote.
    """
    address = meta.get("REMOTE_ADDR", "")
    if getattr(settings, "SECURE_PROXY_SSL_HEADER", None):
        forwarded = meta.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
        address = forwarded or address
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None
