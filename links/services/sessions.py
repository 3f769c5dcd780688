"""Closing what is open at providers; ordered under the link's lock, done by a task."""

from collections.abc import Collection
from datetime import datetime

from merchant_portal.lib import queue

from ..models import Checkout, CheckoutState, PaymentLink, PaymentState

LIVE = (
    CheckoutState.CREATING,
    CheckoutState.OPEN,
    CheckoutState.CAPTURING,
    CheckoutState.UNKNOWN,
)


def has_money_under_way(link: PaymentLink) -> bool:
    """Whether a payment of it is with the bank still."""
    return link.payments.filter(state=PaymentState.PROCESSING).exists()


def order_close(link: PaymentLink, now: datetime) -> None:
    """Order every live session of a locked link closed at its provider."""
    live = link.checkouts.filter(state__in=LIVE, close_ordered_at=None)
    for checkout in live.select_for_update(of=("self",)):
        order_close_one(checkout, now)


def order_close_others(
    link: PaymentLink, allowed: Collection[str], now: datetime
) -> None:
    """Order those of a locked link closed that are at no provider of `allowed`; empty
    means every provider."""
    if not allowed:
        return
    live = link.checkouts.filter(state__in=LIVE, close_ordered_at=None)
    others = live.exclude(account__slug__in=list(allowed))
    for checkout in others.select_for_update(of=("self",)):
        order_close_one(checkout, now)


def order_close_one(checkout: Checkout, now: datetime) -> None:
    """Order one locked session closed; the sweep finds it if the nudge is lost."""
    checkout.close_ordered_at = now
    checkout.next_check_at = now
    checkout.save(update_fields=["close_ordered_at", "next_check_at"])
    queue.nudge("links.tasks.close_checkout", checkout.pk)
