"""The links of a customer, on the customer's own page."""

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from customers.admin import panels
from customers.models import Customer
from merchant_portal.lib import clock
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from ..models import PaymentLink
from ..services import owed, totals
from . import formats
from .columns import LinkColumns
from .entry import who
from .labels import LINK_COLORS, OVERDUE

SHOWN = 10


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
        },
        request,
    )


def _owed_url(user: User, customer: Customer) -> str:
    """Of the page for all that they owe, which shows everybody's links; empty where
    nothing is open, and for who sees only own ones."""
    is_open = owed.open_links([customer.pk], clock.now()).exists()
    return owed.url_of(customer.pk) if is_open and user.may(Right.LINKS_ALL) else ""
