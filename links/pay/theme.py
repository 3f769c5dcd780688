"""The merchant's colour as a stylesheet of its own: no inline style is allowed."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from merchant_portal.lib.colors import ink_on

DEFAULT_COLOR = "#1f4fd8"
YEAR_SECONDS = 31_536_000


@require_safe
def theme(request: HttpRequest, color: str) -> HttpResponse:
    """`color`: six hex digits. The address says it all, so it never changes."""
    text = ink_on(f"#{color}")
    response = HttpResponse(
        f":root{{--brand:#{color};--on-brand:{text}}}\n", content_type="text/css"
    )
    response["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
    return response
