"""What the customer would get, made by the very function that makes the real thing."""

from dataclasses import dataclass, replace

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_POST

from customers.models import ContactKind, Customer
from customers.services.customers import language_of
from merchant_portal.business.models import Business
from merchant_portal.lib import clock, masks
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right
from notifications.models import ChannelName
from notifications.services import outbox, sms_bill, whatsapp
from notifications.services.rendering import Rendered

from ..models import NumberSeries, PaymentLink
from ..services import accounts, message_values, pages, recipients, totals
from . import picking, ways
from .entry import frame, link_or_404, needs, who
from .link_form import LinkForm, Wanted

MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:;"
    " form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox"
)
# Mails carry inline styles. Nothing else may run or load, and only we may frame it.
SAMPLE_TOKEN = "Example" * 3 + "0"
# as long as a real one, so that the count of SMS parts is the real one
EMAIL, SMS, WHATSAPP = ChannelName.EMAIL, ChannelName.SMS, ChannelName.WHATSAPP


@dataclass(frozen=True, slots=True)
class Preview:
    """A message on each channel; `…_to` are empty when there is no address."""

    email: Rendered
    sms: Rendered
    bill: sms_bill.Bill
    whatsapp: whatsapp.Preview
    email_to: str
    sms_to: str
    whatsapp_to: str
    url: str
    ways: str


def addresses(wanted: Wanted) -> dict[str, str]:
    """channel → address of the customer picked or about to be added."""
    if wanted.new_customer is not None:
        new = wanted.new_customer
        points: dict[str, str] = {
            ContactKind.EMAIL: new.email,
            ContactKind.PHONE: new.phone,
        }
    elif wanted.customer is not None:
        points = picking.addresses_of([wanted.customer])[wanted.customer.pk]
    else:
        points = {}
    return ways.by_channel(points)


def of_form(form: LinkForm, wanted: Wanted, kind: str = "invitation") -> Preview:
    """Of a link that does not exist yet; its number is the next, its address a sample."""
    customer = wanted.customer
    if wanted.new_customer is not None:
        customer = Customer(
            name=wanted.new_customer.name, language=wanted.new_customer.language
        )
    link = PaymentLink(
        customer=customer,
        currency=wanted.currency,
        net_minor=wanted.totals.net_minor,
        tax_minor=wanted.totals.tax_minor,
        amount_minor=wanted.totals.amount_minor,
        number=_next_number(),
        due_on=wanted.due_on,
        expires_at=wanted.expires_at,
        note=wanted.note,
        amount_kind=wanted.terms.kind,
        deposit_minor=wanted.terms.deposit_minor,
        is_reusable=wanted.terms.is_reusable,
        allowed_providers=list(wanted.providers),
    )
    url = f"{settings.PUBLIC_URL}/p/{SAMPLE_TOKEN}/"
    description = wanted.lines[0].description
    return _preview(link, description, kind, addresses(wanted), url)


def of_link(link: PaymentLink) -> Preview:
    """Of a link as it would be sent now."""
    first = link.lines.first()
    return _preview(
        link,
        first.description if first else "",
        "invitation",
        recipients.addresses(link),
        pages.url_of(link),
    )


def _preview(
    link: PaymentLink, description: str, kind: str, known: dict[str, str], url: str
) -> Preview:
    language = language_of(link.customer)
    values = message_values.values_of(link, description, language)
    email = outbox.preview(kind, EMAIL, language, values, url)
    sms = outbox.preview(kind, SMS, language, values, url)
    return Preview(
        email=email,
        sms=sms,
        bill=sms_bill.of(sms.text),
        whatsapp=whatsapp.preview(kind, language, known.get(WHATSAPP, ""), values, url),
        email_to=known.get(EMAIL, ""),
        sms_to=known.get(SMS, ""),
        whatsapp_to=known.get(WHATSAPP, ""),
        url=url,
        ways=", ".join(one.title for one in accounts.offered(link, clock.now())),
    )


@dataclass(frozen=True, slots=True)
class Outlook:
    """What whoever ticks a box should know first; `problem`: why WhatsApp would fail."""

    bill: sms_bill.Bill | None = None
    problem: str = ""


def outlook_of(link: PaymentLink, description: str, known: dict[str, str]) -> Outlook:
    """Of a link as it would be sent now; nothing where no phone is known."""
    if SMS not in known:
        return Outlook()
    language = language_of(link.customer)
    values = message_values.values_of(link, description, language)
    url = f"{settings.PUBLIC_URL}/p/{SAMPLE_TOKEN}/"
    sms = outbox.preview("invitation", SMS, language, values, url)
    problem = whatsapp.problem("invitation", language, known[WHATSAPP])
    return Outlook(sms_bill.of(sms.text), problem)


def _next_number() -> str:
    """The number it will get if no colleague is faster; takes none."""
    year = totals.business_day(clock.now()).year
    series = NumberSeries.objects.filter(name="PL", year=year).first()
    return f"PL-{year}-{(series.last if series else 0) + 1:06d}"


def _kind_of(request: HttpRequest) -> str:
    return "correction" if request.POST.get("corrects") else "invitation"


def _posted(request: HttpRequest) -> tuple[LinkForm, Preview | None]:
    form = LinkForm.posted(request.POST, Business.objects.current())
    wanted = form.check(who(request))
    shown = None if wanted is None else of_form(form, wanted, _kind_of(request))
    return form, shown


@require_POST
@needs(Right.LINKS_WRITE)
def form_view(request: HttpRequest) -> HttpResponse:
    """The preview of a form as a piece of page; 422 with what is wrong in it."""
    form, shown = _posted(request)
    return render(
        request,
        "admin/links/paymentlink/preview.html",
        {"form": form, "preview": shown, "live": True},
        status=422 if shown is None else 200,
    )


@require_POST
@needs(Right.LINKS_WRITE)
@xframe_options_sameorigin
def form_mail_view(request: HttpRequest) -> HttpResponse:
    """The e-mail of a form, exactly, for the sandboxed frame."""
    _form, shown = _posted(request)
    if shown is None:
        return HttpResponseBadRequest(_("There is nothing to show yet."))
    return _mail(shown)


@require_GET
@needs(Right.LINKS_READ)
def link_view(request: HttpRequest, pk: int) -> HttpResponse:
    """A page with what a link's customer would get now."""
    link = link_or_404(request, pk)
    context = {
        "link": link,
        "preview": _for_reader(of_link(link), who(request)),
        "mail_url": reverse("admin:links_paymentlink_mail", args=[link.pk]),
    }
    return render(
        request,
        "admin/links/paymentlink/preview_page.html",
        frame(request, _("Preview"), **context),
    )


def _for_reader(shown: Preview, user: User) -> Preview:
    if user.may(Right.CUSTOMERS_CONTACT):
        return shown
    return replace(
        shown,
        email_to=masks.address(shown.email_to),
        sms_to=masks.address(shown.sms_to),
        whatsapp_to=masks.address(shown.whatsapp_to),
    )


@require_GET
@needs(Right.LINKS_READ)
@xframe_options_sameorigin
def link_mail_view(request: HttpRequest, pk: int) -> HttpResponse:
    """The e-mail of a link, exactly, for the sandboxed frame."""
    return _mail(of_link(link_or_404(request, pk)))


def _mail(shown: Preview) -> HttpResponse:
    response = HttpResponse(shown.email.html)
    response["Content-Security-Policy"] = MAIL_POLICY
    response["Cache-Control"] = "no-store"
    return response
