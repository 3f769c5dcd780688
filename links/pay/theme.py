"""The merchant's colour as a stylesheet of its own: no inline style is allowed."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

DEFAULT_COLOR = "#1f4fd8"
YEAR_SECONDS = 31_536_000
# (red, green, blue) weights of relative luminance, WCAG 2.2
WEIGHTS = (0.2126, 0.7152, 0.0722)


@require_safe
def theme(request: HttpRequest, color: str) -> HttpResponse:
    """`color`: six hex digits. The address says it all, so it never changes."""
    text = "#fff" if contrast(f"#{color}", "#ffffff") >= 4.5 else "#000"
    response = HttpResponse(
        f":root{{--brand:#{color};--on-brand:{text}}}\n", content_type="text/css"
    )
    response["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
    return response


def contrast(one: str, other: str) -> float:
    """From 1 to 21; black or white always reaches 4.5 against any colour."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return sum(weight * part for weight, part in zip(WEIGHTS, linear, strict=True))
