"""All messages to a customer and all that they wrote back, newest first."""

from typing import Any
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from customers import visibility
from customers.models import Customer
from merchant_portal.lib import masks
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right
from notifications.admin.labels import STATE_COLORS, kind_title
from notifications.models import Message

from ..models import PaymentLink
from . import formats, replies, typed
from .entry import bounded, frame, needs, who

TEMPLATE = "admin/links/correspondence.html"
PAGE = 50
MOST_LINKS = 1_000
# the newest of a customer; of older ones the pages of the links tell


@require_safe
@needs(Right.CUSTOMERS_READ)
@needs(Right.MESSAGES_READ)
@needs(Right.LINKS_READ)
def page_view(request: HttpRequest, pk: int) -> HttpResponse:
    """`?before=<key>`: what is older than that message."""
    user, zone = who(request), formats.business_zone()
    customer = visibility.visible_to(user).filter(pk=bounded(pk)).first()
    if customer is None:
        raise Http404
    before = typed.version(request.GET.get("before", ""))
    found = messages_of(user, customer, before)
    context = {
        "customer": customer,
        "messages_sent": message_rows(user, found, zone),
        "replies": [] if before else _replies(user, customer, zone),
        "older": found[-1].pk if len(found) == PAGE else 0,
    }
    return render(request, TEMPLATE, frame(request, _("Messages"), **context))


def messages_of(
    user: User, customer: Customer, before: int = 0, most: int = PAGE
) -> list[Message]:
    """About the links that this reader may see, the newest first; two queries."""
    links = PaymentLink.objects.visible_to(user).filter(customer=customer)
    references = links.order_by("-id").values_list("public_id", flat=True)
    found = Message.objects.filter(reference__in=list(references[:MOST_LINKS]))
    if before:
        found = found.filter(pk__lt=before)
    return list(found.order_by("-id")[:most])


def numbers(found: list[Message]) -> dict[str, tuple[int, str]]:
    """Reference → key and number of the link; one query."""
    rows = PaymentLink.objects.filter(public_id__in={one.reference for one in found})
    named = rows.values_list("public_id", "pk", "number")
    return {public_id: (pk, number or "") for public_id, pk, number in named}


def message_rows(
    user: User, found: list[Message], zone: ZoneInfo
) -> list[dict[str, Any]]:
    """Addresses as this reader may see them; one query."""
    known, is_masked = numbers(found), not user.may(Right.CUSTOMERS_CONTACT)
    return [_message_row(one, known, zone, is_masked) for one in found]


def _message_row(
    message: Message,
    known: dict[str, tuple[int, str]],
    zone: ZoneInfo,
    is_masked: bool,
) -> dict[str, Any]:
    link_pk, number = known[message.reference]
    return {
        "url": reverse("admin:notifications_message_change", args=[message.pk]),
        "title": kind_title(message.kind),
        "link_url": reverse("admin:links_paymentlink_change", args=[link_pk]),
        "number": number,
        "to": masks.address(message.recipient) if is_masked else message.recipient,
        "channel": message.get_channel_display(),
        "state": message.get_state_display(),
        "color": STATE_COLORS[message.state],
        "at": formats.moment(message.sent_at or message.due_at, zone),
    }


def _replies(user: User, customer: Customer, zone: ZoneInfo) -> list[dict[str, Any]]:
    found = replies.of_customer(user, customer.pk)
    return [
        {
            "said": row.get_kind_display(),
            "text": row.text,
            "answer": row.answer,
            "is_open": row.is_open,
            "at": formats.moment(row.at, zone),
            "number": row.link.number,
            "url": reverse("admin:links_paymentlink_change", args=[row.link_id]),
        }
        for row in found
    ]
