"""What a customer can tell the shop from the page of a link, without login or script.

Looking at the form changes nothing. A program that fills in everything is thanked and
not heard: the one field that people cannot see gives it away.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from babel.dates import format_date
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from merchant_portal.business import services as business_services
from merchant_portal.business.models import Business
from merchant_portal.lib.languages import locale_of

from ..models import PayerReply, ReplyKind
from ..services import pages, replies
from ..services.errors import LinkError
from ..services.pages import Page
from . import presenting, responses
from .responses import public

K = ReplyKind
TRAP = "website"
SENT = "sent"
MOST_BYTES = replies.MAX_PROOF_BYTES + 100_000
# of a whole form; a larger one is not even read
CHUNK, MOST_READ_AWAY = 65_536, 30_000_000
SHOWN = 5
# answers of the past, newest first


@dataclass(frozen=True, slots=True)
class Option:
    """One thing to tell; `value` as it is posted."""

    value: str
    label: str
    is_picked: bool


@csrf_exempt  # takes no authority from a cookie: whoever has the address may write
@public
def reply(request: HttpRequest, token: str) -> HttpResponse:
    """The form and what was written before; 303 once it is kept, 422 with what was
    typed where something is missing, 413 for too much, 429 for too often."""
    page = pages.find_by_token(token)
    if page is None or page.link.is_reusable:
        return responses.not_found(request)
    if request.method in ("GET", "HEAD"):
        return _form(request, page, is_sent=SENT in request.GET)
    if request.method != "POST":
        return responses.secured(HttpResponseNotAllowed(["GET", "HEAD", "POST"]))
    if _length(request) > MOST_BYTES:
        _read_away(request)
        too_large = LinkError("", "proof")
        return _form(request, page, refused=too_large, status=413)
    if not responses.is_person(request):
        return responses.redirect(_address(page))
    if TRAP not in request.POST:
        # Browsers send the field that people cannot see as well, empty.
        with translation.override(_language(request, page)):
            again = _("Please look at it once more and send it again.")
        unseen = LinkError(again, "form")
        return _form(request, page, refused=unseen, status=422)
    if not request.POST.get(TRAP):
        try:
            with translation.override(_language(request, page)):
                replies.give(page.link, _said(request), is_payable=page.is_payable)
        except replies.TooManyReplies as exc:
            return _form(request, page, refused=exc, status=429)
        except LinkError as exc:
            return _form(request, page, refused=exc, status=422)
    return responses.redirect(f"{_address(page)}?{SENT}")


def _address(page: Page) -> str:
    return reverse("pay_reply", args=[pages.token_of(page.link)])


def _language(request: HttpRequest, page: Page) -> str:
    return presenting.language_for(request, page, business_services.kept())


def _said(request: HttpRequest) -> replies.Said:
    upload = request.FILES.get("proof")
    return replies.Said(
        kind=request.POST.get("kind", ""),
        text=request.POST.get("text", ""),
        promised_on=_day(request.POST.get("promised_on", "")),
        proof=upload.read(replies.MAX_PROOF_BYTES + 1) if upload else b"",
    )


def _day(typed: str) -> date | None:
    """As browsers send it; where they have no calendar people may type anything."""
    if not typed.strip():
        return None
    try:
        return date.fromisoformat(typed.strip()[:10])
    except ValueError as exc:
        raise LinkError(
            _("Please write the day like %s.") % "2030-01-31", "promised_on"
        ) from exc


def _length(request: HttpRequest) -> int:
    given = request.META.get("CONTENT_LENGTH") or "0"
    return int(given) if given.isdecimal() else 0


def _read_away(request: HttpRequest) -> None:
    """Browsers show our answer only once they could send all of theirs."""
    left = MOST_READ_AWAY
    while left > 0 and (chunk := request.read(CHUNK)):
        left -= len(chunk)


def _form(
    request: HttpRequest,
    page: Page,
    *,
    is_sent: bool = False,
    refused: LinkError | None = None,
    status: int = 200,
) -> HttpResponse:
    business = business_services.kept()
    language = _language(request, page)
    token = pages.token_of(page.link)
    first, last = replies.promise_days(page.link, page.read_at, business)
    typed = request.POST if refused and status != 413 else {}
    with translation.override(language):
        context = {
            "link": page.link,
            "address": reverse("pay_link", args=[token]),
            "here": reverse("pay_reply", args=[token]),
            "is_sent": is_sent,
            "options": _options(page, typed.get("kind", "")),
            "typed": {name: typed.get(name, "") for name in ("text", "promised_on")},
            "error": _problem(refused, status),
            "field": refused.field if refused else "",
            "first_day": first.isoformat(),
            "last_day": last.isoformat(),
            "written": _written(page, business, language),
        }
    return responses.page(
        "pay/reply.html", context, language=language, business=business, status=status
    )


def _problem(refused: LinkError | None, status: int) -> str:
    if refused is None:
        return ""
    if status == 413:
        return _(
            "This file is too large. Please take a smaller one, or leave it out, and"
            " write once more."
        )
    return refused.message


def _labels() -> dict[str, str]:
    return {
        K.PROMISE: _("I will pay on a certain day"),
        K.PAID: _("I have paid already"),
        K.PARTS: _("Can I pay in parts?"),
        K.AMOUNT: _("The amount is wrong"),
        K.NOT_ME: _("This is not for me"),
        K.QUESTION: _("I have a question"),
    }


def _options(page: Page, picked: str) -> list[Option]:
    offered = replies.kinds_for(page.link, is_payable=page.is_payable)
    labels = _labels()
    return [
        Option(kind, labels[kind], kind == picked or len(offered) == 1)
        for kind in offered
    ]


def _written(page: Page, business: Business, language: str) -> list[dict[str, Any]]:
    """What was told before and what the shop answered; one query."""
    labels = _labels()
    found: list[PayerReply] = list(page.link.replies.order_by("-id")[:SHOWN])
    return [
        {
            "label": labels[row.kind],
            "day": _written_day(presenting.local_date(row.at, business), language),
            "promised": _written_day(row.promised_on, language),
            "text": row.text,
            "answer": row.answer,
        }
        for row in found
    ]


def _written_day(day: date | None, language: str) -> str:
    return format_date(day, "long", locale=locale_of(language)) if day else ""
