"""Booking money: what a provider, or the till, says about one payment."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

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
from . import accounts, allocating, recipients, refunds, reminders, sessions, totals

S = PaymentState


@dataclass(frozen=True, slots=True)
class _Found:
    """Where a payment belongs, by the provider's ids first, then by our reference."""

    link_pk: int | None
    checkout_pk: int | None


def record(
    seen: PaymentSnapshot, *, actor: Actor = SYSTEM, note: str = ""
) -> Payment | None:
    """Book what a provider says about one payment and queue the receipt, both or neither.

    Money that names no link of ours is kept as an orphan. Late, surplus, short and
    wrong-currency money is booked and flagged, never dropped. Returns None when this
    snapshot says nothing new; again, or in any order, ends in the same rows.
    """
    account = accounts.get(seen.account_slug)
    while True:
        try:
            with transaction.atomic():
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
    link = PaymentLink.objects.locked(found.link_pk) if found.link_pk else None
    checkout = (
        Checkout.objects.select_for_update(of=("self",)).get(pk=found.checkout_pk)
        if found.checkout_pk
        else None
    )
    payment, was = _merge(account, seen, link, checkout, actor, note)
    has_refunds = bool(seen.refunds) and refunds.book(payment, link, seen.refunds)
    if was is None:
        return payment if has_refunds else None
    if link is not None:
        _settle(link, checkout, payment, was, actor)
    if payment.state == S.SUCCEEDED and was.state != S.SUCCEEDED:
        totals.add(Measure.PAID, payment.amount, payment.occurred_at)
    return payment


def _find(account: ProviderAccount, seen: PaymentSnapshot) -> _Found:
    known = (
        Payment.objects.filter(
            account=account, provider_payment_id=seen.provider_payment_id
        )
        .values_list("link_id", "checkout_id")
        .first()
    )
    link_pk, checkout_pk = known or (None, None)
    if link_pk is not None and checkout_pk is not None:
        return _Found(link_pk, checkout_pk)
    told = _by_references(account, seen)
    if link_pk is None or told.link_pk == link_pk:
        return told
    # What is booked for one link stays there, whatever else is said later.
    return _Found(link_pk, None)


def _by_references(account: ProviderAccount, seen: PaymentSnapshot) -> _Found:
    checkouts = Checkout.objects.filter(account=account).values_list("link_id", "pk")
    if seen.provider_session_id:
        hit = checkouts.filter(provider_session_id=seen.provider_session_id).first()
        if hit is not None:
            return _Found(*hit)
    if seen.checkout_reference:
        hit = checkouts.filter(public_id=seen.checkout_reference).first()
        if hit is not None:
            return _Found(*hit)
    if not seen.link_reference:
        return _Found(None, None)
    # Without a number it was never active: nobody was asked to pay it.
    link_pk = (
        PaymentLink.objects.filter(public_id=seen.link_reference, number__isnull=False)
        .values_list("pk", flat=True)
        .first()
    )
    return _Found(link_pk, None)


@dataclass(frozen=True, slots=True)
class _Before:
    """What was booked about a payment before the news; nothing: empty and None."""

    state: str
    link_pk: int | None


def _merge(
    account: ProviderAccount,
    seen: PaymentSnapshot,
    link: PaymentLink | None,
    checkout: Checkout | None,
    actor: Actor,
    note: str,
) -> tuple[Payment, _Before | None]:
    """The payment row with this fact in it and how it was; None if this is not new."""
    now = clock.now()
    payment, created = Payment.objects.select_for_update(of=("self",)).get_or_create(
        account=account,
        provider_payment_id=seen.provider_payment_id,
        defaults={
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
        },
    )
    if created:
        return payment, _Before("", None)
    if payment.link_id is not None and link is None:
        raise _BookedMeanwhile
    was = _Before(payment.state, payment.link_id)
    changed = _news(payment, seen, link, checkout, now)
    if not changed:
        return payment, None
    payment.save(update_fields=sorted(changed))
    return payment, was


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
    """Derive the locked link's status and tell everyone whom the news concerns."""
    now = clock.now()
    is_new_here = was.link_pk is None
    if payment.state != was.state or is_new_here:
        Activity.objects.create(
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
    if payment.state != S.SUCCEEDED:
        return
    if checkout is not None:
        checkout.move_to(CheckoutState.COMPLETED, completed_at=now, next_check_at=None)
    allocating.allocate(link)
    payment.refresh_from_db(fields=["surplus_minor", "tip_minor"])
    if link.is_reusable:
        _use_up(link, now)
    else:
        sessions.order_close(link, now)
        if link.amount_paid_minor >= link.amount_minor:
            _pay(link, now)
    if was.state != S.SUCCEEDED or is_new_here:
        _queue_receipts(link, payment)


def _pay(link: PaymentLink, now: datetime) -> None:
    """The first time that the money suffices; nothing is asked any more."""
    if not link.move_to(LinkStatus.PAID, paid_at=now):
        return
    Activity.objects.create(link=link, kind="link.paid", at=now, actor=SYSTEM.id)
    reminders.drop(link, "paid")
    outbox.cancel(link.public_id, categories=ASKING_CATEGORIES)


def _use_up(link: PaymentLink, now: datetime) -> None:
    """A reusable link that was paid as often as it may be is closed to the next."""
    if not link.is_used_up:
        return
    sessions.order_close(link, now)
    if not link.move_to(LinkStatus.EXHAUSTED, closed_at=now):
        return
    Activity.objects.create(link=link, kind="link.exhausted", at=now, actor=SYSTEM.id)
    outbox.cancel(link.public_id, categories=ASKING_CATEGORIES)


def _queue_receipts(link: PaymentLink, payment: Payment) -> None:
    known = recipients.addresses(link)
    channels = [c for c in link.last_channels if c in known] or list(known)[:1]
    language = recipients.language(link)
    outbox.enqueue_many(
        [
            outbox.NewMessage(
                kind="receipt",
                channel=channel,
                recipient=known[channel],
                language=language,
                reference=link.public_id,
                subject_id=payment.public_id,
                dedupe_key=f"receipt:{payment.public_id}:{channel}",
            )
            for channel in channels
        ]
    )
