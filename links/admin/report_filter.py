"""The rows behind a figure of a report, in the list of what they are."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..reports.behind import Behind
from ..reports.registry import places
from . import formats

PARAMETER = "behind"


def url_of(behind: Behind) -> str:
    """The address of the list that shows them."""
    of = places()[behind.measure].rows.model._meta
    name = f"admin:{of.app_label}_{of.model_name}_changelist"
    return reverse(name, query={PARAMETER: behind.code})


def behind(model: type[Model]) -> type[admin.SimpleListFilter]:
    """A filter for the list of these; not there until it is asked."""

    class FromReport(_FromReport):
        of = model

    return FromReport


class _FromReport(admin.SimpleListFilter):
    title = gettext_lazy("from a report")
    parameter_name = PARAMETER
    of: ClassVar[type[Model]]

    def _asked(self) -> Behind | None:
        found = Behind.parse(self.value() or "")
        if found is None or places()[found.measure].rows.model is not self.of:
            return None
        return found

    def lookups(
        self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]"
    ) -> list[tuple[str, str]]:
        asked = self._asked()
        return [(asked.code, _said(asked))] if asked is not None else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        asked = self._asked()
        if asked is None:
            return queryset
        pks = asked.rows(formats.business_zone()).order_by().values("pk")
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
    title = str(places()[asked.measure].title)
    return ", ".join(part for part in (title, asked.currency, span) if part)
