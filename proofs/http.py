"""A browser and an integrator, as far as these tests need them: plain HTTP, no redirects."""

import http.client
import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ANSWER_SECONDS = 15.0


class Hung(Exception):
    """The server closed the connection, or kept silent, instead of answering."""


@dataclass(frozen=True)
class Answer:
    """`location`: where it redirects to, or ''."""

    status: int
    text: str
    location: str
    headers: Mapping[str, str]

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text)
        return found


def get(url: str, headers: Mapping[str, str] | None = None) -> Answer:
    return _ask("GET", url, None, headers or {})


def post(
    url: str,
    form: Mapping[str, str] | None = None,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """`form` urlencoded, or `body` as it is. Raises Hung when no answer comes."""
    if body is None:
        body = urllib.parse.urlencode(form or {}).encode()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            **(headers or {}),
        }
    return _ask("POST", url, body, headers or {})


def _ask(
    method: str, url: str, body: bytes | None, headers: Mapping[str, str]
) -> Answer:
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=ANSWER_SECONDS)
    try:
        target = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        connection.request(method, target, body, dict(headers))
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        headers = dict(answer.getheaders())
        return Answer(answer.status, text, headers.get("Location", ""), headers)
    except (OSError, http.client.HTTPException) as exc:
        raise Hung(f"{method} {parts.netloc}: {type(exc).__name__}") from exc
    finally:
        connection.close()
