"""One field for everything: go to a page, begin something, find anything."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from merchant_portal.staff.admin.rights import may
from merchant_portal.staff.navigation import sidebar
from merchant_portal.staff.roles import Right

from ..models import Payment, PaymentLink, Refund
from ..reports.registry import REPORTS
from ..services import seeking
from . import formats
from .entry import who

TEMPLATE = "admin/command_results.html"
MOST_COMMANDS = 6


@dataclass(frozen=True, slots=True)
class Hit:
    """`text` is what it is, `more` what tells it from others, `said` what kind it is."""

    icon: str
    text: str
    url: str
    said: str
    more: str = ""


@require_GET
def search_view(request: HttpRequest) -> HttpResponse:
    """`?s=`: what was typed so far; an empty one shows what one may begin."""
    term = " ".join(request.GET.get("s", "").split())
    found = seeking.seek(who(request), term)
    hits = [
        *(_link(link) for link in found.by_number),
        *_commands(request, term),
        *(
            Hit(
                "person",
                one.name,
                reverse("admin:customers_customer_change", args=[one.pk]),
                _("Customer"),
            )
            for one in found.customers
        ),
        *(_link(link) for link in found.links),
        *(_payment(one) for one in found.payments),
        *(_refund(one) for one in found.refunds),
    ]
    return render(request, TEMPLATE, {"hits": hits, "term": term})


def _link(link: PaymentLink) -> Hit:
    name = link.customer.name if link.customer else ""
    amount = formats.money(link.amount_minor, link.currency)
    return Hit(
        "link",
        str(link),
        reverse("admin:links_paymentlink_change", args=[link.pk]),
        str(link.get_status_display()),
        " · ".join(part for part in (name, amount) if part),
    )


def _payment(payment: Payment) -> Hit:
    return Hit(
        "payments",
        payment.provider_payment_id or payment.public_id,
        reverse("admin:links_payment_change", args=[payment.pk]),
        _("Payment"),
        formats.money(payment.amount_minor, payment.currency),
    )


def _refund(refund: Refund) -> Hit:
    return Hit(
        "undo",
        refund.number or refund.public_id,
        reverse("admin:links_refund_change", args=[refund.pk]),
        _("Refund"),
        formats.money(refund.amount_minor, refund.currency),
    )


def _commands(request: HttpRequest, term: str) -> list[Hit]:
    """Those that hold every word of the term at the start of one of theirs."""
    wanted = term.casefold().split()
    found = []
    for hit in [*_acts(request), *_places(request)]:
        words = hit.text.casefold().split()
        if all(any(word.startswith(one) for word in words) for one in wanted):
            found.append(hit)
    return found[:MOST_COMMANDS]


def _acts(request: HttpRequest) -> list[Hit]:
    acts = [
        (
            Right.LINKS_WRITE,
            "add_link",
            _("New payment link"),
            "admin:links_paymentlink_add",
        ),
        (
            Right.CUSTOMERS_WRITE,
            "person_add",
            _("New customer"),
            "admin:customers_customer_add",
        ),
    ]
    return [
        Hit(icon, title, reverse(name), _("Begin"))
        for right, icon, title, name in acts
        if may(request, right)
    ]


def _places(request: HttpRequest) -> list[Hit]:
    """Every page of the sidebar, and each report."""
    groups: list[dict[str, Any]] = sidebar(request)
    places = [
        Hit(item["icon"], str(item["title"]), item["link"], _("Go to"))
        for group in groups
        for item in group["items"]
    ]
    if may(request, Right.REPORTS_READ):
        places += [
            Hit(
                "bar_chart",
                str(report.title),
                reverse("admin:links_report", args=[report.name]),
                _("Report"),
            )
            for report in REPORTS.values()
        ]
    return places
