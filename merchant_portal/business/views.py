"""The logo, for pay pages, mails and documents."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from .models import Business


@require_safe
def logo(request: HttpRequest, digest: str, extension: str) -> HttpResponse:
    """The bytes as they were uploaded. The address changes with them: cached for ever."""
    row = (
        Business.objects.filter(logo_sha256__startswith=digest, logo_type=extension)
        .values_list("logo", flat=True)
        .first()
    )
    if row is None:
        raise Http404
    return HttpResponse(
        bytes(row),
        content_type=f"image/{extension}",
        headers={
            "Cache-Control": "public, max-age=31536000, immutable",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Content-Security-Policy": "default-src 'none'",
        },
    )
