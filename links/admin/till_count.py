"""Counting the drawer and closing the shift; what is expected shows after the count."""

import re
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from merchant_portal.staff.roles import Right

from ..models import Shift
from ..services import denominations, till_closing, till_words
from ..services.errors import LinkConflict, LinkError
from ..services.till_closing import Count, CountDiffers
from . import formats, typed
from .entry import frame, needs, who
from .till_page import shift_or_404

_PIECES = re.compile(r"\A[0-9]{1,5}\Z")
_APART = re.compile(r"\A-?[0-9]{1,12}\Z")


@dataclass(slots=True)
class Drawer:
    """One currency of the form. `pieces`: (value, minor units, how many as typed)."""

    currency: str
    amount: str = ""
    pieces: list[tuple[str, int, str]] = field(default_factory=list)
    error: str = ""
    apart: str = ""
    seen: str = ""

    @property
    def is_by_pieces(self) -> bool:
        return any(typed_in for _value, _minor, typed_in in self.pieces)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.PAYMENTS_WRITE)
def count_view(request: HttpRequest, pk: int) -> HttpResponse:
    shift, user = shift_or_404(pk), who(request)
    if not shift.is_open:
        return redirect("admin:links_shift_change", shift.pk)
    drawers = [_drawer(request, code) for code in till_closing.currencies(shift)]
    note = request.POST.get("note", "")
    errors: dict[str, str] = {}
    status = 200
    if request.method == "POST":
        try:
            till_closing.close(shift, _count(drawers, note), user=user)
        except CountDiffers as exc:
            errors["note"], status = exc.message, 422
            for drawer in drawers:
                minor = exc.apart[drawer.currency]
                drawer.apart = till_words.apart(minor, drawer.currency)
                drawer.seen = str(minor)
        except LinkConflict as exc:
            messages.error(request, exc.message)
            return redirect("admin:links_shift_change", shift.pk)
        except LinkError as exc:
            _place(exc, drawers, errors)
            status = 422
        else:
            messages.success(request, _("Closed. The report is signed and numbered."))
            return redirect("admin:links_shift_change", shift.pk)
    return _page(request, shift, drawers, note, errors, status)


def _page(
    request: HttpRequest,
    shift: Shift,
    drawers: list[Drawer],
    note: str,
    errors: dict[str, str],
    status: int,
) -> HttpResponse:
    context: dict[str, Any] = {
        "shift": shift,
        "drawers": drawers,
        "note": note,
        "errors": errors,
        "is_told": any(drawer.apart for drawer in drawers),
    }
    return render(
        request,
        "admin/links/shift/count.html",
        frame(request, _("Count and close"), **context),
        status=status,
    )


def _drawer(request: HttpRequest, code: str) -> Drawer:
    return Drawer(
        code,
        request.POST.get(f"counted_{code}", ""),
        [
            (
                formats.money(minor, code),
                minor,
                request.POST.get(f"pieces_{code}_{minor}", "").strip(),
            )
            for minor in denominations.KNOWN.get(code, ())
        ],
        seen=request.POST.get(f"seen_{code}", ""),
    )


def _count(drawers: list[Drawer], note: str) -> Count:
    """What was typed; LinkError names the field of its currency, or the note."""
    try:
        clean = typed.line(note)
    except typed.TypedError as exc:
        raise LinkError(str(exc), "note") from exc
    seen = {
        drawer.currency: int(drawer.seen)
        for drawer in drawers
        if _APART.match(drawer.seen)
    }
    return Count({one.currency: _counted(one) for one in drawers}, clean, seen)


def _counted(drawer: Drawer) -> int:
    name = f"counted_{drawer.currency}"
    if not drawer.amount.strip() and not drawer.is_by_pieces:
        raise LinkError(_("Write what you counted; 0 for nothing."), name)
    total = 0
    for value, minor, pieces in drawer.pieces:
        if pieces and not _PIECES.match(pieces):
            raise LinkError(_("Write how many of %s there are, like 3.") % value, name)
        total += minor * int(pieces or 0)
    if not drawer.amount.strip():
        drawer.amount = formats.typed(total, drawer.currency)
        return total
    try:
        minor = typed.cash_minor(drawer.amount, drawer.currency)
    except typed.TypedError as exc:
        raise LinkError(str(exc), name) from exc
    if drawer.is_by_pieces and minor != total:
        raise LinkError(
            _("The notes and coins come to %s. Mend them, or empty the sum.")
            % formats.money(total, drawer.currency),
            name,
        )
    return minor


def _place(exc: LinkError, drawers: list[Drawer], errors: dict[str, str]) -> None:
    for drawer in drawers:
        if exc.field == f"counted_{drawer.currency}":
            drawer.error = exc.message
            return
    errors["note" if exc.field == "note" else "form"] = exc.message
