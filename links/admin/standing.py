"""How a link stands and what happened to it: what changes by itself on its page."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from merchant_portal.lib import clock
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from ..models import (
    DueState,
    LinkStatus,
    Payment,
    PaymentLink,
    PaymentState,
    Refund,
    ReminderDue,
)
from ..providers.manual import METHODS
from ..services import (
    pages,
    pauses,
    planned,
    receipts,
    reminders,
    timeline,
    totals,
)
from ..services.reminder_rules import PAUSED
from . import formats, history, outgoing
from .labels import LINK_COLORS, PAYMENT_COLORS, payment_flags, reminder_reason

TIMELINE_LENGTH = 100
# the newest; the page says so when there is more


def context(link: PaymentLink, user: User) -> dict[str, Any]:
    """How it stands and what happened; `digest` changes when any of it does."""
    zone = formats.business_zone()
    now = clock.now()
    entries = timeline.entries(link, limit=TIMELINE_LENGTH)
    payments = list(
        link.payments.select_related("account", "recorded_by")
        .prefetch_related(receipts.WITH_CREDIT_NOTES)
        .order_by("-occurred_at")
    )
    dues = list(link.reminders_due.select_related("step").order_by("due_at"))
    waiting = planned.waiting(link)
    rest = pauses.rests([link.public_id]).get(link.public_id)
    is_resting = rest is not None and rest.until > now
    seen = [
        is_resting,
        link.status,
        link.version,
        link.amount_paid_minor,
        *(entry.id for entry in entries),
        *(
            (p.pk, p.state, p.surplus_minor, p.refunded_minor, p.reviewed_at)
            for p in payments
        ),
        *((due.pk, due.state, due.due_at) for due in dues),
        *((row.pk, row.due_at) for row in waiting),
    ]
    leaving = outgoing.rows(link, waiting, now)
    return {
        "link": link,
        "outgoing": leaving,
        "refresh_after": outgoing.refresh_after(leaving),
        "zone": zone,
        "digest": hashlib.sha256(repr(seen).encode()).hexdigest()[:16],
        "state": _state(link, now, payments),
        "history": history.lines(timeline.for_reader(entries, user), zone),
        "payments": [_payment_row(payment, link, zone) for payment in payments],
        "next_reminder": _next_reminder(dues, zone),
        "is_resting": is_resting,
        "is_paused": is_resting and rest is not None and rest.reason == PAUSED,
        "plan_name": str(reminders.plan_of(link)) if link.has_reminders else "",
        "left_out": _left_out(dues, zone),
        "may_resolve": user.may(Right.PAYMENTS_RESOLVE),
        "may_write": user.may(Right.LINKS_WRITE),
        "may_refund": user.may(Right.REFUNDS_PROPOSE),
    }


def _state(
    link: PaymentLink, now: datetime, payments: Sequence[Payment]
) -> dict[str, Any]:
    status, label = str(link.status), str(link.get_status_display())
    if status == LinkStatus.ACTIVE and link.is_past_expiry(now):
        status, label = LinkStatus.EXPIRED, str(LinkStatus.EXPIRED.label)
    is_overdue = (
        status == LinkStatus.ACTIVE
        and link.due_on is not None
        and link.due_on < totals.business_day(now)
    )
    amount = max(link.amount_minor, 1)
    uses = ngettext("paid once", "paid %(count)d times", link.uses) % {
        "count": link.uses
    }
    return {
        "status": status,
        "label": label,
        "color": LINK_COLORS[status],
        "is_overdue": is_overdue,
        "is_processing": any(p.state == PaymentState.PROCESSING for p in payments),
        "amount": formats.money(link.amount_minor, link.currency)
        if link.amount_minor
        else _("Any amount"),
        "uses": uses if link.is_reusable else "",
        "limit": link.use_limit,
        "paid": formats.money(link.amount_paid_minor, link.currency),
        "balance": formats.money(link.balance.amount_minor, link.currency),
        "has_balance": 0 < link.balance.amount_minor < link.amount_minor,
        "percent": min(100 * link.amount_paid_minor // amount, 100),
    }


def _papers_of(payment: Payment, link: PaymentLink) -> dict[str, Any]:
    """Where the customer has them, too."""
    if payment.state != PaymentState.SUCCEEDED:
        return {}
    token = pages.token_of(link)
    noted: list[Refund] = payment.noted  # type: ignore[attr-defined]
    return {
        "receipt": reverse("pay_receipt", args=[token, payment.public_id]),
        "credit_notes": [
            (reverse("pay_credit_note", args=[token, refund.public_id]), refund.number)
            for refund in noted
        ],
    }


def _payment_row(payment: Payment, link: PaymentLink, zone: ZoneInfo) -> dict[str, Any]:
    return {
        **_papers_of(payment, link),
        "payment": payment,
        "amount": formats.money(payment.amount_minor, payment.currency),
        "surplus": formats.money(payment.surplus_minor, payment.currency)
        if payment.surplus_minor
        else "",
        "tip": formats.money(payment.tip_minor, payment.currency)
        if payment.tip_minor
        else "",
        "refunded": formats.money(payment.refunded_minor, payment.currency)
        if payment.refunded_minor
        else "",
        "at": formats.moment(payment.occurred_at, zone),
        "color": PAYMENT_COLORS[payment.state],
        "method": METHODS.get(payment.method, payment.method),
        "flags": list(payment_flags(payment)),
    }


def _next_reminder(dues: Sequence[ReminderDue], zone: ZoneInfo) -> str:
    planned = [due for due in dues if due.state == DueState.PLANNED]
    return formats.moment(planned[0].due_at, zone) if planned else ""


def _left_out(dues: Sequence[ReminderDue], zone: ZoneInfo) -> list[dict[str, str]]:
    return [
        {
            "at": formats.moment(due.due_at, zone),
            "reason": reminder_reason(due.reason),
        }
        for due in dues
        if due.state == DueState.DROPPED
    ]
