"""The create screen: one form, one page, from nothing to a link that was sent."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.lib.money import EXPONENTS, MoneyError, parse_currency
from merchant_portal.staff import look_alikes
from merchant_portal.staff.roles import Right

from ..models import LinkStatus, PaymentLink
from ..services import later
from ..services.errors import LinkConflict, LinkError
from . import creating, formats, outlook, picking, preview, screen, sends
from .entry import changeable_or_403, link_or_404, needs, who
from .link_form import LinkForm, Wanted

MAX_DIGITS = 20
SEND, LINK, DRAFT, PREVIEW = "send", "link", "draft", "preview"


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.LINKS_WRITE)
def add_view(request: HttpRequest) -> HttpResponse:
    """`?customer=cus_…` starts with that customer picked, `?again=<id>` with what that
    link says, `?like=<id>` with the same, to be paid by many."""
    business = Business.objects.current()
    if request.method == "POST":
        return _answer(request, LinkForm.posted(request.POST, business))
    for name, fill in (("again", LinkForm.again), ("like", LinkForm.for_many)):
        if key := request.GET.get(name, ""):
            return screen.show(request, fill(_named(request, key), business))
    picked = picking.picked_by(who(request), request.GET.get("customer", ""))
    return screen.show(request, LinkForm.blank(business, picked))


def _named(request: HttpRequest, key: str) -> PaymentLink:
    if not (key.isascii() and key.isdecimal() and len(key) < MAX_DIGITS):
        raise Http404
    return link_or_404(request, int(key))


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.LINKS_WRITE)
def correct_view(request: HttpRequest, pk: int) -> HttpResponse:
    """The same screen, filled with a link whose amounts were wrong."""
    link = changeable_or_403(request, pk)
    business = Business.objects.current()
    if request.method == "POST":
        return _answer(request, LinkForm.posted(request.POST, business), link)
    return screen.show(request, LinkForm.of_link(link, business), instead_of=link)


def _answer(
    request: HttpRequest, form: LinkForm, instead_of: PaymentLink | None = None
) -> HttpResponse:
    action = request.POST.get("action", PREVIEW)
    wanted = form.check(who(request))
    if wanted is not None and action == SEND and instead_of is None:
        _check_channels(form, wanted)
        _check_moment(form, wanted)
    if wanted is None or form.errors:
        return screen.show(request, form, instead_of=instead_of)
    if action not in (SEND, LINK, DRAFT):
        shown = preview.of_form(form, wanted)
        return screen.show(request, form, instead_of=instead_of, preview=shown)
    try:
        return _make(request, wanted, action, instead_of)
    except LinkConflict as exc:
        form.errors["form"] = exc.message
    except LinkError as exc:
        form.place(exc)
    return screen.show(request, form, instead_of=instead_of)


def _check_channels(form: LinkForm, wanted: Wanted) -> None:
    known = preview.addresses(wanted)
    if not wanted.channels:
        form.errors["channels"] = _(
            "Choose how to send it, or make only the link and copy it."
        )
    elif missing := [name for name in wanted.channels if name not in known]:
        form.errors["channels"] = (
            _("There is no e-mail address to send it to.")
            if "email" in missing
            else _("There is no phone number to send it to.")
        )


def _check_moment(form: LinkForm, wanted: Wanted) -> None:
    if wanted.send_at is None:
        return
    try:
        later.check_moment(wanted.send_at, clock.now(), wanted.expires_at)
    except LinkError as exc:
        form.errors["send_at"] = exc.message


def _make(
    request: HttpRequest, wanted: Wanted, action: str, instead_of: PaymentLink | None
) -> HttpResponse:
    user = who(request)
    made = creating.make(
        wanted, draft=action == DRAFT, user=user, instead_of=instead_of
    )
    link = made.link
    said = ""
    if wanted.new_customer is not None and made.is_new:
        look_alikes.warn(request, wanted.new_customer.name)
    if action == SEND and instead_of is None and link.status != LinkStatus.PAID:
        said = sends.go(
            request,
            link,
            wanted.channels,
            at=wanted.send_at,
            key=wanted.creation_key,
        )
    if not made.is_new:
        messages.info(request, _("This form had made its link already. Here it is."))
    elif instead_of is not None:
        messages.success(request, _("Corrected. This link replaces the old one."))
    elif said:
        messages.success(request, said)
    elif action == DRAFT:
        messages.success(request, _("Saved as a draft. Nobody can see it yet."))
    else:
        messages.success(request, _("The link is ready. Copy it below."))
    return redirect("admin:links_paymentlink_change", link.pk)


@require_POST
@needs(Right.LINKS_WRITE)
def totals_view(request: HttpRequest) -> JsonResponse:
    """What the lines come to, by the same sums as the link itself; stores nothing."""
    form = LinkForm.posted(request.POST, Business.objects.current())
    try:
        currency = parse_currency(form.values["currency"])
    except MoneyError as exc:
        return JsonResponse({"errors": {"currency": str(exc)}, "lines": []})
    form.check_lines(currency)
    return JsonResponse(
        {
            "lines": [{"total": row.total, "errors": row.errors} for row in form.lines],
            "errors": {},
            "net": form.net,
            "tax": form.tax,
            "total": form.total,
            "providers": outlook.rows(form.amount),
            "zero": formats.money(0, currency),
            "decimals": EXPONENTS[currency],
        }
    )
