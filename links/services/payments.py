"""Booking money: what a provider, or the till, says about one payment."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet, Value

from merchant_portal.lib import clock, crash
from merchant_portal.lib.actors import SYSTEM, Actor
from merchant_portal.lib.money import Money
from notifications.models import ASKING_CATEGORIES
from notifications.services import outbox

from ..models import (
    Activity,
    Checkout,
    CheckoutState,
    LinkStatus,
    Measure,
    Mismatch,
    Payment,
    PaymentLink,
    PaymentState,
    ProviderAccount,
)
from ..providers.base import PaymentSnapshot
from . import (
    accounts,
    allocating,
    planned,
    refunds,
    reminders,
    sessions,
    telling,
    totals,
)

S = PaymentState


@dataclass(frozen=True, slots=True)
class _Found:
    """Where a payment belongs, by the provider's ids first, then by our reference.

    `is_known`: whether it is booked already.
    """

    link_pk: int | None
    checkout_pk: int | None
    is_known: bool = False


def record(
    seen: PaymentSnapshot, *, actor: Actor = SYSTEM, note: str = ""
) -> Payment | None:
    """Book what a provider says about one payment and queue the receipt, both or neither.

    Money that names no link of ours is kept as an orphan. Late, surplus, short and
    wrong-currency money is booked and flagged, never dropped. Returns None when this
    snapshot says nothing new; again, or in any order, ends in the same rows.
    """
    account = accounts.known(seen.account_slug)
    while True:
        try:
            with transaction.atomic(), clock.one_moment():
                payment = _book(account, seen, actor, note)
                crash.crash_at("payment.before_commit")
        except _BookedMeanwhile:
            continue  # now its link is known, and is locked first
        return payment


class _BookedMeanwhile(Exception):
    """Another worker gave the payment a link after we had looked for one."""


def _book(
    account: ProviderAccount, seen: PaymentSnapshot, actor: Actor, note: str
) -> Payment | None:
    found = _find(account, seen)
    # With its customer, who is told.
    links = PaymentLink.objects.select_related("customer")
    link = links.locked(found.link_pk) if found.link_pk else None
    checkout = (
        Checkout.objects.select_for_update(of=("self",)).get(pk=found.checkout_pk)
        if found.checkout_pk
        else None
    )
    payment, created = _row(account, seen, found, link, checkout, actor, note)
    was = _Before("", None) if created else _merge(payment, seen, link, checkout)
    has_refunds = bool(seen.refunds) and refunds.book(payment, link, seen.refunds)
    if was is None:
        return payment if has_refunds else None
    if link is not None:
        _settle(link, checkout, payment, was, actor)
    telling.of_payment(payment, link, was_state=was.state, was_link=was.link_pk)
    if payment.state == S.SUCCEEDED and was.state != S.SUCCEEDED:
        totals.add(Measure.PAID, payment.amount, payment.occurred_at)
    return payment


def _find(account: ProviderAccount, seen: PaymentSnapshot) -> _Found:
    booked, told = _by_ids(account, seen)
    if booked is None:
        return _Found(*(told or (_by_our_name(seen), None)))
    link_pk, checkout_pk = booked
    if link_pk is not None and checkout_pk is not None:
        return _Found(link_pk, checkout_pk, is_known=True)
    told = told or (_by_our_name(seen), None)
    if link_pk is None or told[0] == link_pk:
        return _Found(*told, is_known=True)
    # What is booked for one link stays there, whatever else is said later.
    return _Found(link_pk, None, is_known=True)


Place = tuple[int | None, int | None]
# link and checkout


def _by_ids(
    account: ProviderAccount, seen: PaymentSnapshot
) -> tuple[Place | None, Place | None]:
    """Where it is booked, and where its session belongs; None where that is unknown."""
    booked = Payment.objects.filter(
        account=account, provider_payment_id=seen.provider_payment_id
    ).values_list("link_id", "checkout_id", Value(0))
    told = Checkout.objects.filter(account=account).values_list("link_id", "pk")
    parts: list[QuerySet[Any, Any]] = [booked]
    if seen.provider_session_id:
        session = told.filter(provider_session_id=seen.provider_session_id)
        parts.append(session.values_list("link_id", "pk", Value(1)))
    if seen.checkout_reference:
        named = told.filter(public_id=seen.checkout_reference)
        parts.append(named.values_list("link_id", "pk", Value(2)))
    found: dict[int, Place] = {}
    for link_pk, checkout_pk, kind in parts[0].union(*parts[1:], all=True):
        found[kind] = (link_pk, checkout_pk)
    return found.get(0), found.get(1) or found.get(2)


def _by_our_name(seen: PaymentSnapshot) -> int | None:
    if not seen.link_reference:
        return None
    # Without a number it was never active: nobody was asked to pay it.
    return (
        PaymentLink.objects.filter(public_id=seen.link_reference, number__isnull=False)
        .values_list("pk", flat=True)
        .first()
    )


@dataclass(frozen=True, slots=True)
class _Before:
    """What was booked about a payment before the news; nothing: empty and None."""

    state: str
    link_pk: int | None


def _row(
    account: ProviderAccount,
    seen: PaymentSnapshot,
    found: _Found,
    link: PaymentLink | None,
    checkout: Checkout | None,
    actor: Actor,
    note: str,
) -> tuple[Payment, bool]:
    """The payment's row, locked, and whether it is new."""
    now = clock.now()
    names = {"account": account, "provider_payment_id": seen.provider_payment_id}
    facts = {
        "link": link,
        "checkout": checkout,
        "state": seen.state.value,
        "amount_minor": seen.amount.amount_minor,
        "currency": seen.amount.currency,
        "fee_minor": seen.fee.amount_minor if seen.fee else None,
        "method": seen.method[:40],
        "note": note,
        "failure": seen.failure[:300],
        "occurred_at": seen.occurred_at,
        "recorded_at": now,
        "recorded_by_id": actor.user_pk,
        "is_late": _is_late(link, now),
        "mismatch": _mismatch(seen.amount, link, checkout),
    }
    if not found.is_known:
        try:
            with transaction.atomic():
                return Payment.objects.create(**names, **facts), True
        except IntegrityError:
            pass  # another worker was faster; its row is there now
    mine = Payment.objects.select_for_update(of=("self",))
    return mine.get_or_create(**names, defaults=facts)


def _merge(
    payment: Payment,
    seen: PaymentSnapshot,
    link: PaymentLink | None,
    checkout: Checkout | None,
) -> _Before | None:
    """Put this fact into the row; how it was before, or None if this is not new."""
    if payment.link_id is not None and link is None:
        raise _BookedMeanwhile
    was = _Before(payment.state, payment.link_id)
    changed = _news(payment, seen, link, checkout, clock.now())
    if not changed:
        return None
    payment.save(update_fields=sorted(changed))
    return was


def _news(
    payment: Payment,
    seen: PaymentSnapshot,
    link: PaymentLink | None,
    checkout: Checkout | None,
    now: datetime,
) -> set[str]:
    """Put into the row what it did not know; the names of the fields that changed.

    The state of higher rank wins with its amount, time and method; other facts are
    kept once known. So the order in which facts are heard does not matter.
    """
    new: dict[str, object] = {}
    amount = payment.amount
    has_risen = payment.RANK[seen.state.value] > payment.RANK[payment.state]
    if has_risen:
        amount = seen.amount
        new = {
            "state": seen.state.value,
            "amount_minor": amount.amount_minor,
            "currency": amount.currency,
            "occurred_at": seen.occurred_at,
            "failure": seen.failure[:300],
        }
    if payment.fee_minor is None and seen.fee is not None:
        new["fee_minor"] = seen.fee.amount_minor
    if seen.method and (has_risen or not payment.method):
        new["method"] = seen.method[:40]
    has_link = payment.link_id is None and link is not None
    if has_link:
        new["link"] = link
    if payment.checkout_id is None and checkout is not None:
        new["checkout"] = checkout
    if {"state", "link", "checkout"} & new.keys():
        new["mismatch"] = _mismatch(amount, link, checkout)
    if (has_risen or has_link) and _is_late(link, now):
        new["is_late"] = True
    changed = {name for name, value in new.items() if getattr(payment, name) != value}
    for name in changed:
        setattr(payment, name, new[name])
    return changed


def _is_late(link: PaymentLink | None, now: datetime) -> bool:
    """Whether the link had ended unpaid, swept already or not.

    Of several payments that come after the end, each is late, whichever of them is
    heard of first and pays the link.
    """
    if link is None or link.status == LinkStatus.EXHAUSTED:
        return False  # past its limit it is surplus, whichever came first
    ended_at = link.closed_at or (link.expires_at if link.is_past_expiry(now) else None)
    if ended_at is None:
        return False
    return link.paid_at is None or link.paid_at >= ended_at


def _mismatch(
    amount: Money, link: PaymentLink | None, checkout: Checkout | None
) -> str:
    if link is None:
        return Mismatch.NONE
    if amount.currency != link.currency:
        return Mismatch.CURRENCY
    if checkout is not None and amount != checkout.amount:
        return Mismatch.AMOUNT
    return Mismatch.NONE


def _settle(
    link: PaymentLink,
    checkout: Checkout | None,
    payment: Payment,
    was: _Before,
    actor: Actor,
) -> None:
    """Derive the locked link's status and write the news on its timeline."""
    now = clock.now()
    is_new_here = was.link_pk is None
    told = []
    if payment.state != was.state or is_new_here:
        told.append(_told(link, payment, actor, now))
    if payment.state == S.SUCCEEDED:
        told += _count(link, checkout, payment, now)
    Activity.objects.bulk_create(told)


def _told(link: PaymentLink, payment: Payment, actor: Actor, now: datetime) -> Activity:
    return Activity(
        link=link,
        kind=f"payment.{payment.state}",
        at=now,
        actor=actor.id,
        detail={
            "payment": payment.public_id,
            "amount_minor": payment.amount_minor,
            "currency": payment.currency,
            "method": payment.method,
        },
    )


def _count(
    link: PaymentLink, checkout: Checkout | None, payment: Payment, now: datetime
) -> list[Activity]:
    """Let money that came count for its locked link; what is to be told of it."""
    if checkout is not None:
        checkout.move_to(CheckoutState.COMPLETED, completed_at=now, next_check_at=None)
    changed = allocating.allocate(link, payment)
    ends = _end(link)
    if not link.is_reusable or ends:
        sessions.order_close(link, now)
    stamp = {"paid_at" if ends == LinkStatus.PAID else "closed_at": now}
    if ends is not None and link.move_to(ends, **stamp, **changed):
        # The first time that the money suffices; nothing is asked any more.
        reminders.drop(link, str(ends))
        planned.drop(link, f"link {ends}")
        outbox.cancel(link.public_id, categories=ASKING_CATEGORIES)
        return [Activity(link=link, kind=f"link.{ends}", at=now, actor=SYSTEM.id)]
    if changed:
        link.version += 1  # whoever has its page open has not seen this money
        link.save(update_fields=[*changed, "version"])
    return []


def _end(link: PaymentLink) -> LinkStatus | None:
    """What a link becomes by the money that has come; None if that is not enough."""
    if link.is_reusable:
        return LinkStatus.EXHAUSTED if link.is_used_up else None
    # Of an amount still to be chosen nothing is known before its first money.
    suffices = 0 < link.amount_minor <= link.amount_paid_minor
    return LinkStatus.PAID if suffices else None
