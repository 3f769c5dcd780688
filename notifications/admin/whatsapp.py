"""Texts that WhatsApp has approved: entered by owners, with an example of each."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import display

from merchant_portal.audit import services as audit
from merchant_portal.business.models import Business
from merchant_portal.staff.admin.rights import RightsMixin, actor_of
from merchant_portal.staff.roles import Right

from ..models import WhatsAppTemplate
from ..services import whatsapp
from .labels import kind_title
from .whatsapp_form import WhatsAppTemplateForm, example_of, kinds_offered, names_of


@admin.register(WhatsAppTemplate)
class WhatsAppTemplateAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    view_right = Right.BUSINESS_WRITE
    add_right = change_right = delete_right = Right.BUSINESS_WRITE

    form = WhatsAppTemplateForm
    fields = ("kind", "language", "content_sid", "body", "values")
    list_display = ("kind_shown", "language_shown", "content_sid")
    ordering = ("kind", "language")
    sortable_by = ()
    actions = None
    list_before_template = "notifications/admin/whatsapp_list.html"
    change_form_before_template = "notifications/admin/whatsapp_example.html"

    class Media:
        css: ClassVar[dict[str, list[str]]] = {"all": ["portal/links.css"]}

    @display(description=gettext_lazy("Kind of message"))
    def kind_shown(self, template: WhatsAppTemplate) -> str:
        return kind_title(template.kind)

    @display(description=gettext_lazy("Language"))
    def language_shown(self, template: WhatsAppTemplate) -> str:
        return str(dict(settings.LANGUAGES).get(template.language, template.language))

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """`?kind=…&language=…`: our own words as a text to have approved."""
        language = request.GET.get("language", Business.objects.current().language)
        kind = request.GET.get("kind", "invitation")
        known = [code for code, _name in settings.LANGUAGES]
        if kind not in dict(kinds_offered()) or language not in known:
            return {}
        body, names = whatsapp.suggested(kind, language)
        return {
            "kind": kind,
            "language": language,
            "body": body,
            "values": ", ".join(names),
        }

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        language = Business.objects.current().language
        entered = set(
            WhatsAppTemplate.objects.filter(language=language).values_list(
                "kind", flat=True
            )
        )
        missing = [one for one in kinds_offered() if one[0] not in entered]
        context = {
            "missing": missing,
            "language": language,
            "language_name": dict(settings.LANGUAGES).get(language, language),
            "is_captured": settings.WHATSAPP_CAPTURED,
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)  # type: ignore[no-any-return]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        template = self.get_object(request, object_id) if object_id else None
        context = {
            "example": example_of(template) if template else None,
            "names": names_of(template.kind if template else "invitation"),
            **(extra_context or {}),
        }
        return super().changeform_view(  # type: ignore[no-any-return]
            request, object_id, form_url, context
        )

    @transaction.atomic
    def save_model(
        self, request: HttpRequest, obj: WhatsAppTemplate, form: Any, change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        audit.record(
            actor_of(request).id,
            "whatsapp_template.changed" if change else "whatsapp_template.created",
            f"{obj.kind}:{obj.language}",
            fields=form.changed_data,
        )

    @transaction.atomic
    def delete_model(self, request: HttpRequest, obj: WhatsAppTemplate) -> None:
        name = f"{obj.kind}:{obj.language}"
        super().delete_model(request, obj)
        audit.record(actor_of(request).id, "whatsapp_template.removed", name)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        """The audit log keeps it."""

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Nothing else goes with it; Django would ask for rights of its own."""
        return [str(obj) for obj in objs], {}, set(), []

    def response_add(
        self, request: HttpRequest, obj: WhatsAppTemplate, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        self._warn_without_link(request, obj)
        return super().response_add(request, obj, *args, **kwargs)  # type: ignore[no-any-return]

    def response_change(
        self, request: HttpRequest, obj: WhatsAppTemplate
    ) -> HttpResponse:
        self._warn_without_link(request, obj)
        return super().response_change(request, obj)  # type: ignore[no-any-return]

    def _warn_without_link(self, request: HttpRequest, obj: WhatsAppTemplate) -> None:
        if not {"link_url", "link_path"} & set(obj.placeholders):
            self.message_user(
                request,
                _(
                    "Its reader gets no link: neither link_url nor link_path is a value."
                ),
                level="warning",
            )
