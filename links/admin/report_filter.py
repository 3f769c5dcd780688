"""The rows behind a figure of a report, in the list of what they are."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import Measure
from ..reports.behind import Behind
from . import formats

PARAMETER = "behind"
_LISTS: dict[str, str] = {
    Measure.SENT: "admin:links_paymentlink_changelist",
    Measure.PAID: "admin:links_payment_changelist",
    Measure.REFUNDED: "admin:links_refund_changelist",
    Measure.LOST: "admin:links_dispute_changelist",
}


def url_of(behind: Behind) -> str:
    """The address of the list that shows them."""
    query = {PARAMETER: behind.code}
    return reverse(_LISTS[behind.measure], query=query)


def behind(measure: Measure) -> type[admin.SimpleListFilter]:
    """A filter for the list of what counts for `measure`; not there until it is asked."""

    class FromReport(_FromReport):
        of = measure

    return FromReport


class _FromReport(admin.SimpleListFilter):
    title = gettext_lazy("from a report")
    parameter_name = PARAMETER
    of: ClassVar[Measure]

    def _asked(self) -> Behind | None:
        found = Behind.parse(self.value() or "")
        return found if found is not None and found.measure == self.of else None

    def lookups(
        self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]"
    ) -> list[tuple[str, str]]:
        asked = self._asked()
        return [(asked.code, _said(asked))] if asked is not None else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        asked = self._asked()
        if asked is None:
            return queryset
        pks = asked.rows(formats.business_zone()).values("pk")
        return queryset.filter(pk__in=pks)


def _said(asked: Behind) -> str:
    first, last = (formats.day(day) for day in asked.span())
    span = (
        first
        if first == last
        else _("%(first)s to %(last)s")
        % {
            "first": first,
            "last": last,
        }
    )
    return f"{Measure(asked.measure).label}, {asked.currency}, {span}"
