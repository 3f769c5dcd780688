"""The admin's sidebar: only what exists and what the reader may see."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

Entry = tuple[str, Promise, str]

SALES: list[Entry] = [
    ("links.PaymentLink", gettext_lazy("Payment links"), "link"),
    ("customers.Customer", gettext_lazy("Customers"), "group"),
    ("links.PayerReply", gettext_lazy("Replies"), "chat"),
    ("links.StaffTask", gettext_lazy("Tasks"), "task_alt"),
    ("notifications.InboundMessage", gettext_lazy("Texts"), "sms"),
    ("links.Payment", gettext_lazy("Payments"), "payments"),
    ("links.Shift", gettext_lazy("Till"), "point_of_sale"),
    ("links.Refund", gettext_lazy("Refunds"), "undo"),
    ("links.Dispute", gettext_lazy("Disputes"), "gavel"),
    ("links.Payout", gettext_lazy("Payouts"), "savings"),
    ("links.DailyTotal", gettext_lazy("Reports"), "bar_chart"),
    ("links.Comparison", gettext_lazy("Comparisons"), "balance"),
    ("notifications.Message", gettext_lazy("Messages"), "mail"),
    ("notifications.OptOut", gettext_lazy("Undelivered"), "unsubscribe"),
    ("links.BulkSend", gettext_lazy("Sendings to many"), "outgoing_mail"),
    ("links.LinkImport", gettext_lazy("Imports"), "upload_file"),
    ("links.ReminderPlan", gettext_lazy("Reminder plans"), "notifications_active"),
]
SET_UP: list[Entry] = [
    ("business.Business", gettext_lazy("Business"), "storefront"),
    ("notifications.Template", gettext_lazy("Message texts"), "edit_note"),
    ("staff.User", gettext_lazy("Staff"), "badge"),
    ("staff.ApiKey", gettext_lazy("API keys"), "key"),
    ("links.ProviderAccount", gettext_lazy("Provider accounts"), "account_balance"),
    ("links.WebhookEvent", gettext_lazy("Webhooks"), "webhook"),
    (
        "notifications.WhatsAppTemplate",
        gettext_lazy("WhatsApp templates"),
        "forum",
    ),
    ("audit.AuditEntry", gettext_lazy("Audit log"), "policy"),
]


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Unfold's groups of links."""
    front = {
        "title": _("Overview"),
        "icon": "dashboard",
        "link": reverse("admin:index"),
    }
    return [
        {"items": [front, *_items(request, SALES)]},
        {"title": _("Set-up"), "separator": True, "items": _items(request, SET_UP)},
    ]


def _items(request: HttpRequest, entries: list[Entry]) -> list[dict[str, Any]]:
    items = []
    for label, title, icon in entries:
        model = apps.get_model(label)
        screen = admin.site._registry.get(model)
        if screen is None or not screen.has_module_permission(request):
            continue
        meta = model._meta
        link = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        items.append({"title": title, "icon": icon, "link": link})
    return items
