from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from .. import kinds
from ..models import Message
from .labels import kind_title


class KindFilter(admin.SimpleListFilter):
    """By kind of message; the names come from the registry, not from the table."""

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind.name, kind_title(kind.name)) for kind in kinds.all_kinds()]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Message]
    ) -> QuerySet[Message]:
        value = self.value()
        return queryset.filter(kind=value) if value else queryset
