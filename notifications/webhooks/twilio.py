"""What Twilio tells us: delivery reports, and messages from people."""

import hmac
import logging
from xml.sax.saxutils import escape

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

from merchant_portal.lib import ids

from ..channels.twilio_errors import is_unreachable, words_of
from ..models import ChannelName, Message, MessageState
from ..services import inbound as inbox
from ..services import reports
from ..services.inbound import Heard
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
            detail=words_of(code) or (f"Twilio error {code}" if code else ""),
            is_unreachable=is_unreachable(code),
        ),
    )
    return HttpResponse()


WHATSAPP = "whatsapp:"


@csrf_exempt  # takes no authority from a cookie: the signature is the proof
@require_POST
def inbound(request: HttpRequest) -> HttpResponse:
    """A message from a person, by SMS or WhatsApp; what we say to it is the answer."""
    refusal = _refusal(request)
    if refusal is not None:
        return refusal
    sender = request.POST.get("From", "")[:254]
    if not sender:
        return _answer("")
    said = inbox.hear(
        Heard(
            carrier_message_id=_name_of(request),
            channel=ChannelName.WHATSAPP
            if sender.startswith(WHATSAPP)
            else ChannelName.SMS,
            address=sender.removeprefix(WHATSAPP),
            words=_words(request),
            taken_as=request.POST.get("OptOutType", "")[:8],
        )
    )
    logger.info("twilio: message from a person: answered=%s", bool(said))
    return _answer(said)


def _name_of(request: HttpRequest) -> str:
    """Twilio's own; what comes without one is taken each time anew."""
    return request.POST.get("MessageSid", "")[:64] or ids.new("txt")


def _words(request: HttpRequest) -> str:
    """What was typed, or which button of a template was pressed."""
    words = request.POST.get("Body", "") or request.POST.get("ButtonText", "")
    if words.strip() or request.POST.get("NumMedia", "0") == "0":
        return words[: inbox.MAX_TEXT]
    return "[A picture or file without words. It is kept at Twilio.]"


def _answer(said: str) -> HttpResponse:
    """TwiML: what Twilio sends back to the person, on the channel they wrote on."""
    body = EMPTY_ANSWER
    if said:
        body = EMPTY_ANSWER.replace(
            "<Response/>", f"<Response><Message>{escape(said)}</Message></Response>"
        )
    return HttpResponse(body, content_type="text/xml; charset=utf-8")
