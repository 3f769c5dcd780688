"""What is done at the till: open, take money, move cash. Each is a POST but for a form."""

import re
from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from merchant_portal.business import services as business
from merchant_portal.lib import ids
from merchant_portal.lib.money import EXPONENTS
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from ..models import MoveKind, Payment, PaymentLink, Shift
from ..reports.headings import method_title
from ..services import manual, till
from ..services.errors import LinkConflict, LinkError
from . import doing, formats, screen, typed
from .entry import frame, needs, who
from .panels import Panel
from .till_page import MOVE, TAKE, shift_or_404, show

_MOVE_KEY = re.compile(rf"\Acsh_[0-9A-Za-z]{{{ids.LENGTH}}}\Z")
_SAID = ("amount", "currency", "method", "kind", "what", "reason", "link")
_OPEN_FIELDS = ("register", "float", "other_currency", "other_float")


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.PAYMENTS_WRITE)
def open_view(request: HttpRequest) -> HttpResponse:
    """The form for a new shift; refused, it keeps what was typed."""
    user = who(request)
    mine = till.own(user.pk)
    if mine is not None:
        return redirect("admin:links_shift_change", mine.pk)
    panel = Panel({name: request.POST.get(name, "") for name in _OPEN_FIELDS})
    status = 200
    if request.method == "POST":
        try:
            shift = till.begin(
                register=doing.read("register", typed.line, panel),
                floats=_floats(panel),
                user=user,
            )
        except LinkConflict as exc:
            panel.errors["form"], status = exc.message, 409
        except LinkError as exc:
            known = exc.field in panel.values
            panel.errors[exc.field if known else "form"] = exc.message
            status = 422
        else:
            return redirect("admin:links_shift_change", shift.pk)
    else:
        panel.values["register"] = _last_register(user)
    currency = business.kept().currency
    context = {
        "panel": panel,
        "currency": currency,
        "currencies": screen.currencies(
            currency, panel.values["other_currency"], formats.language()
        ),
    }
    return render(
        request,
        "admin/links/shift/open.html",
        frame(request, _("Open a shift"), **context),
        status=status,
    )


def _floats(panel: Panel) -> dict[str, int]:
    own, other = business.kept().currency, panel.values["other_currency"]
    floats = {own: _cash(panel, "float", own)}
    if panel.values["other_float"].strip():
        if other not in EXPONENTS or other == own:
            raise LinkError(_("Choose which other currency it is."), "other_currency")
        floats[other] = _cash(panel, "other_float", other)
    return floats


def _cash(panel: Panel, name: str, currency: str) -> int:
    if not panel.values[name].strip():
        raise LinkError(_("Count what is in the drawer; write 0 for nothing."), name)
    return doing.read(name, lambda text: typed.cash_minor(text, currency), panel)


def _last_register(user: User) -> str:
    before = Shift.objects.filter(opened_by=user).order_by("-id")
    name: str = before.values_list("register", flat=True).first() or _("Counter")
    return name


@require_POST
@needs(Right.PAYMENTS_WRITE)
def take_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Money for a link, by its number, or for none; the same `key` books it once."""
    shift, user = shift_or_404(pk), who(request)
    names = ("link", "what", "amount", "currency", "method", "more", "key")
    panel = Panel({name: request.POST.get(name, "") for name in names})

    def act() -> str:
        key = doing.key_of(panel)
        what = doing.read("what", typed.line, panel)
        if panel.values["link"].strip():
            paid = _for_link(shift, panel, user, what, key)
        else:
            currency = panel.values["currency"]
            if currency not in EXPONENTS:
                raise LinkError(_("Choose the currency."), "currency")
            minor = doing.read(
                "amount", lambda text: typed.amount_minor(text, currency), panel
            )
            paid = manual.record_sale(
                shift,
                amount_minor=minor,
                currency=currency,
                method=panel.values["method"],
                what=what,
                actor=user.actor(),
                key=key,
            )
        return _("Taken: %(amount)s (%(method)s).") % {
            "amount": formats.money(paid.amount_minor, paid.currency),
            "method": method_title(paid.method),
        }

    return _do(request, shift, TAKE, panel, act)


def _for_link(shift: Shift, panel: Panel, user: User, what: str, key: str) -> Payment:
    """All that is open of it where no amount was typed."""
    if not shift.is_open or shift.opened_by_id != user.pk:
        raise LinkConflict(_("This shift is closed, or a colleague's. Open your own."))
    number = panel.values["link"].strip().upper()
    link = PaymentLink.objects.visible_to(user).filter(number=number).first()
    if link is None:
        raise LinkError(_("There is no link with this number."), "link")
    minor = link.balance.amount_minor
    if panel.values["amount"].strip():
        minor = doing.read(
            "amount", lambda text: typed.amount_minor(text, link.currency), panel
        )
    elif minor <= 0:
        raise LinkError(_("Nothing is open on this link. Write the amount."), "amount")
    return manual.record_payment(
        link,
        amount_minor=minor,
        method=panel.values["method"],
        actor=user.actor(),
        note=what,
        key=key,
        is_more_meant=bool(panel.values["more"]),
    )


@require_POST
@needs(Right.PAYMENTS_WRITE)
def move_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Cash put in or taken out; the same `key` moves it once."""
    shift, user = shift_or_404(pk), who(request)
    names = ("kind", "amount", "currency", "reason", "key")
    panel = Panel({name: request.POST.get(name, "") for name in names})

    def act() -> str:
        currency, key = panel.values["currency"], panel.values["key"]
        if currency not in EXPONENTS:
            raise LinkError(_("Choose the currency."), "currency")
        if not _MOVE_KEY.match(key):
            raise LinkError(_("This form is too old. Please try once more."))
        made = till.move(
            shift,
            kind=panel.values["kind"],
            amount_minor=doing.read(
                "amount", lambda text: typed.amount_minor(text, currency), panel
            ),
            currency=currency,
            reason=doing.read("reason", typed.line, panel),
            user=user,
            key=key,
        )
        amount = formats.money(made.amount_minor, made.currency)
        if made.kind == MoveKind.IN:
            return _("%s put in.") % amount
        return _("%s taken out.") % amount

    return _do(request, shift, MOVE, panel, act)


def _do(
    request: HttpRequest,
    shift: Shift,
    name: str,
    panel: Panel,
    act: Callable[[], str],
) -> HttpResponse:
    """Do it and show the shift; a refusal keeps what was typed, beside its field."""
    try:
        messages.success(request, act())
    except LinkConflict as exc:
        panel.errors["form"], status = exc.message, 409
    except LinkError as exc:
        known = exc.field in panel.values
        panel.errors[exc.field if known else "form"], status = exc.message, 422
    else:
        return redirect("admin:links_shift_change", shift.pk)
    fresh = shift_or_404(shift.pk)
    if not fresh.is_open:  # its page has no form any more
        messages.error(request, " ".join(panel.errors.values()))
        typed_in = (panel.values.get(name, "") for name in _SAID)
        said = " · ".join(filter(None, typed_in))
        messages.error(request, _("Nothing was booked of: %s") % said)
        return redirect("admin:links_shift_change", shift.pk)
    panel.is_open = True
    return show(request, fresh, {name: panel}, status=status)
