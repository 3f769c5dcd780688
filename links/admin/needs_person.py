"""The filter of what waits for a person: one for every list that has such rows."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

Rows = QuerySet[Any]


def needs_person(rows: Callable[[], QuerySet[Any]]) -> type[admin.SimpleListFilter]:
    """`rows`: those of the list's model that wait for somebody."""

    class NeedsPersonFilter(admin.SimpleListFilter):
        title = gettext_lazy("needs a person")
        parameter_name = "needs"

        def lookups(
            self, request: HttpRequest, model_admin: "admin.ModelAdmin[Model]"
        ) -> list[tuple[str, Any]]:
            return [("person", gettext_lazy("Needs a person"))]

        def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
            if self.value() != "person":
                return queryset
            return queryset.filter(pk__in=rows().values("pk"))

    return NeedsPersonFilter
