"""Where providers report: proved, stored, answered; a task does the work."""

import structlog
from django.db import Error
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from merchant_portal.lib import database
from merchant_portal.lib.limits import RateLimit, client_network

from ..providers.base import WebhookVerificationError
from ..providers.registry import PROVIDERS, get_provider
from ..services import accounts, inbox
from ..services.proving import TooManyUnproved

MAX_BODY_BYTES = 256 * 1024
# Several times the largest event that any provider documents.
RETRY_AFTER_SECONDS = "30"
LOGGED_A_MINUTE = 30
# Of one network; a flood of forgeries must not fill the disk. It is still answered by
# its signature: behind a shared proxy the provider has the same address.

log = structlog.get_logger(__name__)
refusals = RateLimit(LOGGED_A_MINUTE)


@csrf_exempt  # authority comes from the provider's signature, never from a cookie
@require_POST
def provider_webhook(request: HttpRequest, provider: str) -> HttpResponse:
    """200 once the event is stored, a repeat included; 400 tells no reason to outsiders.

    404 unknown or unset provider, 413 too large, 503 no database: it is sent again.
    """
    if provider not in PROVIDERS or not get_provider(provider).capabilities.webhooks:
        return HttpResponse(status=404)
    try:
        if accounts.mode_of(provider) is None:
            return HttpResponse(status=404)
        if status := _status_of_form(request):
            return HttpResponse(status=status)
        inbox.receive(provider, request.headers, request.body)
    except WebhookVerificationError as exc:
        if not refusals.exceeded(client_network(request.META)):
            log.warning("webhook_refused", provider=provider, problem=str(exc))
        return HttpResponse(status=400)
    except UnreadablePostError:
        return HttpResponse(status=400)
    except TooManyUnproved:
        log.error("webhooks_unproved", provider=provider)
        return HttpResponse(status=503, headers={"Retry-After": RETRY_AFTER_SECONDS})
    except Error as exc:
        if not database.is_passing(exc):
            raise
        log.error("webhook_not_stored", provider=provider, problem=type(exc).__name__)
        return HttpResponse(status=503, headers={"Retry-After": RETRY_AFTER_SECONDS})
    return HttpResponse(status=200)


def _status_of_form(request: HttpRequest) -> int:
    """400 or 413 for what is not worth a look at its signature, else 0."""
    # Without a length (chunks) Django reads nothing, and nothing is proved by nothing.
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    if not (length.isascii() and length.isdecimal()):
        return 400
    if int(length) > MAX_BODY_BYTES:
        return 413
    return 0 if request.content_type == "application/json" else 400
