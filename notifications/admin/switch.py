"""The one switch that stops all sending, above the mailbox and in plain sight."""

from typing import Any

from babel.numbers import format_decimal
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from merchant_portal.business import services as business_services
from merchant_portal.business.models import Business
from merchant_portal.staff.admin.rights import actor_of, may
from merchant_portal.staff.roles import Right

from ..services import quotas


def switch(request: HttpRequest) -> dict[str, Any]:
    """What the list prints of it: since when, and whether this reader may turn it."""
    return {
        "stopped_at": Business.objects.current().sending_stopped_at,
        "uses": [
            {
                "channel": use.channel,
                "is_reached": use.is_reached,
                "used_shown": format_decimal(use.used, locale=_locale()),
                "limit_shown": format_decimal(use.limit, locale=_locale()),
            }
            for use in quotas.uses()
        ],
        "may_switch": may(request, Right.BUSINESS_WRITE),
    }


def _locale() -> str:
    return (get_language() or "en").replace("-", "_").partition("_")[0]


@require_POST
def _turn(request: HttpRequest, *, is_on: bool) -> HttpResponse:
    if not may(request, Right.BUSINESS_WRITE):
        return HttpResponse(status=403)
    actor = actor_of(request)
    if is_on:
        business_services.resume_sending(actor=actor)
        messages.success(request, _("Messages are sent again, as far as still wanted."))
    else:
        business_services.stop_sending(actor=actor)
        messages.warning(request, _("All sending is stopped. What is due waits."))
    return redirect("admin:notifications_message_changelist")


def switch_urls(site: AdminSite) -> list[URLPattern]:
    return [
        path(
            f"{name}/",
            site.admin_view(_turn),
            {"is_on": is_on},
            name=f"notifications_message_{name}",
        )
        for name, is_on in (("stop", False), ("resume", True))
    ]
