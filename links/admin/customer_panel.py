"""The account, the links and the messages of a customer, on the customer's own page."""

from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from customers.admin import panels
from customers.models import Customer
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.lib.text import cut
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from ..models import PaymentLink
from ..services import owed, statements, totals
from . import correspondence, formats, replies, statement_page
from .columns import LinkColumns
from .entry import who
from .labels import LINK_COLORS, OVERDUE

SHOWN = 10
FEW = 4
# messages and replies; one click leads to all


@panels.register
def links_of(request: HttpRequest, customer: Customer) -> SafeString:
    """The newest SHOWN links that this reader may see, and a way to make another."""
    user = who(request)
    if not user.may(Right.LINKS_READ):
        return SafeString("")
    links = (
        PaymentLink.objects.visible_to(user)
        .filter(customer=customer)
        .order_by("-id")[:SHOWN]
    )
    zone = formats.business_zone()
    columns = LinkColumns(zone, totals.business_day(clock.now(), zone))
    rows = [
        {
            "link": link,
            "status": columns.status(link)[1],
            "color": "warning"
            if columns.status(link)[0] == OVERDUE
            else LINK_COLORS[link.status],
            "amount": formats.money(link.amount_minor, link.currency),
            "created": formats.day(link.created_at.astimezone(zone).date()),
        }
        for link in links
    ]
    return render_to_string(
        "admin/links/customer_panel.html",
        {
            "rows": rows,
            "customer": customer,
            "may_create": user.may(Right.LINKS_WRITE),
            "owed_url": _owed_url(user, customer),
            "all_url": _all_url(customer) if len(rows) == SHOWN else "",
            "balances": _balances(user, customer),
            "messages_sent": _messages(user, customer, zone),
            "replies": _replies(user, customer, zone),
        },
        request,
    )


def _all_url(customer: Customer) -> str:
    query = {"customer__id__exact": customer.pk}
    return reverse("admin:links_paymentlink_changelist", query=query)


def _balances(user: User, customer: Customer) -> list[str] | None:
    """What they owe in each currency; None for who may not see accounts."""
    if not statement_page.may_see(user):
        return None
    found = statements.balances(customer.pk)
    return formats.sums(found.items(), Business.objects.current().currency)


def _messages(
    user: User, customer: Customer, zone: ZoneInfo
) -> list[dict[str, Any]] | None:
    """The newest few; None for who may see none."""
    if not user.may(Right.MESSAGES_READ):
        return None
    found = correspondence.messages_of(user, customer, most=FEW)
    return correspondence.message_rows(user, found, zone)


def _replies(user: User, customer: Customer, zone: ZoneInfo) -> list[dict[str, Any]]:
    return [
        {
            "said": row.get_kind_display(),
            "text": cut(row.text, replies.GLANCE),
            "at": formats.moment(row.at, zone),
            "is_open": row.is_open,
            "number": row.link.number,
            "link_pk": row.link_id,
        }
        for row in replies.of_customer(user, customer.pk)[:FEW]
    ]


def _owed_url(user: User, customer: Customer) -> str:
    """Of the page for all that they owe, which shows everybody's links; empty where
    nothing is open, and for who sees only own ones."""
    is_open = owed.open_links([customer.pk], clock.now()).exists()
    return owed.url_of(customer.pk) if is_open and user.may(Right.LINKS_ALL) else ""
