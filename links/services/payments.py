"""Booking money: what a provider, or the till, says about one payment."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from merchant_portal.lib import clock, crash
from merchant_portal.lib.actors import SYSTEM, Actor
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
from . import accounts, recipients, reminders, sessions, totals

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
    with transaction.atomic():
        found = _find(account, seen)
        link = PaymentLink.objects.locked(found.link_pk) if found.link_pk else None
        checkout = (
            Checkout.objects.select_for_update(of=("self",)).get(pk=found.checkout_pk)
            if found.checkout_pk
            else None
        )
        booked = _merge(account, seen, link, checkout, actor, note)
        if booked is None:
            return None
        payment, was = booked
        if link is not None:
            _settle(link, checkout, payment, was, actor)
        if payment.state == S.SUCCEEDED and was != S.SUCCEEDED:
            totals.add(Measure.PAID, payment.amount, payment.occurred_at)
        crash.crash_at("payment.before_commit")
    return payment


def _find(account: ProviderAccount, seen: PaymentSnapshot) -> _Found:
    known = (
        Payment.objects.filter(
            account=account, provider_payment_id=seen.provider_payment_id
        )
        .values_list("link_id", "checkout_id")
        .first()
    )
    if known is not None and known[0] is not None:
        return _Found(*known)
    checkouts = Checkout.objects.values_list("link_id", "pk")
    if seen.provider_session_id:
        hit = checkouts.filter(
            account=account, provider_session_id=seen.provider_session_id
        ).first()
        if hit is not None:
            return _Found(*hit)
    if seen.checkout_reference:
        hit = checkouts.filter(
            account=account, public_id=seen.checkout_reference
        ).first()
        if hit is not None:
            return _Found(*hit)
    link_pk = (
        PaymentLink.objects.filter(public_id=seen.link_reference)
        .exclude(status=LinkStatus.DRAFT)
        .values_list("pk", flat=True)
        .first()
        if seen.link_reference
        else None
    )
    return _Found(link_pk, None)


def _merge(
    account: ProviderAccount,
    seen: PaymentSnapshot,
    link: PaymentLink | None,
    checkout: Checkout | None,
    actor: Actor,
    note: str,
) -> tuple[Payment, str] | None:
    """The payment row with this fact in it and its state before, or None if not new."""
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
            "is_late": link is not None
            and link.status in (LinkStatus.EXPIRED, LinkStatus.CANCELED),
            "mismatch": _mismatch(seen, link, checkout),
        },
    )
    if created:
        return payment, ""
    was = payment.state
    changed = _news(payment, seen, link, checkout)
    if not changed:
        return None
    payment.save(update_fields=sorted(changed))
    return payment, was


def _news(
    payment: Payment,
    seen: PaymentSnapshot,
    link: PaymentLink | None,
    checkout: Checkout | None,
) -> set[str]:
    """Put into the row what it did not know; the names of the fields that changed.

    The state of higher rank wins with its amount and time; other facts are kept
    once known. So the order in which facts are heard does not matter.
    """
    new: dict[str, object] = {}
    if payment.RANK[seen.state.value] > payment.RANK[payment.state]:
        new = {
            "state": seen.state.value,
            "amount_minor": seen.amount.amount_minor,
            "currency": seen.amount.currency,
            "occurred_at": seen.occurred_at,
            "failure": seen.failure[:300],
            "mismatch": _mismatch(seen, link, checkout),
        }
        if link is not None and link.status in (
            LinkStatus.EXPIRED,
            LinkStatus.CANCELED,
        ):
            new["is_late"] = True
    if payment.fee_minor is None and seen.fee is not None:
        new["fee_minor"] = seen.fee.amount_minor
    if not payment.method and seen.method:
        new["method"] = seen.method[:40]
    if payment.link_id is None and link is not None:
        new |= {"link": link, "checkout": checkout}
        new["mismatch"] = _mismatch(seen, link, checkout)
    changed = {name for name, value in new.items() if getattr(payment, name) != value}
    for name in changed:
        setattr(payment, name, new[name])
    return changed


def _mismatch(
    seen: PaymentSnapshot, link: PaymentLink | None, checkout: Checkout | None
) -> str:
    if link is None:
        return Mismatch.NONE
    if seen.amount.currency != link.currency:
        return Mismatch.CURRENCY
    if checkout is not None and seen.amount != checkout.amount:
        return Mismatch.AMOUNT
    return Mismatch.NONE


def _settle(
    link: PaymentLink,
    checkout: Checkout | None,
    payment: Payment,
    was: str,
    actor: Actor,
) -> None:
    """Derive the locked link's status and tell everyone whom the news concerns."""
    now = clock.now()
    if payment.state != was:
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
    allocate(link)
    payment.refresh_from_db(fields=["surplus_minor"])
    sessions.order_close(link, now)
    if link.amount_paid_minor >= link.amount_minor:
        _pay(link, now)
    if was != S.SUCCEEDED:
        _queue_receipts(link, payment)


def allocate(link: PaymentLink) -> None:
    """Spread the money of a locked link over what it asks; the rest is surplus.

    Always over all payments in the order of the providers' clocks, so that the
    order in which they were heard of does not matter.
    """
    left = link.amount_minor
    counted = link.payments.filter(state=S.SUCCEEDED, currency=link.currency)
    for payment in counted.order_by("occurred_at", "account_id", "provider_payment_id"):
        used = min(left, payment.amount_minor)
        left -= used
        surplus = payment.amount_minor - used
        if payment.surplus_minor != surplus:
            payment.surplus_minor = surplus
            payment.save(update_fields=["surplus_minor"])
    paid = link.amount_minor - left
    if paid != link.amount_paid_minor:
        link.amount_paid_minor = paid
        link.save(update_fields=["amount_paid_minor"])


def _pay(link: PaymentLink, now: datetime) -> None:
    """The first time that the money suffices; nothing is asked any more."""
    if not link.move_to(LinkStatus.PAID, paid_at=now):
        return
    Activity.objects.create(link=link, kind="link.paid", at=now, actor=SYSTEM.id)
    reminders.drop(link, "paid")
    outbox.cancel(link.public_id, categories=ASKING_CATEGORIES)


def _queue_receipts(link: PaymentLink, payment: Payment) -> None:
    known = recipients.addresses(link)
    channels = [c for c in link.last_channels if c in known] or list(known)[:1]
    for channel in channels:
        outbox.enqueue(
            kind="receipt",
            channel=channel,
            recipient=known[channel],
            language=recipients.language(link),
            reference=link.public_id,
            subject_id=payment.public_id,
            dedupe_key=f"receipt:{payment.public_id}:{channel}",
        )
