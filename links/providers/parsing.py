"""Reading what providers send: of another type than documented counts as not said."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .base import ProviderRejected, WebhookVerificationError

Json = Mapping[str, Any]
KIND_MAX, IDENTITY_MAX = 80, 255  # of the inbox's columns
_NO_PATH = re.compile(r"[^/?#%:\\ .]+")


def text(found: Json, name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) else ""


def json_object(found: Json, name: str) -> Json:
    value = found.get(name)
    return value if isinstance(value, Mapping) else {}


def plain(value: object) -> str:
    """An identifier as it may be stored, else empty."""
    if isinstance(value, str) and value.isascii() and value.isprintable():
        return value if len(value) <= IDENTITY_MAX else ""
    return ""


def path_part(identifier: str, shape: re.Pattern[str] = _NO_PATH) -> str:
    """An identifier as it may stand in a URL's path; ProviderRejected for any other.

    `shape`: of all of it, where the provider documents one.
    """
    if not plain(identifier) or not shape.fullmatch(identifier):
        raise ProviderRejected("The provider knows nothing of that name.")
    return identifier


def rows_of(pages: Iterable[Iterable[Json]], identity: str = "id") -> Iterator[Json]:
    """The rows of a list, page by page, until a page holds none that is new by its
    `identity`: a list that leads back to itself ends as well."""
    seen: set[str] = set()
    for page in pages:
        before = len(seen)
        for row in page:
            if (name := text(row, identity)) not in seen:
                seen.add(name)
                yield row
        if len(seen) == before:
            return


def webhook_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a webhook's body, else WebhookVerificationError."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise WebhookVerificationError("the body is no JSON object") from exc
    if not isinstance(value, dict):
        raise WebhookVerificationError("the body is no JSON object")
    return value
