"""The rows behind a figure of a report, in the list of what they are."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..providers.registry import PROVIDERS, get_provider
from ..reports.behind import Behind
from ..reports.headings import Titles
from ..reports.ranged import TITLERS
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
    parts = (title, _under(asked), asked.currency, span)
    return ", ".join(part for part in parts if part)


def _under(asked: Behind) -> str:
    """The heading of the row, where that is not its days."""
    by, key = asked.by, asked.key
    if by == "provider":
        return str(get_provider(key).title) if key in PROVIDERS else key
    if by in ("staff", "customer"):
        is_pk = key.isdecimal() and len(key) < 19
        pk = int(key) if is_pk else None
        titles: Titles = TITLERS[by]([pk])
        return titles[pk][1] if pk in titles else key
    if by == "method":
        return TITLERS[by]([key])[key][1]
    if by == "rate" and key.isdecimal():
        return formats.share(int(key[:9]))
    return key if by in ("product", "state") else ""


class FromReportMixin:
    """Of a list that a figure may lead to: says at its top what is shown, and how to
    see all again. Stands before ModelAdmin among the bases."""

    list_before_template = "admin/links/from_report.html"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        asked = Behind.parse(request.GET.get(PARAMETER, ""))
        here: dict[str, Any] = {}
        model = self.model  # type: ignore[attr-defined]
        if asked is not None and places()[asked.measure].rows.model is model:
            query = request.GET.copy()
            del query[PARAMETER]
            here = {"from_report": _said(asked), "all_query": query.urlencode()}
        answer: HttpResponse = super().changelist_view(  # type: ignore[misc]
            request, {**here, **(extra_context or {})}
        )
        return answer
