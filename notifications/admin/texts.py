"""Every message in every language: which are the shop's own, and what is lacking."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin

from merchant_portal.staff.admin.rights import RightsMixin, may
from merchant_portal.staff.roles import Right

from .. import checks, kinds
from ..kinds import Kind
from ..models import Template
from ..services import readers, templates
from . import text_editor, text_history, text_words
from .labels import kind_title

VIEWS = {
    "edit": ("", text_editor.edit_view),
    "preview": ("preview/", text_editor.preview_view),
    "mail": ("mail/", text_editor.mail_view),
    "history": ("history/", text_history.history_view),
    "restore": ("restore/", text_history.restore_view),
}


@admin.register(Template)
class TemplateAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    """An overview of its own; the rows are versions, which nobody lists or changes."""

    view_right: ClassVar[Right] = Right.TEMPLATES_WRITE

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"text/<slug:kind>/<slug:language>/{address}",
                self.admin_site.admin_view(view),
                name=f"notifications_template_{name}",
            )
            for name, (address, view) in VIEWS.items()
        ]
        return [*own, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Template]:
        found: QuerySet[Template] = super().get_queryset(request)
        return found if may(request, self.view_right) else found.none()

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            return HttpResponse(status=403)
        context = {
            **admin.site.each_context(request),
            "title": _("Message texts"),
            **_overview(),
        }
        return render(request, "notifications/admin/texts.html", context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A version is read in the history of its text."""
        if not self.has_view_permission(request):
            return HttpResponse(status=403)
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return redirect("admin:notifications_template_history", row.kind, row.language)


def _overview() -> dict[str, Any]:
    """Kinds by what they are for, each with its languages; two queries."""
    own, counts = templates.own_ones(), readers.counts()
    names = dict(settings.LANGUAGES)
    shown = sorted(
        (kind for kind in kinds.all_kinds() if not kind.is_given),
        key=text_words.order_of,
    )
    return {
        "kinds": [
            {
                "title": kind_title(kind.name),
                "about": text_words.about(kind),
                **_languages(kind, own, counts),
            }
            for kind in shown
        ],
        "readers": [
            (names[code], count) for code, count in counts.items() if code in names
        ],
    }


def _languages(
    kind: Kind, own: dict[tuple[str, str], set[str]], counts: dict[str, int]
) -> dict[str, Any]:
    codes = checks.languages_of(kind)
    is_changed = any((kind.name, code) in own for code in codes)
    is_to_staff = kind.is_to_staff
    rows = []
    for code in codes:
        is_own = (kind.name, code) in own
        count = 0 if is_to_staff else counts.get(code, 0)
        rows.append(
            {
                "name": dict(settings.LANGUAGES)[code],
                "url": reverse(
                    "admin:notifications_template_edit", args=[kind.name, code]
                ),
                "is_own": is_own,
                "is_missing": is_changed and bool(count) and not is_own,
                "is_read": is_own or is_to_staff or code in counts,
            }
        )
    return {
        "read": [row for row in rows if row["is_read"]],
        "others": [row for row in rows if not row["is_read"]],
        "missing": [row["name"] for row in rows if row["is_missing"]],
    }
