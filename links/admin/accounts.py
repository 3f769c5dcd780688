"""Provider accounts: whether they are offered, and in which order."""

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin, StackedInline
from unfold.decorators import display

from merchant_portal.audit import services as audit
from merchant_portal.lib.money import MoneyError, parse_currency
from merchant_portal.staff.admin.rights import RightsMixin
from merchant_portal.staff.roles import Right

from ..models import FeeRate, ProviderAccount
from ..providers.base import ProviderError
from ..providers.credentials import FIELDS
from ..providers.registry import PROVIDERS, get_provider
from ..services import accounts, keyring
from . import comparison_report, keys, lifelines
from .comparisons import compare_view
from .entry import bounded, needs, who


class FeeRateForm(forms.ModelForm):  # type: ignore[type-arg]
    """A line of the provider's price list."""

    class Meta:
        model = FeeRate
        fields = ("currency", "valid_from", "share_bp", "fixed_minor")

    def clean_currency(self) -> str:
        try:
            return parse_currency(self.cleaned_data["currency"])
        except MoneyError as exc:
            raise forms.ValidationError(str(exc)) from exc


@require_POST
@needs(Right.BUSINESS_WRITE)
def check_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask the provider whether the keys work, and say what is missing."""
    account = ProviderAccount.objects.filter(pk=bounded(pk)).first()
    if account is None or account.slug not in PROVIDERS:
        raise Http404
    keyring.forget()  # they may have been entered a moment ago, in another process
    if accounts.mode_of(account.slug) != account.mode:
        problem = _("The keys of this account are not set in this installation.")
    else:
        try:
            problem = get_provider(account.slug).check_account()
        except ProviderError as exc:
            problem = str(exc)
    if problem:
        messages.error(request, problem)
    else:
        messages.success(request, _("The keys work, and nothing is missing."))
    if request.POST.get("back") == "keys" and account.slug in FIELDS:
        return redirect("admin:links_provideraccount_keys", account.slug)
    return redirect("admin:links_provideraccount_change", account.pk)


class FeeRateInline(RightsMixin, StackedInline):  # type: ignore[misc]
    view_right: ClassVar[Right] = Right.AUDIT_READ
    add_right = change_right = delete_right = Right.BUSINESS_WRITE
    model = FeeRate
    form = FeeRateForm
    extra = 0
    fields = ("currency", "valid_from", "share_bp", "fixed_minor")


@admin.register(ProviderAccount)
class ProviderAccountAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    """Keys are entered on a page of their own and never shown."""

    view_right: ClassVar[Right] = Right.AUDIT_READ
    change_right = Right.BUSINESS_WRITE

    fields = ("title", "mode", "is_enabled", "position")
    readonly_fields = ("title", "mode")
    list_display = ("title", "mode_label", "offered_label", "position")
    change_form_outer_before_template = "admin/links/provideraccount/set_up.html"
    inlines = (FeeRateInline,)
    list_before_template = "admin/links/provideraccount/about.html"
    ordering = ("position", "id")
    sortable_by = ()
    actions = None

    class Media:
        css = {"all": ["portal/links.css"]}

    def get_urls(self) -> list[URLPattern]:
        check = path(
            "<int:pk>/check/",
            self.admin_site.admin_view(check_view),
            name="links_provideraccount_check",
        )
        compare = path(
            "<int:pk>/compare/",
            self.admin_site.admin_view(compare_view),
            name="links_provideraccount_compare",
        )
        enter = path(
            "keys/<slug:slug>/",
            self.admin_site.admin_view(keys.keys_view),
            name="links_provideraccount_keys",
        )
        remove = path(
            "keys/<slug:slug>/remove/",
            self.admin_site.admin_view(keys.remove_view),
            name="links_provideraccount_remove_keys",
        )
        return [check, compare, enter, remove, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {
            **(extra_context or {}),
            "providers": keys.states(),
            "may_enter": who(request).may(Right.BUSINESS_WRITE),
        }
        answer: HttpResponse = super().changelist_view(request, context)
        return answer

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        account = self.get_object(request, object_id)
        context: dict[str, Any] = dict(extra_context or {})
        if account is not None and account.slug in PROVIDERS:
            events = get_provider(account.slug).webhook_events
            context |= {
                "line": next((r for r in lifelines.rows() if r.pk == account.pk), None),
                "webhook_events": events,
                "webhook_url": f"{settings.PUBLIC_URL}/webhooks/{account.slug}/"
                if events
                else "",
                "may_check": who(request).may(Right.BUSINESS_WRITE),
                "keys_slug": account.slug if account.slug in FIELDS else "",
                "may_compare": who(request).may(Right.PAYMENTS_RESOLVE)
                and account.slug != "manual",
                "running": comparison_report.running(account),
            }
        answer: HttpResponse = super().change_view(
            request, object_id, form_url, context
        )
        return answer

    @display(description=gettext_lazy("Provider"))
    def title(self, account: ProviderAccount) -> str:
        if account.slug not in PROVIDERS:
            return account.slug
        return str(get_provider(account.slug).title)

    @display(
        description=gettext_lazy("Mode"), label={"live": "success", "test": "warning"}
    )
    def mode_label(self, account: ProviderAccount) -> tuple[str, str]:
        return account.mode, account.get_mode_display()

    @display(description=gettext_lazy("Offered"), label={"yes": "success", "no": ""})
    def offered_label(self, account: ProviderAccount) -> tuple[str, str]:
        return ("yes", _("Yes")) if account.is_enabled else ("no", _("No"))

    def save_model(
        self, request: HttpRequest, obj: ProviderAccount, form: Any, change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        audit.record(
            who(request).actor().id,
            "provider_account.changed",
            str(obj),
            fields=form.changed_data,
        )
