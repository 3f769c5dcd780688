"""API keys: make one, see it once, revoke it."""

from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from merchant_portal.lib import sealing, text

from .. import step_up
from ..models import ApiKey
from ..roles import Right
from ..services import keys
from .rights import RightsMixin, actor_of, user_of

SHOWN_ONCE = "api_key_shown_once"
# Where the new key waits, sealed, between the form and the next page.


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"),
        choices=[(keys.EVERYTHING, _("Everything")), *Right.choices],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    class Meta:
        model = ApiKey
        fields: ClassVar[list[str]] = ["name", "scopes", "expires_at"]

    def clean_name(self) -> str:
        try:
            return text.clean_line(self.cleaned_data["name"], 100)
        except text.TextError as exc:
            raise forms.ValidationError(str(exc)) from exc

    def clean_expires_at(self) -> datetime | None:
        at: datetime | None = self.cleaned_data["expires_at"]
        if at is not None and at <= timezone.now():
            raise forms.ValidationError(gettext("This moment is past."))
        return at


@admin.register(ApiKey)
class ApiKeyAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    """A key is made and revoked, never changed."""

    view_right = Right.STAFF_READ
    add_right = Right.STAFF_WRITE

    form = ApiKeyForm
    list_display = (
        "name",
        "starts_with",
        "state",
        "created_at",
        "last_used_at",
        "expires_at",
    )
    list_select_related = ("created_by",)
    search_fields = ("name", "prefix")
    show_full_result_count = False
    actions = None
    actions_detail = ("revoke",)

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if self.has_add_permission(request) and (proof := step_up.ask(request)):
            return proof
        answer: HttpResponse = super().add_view(request, form_url, extra_context)
        return answer

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        if obj is None:
            return ["name", "scopes", "expires_at"]
        return [
            "name",
            "starts_with",
            "state_in_words",
            "rights",
            "created_by",
            "created_at",
            "last_used_at",
            "expires_at",
            "revoked_at",
        ]

    def get_readonly_fields(
        self, request: HttpRequest, obj: ApiKey | None = None
    ) -> list[str]:
        return self.get_fields(request, obj) if obj else []

    def save_model(
        self,
        request: HttpRequest,
        obj: ApiKey,
        form: ApiKeyForm,
        change: bool,
    ) -> None:
        key, secret = keys.create(
            obj.name,
            form.cleaned_data["scopes"],
            created_by=user_of(request),
            expires_at=obj.expires_at,
        )
        obj.pk, obj.public_id = key.pk, key.public_id
        request.session[SHOWN_ONCE] = sealing.seal(SHOWN_ONCE, secret)

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        return redirect("admin:staff_apikey_shown", obj.pk)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], **kwargs: Any
    ) -> HttpResponse:
        """One way to save: the next page shows the key."""
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        page: HttpResponse = super().render_change_form(request, context, **kwargs)
        return page

    def get_urls(self) -> list[URLPattern]:
        shown = path(
            "<int:pk>/shown/",
            self.admin_site.admin_view(never_cache(require_safe(self.shown_view))),
            name="staff_apikey_shown",
        )
        return [shown, *super().get_urls()]

    def shown_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The new key, this once: reading it takes it out of the session."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        sealed = request.session.pop(SHOWN_ONCE, None)
        if sealed is None:
            return redirect("admin:staff_apikey_changelist")
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Your new API key"),
            "opts": self.opts,
            "key": get_object_or_404(ApiKey, pk=pk),
            "secret": sealing.unseal(SHOWN_ONCE, sealed),
        }
        return TemplateResponse(request, "admin/staff/apikey/shown.html", context)

    @display(description=_("Starts with"))
    def starts_with(self, obj: ApiKey) -> str:
        return f"{obj.prefix}…"

    @display(description=_("May do"))
    def rights(self, obj: ApiKey) -> str:
        names: dict[str, Any] = {
            keys.EVERYTHING: _("Everything"),
            **dict(Right.choices),
        }
        return ", ".join(str(names.get(scope, scope)) for scope in obj.scopes)

    @display(
        description=_("State"),
        label={"active": "success", "expired": "warning", "revoked": "danger"},
    )
    def state(self, obj: ApiKey) -> tuple[str, str]:
        if obj.revoked_at is not None:
            return "revoked", gettext("Revoked")
        if obj.expires_at is not None and obj.expires_at <= timezone.now():
            return "expired", gettext("Expired")
        return "active", gettext("Active")

    @display(description=_("State"))
    def state_in_words(self, obj: ApiKey) -> str:
        """On the key's own page, where Unfold draws no labels."""
        words: str = self.state(obj)[1]
        return words

    def has_revoke_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_add_permission(request)

    @action(
        description=_("Revoke"),
        icon="key_off",
        permissions=["revoke"],
        dialog={
            "title": _("Revoke this key"),
            "description": _("Whatever uses it stops working at once, and for good."),
            "form_submit_text": _("Revoke"),
        },
    )
    def revoke(
        self, request: HttpRequest, form: forms.Form, object_id: str
    ) -> HttpResponse:
        if proof := step_up.ask(request):
            return proof
        key = get_object_or_404(ApiKey, pk=object_id)
        if keys.revoke(key, actor=actor_of(request)):
            messages.success(request, gettext("The key is revoked."))
        address = reverse("admin:staff_apikey_change", args=[key.pk])
        return HttpResponse(headers={"HX-Redirect": address})
