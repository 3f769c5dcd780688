"""The statement of a customer's account: on the screen, as a paper and as a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import structlog
import typst
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_safe

from customers.models import Customer
from customers.services.customers import language_of
from merchant_portal.audit import services as audit
from merchant_portal.business import services as business_services
from merchant_portal.business.models import Business
from merchant_portal.lib import clock, spreadsheets
from merchant_portal.lib.money import EXPONENTS
from merchant_portal.staff import step_up
from merchant_portal.staff.admin.rights import View
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from ..documents import statement as papers
from ..documents.parts import Party
from ..services import statements
from ..services.papers import CONTENT_TYPE, legal_of
from ..services.statements import Statement
from ..services.totals import business_day
from . import formats, typed
from .entry import bounded, frame, needs, who

TEMPLATE = "admin/links/statement.html"
EARLIEST, LATEST = date(2000, 1, 1), date(2199, 12, 31)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """What can be answered of what was asked; `problem`: what was wrong with it."""

    customer: Customer
    statement: Statement
    currencies: list[str]
    problem: str = ""

    @property
    def query(self) -> str:
        found = self.statement
        return _query(found.first, found.last, found.currency)


NEEDED = (Right.CUSTOMERS_READ, Right.LINKS_READ, Right.LINKS_ALL, Right.PAYMENTS_READ)
# An account is of all links of a customer, so it is for who may see them all.


def may_see(user: User) -> bool:
    return all(map(user.may, NEEDED))


def of_account(view: View[[int]]) -> View[[int]]:
    for right in NEEDED:
        view = needs(right)(view)
    return view


@require_safe
@of_account
def page_view(request: HttpRequest, pk: int) -> HttpResponse:
    """`?first=&last=&currency=`: the days of the business, both included."""
    asked = _asked(request, pk)
    found = asked.statement
    context = {
        "customer": asked.customer,
        "statement": found,
        "currencies": asked.currencies,
        "problem": asked.problem,
        "query": asked.query,
        "may_export": who(request).may(Right.EXPORTS_READ),
        "spans": _spans(found),
        "opening": formats.money(found.opening, found.currency),
        "closing": formats.money(found.closing, found.currency),
        "before": formats.day(found.first - timedelta(days=1)),
        "until": formats.day(found.last),
        "rows": [
            {
                "on": formats.day(move.on),
                "said": papers.said(move.kind, move.number),
                "amount": formats.money(move.minor, found.currency),
                "balance": formats.money(move.balance, found.currency),
                "url": reverse("admin:links_paymentlink_change", args=[entry.link_pk]),
            }
            for move, entry in zip(_moves(found), found.entries, strict=True)
        ],
    }
    return render(request, TEMPLATE, frame(request, _("Statement"), **context))


@require_GET
@of_account
def pdf_view(request: HttpRequest, pk: int) -> HttpResponse:
    """In the customer's language."""
    asked = _sound(request, pk)
    business = business_services.kept()
    try:
        content = papers.pdf(
            _account(asked, business),
            language_of(asked.customer, business),
            clock.now(),
        )
    except typst.TypstError as exc:
        customer = asked.customer
        log.error(
            "paper_not_drawn", customer=customer.public_id, problem=exc.message[:200]
        )
        messages.error(request, _("The paper could not be drawn. Try again later."))
        return redirect("admin:links_statement", customer.pk)
    response = HttpResponse(content, content_type=CONTENT_TYPE)
    response["Content-Disposition"] = f'inline; filename="{_file_name(asked)}.pdf"'
    response["Cache-Control"] = "private, no-store"
    return response


@require_GET
@of_account
@needs(Right.EXPORTS_READ)
def csv_view(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Amounts in major units with a point, in the customer's language."""
    asked = _sound(request, pk)
    page = reverse("admin:links_statement", args=[asked.customer.pk])
    if proof := step_up.ask(request, back=f"{page}?{asked.query}"):
        return proof
    with transaction.atomic():
        audit.record(
            who(request).public_id, "statement.downloaded", asked.customer.public_id
        )
    with translation.override(language_of(asked.customer)):
        rows = list(_lines(asked.statement))
    return spreadsheets.download(_file_name(asked), rows)


def _lines(found: Statement) -> Iterator[list[object]]:
    def amount(minor: int) -> Decimal:
        return Decimal(minor).scaleb(-EXPONENTS[found.currency])

    def balance(day: date, minor: int) -> list[object]:
        said = _("Balance on %(date)s") % {"date": day.isoformat()}
        return [day.isoformat(), said, "", found.currency, "", amount(minor)]

    yield [
        _("Date"),
        _("Description"),
        _("Number"),
        _("Currency"),
        _("Amount"),
        _("Balance"),
    ]
    yield balance(found.first - timedelta(days=1), found.opening)
    for move in _moves(found):
        yield [
            move.on.isoformat(),
            papers.said(move.kind, move.number),
            move.number,
            found.currency,
            amount(move.minor),
            amount(move.balance),
        ]
    yield balance(found.last, found.closing)


def _moves(found: Statement) -> list[papers.Move]:
    zone = formats.business_zone()
    return [
        papers.Move(
            entry.at.astimezone(zone).date(),
            entry.kind,
            entry.number,
            entry.minor,
            balance,
        )
        for entry, balance in found.running()
    ]


def _account(asked: Asked, business: Business) -> papers.Account:
    customer, found = asked.customer, asked.statement
    return papers.Account(
        currency=found.currency,
        first=found.first,
        last=found.last,
        opening=found.opening,
        moves=_moves(found),
        closing=found.closing,
        business=business,
        customer=Party(
            customer.name, customer.address, customer.tax_id, customer.country
        ),
        legal=legal_of(business),
    )


def _file_name(asked: Asked) -> str:
    found = asked.statement
    return f"statement-{asked.customer.public_id}-{found.first}-{found.last}-{found.currency}"


# --- what was asked -------------------------------------------------------------------


def _sound(request: HttpRequest, pk: int) -> Asked:
    """Never a file of other days than were asked for."""
    asked = _asked(request, pk)
    if asked.problem:
        raise Http404
    return asked


def _asked(request: HttpRequest, pk: int) -> Asked:
    customer = Customer.objects.filter(pk=bounded(pk)).first()
    if customer is None:
        raise Http404
    first_currency = Business.objects.current().currency
    currencies = [*statements.balances(customer.pk)] or [first_currency]
    currency = request.GET.get("currency", "")
    if currency not in currencies:
        currency = first_currency if first_currency in currencies else currencies[0]
    today = business_day(clock.now())
    usual = today.replace(month=1, day=1), today
    (first, last), problem = _days(request, usual)
    zone = formats.business_zone()
    try:
        found = statements.statement(customer.pk, currency, first, last, zone)
    except statements.TooLong:
        problem = (
            _("More than %d entries: please choose a shorter period.")
            % statements.MOST_ENTRIES
        )
        found = Statement(currency, first, last, 0, ())
    return Asked(customer, found, currencies, problem)


def _query(first: date, last: date, currency: str) -> str:
    days = {"first": first.isoformat(), "last": last.isoformat()}
    return urlencode({**days, "currency": currency})


def _days(
    request: HttpRequest, usual: tuple[date, date]
) -> tuple[tuple[date, date], str]:
    try:
        first = typed.day(request.GET.get("first", "")) or usual[0]
        last = typed.day(request.GET.get("last", "")) or usual[1]
    except typed.TypedError as exc:
        return usual, str(exc)
    if not EARLIEST <= first <= LATEST or not EARLIEST <= last <= LATEST:
        return usual, _("Choose days from 2000 to 2199.")
    if last < first:
        return usual, _("The last day is before the first.")
    return (first, last), ""


def _spans(found: Statement) -> list[dict[str, Any]]:
    """Periods that are asked for again and again."""
    today = business_day(clock.now())
    month, year = today.replace(day=1), today.replace(month=1, day=1)
    before = month - timedelta(days=1)
    spans = [
        (_("This month"), month, today),
        (_("Last month"), before.replace(day=1), before),
        (_("This year"), year, today),
        (_("Last year"), year.replace(year=year.year - 1), year - timedelta(days=1)),
    ]
    return [
        {
            "title": title,
            "query": _query(first, last, found.currency),
            "is_open": (first, last) == (found.first, found.last),
        }
        for title, first, last in spans
    ]
