"""A link on the merchant's own website: button, code and address, as they will look."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_safe

from merchant_portal.business import services as business_services
from merchant_portal.staff.roles import Right

from ..documents import qr
from ..documents.buttons import Button, Label, Size, words
from ..models import LinkStatus, PaymentLink
from ..services import asking, pages
from .entry import frame, link_or_404, needs, who
from .preview import MAIL_POLICY

TEMPLATE = "admin/links/paymentlink/website.html"


@require_safe
@needs(Right.LINKS_READ)
def website_view(request: HttpRequest, pk: int) -> HttpResponse:
    """`?label=`, `?language=`: of the button."""
    link = link_or_404(request, pk)
    context: dict[str, Any] = {
        "link": link,
        "is_draft": link.status == LinkStatus.DRAFT,
        "may_write": who(request).may(Right.LINKS_WRITE),
    }
    if not context["is_draft"]:
        context |= _context(request, link)
    title = _("On your website")
    return render(request, TEMPLATE, frame(request, title, **context))


def _context(request: HttpRequest, link: PaymentLink) -> dict[str, Any]:
    button = _button(request, link)
    frame_url = reverse("admin:links_paymentlink_button", args=[link.pk])
    chosen = f"language={button.language}&label={button.label}"
    return {
        "is_open": link.status == LinkStatus.ACTIVE,
        "url": pages.url_of(link),
        "button": button,
        "languages": settings.LANGUAGES,
        "labels": [
            (label, words(label, button.language, button.amount))
            for label in _labels(link)
        ],
        "sizes": [
            {
                "name": size.value,
                "title": title,
                "look": f"{frame_url}?{chosen}&size={size}",
                "plain": button.plain(size),
                "scripted": button.scripted(size, f"{settings.PUBLIC_URL}/embed.js"),
            }
            for size, title in (
                (Size.SMALL, _("Small")),
                (Size.MEDIUM, _("Medium")),
                (Size.LARGE, _("Large")),
            )
        ],
        "pictures": list(qr.PNG_SCALES),
    }


def _labels(link: PaymentLink) -> list[Label]:
    """What fits: no amount where the customer says it."""
    is_chosen = asking.is_choosing(link)
    first = [Label.CHOOSE] if is_chosen else [Label.PAY_AMOUNT]
    return [*first, Label.PAY, Label.BUY, Label.DONATE]


def _button(request: HttpRequest, link: PaymentLink) -> Button:
    business = business_services.kept()
    wanted = request.GET.get("language", "")
    known = {code for code, _name in settings.LANGUAGES}
    language = wanted if wanted in known else business.language
    label = request.GET.get("label", "")
    offered = _labels(link)
    with translation.override(language):
        due = asking.due_now(link)
        return Button(
            url=pages.url_of(link),
            color=business.brand_color,
            language=language,
            label=label if label in [str(one) for one in offered] else offered[0],
            amount=due.format(language) if due.amount_minor else "",
        )


@require_GET
@needs(Right.LINKS_READ)
@xframe_options_sameorigin
def button_view(request: HttpRequest, pk: int) -> HttpResponse:
    """The button alone, exactly, for the sandboxed frame."""
    link = link_or_404(request, pk)
    size = request.GET.get("size", "")
    known = {one.value: one for one in Size}
    shown = _button(request, link).plain(known.get(size, Size.MEDIUM))
    response = HttpResponse(
        format_html(
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>{}</title>'
            '<body style="margin:0;min-height:100vh;display:grid;place-items:center;'
            'background:#fff">{}',
            _("The button"),
            shown,
        )
    )
    response["Content-Security-Policy"] = MAIL_POLICY
    response["Cache-Control"] = "no-store"
    return response
