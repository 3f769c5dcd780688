"""Where mail services report: django-anymail's own views, behind one address each.

They prove and read the request; what they make of it comes back through anymail's signal
and is written down before the answer.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from anymail.exceptions import AnymailError, AnymailWebhookValidationFailure
from anymail.signals import AnymailTrackingEvent, EventType, tracking
from anymail.webhooks.base import AnymailCoreWebhookView
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import Error
from django.dispatch import receiver
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    UnreadablePostError,
)
from django.utils.module_loading import import_string
from django.views.decorators.csrf import csrf_exempt

from merchant_portal import mail_services
from merchant_portal.business import services as business_services
from merchant_portal.lib import database
from merchant_portal.lib.limits import RateLimit, client_network

from ..services import reports
from . import mail_events
from .sns import NotFetched

MAX_BODY_BYTES = 1_048_576
# A report has a few kB; some services send a thousand together.
RETRY_AFTER_SECONDS = "30"
LOGGED_A_MINUTE = 30
# Of one network; a flood of forgeries must not fill the disk.
VIEWS = {
    "amazon_ses": "notifications.webhooks.sns.SesTrackingView",
    "brevo": "anymail.webhooks.brevo.BrevoTrackingWebhookView",
    "mailersend": "anymail.webhooks.mailersend.MailerSendTrackingWebhookView",
    "mailgun": "anymail.webhooks.mailgun.MailgunTrackingWebhookView",
    "mailjet": "anymail.webhooks.mailjet.MailjetTrackingWebhookView",
    "mailtrap": "anymail.webhooks.mailtrap.MailtrapTrackingWebhookView",
    "mandrill": "anymail.webhooks.mandrill.MandrillCombinedWebhookView",
    "postal": "anymail.webhooks.postal.PostalTrackingWebhookView",
    "postmark": "anymail.webhooks.postmark.PostmarkTrackingWebhookView",
    "resend": "anymail.webhooks.resend.ResendTrackingWebhookView",
    "sendgrid": "anymail.webhooks.sendgrid.SendGridTrackingWebhookView",
    "sparkpost": "anymail.webhooks.sparkpost.SparkPostTrackingWebhookView",
    "unisender_go": "anymail.webhooks.unisender_go.UnisenderGoTrackingWebhookView",
}

logger = logging.getLogger(__name__)
refusals = RateLimit(LOGGED_A_MINUTE)


class Unreadable(Exception):
    """A proved request that says nothing anymail can read."""


class CarefulMixin(AnymailCoreWebhookView):  # type: ignore[misc]
    """Tells what a request cannot say from what we failed to write down."""

    portal_esp = ""

    def run_validators(self, request: HttpRequest) -> None:
        with _unreadable():
            super().run_validators(request)

    def parse_events(self, request: HttpRequest) -> list[Any]:
        with _unreadable():
            return list(super().parse_events(request))


@contextmanager
def _unreadable() -> Iterator[None]:
    try:
        yield
    except AnymailWebhookValidationFailure:
        raise
    except (
        AnymailError,
        ImproperlyConfigured,  # a report of another kind, as anymail says it
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as exc:
        raise Unreadable(type(exc).__name__) from exc


@lru_cache(maxsize=len(VIEWS))
def _view_of(esp: str) -> Callable[..., HttpResponse]:
    """Anymail's view, imported when the first report comes."""
    base = import_string(VIEWS[esp])
    careful: Any = type(base.__name__, (CarefulMixin, base), {"portal_esp": esp})
    view: Callable[..., HttpResponse] = careful.as_view()
    return view


@csrf_exempt  # takes no authority from a cookie: sign-in or signature is the proof
def events(request: HttpRequest, esp: str) -> HttpResponse:
    """200 once every report in it is stored, a repeat included.

    404 unknown or not set up, 400 not proved or not readable, 413 too large, 503 no
    database: it is sent again.
    """
    slug = mail_services.slug_of(esp)
    if slug not in VIEWS or not mail_services.is_heard(slug, settings.ANYMAIL):
        raise Http404
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    if not (length.isascii() and length.isdecimal()):
        return HttpResponse(status=400)
    if int(length) > MAX_BODY_BYTES:
        return HttpResponse(status=413)
    try:
        return _view_of(slug)(request)
    except AnymailWebhookValidationFailure as exc:
        if not refusals.exceeded(client_network(request.META)):
            logger.warning("mail report refused: esp=%s %s", slug, exc.args[0])
        return HttpResponseBadRequest("Not proved.\n")
    except (Unreadable, UnreadablePostError) as exc:
        logger.warning("mail report cannot be read: esp=%s %s", slug, exc)
        return HttpResponseBadRequest("Cannot be read.\n")
    except NotFetched as exc:
        logger.error("mail report not proved: esp=%s %s", slug, exc)
        return HttpResponse(status=503, headers={"Retry-After": RETRY_AFTER_SECONDS})
    except Error as exc:
        if not database.is_passing(exc):
            raise
        logger.error("mail report not stored: esp=%s %s", slug, type(exc).__name__)
        return HttpResponse(status=503, headers={"Retry-After": RETRY_AFTER_SECONDS})


@receiver(tracking)
def hear(
    sender: type[CarefulMixin], event: AnymailTrackingEvent, **kwargs: Any
) -> None:
    """One normalised event, from whichever service."""
    esp = getattr(sender, "portal_esp", "")
    if not esp or event.event_type in mail_events.IGNORED:
        return
    message = reports.find_mail(mail_events.names_of(event))
    if message is None:
        logger.info("mail report about no message of ours: esp=%s", esp)
        return
    if event.event_type == EventType.OPENED and not (
        business_services.kept().tracks_opens
        and mail_events.is_by_a_person(event, message.sent_at)
    ):
        return
    reports.record(message, mail_events.report_of(esp, event, message.public_id))
