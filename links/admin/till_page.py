"""The page of one shift: what is in it so far, or its report once it is closed."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_safe

from merchant_portal.business import services as business
from merchant_portal.lib import clock, ids
from merchant_portal.staff.roles import Right

from ..models import MoveKind, Payment, Refund, Shift
from ..providers.manual import METHODS
from ..reports.headings import method_title
from ..services import papers, till_closing, till_figures, till_papers, till_words
from . import formats
from .entry import bounded, frame, needs, who
from .labels import SHIFT_COLORS
from .panels import Panel, Panels

TEMPLATE = "admin/links/shift/page.html"
TAKE, MOVE = "take", "move"
SHOWN = 50
# newest entries of a shift; the lists of payments and refunds have them all


def shift_or_404(pk: int) -> Shift:
    found = Shift.objects.select_related("opened_by", "closed_by", "day_close")
    shift = found.filter(pk=bounded(pk)).first()
    if shift is None:
        raise Http404
    return shift


@require_safe
@needs(Right.REPORTS_READ)
def page_view(request: HttpRequest, pk: int) -> HttpResponse:
    return show(request, shift_or_404(pk), {})


@require_GET
@needs(Right.REPORTS_READ)
def pdf_view(request: HttpRequest, pk: int) -> HttpResponse:
    shift = shift_or_404(pk)
    if shift.is_open:
        raise Http404
    return file(till_papers.of_shift(shift), f"{shift.number}.pdf")


def file(content: bytes, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type=papers.CONTENT_TYPE)
    response["Content-Disposition"] = f'inline; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response


def show(
    request: HttpRequest, shift: Shift, panels: Panels, *, status: int = 200
) -> HttpResponse:
    """The page, with what was typed into a form that was refused."""
    context = _open(request, shift, panels) if shift.is_open else _closed(shift)
    zone = formats.business_zone()
    title = _("Shift at %s") % shift.register
    return render(
        request,
        TEMPLATE,
        frame(
            request,
            shift.number or title,
            shift=shift,
            state_color=SHIFT_COLORS[shift.state],
            opened=formats.moment(shift.opened_at, zone),
            closed=formats.moment(shift.closed_at, zone) if shift.closed_at else "",
            may_count=shift.is_open and who(request).may(Right.PAYMENTS_WRITE),
            **context,
        ),
        status=status,
    )


def _open(request: HttpRequest, shift: Shift, panels: Panels) -> dict[str, Any]:
    user = who(request)
    is_mine = shift.opened_by_id == user.pk
    books = till_figures.of(shift)
    online = till_figures.online(shift.opened_at, clock.now())
    figures = {**books.plain(), "online": online}
    codes = dict.fromkeys([business.kept().currency, *books.floats])
    fresh: Panels = {
        TAKE: Panel(
            {
                "link": "",
                "what": "",
                "amount": "",
                "currency": next(iter(codes)),
                "method": "cash",
                "more": "",
                "key": ids.new("frm"),
            }
        ),
        MOVE: Panel(
            {
                "kind": MoveKind.OUT,
                "amount": "",
                "currency": next(iter(codes)),
                "reason": "",
                "key": ids.new("csh"),
            }
        ),
    }
    return {
        "is_mine": is_mine,
        "may_act": is_mine and user.may(Right.PAYMENTS_WRITE),
        # Whoever counts is not to know what it should come to.
        "tables": till_words.of_shift(figures, is_blind=is_mine),
        "entries": _entries(shift),
        "panels": {**fresh, **panels},
        "currencies": list(codes),
        "methods": METHODS.items(),
        "kinds": MoveKind.choices,
    }


def _closed(shift: Shift) -> dict[str, Any]:
    figures: dict[str, Any] = shift.figures or {}
    return {
        "tables": till_words.of_shift(figures),
        "apart": [
            till_words.apart(row["over"], row["currency"])
            for row in figures.get("cash", [])
        ],
        "is_apart": any(row["over"] for row in figures.get("cash", [])),
        "counted": till_words.counted(shift.counts),
        "signature": till_papers.signature(shift),
        "problems": till_closing.problems(shift),
        "entries": _entries(shift),
    }


def _entries(shift: Shift) -> list[dict[str, Any]]:
    """Payments and refunds of it, newest first; two queries."""
    zone = formats.business_zone()
    paid = shift.payments.select_related("link__customer").order_by("-id")[:SHOWN]
    back = shift.refunds.select_related("payment").order_by("-id")[:SHOWN]
    found = [(one.recorded_at, _paid(one)) for one in paid]
    found += [(one.decided_at or one.proposed_at, _back(one)) for one in back]
    found.sort(key=lambda entry: entry[0], reverse=True)
    return [{**row, "at": formats.moment(at, zone)} for at, row in found[:SHOWN]]


def _paid(payment: Payment) -> dict[str, Any]:
    link = payment.link
    said = payment.note
    if link is not None:
        customer = link.customer.name if link.customer else ""
        said = " · ".join(filter(None, [link.number, customer, payment.note]))
    return {
        "kind": "payment",
        "pk": payment.pk,
        "amount": formats.money(payment.amount_minor, payment.currency),
        "method": method_title(payment.method),
        "said": said,
    }


def _back(refund: Refund) -> dict[str, Any]:
    return {
        "kind": "refund",
        "pk": refund.pk,
        "amount": formats.money(-refund.amount_minor, refund.currency),
        "method": method_title(refund.payment.method),
        "said": refund.reason,
    }
