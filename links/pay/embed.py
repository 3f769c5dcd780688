"""The small script that a merchant's own website may load from us."""

import hashlib
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import condition, require_safe

WEEK_SECONDS = 604_800
# Its address never changes, so browsers must ask again some day; links work meanwhile.


@lru_cache(maxsize=1)
def _content() -> bytes:
    path = settings.BASE_DIR / "static" / "pay" / "embed.js"
    content: bytes = path.read_bytes()
    return content


def _etag(_request: HttpRequest) -> str:
    return f'"{hashlib.sha256(_content()).hexdigest()[:32]}"'


@require_safe
@condition(etag_func=_etag)
def embed(request: HttpRequest) -> HttpResponse:
    """For any origin, by any cache; knows of no visitor and sets no cookie."""
    response = HttpResponse(_content(), content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = f"public, max-age={WEEK_SECONDS}"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["Access-Control-Allow-Origin"] = "*"
    return response
