"""The audit log on a screen; it lives here because audit stands below the rights."""

from django.contrib import admin
from unfold.admin import ModelAdmin
from unfold.paginator import InfinitePaginator

from merchant_portal.audit.models import AuditEntry

from ..roles import Right
from .rights import RightsMixin


@admin.register(AuditEntry)
class AuditEntryAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    """Who did what, newest first; only ever read."""

    view_right = Right.AUDIT_READ

    list_display = ("at", "actor", "action", "object_id")
    fields = (
        "sequence",
        "at",
        "actor",
        "action",
        "object_id",
        "details",
        "hash",
        "key_version",
    )
    search_fields = ("=actor", "=object_id", "=action")
    search_help_text = "usr_…, plk_…, link.canceled"
    ordering = ("-sequence",)
    show_full_result_count = False
    paginator = InfinitePaginator
    list_per_page = 100
    actions = None
