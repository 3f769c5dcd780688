"""Square's SDK as the adapter uses it: bounded, one pool of connections, its errors as
ours, and its answers as Square wrote them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any

import httpx
from square import Square
from square.core.api_error import ApiError
from square.core.http_response import HttpResponse
from square.core.pagination import SyncPager
from square.core.request_options import RequestOptions

from . import pacing
from .base import (
    ProviderBusy,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
)
from .parsing import Json, rows_of

# For each of connecting, sending, and reading the next bytes: a payer is waiting.
TIMEOUT_SECONDS = 10.0
ONCE = RequestOptions(max_retries=0)


def listed(pager: SyncPager[Any, Any]) -> list[Json]:
    """For names and times; amounts are read from Square's own JSON."""
    return list(
        rows_of(
            [one.model_dump(mode="json", warnings=False) for one in page.items or ()]
            for page in pager.iter_pages()
        )
    )


def json_of(answer: HttpResponse[Any]) -> dict[str, Any]:
    """What Square wrote. The SDK's models make 12 of an amount of 12.5."""
    value = answer._response.json()  # the SDK shows it in no other way
    if not isinstance(value, dict):
        raise TypeError("no JSON object")
    return value


@lru_cache(maxsize=4)
def built(token: str, base: str, http_client: httpx.Client | None) -> Square:
    return Square(
        token=token,
        base_url=base.rstrip("/") or None,
        httpx_client=http_client or _connections(),
    )


@cache
def _connections() -> httpx.Client:
    """One pool a process, kept open between calls; it follows no redirects."""
    paced = {"request": [lambda _request: pacing.step()]}
    return httpx.Client(timeout=TIMEOUT_SECONDS, event_hooks=paced)


@contextmanager
def errors() -> Iterator[None]:
    """Square's errors as ours; the text is for staff and holds no key and no person."""
    try:
        yield
    except ApiError as exc:
        raise _translated(exc) from None
    except httpx.HTTPError as exc:
        raise ProviderUnavailable(
            f"No answer from Square that counts: {type(exc).__name__}."
        ) from exc
    except (KeyError, TypeError, AttributeError, ValueError) as exc:
        # A proxy's page instead of Square's JSON, or half of an answer.
        raise ProviderUnavailable("Square's answer cannot be understood.") from exc


def _translated(exc: ApiError) -> Exception:
    status = exc.status_code or 0
    named = " ".join(
        part for error in exc.errors[:1] for part in (error.code, error.field) if part
    )[:120]
    if status in {401, 403}:
        return ProviderMisconfigured(f"Square refuses the access token: {named}.")
    if 400 <= status < 500 and status not in {408, 409, 429}:
        return ProviderRejected(f"Square refused: {named or 'invalid request'}.")
    said = f"No answer from Square that counts: {status} {named}."
    if status == 429:
        return ProviderBusy(said, pacing.rest_seconds(exc.headers))
    return ProviderUnavailable(said)
