"""Whether a customer's addresses take messages, on the customer's own page."""

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from customers.admin import panels
from customers.models import Customer
from merchant_portal.lib import masks
from merchant_portal.staff.admin.rights import may
from merchant_portal.staff.roles import Right

from ..models import OptOut
from . import undelivered_words as words

SHOWN = 10


@panels.register
def stopped_addresses(request: HttpRequest, customer: Customer) -> SafeString:
    """Nothing where all of them do."""
    if not may(request, Right.MESSAGES_READ):
        return SafeString("")
    points = customer.contact_points.values("value")
    found = OptOut.objects.filter(address__in=points).order_by("-id")[:SHOWN]
    is_full = may(request, Right.CUSTOMERS_CONTACT)
    rows = [
        {
            "row": row,
            "address": row.address if is_full else masks.address(row.address),
            "label": words.GROUPS[words.group_of(row.source)],
            "color": words.COLORS[words.group_of(row.source)],
            "stops": words.EFFECTS.get(row.scope, row.scope),
            "heard": row.heard_at or row.created_at,
        }
        for row in found
    ]
    if not rows:
        return SafeString("")
    return render_to_string(
        "notifications/admin/undelivered_panel.html", {"rows": rows}, request
    )
