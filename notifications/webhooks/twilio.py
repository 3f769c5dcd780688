"""What Twilio tells us: delivery reports, and messages from people."""

import hmac
import logging

from django.conf import settings
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
)
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from twilio.request_validator import (
    SIGNATURE_HEADER,
    SIGNATURE_SETTINGS_HEADER,
    RequestValidator,
    get_signature_algorithm,
)

from ..models import Message, MessageState
from ..services import reports
from ..services.reports import Report

MAX_BODY_BYTES = 65_536
# A report has about 1 kB, a message from a person at most 1,600 characters.
_STATES = {
    "accepted": None,
    "scheduled": None,
    "queued": MessageState.SENT,
    "sending": MessageState.SENT,
    "sent": MessageState.SENT,
    "delivered": MessageState.DELIVERED,
    "read": MessageState.DELIVERED,
    "undelivered": MessageState.BOUNCED,
    "failed": MessageState.BOUNCED,
    "canceled": MessageState.BOUNCED,
}
EMPTY_ANSWER = '<?xml version="1.0" encoding="UTF-8"?><Response/>'

logger = logging.getLogger(__name__)


def _is_genuine(request: HttpRequest) -> bool:
    """Whether Twilio signed this form for the address that we gave it.

    Checked over the configured PUBLIC_URL: behind a proxy the request's own host and
    scheme prove nothing.
    """
    settings_header = request.headers.get(SIGNATURE_SETTINGS_HEADER, "")
    try:
        expected = RequestValidator(settings.TWILIO_AUTH_TOKEN).compute_signature(
            f"{settings.PUBLIC_URL}{request.get_full_path()}",
            request.POST,
            get_signature_algorithm(settings_header),
        )
    except ValueError:  # an algorithm that we do not know
        return False
    given = request.headers.get(SIGNATURE_HEADER, "")
    if not hmac.compare_digest(expected.encode(), given.encode()):
        return False
    account = request.POST.get("AccountSid", settings.TWILIO_ACCOUNT_SID)
    return account == settings.TWILIO_ACCOUNT_SID


def _refusal(request: HttpRequest) -> HttpResponse | None:
    """The answer to what is not a genuine request, or None."""
    if not settings.TWILIO_AUTH_TOKEN:
        raise Http404
    length = request.headers.get("Content-Length", "")
    if not length.isdigit() or int(length) > MAX_BODY_BYTES:
        return HttpResponse(status=413)
    if not _is_genuine(request):
        logger.warning("twilio: signature refused: path=%s", request.path)
        return HttpResponseBadRequest("Signature refused.\n")
    return None


@csrf_exempt  # takes no authority from a cookie: the signature is the proof
@require_POST
def status(request: HttpRequest, public_id: str = "") -> HttpResponse:
    """One delivery report; kept once, whatever the order."""
    refusal = _refusal(request)
    if refusal is not None:
        return refusal
    sid = request.POST.get("MessageSid", "")[:255]
    kind = request.POST.get("MessageStatus", "")[:16]
    message = (
        Message.objects.filter(public_id=public_id).first()
        if public_id
        else reports.find(sid)
    )
    if message is None or not sid or not kind:
        logger.warning("twilio: report about no message of ours: status=%s", kind)
        return HttpResponse()
    code = request.POST.get("ErrorCode", "")[:10]
    reports.record(
        message,
        Report(
            carrier="twilio",
            event_id=f"{sid}:{kind}"[:128],
            kind=kind,
            provider_message_id=sid,
            state=_STATES.get(kind),
            detail=f"Twilio error {code}" if code else "",
        ),
    )
    return HttpResponse()


@csrf_exempt  # takes no authority from a cookie: the signature is the proof
@require_POST
def inbound(request: HttpRequest) -> HttpResponse:
    """An SMS from a person: STOP and START are obeyed at once.

    Twilio itself confirms both to the sender, so nothing is answered.
    """
    refusal = _refusal(request)
    if refusal is not None:
        return refusal
    sender = request.POST.get("From", "")[:254]
    if sender:
        heard = reports.hear(sender, request.POST.get("Body", "")[:1600])
        logger.info("twilio: message from a person: heard=%s", heard or "words")
    return HttpResponse(EMPTY_ANSWER, content_type="text/xml")
