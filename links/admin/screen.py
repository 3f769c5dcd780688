"""Showing the create screen."""

from functools import lru_cache
from typing import Any

from babel.numbers import get_currency_name
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from merchant_portal.lib.money import EXPONENTS

from ..models import AmountKind, PaymentLink
from . import formats, outlook, picking, ways
from .entry import frame
from .finding import COMMON
from .link_form import LinkForm
from .preview import Preview

TEMPLATE = "admin/links/paymentlink/create.html"


def show(
    request: HttpRequest,
    form: LinkForm,
    *,
    instead_of: PaymentLink | None = None,
    preview: Preview | None = None,
) -> HttpResponse:
    """The form with all that was typed and every error beside its field."""
    title = (
        _("Correct %s") % instead_of
        if instead_of is not None
        else _("New payment link")
    )
    return render(
        request,
        TEMPLATE,
        frame(request, title, **_context(form, instead_of, preview)),
    )


def _context(
    form: LinkForm, instead_of: PaymentLink | None, preview: Preview | None
) -> dict[str, Any]:
    if not form.total and form.values["currency"] in EXPONENTS and _has_prices(form):
        form.check_lines(form.values["currency"])
    picked = form.customer
    known = picking.addresses_of([picked])[picked.pk] if picked else {}
    if form.values["who"] == picking.NEW:
        known = {"email": form.values["new_email"], "phone": form.values["new_phone"]}
    return {
        "form": form,
        "boxes": _boxes(form),
        "instead_of": instead_of,
        "preview": preview,
        "currencies": currencies(
            form.business.currency, form.values["currency"], formats.language()
        ),
        "languages": settings.LANGUAGES,
        "kinds": AmountKind.choices,
        "zero": formats.money(0, form.business.currency),
        "zone": formats.business_zone().key,
        "picked_by": known.get("email") or known.get("phone", ""),
        "ways": ways.of(ways.by_channel(known), form.channels),
        "has_many_errors": len(form.errors) > 1,
    }


def _boxes(form: LinkForm) -> list[dict[str, object]]:
    """All ticked at first; as they were after an error, also if none was."""
    was_shown = bool(form.values["providers_shown"])
    boxes = outlook.boxes(form.amount, form.providers)
    if was_shown and not form.providers:
        return [{**box, "is_ticked": False} for box in boxes]
    return boxes


def _has_prices(form: LinkForm) -> bool:
    return not form.errors and any(not row.is_blank for row in form.lines)


@lru_cache(maxsize=64)
def currencies(
    first: str, chosen: str, language: str
) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Groups of (code, label): the usual ones first, then all."""
    usual = [code for code in dict.fromkeys([first, *COMMON]) if code in EXPONENTS]
    rest = sorted(set(EXPONENTS) - set(usual))
    return (
        (_("Usual"), tuple((code, _label(code, language)) for code in usual)),
        (_("All others"), tuple((code, _label(code, language)) for code in rest)),
    )


def _label(code: str, language: str) -> str:
    name = get_currency_name(code, locale=language)
    return code if name == code else f"{code} · {name}"
