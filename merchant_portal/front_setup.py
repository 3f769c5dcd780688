"""Setting up: what a shop needs before its first money, and whether it really works."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from links.admin import formats
from links.admin.entry import needs, who
from links.admin.preview import SAMPLE_TOKEN
from links.services import lifeline
from links.services.lifeline import Lifeline, Trouble
from merchant_portal.audit import services as audit
from merchant_portal.business import services as business_services
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right
from notifications import kinds
from notifications.channels.registry import get_channel
from notifications.models import ChannelName, Message, MessageState
from notifications.services import outbox, rendering, testing

INVITATION = "invitation"


@dataclass(frozen=True, slots=True)
class Step:
    """`text`: what is known of it. `can_test`: a test mail may be asked for."""

    title: str
    text: str
    url: str
    is_done: bool
    can_test: bool = False


def steps(
    user: User, business: Business, zone: ZoneInfo, *, has_links: bool
) -> list[Step]:
    """Nothing for who may not set up, for a sample shop, and once all is done or put
    away; three queries at most."""
    may_see = user.may(Right.BUSINESS_WRITE) and not business.is_sample
    if not may_see or business.setup_closed_at is not None:
        return []
    found = [
        _profile(business),
        _logo(business),
        _provider(lifeline.lifelines(), zone),
        _sender(user, zone),
        _first_link(has_links),
    ]
    return [] if all(step.is_done for step in found) else found


def _profile(business: Business) -> Step:
    is_named = business.name != Business._meta.get_field("name").default
    is_done = is_named and bool(business.address)
    return Step(
        _("Say who you are"),
        business.name
        if is_done
        else _("Name, address, currency and language of your business."),
        reverse("admin:business_business_changelist"),
        is_done,
    )


def _logo(business: Business) -> Step:
    is_done = bool(business.logo_sha256)
    text = _("It stands on the pay page, in mails and on papers.")
    url = reverse("admin:business_business_changelist")
    return Step(
        _("Add your logo"), _("It is there.") if is_done else text, url, is_done
    )


def _provider(lines: list[Lifeline], zone: ZoneInfo) -> Step:
    """Done when one answers to its keys and its webhook was heard."""
    title = _("Connect a provider")
    url = reverse("admin:links_provideraccount_changelist")
    if not lines:
        text = _("Stripe, PayPal or Square. Until then payments are rehearsed.")
        return Step(title, text, url, is_done=False)
    best = max(lines, key=lambda line: (_answers(line), line.last_heard is not None))
    said = [best.title, *_about(best, zone)]
    is_done = _answers(best) and best.last_heard is not None
    return Step(title, " · ".join(said), url, is_done)


def _answers(line: Lifeline) -> bool:
    is_refused = line.trouble in (
        Trouble.UNREADABLE,
        Trouble.HELD,
        Trouble.REFUSED,
        Trouble.SILENT,
    )
    return line.last_swept is not None and not is_refused


def _about(line: Lifeline, zone: ZoneInfo) -> list[str]:
    if line.problem:
        keys = _("the keys do not work: %s") % line.problem
    elif _answers(line) and line.last_swept is not None:
        keys = _("the keys work, asked on %s") % _at(line.last_swept, zone)
    else:
        keys = _("it has not answered yet")
    heard = (
        _("webhook heard on %s") % _at(line.last_heard, zone)
        if line.last_heard is not None
        else _("no webhook heard yet")
    )
    return [keys, heard]


def _sender(user: User, zone: ZoneInfo) -> Step:
    """Done when a mail server took a test, or said that it arrived."""
    title = _("Send yourself a test mail")
    url = reverse("admin:notifications_message_changelist")
    if get_channel(ChannelName.EMAIL).is_captured():
        text = _("Mails are kept here and not sent: EMAIL_URL is not set.")
        return Step(title, text, url, is_done=False, can_test=True)
    test = (
        Message.objects.filter(reference=user.public_id, kind=testing.KIND)
        .order_by("-pk")
        .first()
    )
    if test is None:
        text = _("To %s, the way customers get theirs.") % user.email
        return Step(title, text, url, is_done=False, can_test=True)
    url = reverse("admin:notifications_message_change", args=[test.pk])
    is_done = test.state in (MessageState.SENT, MessageState.DELIVERED)
    return Step(title, _said(test, zone), url, is_done, can_test=not is_done)


def _said(test: Message, zone: ZoneInfo) -> str:
    if test.state == MessageState.DELIVERED:
        return _("It arrived at %s.") % test.recipient
    if test.state == MessageState.SENT and test.sent_at is not None:
        return _("The mail server took it on %s. Look into your mailbox.") % _at(
            test.sent_at, zone
        )
    if test.state in (MessageState.QUEUED, MessageState.SENDING):
        return _("It is on its way.")
    return f"{test.get_state_display()}. {test.last_error}".strip()


def _first_link(has_links: bool) -> Step:
    return Step(
        _("Make a payment link"),
        _("There is one.")
        if has_links
        else _("For one customer and one amount; a minute's work."),
        reverse("admin:links_paymentlink_add"),
        has_links,
    )


def _at(moment: datetime, zone: ZoneInfo) -> str:
    return formats.moment(moment, zone)


@require_POST
@needs(Right.BUSINESS_WRITE)
def test_view(request: HttpRequest) -> HttpResponse:
    """The invitation of a made-up customer, to whoever asks."""
    user = who(request)
    language = business_services.kept().language
    kind = kinds.get(INVITATION)
    values = {**rendering.common_values(), **kind.sample(language)}
    url = f"{settings.PUBLIC_URL}/p/{SAMPLE_TOKEN}/"
    rendered = outbox.preview(INVITATION, ChannelName.EMAIL, language, values, url)
    testing.send(rendered, language=language, kind=INVITATION, user=user)
    messages.success(
        request, _("A test is on its way to %(email)s.") % {"email": user.email}
    )
    return redirect("admin:index")


@require_POST
@needs(Right.BUSINESS_WRITE)
def close_view(request: HttpRequest) -> HttpResponse:
    """Put the list away, for all owners; what it leads to stays where it is."""
    with transaction.atomic():
        Business.objects.current()
        closed = Business.objects.filter(setup_closed_at=None).update(
            setup_closed_at=clock.now()
        )
        if closed:
            audit.record(who(request).actor().id, "business.setup_closed", "business")
    business_services.forget()
    return redirect("admin:index")
