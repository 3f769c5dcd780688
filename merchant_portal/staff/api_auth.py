"""The door of the API: who asks, how often, for what, and whether for the first time.

Every router hangs its operations on these two:

    @router.post("", auth=Guard(Right.LINKS_WRITE), response={201: LinkOut})
    @idempotent()
    def create_link(request: HttpRequest, body: LinkIn) -> Status[LinkOut]: ...

`merchant_portal.api` refuses to start with an operation that lacks them.
"""

import functools
import json
import math
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja.parser import Parser
from ninja.responses import NinjaJSONEncoder, Status
from ninja.security import HttpBearer
from pydantic import BaseModel

from merchant_portal.lib import database, problems, strict_json
from merchant_portal.lib.actors import Actor
from merchant_portal.lib.problems import Problem

from .models import ApiKey
from .roles import Right
from .services import idempotency, keys
from .services.throttle import SlidingWindow

ALL_SCOPES = "*"
LINK_URL = "{link_url}"
_OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
_IDEMPOTENCY_KEY = re.compile(r"\A[\x21-\x7e]{1,255}\Z")
_JSON_TYPE = re.compile(r'\Aapplication/json(?:\s*;\s*charset="?utf-8"?)?\Z', re.I)

window = SlidingWindow()


def allows(key: ApiKey, right: Right) -> bool:
    """Whether the key's scopes name this right, or all."""
    return ALL_SCOPES in key.scopes or right.value in key.scopes


def key_of(request: HttpRequest) -> ApiKey:
    """The key that this request came with; only behind a Guard."""
    key = getattr(request, "auth", None)
    if not isinstance(key, ApiKey):
        raise TypeError("This operation has no guard.")
    return key


def actor_of(request: HttpRequest) -> Actor:
    return key_of(request).actor()


class Guard(HttpBearer):
    """Lets a request in whose key is good, allows `scope` and is not too eager.

    Raises Problem 401, 429, 403, and 400 to 422 for what no operation takes: an unknown
    query name, an overridden method, a body that is too long or has no length.
    """

    def __init__(self, scope: Right) -> None:
        super().__init__()
        self.scope = scope
        self.query_names: frozenset[str] | None = None  # filled when the API starts

    def __call__(self, request: HttpRequest) -> ApiKey:
        key = super().__call__(request)
        if not isinstance(key, ApiKey):
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "unauthorized",
                "Send a valid key: Authorization: Bearer mp_…",
                headers={"WWW-Authenticate": "Bearer"},
            )
        _throttle(key)
        if not allows(key, self.scope):
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "forbidden",
                f"This needs a key with the scope {self.scope.value}.",
            )
        self._check_request(request)
        return key

    def authenticate(self, request: HttpRequest, token: str) -> ApiKey | None:
        return keys.authenticate(token)

    def _check_request(self, request: HttpRequest) -> None:
        for name in _OVERRIDES:
            if name in request.headers:
                raise Problem(
                    HTTPStatus.BAD_REQUEST, "malformed", f"{name} is not supported."
                )
        for name in request.GET:
            if name not in (self.query_names or ()):
                raise problems.invalid(
                    "This name is not known here.", parameter=name[:100]
                )
            if len(request.GET.getlist(name)) > 1:
                raise problems.invalid("This name stands twice.", parameter=name)
            if "\x00" in request.GET[name]:
                raise problems.invalid("NUL is not taken.", parameter=name)
        _check_length(request)


def _throttle(key: ApiKey) -> None:
    limit = settings.API_REQUESTS_PER_MINUTE
    wait = window.take(key.pk, limit)
    if wait > 0:
        raise Problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            "throttled",
            f"A key may send {limit} requests a minute.",
            headers={"Retry-After": str(max(1, math.ceil(wait)))},
        )


def _check_length(request: HttpRequest) -> None:
    """Refuse a long body by its announced length, before a byte of it is read."""
    if "Transfer-Encoding" in request.headers and not request.META.get(
        "CONTENT_LENGTH"
    ):
        raise Problem(
            HTTPStatus.LENGTH_REQUIRED,
            "length-required",
            "Send a Content-Length instead of chunks.",
        )
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not str(length).isdecimal() or int(length) > strict_json.MAX_BYTES:
        raise too_large()


def too_large() -> Problem:
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "too-large",
        f"A body has at most {strict_json.MAX_BYTES} bytes.",
    )


class StrictParser(Parser):
    """Reads bodies by strict_json; ninja wraps what it raises, api.py unwraps it."""

    def parse_body(self, request: HttpRequest) -> Any:
        content_type = request.headers.get("Content-Type", "")
        if not _JSON_TYPE.match(content_type) or "Content-Encoding" in request.headers:
            raise Problem(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "Send Content-Type: application/json, not compressed.",
            )
        if len(request.body) > strict_json.MAX_BYTES:
            raise too_large()
        try:
            return strict_json.loads(request.body)
        except strict_json.StrictJSONError as exc:
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                "malformed",
                exc.message,
                errors=[{"pointer": exc.pointer, "detail": exc.message}]
                if exc.pointer
                else (),
            ) from exc


View = Callable[..., Status[Any]]


def idempotent(
    url_of: Callable[[str], str] | None = None,
) -> Callable[[View], Callable[..., HttpResponse]]:
    """Make a POST safe to repeat under its Idempotency-Key; see services.idempotency.

    The view runs in one transaction and returns `Status(code, model)` or raises
    Problem. `url_of`: gives the address of the link whose `id` the answer carries;
    the stored answer holds `{link_url}` in its `url` and never the token.
    """

    def decorate(view: View) -> Callable[..., HttpResponse]:
        @functools.wraps(view)
        def answer(request: HttpRequest, **values: Any) -> HttpResponse:
            def work() -> idempotency.Answer:
                return _work(view, request, values, hide_url=url_of is not None)

            name = _idempotency_key(request)
            if name is None:
                return _respond(database.repeated(work), url_of, is_replay=False)
            found, is_replay = database.repeated(
                lambda: _once(request, name, work), is_keyed=True
            )
            return _respond(found, url_of, is_replay=is_replay)

        answer.is_idempotent = True  # type: ignore[attr-defined]
        return answer

    return decorate


def _work(
    view: View, request: HttpRequest, values: dict[str, Any], *, hide_url: bool
) -> idempotency.Answer:
    try:
        with transaction.atomic():
            result = view(request, **values)
    except Problem as problem:
        if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        return idempotency.Answer(problem.status, json.dumps(problem.body()))
    model: BaseModel = result.value
    data = model.model_dump()
    if hide_url:
        data["url"] = LINK_URL
    return idempotency.Answer(
        result.status_code, json.dumps(data, cls=NinjaJSONEncoder)
    )


def _once(
    request: HttpRequest, name: str, work: Callable[[], idempotency.Answer]
) -> tuple[idempotency.Answer, bool]:
    body = (
        strict_json.canonical(StrictParser().parse_body(request))
        if request.body
        else ""
    )
    digest = idempotency.digest(str(request.method), request.path, body)
    try:
        return idempotency.once(key_of(request), name, digest, work)
    except idempotency.InFlight as exc:
        raise Problem(
            HTTPStatus.CONFLICT,
            "in-flight",
            "Repeat this request in a moment; it will get the first one's answer.",
            headers={"Retry-After": "1"},
        ) from exc
    except idempotency.KeyReused as exc:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "key-reused",
            "Use a new Idempotency-Key for each new request.",
            errors=[
                {"header": "Idempotency-Key", "detail": "used for another request"}
            ],
        ) from exc


def _idempotency_key(request: HttpRequest) -> str | None:
    name = request.headers.get("Idempotency-Key")
    if name is not None and not _IDEMPOTENCY_KEY.match(name):
        detail = "Write 1 to 255 visible ASCII characters."
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "malformed",
            detail,
            errors=[{"header": "Idempotency-Key", "detail": detail}],
        )
    return name


def _respond(
    answer: idempotency.Answer, url_of: Callable[[str], str] | None, *, is_replay: bool
) -> HttpResponse:
    """First answers and replays are made here from the same text: equal to the byte."""
    body = answer.body
    if url_of is not None and answer.status < HTTPStatus.BAD_REQUEST:
        data = json.loads(body)
        body = json.dumps({**data, "url": url_of(data["id"])})
    return HttpResponse(
        body,
        status=answer.status,
        content_type=problems.CONTENT_TYPE
        if answer.status >= HTTPStatus.BAD_REQUEST
        else "application/json; charset=utf-8",
        headers={"Idempotent-Replayed": "true"} if is_replay else None,
    )
