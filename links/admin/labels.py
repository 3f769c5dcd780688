"""Colours and plain words for the states that staff see; one place for all pages."""

from collections.abc import Iterator

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import (
    ComparisonState,
    DisputeState,
    EventState,
    LinkStatus,
    Mismatch,
    Payment,
    PaymentState,
    PayoutState,
    ShiftState,
)
from ..models.refunds import RefundState

LINK_COLORS: dict[str, str] = {
    LinkStatus.DRAFT: "",
    LinkStatus.ACTIVE: "info",
    LinkStatus.PAID: "success",
    LinkStatus.EXPIRED: "warning",
    LinkStatus.CANCELED: "danger",
    LinkStatus.EXHAUSTED: "success",
}
PAYMENT_COLORS: dict[str, str] = {
    PaymentState.PROCESSING: "info",
    PaymentState.FAILED: "danger",
    PaymentState.SUCCEEDED: "success",
}
REFUND_COLORS: dict[str, str] = {
    RefundState.PROPOSED: "warning",
    RefundState.DECLINED: "",
    RefundState.APPROVED: "info",
    RefundState.SENDING: "info",
    RefundState.UNKNOWN: "danger",
    RefundState.PENDING: "info",
    RefundState.SUCCEEDED: "success",
    RefundState.FAILED: "danger",
}
DISPUTE_COLORS: dict[str, str] = {
    DisputeState.NEEDS_RESPONSE: "danger",
    DisputeState.UNDER_REVIEW: "info",
    DisputeState.WON: "success",
    DisputeState.LOST: "danger",
}
PAYOUT_COLORS: dict[str, str] = {
    PayoutState.PENDING: "info",
    PayoutState.IN_TRANSIT: "info",
    PayoutState.PAID: "success",
    PayoutState.CANCELED: "",
    PayoutState.FAILED: "danger",
}
COMPARISON_COLORS: dict[str, str] = {
    ComparisonState.WAITING: "",
    ComparisonState.RUNNING: "info",
    ComparisonState.DONE: "success",
    ComparisonState.FAILED: "danger",
}
EVENT_COLORS: dict[str, str] = {
    EventState.RECEIVED: "info",
    EventState.DONE: "success",
    EventState.IGNORED: "",
    EventState.ORPHAN: "warning",
    EventState.DEAD: "danger",
}
SHIFT_COLORS: dict[str, str] = {ShiftState.OPEN: "info", ShiftState.CLOSED: "success"}
OVERDUE = "overdue"
REMINDER_REASONS: dict[str, Promise] = {
    "no reminders wanted": gettext_lazy("reminders are switched off for this link"),
    "paid": gettext_lazy("it was paid"),
    "link paid": gettext_lazy("it was paid"),
    "link canceled": gettext_lazy("the link was canceled"),
    "link expired": gettext_lazy("the link had expired"),
    "link draft": gettext_lazy("the link is a draft"),
    "a payment is on its way": gettext_lazy("a payment was on its way"),
    "sent by hand within 24 hours": gettext_lazy(
        "somebody had sent the link in the 24 hours before"
    ),
    "reminded within 12 hours": gettext_lazy(
        "another reminder had gone out in the 12 hours before"
    ),
    "promised to pay later": gettext_lazy("the customer named a later day"),
    "a later step came due": gettext_lazy("a later reminder came due as well"),
    "named in a reminder for all": gettext_lazy(
        "it was named in a reminder for all that the customer owes"
    ),
    "no address": gettext_lazy("the customer could not be reached"),
    "not wanted by the customer": gettext_lazy("the customer wants no reminders"),
}


def reminder_reason(reason: str) -> str:
    """Why a reminder was left out, as a person would say it."""
    return str(REMINDER_REASONS.get(reason, reason))


def payment_flags(payment: Payment) -> Iterator[tuple[str, str]]:
    """What is odd about a payment: short label and what to do about it."""
    if payment.link_id is None and not payment.is_sale:
        yield (
            _("no link"),
            _("This money names none of your links. Find out whom it came from."),
        )
    if payment.surplus_minor:
        yield (
            _("surplus"),
            _("More came than the link asked for. Refund the difference or keep it."),
        )
    if payment.is_late:
        yield (
            _("late"),
            _("It came when the link was closed already. Deliver, or refund it."),
        )
    if payment.mismatch == Mismatch.AMOUNT:
        yield (
            _("other amount"),
            _("The provider reports another amount than was asked."),
        )
    if payment.mismatch == Mismatch.CURRENCY:
        yield (
            _("other currency"),
            _("It was paid in another currency than was asked; it counts for nothing."),
        )
