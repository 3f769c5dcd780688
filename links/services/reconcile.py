"""What webhooks missed: each account's own lists are read again and again.

Booking what was booked changes nothing, so a sweep may overlap another, die, or come
twice. It costs what changed at the account since the last one, not what there is.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Q

from merchant_portal.lib import clock

from ..models import Payment, PaymentState, ProviderAccount
from ..providers.base import (
    DisputeSnapshot,
    ForeignPayment,
    PaymentSnapshot,
    Provider,
    ProviderError,
    ProviderRejected,
)
from ..providers.registry import get_provider
from . import accounts, disputes, payments, payouts

EVERY = timedelta(minutes=5)
OVERLAP = timedelta(hours=1)
# Read again each time: a provider's list may lag behind, and clocks differ.
FIRST = timedelta(days=1)
LONGEST = timedelta(days=28)
# Providers keep their events for thirty days.
COMPARED = timedelta(days=7)
PAYOUTS_MOVE = timedelta(days=14)
# Lists know when a payout began; banks send one back up to five working days later.
SETTLING = timedelta(minutes=15)
# Younger than that may be told of any moment.


@dataclass(slots=True)
class Differences:
    """What a comparison with an account found; each a plain sentence for staff.

    `seen`: how many payments the provider told of.
    """

    seen: int = 0
    found: list[str] = field(default_factory=list)


def sweep(pk: int) -> int:
    """Book what changed at an account since the last sweep; how many were news.

    0 as well when another worker has it. Raises ProviderError when the provider gives
    no answer; the next sweep then begins where this one did.
    """
    account = ProviderAccount.objects.get(pk=pk)
    begun = clock.now()
    claimed = ProviderAccount.objects.filter(
        pk=pk, next_sweep_at=account.next_sweep_at
    ).update(next_sweep_at=begun + EVERY)
    if not claimed or accounts.mode_of(account.slug) != account.mode:
        return 0
    since = max((account.swept_at or begun - FIRST) - OVERLAP, begun - LONGEST)
    news, provider = 0, get_provider(account.slug)
    try:
        for seen in provider.list_payments(since):
            news += payments.record(seen) is not None
        for told in _disputes(provider, since):
            news += disputes.book(told) is not None
    except ProviderError as exc:
        _note(pk, sweep_problem=str(exc)[:300])
        raise
    _note(pk, swept_at=begun)
    news += _sweep_payouts(pk, provider, begun)
    _note(pk, sweep_problem="")
    return news


def _sweep_payouts(pk: int, provider: Provider, begun: datetime) -> int:
    """Book every payout that may still move; how many were news.

    By itself: keys that may not read payouts must not keep money from being found.
    """
    if not provider.capabilities.payouts:
        return 0
    news = 0
    try:
        for seen in provider.list_payouts(begun - PAYOUTS_MOVE):
            news += payouts.record(seen) is not None
    except ProviderError as exc:
        _note(pk, sweep_problem=f"Payouts: {exc}"[:300])
        raise
    return news


def _disputes(provider: Provider, since: datetime) -> Iterator[disputes.Told]:
    """What changed since then, each with its payment; not those of foreign payments."""
    if not provider.capabilities.disputes:
        return
    for seen in provider.list_disputes(since):
        try:
            told = disputes.about(provider, seen)
        except ForeignPayment:
            continue
        yield told


def _note(pk: int, **facts: object) -> None:
    ProviderAccount.objects.filter(pk=pk).update(**facts)


def due() -> list[int]:
    """Keys of accounts in use whose lists are to be read again; makes those of which
    nobody has seen any money yet."""
    modes = {slug: m for slug, m in accounts.configured().items() if slug != "manual"}
    if not modes:
        return []
    in_use = Q()
    for slug, mode in modes.items():
        in_use |= Q(slug=slug, mode=mode)
    known = ProviderAccount.objects.filter(in_use).values_list("slug", flat=True)
    for slug in modes.keys() - set(known):
        accounts.get(slug)
    is_due = Q(next_sweep_at=None) | Q(next_sweep_at__lte=clock.now())
    return list(
        ProviderAccount.objects.filter(in_use, is_due).values_list("pk", flat=True)
    )


def compare(slug: str, days: int = COMPARED.days) -> Differences:
    """Hold our books of the last days against the account's; what differs is said, and
    booked as far as the provider tells of it.

    Raises ProviderError, and KeyError for a provider whose keys are not set.
    """
    account, provider = accounts.get(slug), get_provider(slug)
    until = clock.now() - SETTLING
    since = clock.now() - timedelta(days=days)
    result = Differences()
    told: set[str] = set()
    for seen in provider.list_payments(since):
        result.seen += 1
        told.add(seen.provider_payment_id)
        if seen.occurred_at < until:
            _hold_against(account, seen, result)
        payments.record(seen)
    for dispute in _disputes(provider, since):
        if dispute.dispute.opened_at < until:
            _hold_dispute_against(account, dispute.dispute, result)
        disputes.book(dispute)
    ours = Payment.objects.filter(
        account=account,
        state=PaymentState.SUCCEEDED,
        occurred_at__gte=since,
        occurred_at__lt=until,
    ).exclude(provider_payment_id__in=told)
    for payment in ours.iterator(chunk_size=500):
        _ask_about(provider, payment, result)
    return result


def _hold_against(
    account: ProviderAccount, seen: PaymentSnapshot, result: Differences
) -> None:
    payment = Payment.objects.filter(
        account=account, provider_payment_id=seen.provider_payment_id
    ).first()
    name = seen.provider_payment_id
    if payment is None:
        result.found.append(f"{name} is at the provider and was not in the books.")
        return
    if payment.state != seen.state.value:
        result.found.append(
            f"{name} is {seen.state.value} at the provider and was {payment.state} here."
        )
    elif payment.amount != seen.amount:
        result.found.append(
            f"{name} is {seen.amount.format()} at the provider and"
            f" {payment.amount.format()} here."
        )
    known = set(payment.refunds.values_list("provider_refund_id", "state"))
    for refund in seen.refunds:
        if (refund.provider_refund_id, refund.state.value) not in known:
            result.found.append(
                f"Refund {refund.provider_refund_id} of {name} is"
                f" {refund.state.value} at the provider and was not so here."
            )


def _hold_dispute_against(
    account: ProviderAccount, seen: DisputeSnapshot, result: Differences
) -> None:
    if not disputes.is_known(account, seen):
        result.found.append(
            f"Dispute {seen.provider_dispute_id} is {seen.state.value},"
            f" {seen.amount.format()} at the provider and was not so here."
        )


def _ask_about(provider: Provider, payment: Payment, result: Differences) -> None:
    """A payment of ours that no list named; lists may leave out what did not change."""
    name = payment.provider_payment_id
    try:
        seen = provider.fetch_payment(name)
    except ProviderRejected:
        result.found.append(f"{name} is in the books, and the provider knows nothing.")
        return
    result.seen += 1
    if seen.state.value != payment.state or seen.amount != payment.amount:
        result.found.append(
            f"{name} is {seen.state.value}, {seen.amount.format()} at the provider and"
            f" {payment.state}, {payment.amount.format()} here."
        )
    payments.record(seen)
