"""Provider accounts: whether they are offered, and in which order."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import display

from merchant_portal.audit import services as audit
from merchant_portal.staff.admin.rights import RightsMixin
from merchant_portal.staff.roles import Right

from ..models import ProviderAccount
from ..providers.registry import PROVIDERS, get_provider
from .entry import who


@admin.register(ProviderAccount)
class ProviderAccountAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    """Keys come from the environment and are never shown here."""

    view_right: ClassVar[Right] = Right.AUDIT_READ
    change_right = Right.BUSINESS_WRITE

    fields = ("title", "mode", "is_enabled", "position")
    readonly_fields = ("title", "mode")
    list_display = ("title", "mode_label", "offered_label", "position")
    list_before_template = "admin/links/provideraccount/about.html"
    ordering = ("position", "id")
    sortable_by = ()
    actions = None

    class Media:
        css = {"all": ["portal/links.css"]}

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
