"""The business profile; it lives here because business stands below the rights."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from merchant_portal.business import choices
from merchant_portal.business import services as business_services
from merchant_portal.business.models import Business, UntaxedCategory

from .. import look_alikes, step_up
from ..models import User
from ..roles import Right
from ..services import alarms
from .rights import RightsMixin

_PROFILE = [
    "name",
    "legal_name",
    "address",
    "tax_id",
    "email",
    "phone",
    "website",
    "country",
    "currency",
    "language",
    "time_zone",
    "prices_include_tax",
    "attaches_invoice",
    "rests_on_weekends",
    "rests_on_holidays",
    "tracks_opens",
    "attaches_receipt",
    "account_holder",
    "iban",
    "bic",
    "imprint",
    "terms_url",
    "terms",
    "privacy_url",
    "privacy",
    "factur_x",
    "untaxed_category",
    "untaxed_reason",
    "agent_limit_minor",
    "own_refund_limit_minor",
    "undo_seconds",
    "daily_email_limit",
    "daily_sms_limit",
    "brand_color",
    "sender_name",
    "reply_to",
    "copy_invitations_to",
]


ACCOUNT = frozenset({"account_holder", "iban", "bic"})
GRAVE = ACCOUNT | {"agent_limit_minor", "own_refund_limit_minor"}


class BusinessForm(forms.ModelForm):  # type: ignore[type-arg]
    """Checks every field by the service; the logo is a file, or taken away."""

    country = forms.ChoiceField(label=_("Country"), widget=UnfoldAdminSelectWidget)
    currency = forms.ChoiceField(label=_("Currency"), widget=UnfoldAdminSelectWidget)
    language = forms.ChoiceField(label=_("Language"), widget=UnfoldAdminSelectWidget)
    time_zone = forms.ChoiceField(label=_("Time zone"), widget=UnfoldAdminSelectWidget)
    website = forms.CharField(
        label=_("Website"), required=False, widget=UnfoldAdminTextInputWidget
    )
    terms_url = forms.CharField(
        label=_("Address of your terms"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
    )
    privacy_url = forms.CharField(
        label=_("Address of your privacy notice"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
    )
    iban = forms.CharField(  # with room for the spaces that people type
        label="IBAN",
        required=False,
        max_length=60,
        help_text=Business._meta.get_field("iban").help_text,
        widget=UnfoldAdminTextInputWidget,
    )
    bic = forms.CharField(
        label="BIC",
        required=False,
        max_length=30,
        widget=UnfoldAdminTextInputWidget,
    )
    untaxed_category = forms.ChoiceField(
        label=_("Lines without tax are"),
        required=False,
        choices=UntaxedCategory.choices,
        widget=UnfoldAdminSelectWidget,
    )
    new_logo = forms.FileField(
        label=_("Logo"),
        required=False,
        help_text=_("PNG, JPEG or WebP, at most 20 kB."),
        widget=UnfoldAdminFileFieldWidget,
    )
    remove_logo = forms.BooleanField(
        label=_("Remove the logo"), required=False, widget=UnfoldBooleanWidget
    )

    class Meta:
        model = Business
        fields = _PROFILE

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        reader = get_language() or "en"
        offered = {
            "country": choices.countries(reader),
            "currency": choices.currencies(reader),
            "language": choices.languages(),
            "time_zone": choices.time_zones(),
        }
        for name, values in offered.items():
            field = self.fields.get(name)
            if isinstance(field, forms.ChoiceField):
                field.choices = values

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        for name in [name for name in _PROFILE if name in cleaned]:
            try:
                cleaned[name] = business_services.check(name, cleaned[name])
            except business_services.BusinessError as exc:
                self.add_error(exc.field, str(exc))
        cleaned["untaxed_category"] = (
            cleaned.get("untaxed_category") or UntaxedCategory.ZERO
        )
        self._refuse_poor_e_invoices(cleaned)
        upload = cleaned.get("new_logo")
        self.logo: bytes | None = None
        if upload:
            self.logo = upload.read(business_services.MAX_LOGO_BYTES + 1)
            try:
                business_services.image_kind(self.logo)
            except business_services.BusinessError as exc:
                self.add_error("new_logo", str(exc))
        elif cleaned.get("remove_logo"):
            self.logo = b""
        return cleaned

    def _refuse_poor_e_invoices(self, cleaned: dict[str, Any]) -> None:
        """Say what is missing, rather than leave out every e-invoice later."""
        if not cleaned.get("factur_x"):
            return
        missing = [
            str(self.fields[name].label).lower()
            for name in business_services.lacks_for_e_invoice(cleaned)
            if name not in self.errors
        ]
        if missing:
            self.add_error(
                "factur_x",
                _("An e-invoice needs more. Fill in: %(fields)s.")
                % {"fields": ", ".join(missing)},
            )


def _is_grave(request: HttpRequest) -> bool:
    """Whether the form differs from what is kept in one of GRAVE."""
    business = Business.objects.current()
    kept = {name: getattr(business, name) for name in GRAVE}
    return any(
        request.POST[name].strip() != ("" if value is None else str(value))
        for name, value in kept.items()
        if name in request.POST
    )


@admin.register(Business)
class BusinessAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    """The one business of this installation."""

    view_right = Right.BUSINESS_WRITE
    change_right = Right.BUSINESS_WRITE

    form = BusinessForm
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "name",
                    "legal_name",
                    "address",
                    "tax_id",
                    "email",
                    "phone",
                    "website",
                )
            },
        ),
        (
            _("Habits"),
            {
                "fields": (
                    "country",
                    "currency",
                    "language",
                    "time_zone",
                    "prices_include_tax",
                    "attaches_invoice",
                    "rests_on_weekends",
                    "rests_on_holidays",
                    "tracks_opens",
                    "attaches_receipt",
                )
            },
        ),
        (_("Bank transfer"), {"fields": ("account_holder", "iban", "bic")}),
        (
            _("Legal texts"),
            {"fields": ("imprint", "terms_url", "terms", "privacy_url", "privacy")},
        ),
        (
            _("E-invoices"),
            {"fields": ("factur_x", "untaxed_category", "untaxed_reason")},
        ),
        (
            _("Sending"),
            {"fields": ("undo_seconds", "daily_email_limit", "daily_sms_limit")},
        ),
        (_("Limits"), {"fields": ("agent_limit_minor", "own_refund_limit_minor")}),
        (_("Brand"), {"fields": ("brand_color", "new_logo", "remove_logo")}),
        (_("E-mails"), {"fields": ("sender_name", "reply_to", "copy_invitations_to")}),
    )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """There is only one: straight to it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        business = Business.objects.current()
        return redirect("admin:business_business_change", business.pk)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Where money goes and who may move it is changed by who proved who they are."""
        is_change = request.method == "POST" and self.has_change_permission(request)
        if is_change and _is_grave(request) and (proof := step_up.ask(request)):
            return proof
        answer: HttpResponse = super().change_view(
            request, object_id, form_url, extra_context
        )
        return answer

    def save_model(
        self, request: HttpRequest, obj: Business, form: BusinessForm, change: bool
    ) -> None:
        assert isinstance(request.user, User)  # noqa: S101 - the admin is for staff
        actor = request.user.actor()
        said = {name: form.cleaned_data[name] for name in _PROFILE}
        kept = Business.objects.current()
        if any(said[name] != getattr(kept, name) for name in ACCOUNT):
            alarms.of_account(actor=actor)
        business_services.update(said, actor=actor)
        if form.logo is not None:
            business_services.set_logo(form.logo, actor=actor)
        look_alikes.warn(request, obj.name)

    def log_change(self, *args: Any) -> None:
        """The audit log keeps it."""
