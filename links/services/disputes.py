"""Disputes in the books: what providers say of them, and asking until they are closed.

They are answered at the provider. The order of locks is link, payment, dispute, message.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from merchant_portal.audit import services as audit
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM, Actor

from ..models import (
    Activity,
    Dispute,
    DisputeState,
    News,
    Payment,
    PaymentLink,
    ProviderAccount,
)
from ..providers.base import (
    DisputeSnapshot,
    ForeignPayment,
    PaymentSnapshot,
    Provider,
    ProviderMisconfigured,
    ProviderRejected,
)
from ..providers.registry import get_provider
from . import accounts, notices, pacing, payments, refunds, totals

S = DisputeState
CHECK_EVERY = timedelta(hours=4)
# while it is open; a day late with the answer is money lost, an hour is not
KINDS: dict[str, str] = {S.NEEDS_RESPONSE: "dispute.opened"}
# on the timeline, where they are not called as the state is


@dataclass(frozen=True, slots=True)
class Told:
    """A dispute with its payment, if the provider knows that."""

    dispute: DisputeSnapshot
    payment: PaymentSnapshot | None


def read(provider: Provider, provider_dispute_id: str) -> Told:
    """Ask the provider for a dispute and for the payment that it is about.

    Raises ForeignPayment for one of a payment that is not ours to book.
    """
    return about(provider, provider.fetch_dispute(provider_dispute_id))


def about(provider: Provider, dispute: DisputeSnapshot) -> Told:
    """The dispute with its payment, which is read; raises as `read` does."""
    if not dispute.provider_payment_id:
        return Told(dispute, None)
    try:
        payment = provider.fetch_payment(dispute.provider_payment_id)
    except ForeignPayment:
        raise
    except ProviderRejected:
        return Told(dispute, None)
    return Told(dispute, payment)


def book(told: Told) -> Dispute | None:
    """The payment first, so that the dispute finds it; inside one transaction. None when
    the dispute is nothing new."""
    with transaction.atomic():
        if told.payment is not None:
            payments.record(told.payment)
        return record(told.dispute)


def is_known(account: ProviderAccount, seen: DisputeSnapshot) -> bool:
    """Whether the books say of it just this."""
    row = Dispute.objects.filter(
        account=account, provider_dispute_id=seen.provider_dispute_id
    ).first()
    return row is not None and (row.state, row.amount) == (
        seen.state.value,
        seen.amount,
    )


def record(seen: DisputeSnapshot) -> Dispute | None:
    """Book what a provider says about one dispute, tell the timeline and the owners.

    One whose payment is not known here is kept without. Returns None when this says
    nothing new; again, or in any order, ends in the same rows.
    """
    account = accounts.get(seen.account_slug)
    while True:
        try:
            with transaction.atomic():
                return _book(account, seen)
        except _LinkedMeanwhile:
            continue  # now its link is known, and is locked first


class _LinkedMeanwhile(Exception):
    """The payment got a link after we had looked for one."""


@dataclass(frozen=True, slots=True)
class _Before:
    """What was booked about a dispute before the news; nothing: empty and None."""

    state: str = ""
    payment_pk: int | None = None
    counted: tuple[totals.Entry, ...] = ()


def _book(account: ProviderAccount, seen: DisputeSnapshot) -> Dispute | None:
    payment, link = _locked(account, seen)
    dispute, was = _merge(account, seen, payment, link)
    if was is None:
        return None
    has_moved = dispute.state != was.state
    if link is not None and (has_moved or was.payment_pk is None):
        _note(dispute, link, KINDS.get(dispute.state, f"dispute.{dispute.state}"))
    if payment is not None and payment.surplus_minor:
        refunds.propose_surplus(payment)
    if not was.state and dispute.is_open:
        notices.tell([_happened(dispute, link)])
    sums = totals.Changes()
    sums.add(was.counted, totals.of_dispute(dispute, payment, link))
    sums.write()
    return dispute


def _locked(
    account: ProviderAccount, seen: DisputeSnapshot
) -> tuple[Payment | None, PaymentLink | None]:
    """The payment that it is about, and its link, which is locked first.

    What is booked for one payment stays there, whatever else is said later.
    """
    mine = Dispute.objects.filter(
        account=account, provider_dispute_id=seen.provider_dispute_id
    ).exclude(payment=None)
    named = Payment.objects.filter(
        account=account, provider_payment_id=seen.provider_payment_id
    )
    known = (
        mine.values_list("payment_id", "payment__link_id").first()
        or named.order_by("part").values_list("pk", "link_id").first()
    )
    if known is None:
        return None, None
    payment_pk, link_pk = known
    link = PaymentLink.objects.locked(link_pk) if link_pk else None
    payment = Payment.objects.select_for_update(of=("self",)).get(pk=payment_pk)
    if payment.link_id != link_pk:
        raise _LinkedMeanwhile
    return payment, link


def _merge(
    account: ProviderAccount,
    seen: DisputeSnapshot,
    payment: Payment | None,
    link: PaymentLink | None,
) -> tuple[Dispute, _Before | None]:
    """The row with this fact in it and how it was; None if this is not new."""
    now = clock.now()
    dispute, created = Dispute.objects.select_for_update(of=("self",)).get_or_create(
        account=account,
        provider_dispute_id=seen.provider_dispute_id,
        defaults={
            "provider_payment_id": seen.provider_payment_id,
            "payment": payment,
            "recorded_at": now,
            **_facts(seen, now),
        },
    )
    if created:
        return dispute, _Before()
    known = (payment, link) if dispute.payment_id else (None, None)
    counted = totals.of_dispute(dispute, *known)
    was = _Before(dispute.state, dispute.payment_id, tuple(counted))
    new = _news(dispute, seen, now)
    if dispute.payment_id is None and payment is not None:
        new |= {
            "payment": payment,
            "provider_payment_id": payment.provider_payment_id,
        }
    changed = {name for name, value in new.items() if getattr(dispute, name) != value}
    if not changed:
        return dispute, None
    for name in changed:
        setattr(dispute, name, new[name])
    dispute.save(update_fields=sorted(changed))
    return dispute, was


def _news(dispute: Dispute, seen: DisputeSnapshot, now: datetime) -> dict[str, object]:
    """What is to stand in the row now, as far as this tells of it."""
    told = Dispute.age(seen.changed_at, seen.state.value)
    known = Dispute.age(dispute.changed_at, dispute.state)
    new: dict[str, object] = {}
    if told > known:
        new = _facts(seen, now)
        if seen.state.value == S.NEEDS_RESPONSE:
            new["answered_at"] = None  # the answer of before was not the last
    elif told == known:  # all but the state may change where no time is told
        facts = _facts(seen, now)
        new = {name: facts[name] for name in ("amount_minor", "currency", "reason")}
    if seen.state.value == dispute.state and dispute.closed_at is not None:
        new["closed_at"] = min(dispute.closed_at, seen.changed_at or dispute.closed_at)
    new["respond_by"] = _respond_by(dispute, seen, is_newer=told >= known)
    return new


def _respond_by(
    dispute: Dispute, seen: DisputeSnapshot, *, is_newer: bool
) -> datetime | None:
    """Kept once known: after an answer some providers tell it no more."""
    if seen.respond_by is None or (dispute.respond_by and not is_newer):
        return dispute.respond_by
    return seen.respond_by


def _facts(seen: DisputeSnapshot, now: datetime) -> dict[str, object]:
    is_closed = seen.state.value not in Dispute.OPEN
    return {
        "state": seen.state.value,
        "amount_minor": seen.amount.amount_minor,
        "currency": seen.amount.currency,
        "reason": seen.reason[:300],
        "opened_at": seen.opened_at,
        "respond_by": seen.respond_by,
        "changed_at": seen.changed_at,
        "closed_at": (seen.changed_at or now) if is_closed else None,
        "next_check_at": None if is_closed else now + CHECK_EVERY,
    }


def _happened(dispute: Dispute, link: PaymentLink | None) -> notices.Happening:
    return notices.Happening(
        News.DISPUTED, dispute.public_id, dispute.recorded_at, link, dispute.amount
    )


def _note(
    dispute: Dispute, link: PaymentLink, kind: str, actor_id: str = SYSTEM.id
) -> None:
    Activity.objects.create(
        link=link,
        kind=kind,
        at=clock.now(),
        actor=actor_id,
        detail={
            "dispute": dispute.public_id,
            "amount_minor": dispute.amount_minor,
            "currency": dispute.currency,
            "reason": dispute.reason,
        },
    )


def settle(pk: int) -> None:
    """Ask the provider how an open dispute stands.

    Raises ProviderError when the provider gives no answer; the next look stays due.
    """
    dispute = Dispute.objects.select_related("account").get(pk=pk)
    again = clock.now() + CHECK_EVERY
    claimed = Dispute.objects.filter(
        pk=pk, next_check_at=dispute.next_check_at, next_check_at__isnull=False
    ).update(next_check_at=again)
    if not claimed:
        return
    account = dispute.account
    if accounts.mode_of(account.slug) != account.mode:
        raise ProviderMisconfigured(f"The keys of {account.slug} are not set.")
    with pacing.paced(account.pk):
        seen = read(get_provider(account.slug), dispute.provider_dispute_id)
    book(seen)


def due(limit: int = 100) -> list[int]:
    """Keys of open disputes to ask about, whatever webhooks told."""
    return list(
        Dispute.objects.filter(next_check_at__lte=clock.now())
        .order_by("next_check_at")
        .values_list("pk", flat=True)[:limit]
    )


def mark_answered(dispute: Dispute, *, actor: Actor) -> bool:
    """A person answered at the provider; False if somebody had said so before, or if
    there is nothing to answer."""
    link_pk = dispute.payment.link_id if dispute.payment else None
    with transaction.atomic():
        link = PaymentLink.objects.locked(link_pk) if link_pk else None
        done = Dispute.objects.filter(
            pk=dispute.pk, state=S.NEEDS_RESPONSE, answered_at=None
        ).update(answered_at=clock.now())
        if not done:
            return False
        if link is not None:
            _note(dispute, link, "dispute.answered", actor.id)
        audit.record(actor.id, "dispute.answered", dispute.public_id)
    dispute.refresh_from_db(fields=["answered_at"])
    return True
