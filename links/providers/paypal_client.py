"""PayPal's SDK with its edges taken off, and its errors as ours.

As it comes, the SDK waits for ever, asks again without end when a token is refused,
sends a caller's headers with the request for the token and a body with every GET, and
writes secrets and bodies to its log.
"""

import json
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import paypalrestsdk
import requests
from paypalrestsdk import exceptions

from . import pacing
from .base import (
    ProviderBusy,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
)
from .parsing import json_object, text

TIMEOUT_SECONDS = (5.0, 15.0)  # to connect, to read: a payer is waiting
# A token is not used in the last minute of its life.
MARGIN_SECONDS = 60.0
LIVE_BASE = "https://api-m.paypal.com"
TOKEN_PATH = "/v1/oauth2/token"  # noqa: S105 # an address
logging.getLogger("paypalrestsdk").setLevel(logging.WARNING)


class Client(paypalrestsdk.Api):  # type: ignore[misc] # the SDK has no types
    """One for each process and pair of keys; safe to share between threads."""

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        base: str,
        session: requests.Session | None = None,
    ) -> None:
        super().__init__(
            mode="live",  # the SDK writes bodies to its log in the other
            client_id=client_id,
            client_secret=client_secret,
            endpoint=base,
            token_endpoint=base,
        )
        self._session = session or requests.Session()
        self._lock = threading.Lock()
        self._fresh_until = 0.0
        self.token_hash: dict[str, str] | None = None

    def request(
        self,
        url: str,
        method: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        refresh_token: str | None = None,
    ) -> Any:
        """JSON of the answer. A token that is refused is replaced once.

        Raises the SDK's exceptions, for 400 as well, and those of requests.
        """
        data = None if method == "GET" else json.dumps(body or {})
        token = self.get_token_hash()
        try:
            return self._sent(url, method, data, headers, token)
        except exceptions.UnauthorizedAccess:
            return self._sent(url, method, data, headers, self._replaced(token))

    def get_token_hash(self, *_given: Any, **_named: Any) -> Any:
        """The token in use; asked for by one thread at a time."""
        with self._lock:
            if self.token_hash is None or time.monotonic() >= self._fresh_until:
                asked_at = time.monotonic()
                found = self.http_call(
                    f"{self.token_endpoint}{TOKEN_PATH}",
                    "POST",
                    data="grant_type=client_credentials",
                    headers={
                        "Authorization": f"Basic {self.basic_auth()}",
                        "Content-Type": "application/x-www-form-urlencoded",
                        "Accept": "application/json",
                    },
                )
                life = float(found["expires_in"])
                self.token_hash = {"access_token": str(found["access_token"])}
                self._fresh_until = asked_at + life - MARGIN_SECONDS
            return self.token_hash

    def http_call(self, url: str, method: str, **given: Any) -> Any:
        """One exchange, within our time, on a connection that is kept."""
        pacing.step()
        answer = self._session.request(
            method, url, timeout=TIMEOUT_SECONDS, allow_redirects=False, **given
        )
        return self.handle_response(answer, answer.text)

    def _sent(
        self,
        url: str,
        method: str,
        data: str | None,
        headers: Mapping[str, str] | None,
        token: Mapping[str, str],
    ) -> Any:
        kind = {} if data is None else {"Content-Type": "application/json"}
        return self.http_call(
            url,
            method,
            data=data,
            headers={
                **(headers or {}),
                **kind,
                "Accept": "application/json",
                "Authorization": f"Bearer {token['access_token']}",
            },
        )

    def _replaced(self, refused: Mapping[str, str]) -> Any:
        """Another token than this one, which another thread may have fetched."""
        with self._lock:
            if self.token_hash is refused:
                self.token_hash = None
        return self.get_token_hash()


@lru_cache(maxsize=4)
def built(client_id: str, client_secret: str, base: str) -> Client:
    return Client(client_id, client_secret, base.rstrip("/") or LIVE_BASE)


@contextmanager
def errors() -> Iterator[None]:
    """PayPal's errors as ours; the text is for staff and holds no key and no person."""
    try:
        yield
    except exceptions.ConnectionError as exc:  # of every status that is no success
        raise _translated(exc) from None
    except requests.RequestException as exc:
        raise ProviderUnavailable(
            f"No answer from PayPal that counts: {type(exc).__name__}."
        ) from None
    except ProviderError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as exc:
        # A proxy's page instead of PayPal's JSON, or half of an answer.
        raise ProviderUnavailable("PayPal's answer cannot be understood.") from exc


def _translated(exc: exceptions.ConnectionError) -> ProviderError:
    status = exc.response.status_code
    issue = _issue(exc.content)
    if status in {401, 403}:
        return ProviderMisconfigured(
            f"PayPal refuses the client id and its secret: {issue}."
        )
    # 409 and "in progress": another request with the same key is being worked on.
    is_busy = status in {408, 409, 429} or issue == "PREVIOUS_REQUEST_IN_PROGRESS"
    if 400 <= status < 500 and not is_busy:
        return ProviderRejected(f"PayPal refused: {issue or 'invalid request'}.")
    said = f"No answer from PayPal that counts: {status} {issue}."
    if status == 429:
        return ProviderBusy(said, pacing.rest_seconds(exc.response.headers))
    return ProviderUnavailable(said)


def _issue(content: object) -> str:
    """The name of what is wrong, as precise as PayPal says it."""
    try:
        found = json.loads(content) if isinstance(content, str) else {}
    except (ValueError, RecursionError):
        return ""
    if not isinstance(found, Mapping):
        return ""
    details = found.get("details")
    first = details[0] if isinstance(details, list) and details else {}
    name = text(json_object({"first": first}, "first"), "issue") or text(found, "name")
    named = name or text(found, "error")
    return named[:80] if named.isascii() and named.isprintable() else ""
