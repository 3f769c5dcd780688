"""Finding links: what a search term may mean, and the list's filters.

Nothing here asks the database to count or to compare all rows with each other: the
list must answer as fast with a million links.
"""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from customers.services import customers
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.lib.money import EXPONENTS, MAX_MINOR

from ..models import LinkStatus, PaymentLink
from ..services import totals

_AMOUNT = re.compile(r"\A([0-9]{1,9})(?:[.,]([0-9]{1,3}))?\Z")
COMMON = ("EUR", "USD", "GBP", "CHF", "JPY")
MAX_TERM = 200
# beyond what any name, address or number holds

Links = QuerySet[PaymentLink]


def search(links: Links, term: str, *, by_address: bool) -> Links:
    """Links by number, the merchant's own reference, amount, or their customer's name;
    `by_address`: e-mail or phone as well."""
    term = term.strip().replace("\x00", "")[:MAX_TERM]
    if not term:
        return links
    wanted = Q(number__icontains=term) | Q(public_id=term)
    wanted |= Q(external_ref=term) & ~Q(external_ref="")
    of = customers.search if by_address else customers.search_names
    wanted |= Q(customer__in=of(term).order_by().values("pk"))
    return links.filter(wanted | _amount(term))


def _amount(term: str) -> Q:
    """Links of exactly that amount, in whatever currency it can be one."""
    match = _AMOUNT.match(term)
    if match is None:
        return Q()
    wanted = Q()
    for exponent in (0, 2, 3):
        fraction = match[2] or ""
        minor = int(match[1] + fraction.ljust(exponent, "0"))
        if len(fraction) <= exponent and minor <= MAX_MINOR:
            codes = [code for code, places in EXPONENTS.items() if places == exponent]
            wanted |= Q(amount_minor=minor, currency__in=codes)
    return wanted


class CurrencyFilter(admin.SimpleListFilter):
    """The business's currency, the usual ones, or any other."""

    title = _("currency")
    parameter_name = "currency"
    OTHER = "other"

    def _usual(self) -> list[str]:
        return list(dict.fromkeys([Business.objects.current().currency, *COMMON]))

    def lookups(
        self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]"
    ) -> Iterable[tuple[str, Any]]:
        return [*((code, code) for code in self._usual()), (self.OTHER, _("Other"))]

    def queryset(self, request: HttpRequest, queryset: Links) -> Links:
        value = self.value()
        if value == self.OTHER:
            return queryset.exclude(currency__in=self._usual())
        return queryset.filter(currency=value) if value in EXPONENTS else queryset


class DueFilter(admin.SimpleListFilter):
    """Overdue, due soon, or without a date; counted in days of the business."""

    title = _("due date")
    parameter_name = "due"
    SOON = {"week": 7, "month": 30}

    def lookups(
        self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]"
    ) -> Iterable[tuple[str, Any]]:
        return [
            ("overdue", _("Overdue")),
            ("week", _("In the next 7 days")),
            ("month", _("In the next 30 days")),
            ("none", _("No due date")),
        ]

    def queryset(self, request: HttpRequest, queryset: Links) -> Links:
        value = self.value()
        if value == "none":
            return queryset.filter(due_on__isnull=True)
        today = totals.business_day(clock.now())
        if value == "overdue":
            return queryset.filter(status=LinkStatus.ACTIVE, due_on__lt=today)
        if value in self.SOON:
            last = today + timedelta(days=self.SOON[value])
            return queryset.filter(due_on__gte=today, due_on__lte=last)
        return queryset
