"""Closing what is open at providers; ordered under the link's lock, done by a task."""

from collections.abc import Collection
from datetime import datetime

from django.db.models import QuerySet

from merchant_portal.lib import queue

from ..models import (
    Checkout,
    CheckoutShare,
    CheckoutState,
    PaymentLink,
    PaymentState,
)

LIVE = (
    CheckoutState.CREATING,
    CheckoutState.OPEN,
    CheckoutState.CAPTURING,
    CheckoutState.UNKNOWN,
)


def of_link(link: PaymentLink) -> QuerySet[Checkout]:
    """Every session in which it is paid, alone or together with others."""
    own = Checkout.objects.filter(link=link).values("pk")
    joint = CheckoutShare.objects.filter(link=link).values("checkout")
    return Checkout.objects.filter(pk__in=own.union(joint, all=True))


def live(link: PaymentLink) -> QuerySet[Checkout]:
    """Those in which somebody may still pay, and which are to stay open."""
    return of_link(link).filter(state__in=LIVE, close_ordered_at=None)


def link_pks(checkout: Checkout) -> list[int]:
    """Keys of the links that it pays, in their order."""
    if not checkout.is_joint:
        return [checkout.link_id]
    return list(checkout.shares.order_by("part").values_list("link_id", flat=True))


def has_money_under_way(link: PaymentLink) -> bool:
    """Whether a payment of it is with the bank still."""
    return link.payments.filter(state=PaymentState.PROCESSING).exists()


def order_close(link: PaymentLink, now: datetime) -> None:
    """Order every live session of a locked link closed at its provider."""
    for checkout in live(link).select_for_update(of=("self",)):
        order_close_one(checkout, now)


def order_close_others(
    link: PaymentLink, allowed: Collection[str], now: datetime
) -> None:
    """Order those of a locked link closed that are at no provider of `allowed`; empty
    means every provider."""
    if not allowed:
        return
    others = live(link).exclude(account__slug__in=list(allowed))
    for checkout in others.select_for_update(of=("self",)):
        order_close_one(checkout, now)


def order_close_one(checkout: Checkout, now: datetime) -> None:
    """Order one locked session closed; the sweep finds it if the nudge is lost."""
    checkout.close_ordered_at = now
    checkout.next_check_at = now
    checkout.save(update_fields=["close_ordered_at", "next_check_at"])
    queue.nudge("links.tasks.close_checkout", checkout.pk)
