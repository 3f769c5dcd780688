"""Our books held against an account's own, both ways; what differs is booked as far as
the provider tells of it, and the rest is said."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db.models import Q

from merchant_portal.lib import clock
from merchant_portal.lib.money import Money

from ..models import (
    Dispute,
    Gap,
    Payment,
    PaymentState,
    ProviderAccount,
    Refund,
    RefundState,
    Subject,
)
from ..providers.base import PaymentSnapshot, ProviderRejected, RefundSnapshot
from ..providers.registry import get_provider
from . import accounts, disputes, payments, reconcile

COMPARED = timedelta(days=7)
SETTLING = timedelta(minutes=15)
# Younger than that may be told of any moment.
Sums = dict[str, dict[str, dict[str, list[int]]]]
# currency → subject → "here" or "there" → [count, minor units]


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. `here`, `there`: how it stood on either side; empty: unknown."""

    subject: Subject
    gap: Gap
    provider_id: str
    provider_payment_id: str
    here: str = ""
    there: str = ""
    is_booked: bool = False

    @property
    def sentence(self) -> str:
        """For the operator at a terminal."""
        name = self.provider_id
        if self.subject == Subject.REFUND:
            name = f"Refund {self.provider_id} of {self.provider_payment_id}"
        elif self.subject == Subject.DISPUTE:
            name = f"Dispute {self.provider_id}"
        if self.gap == Gap.UNKNOWN_HERE:
            return f"{name} is at the provider and was not in the books."
        if self.gap == Gap.UNKNOWN_THERE:
            return f"{name} is in the books, and the provider knows nothing."
        what = "The fee of " if self.gap == Gap.FEE else ""
        return f"{what}{name} is {self.there} at the provider and was {self.here} here."


@dataclass(slots=True)
class Result:
    """What a comparison found. `seen`: how many payments the provider told of."""

    since: datetime
    until: datetime
    seen: int = 0
    sums: Sums = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def found(self) -> list[str]:
        return [finding.sentence for finding in self.findings]

    def add(self, subject: Subject, side: str, amount: Money, at: datetime) -> None:
        """Count something that succeeded, if it happened in the window."""
        if not self.since <= at < self.until:
            return
        sides = self.sums.setdefault(amount.currency, {}).setdefault(
            subject.value, {"here": [0, 0], "there": [0, 0]}
        )
        sides[side][0] += 1
        sides[side][1] += amount.amount_minor


def compare(
    slug: str, days: int = COMPARED.days, *, each: Callable[[], None] | None = None
) -> Result:
    """Hold our books of the last days against the account's, and book what is news.

    `each`: called before each payment, for whoever has to say that it still runs.
    Raises ProviderError, and KeyError for a provider whose keys are not set.
    """
    account, provider = accounts.get(slug), get_provider(slug)
    now = clock.now()
    result = Result(now - timedelta(days=days), now - SETTLING)
    told: set[str] = set()
    for seen in provider.list_payments(result.since):
        if each is not None:
            each()
        if seen.provider_payment_id not in told:
            told.add(seen.provider_payment_id)
            _hold(account, seen, result)
    for name in _ours(account, result):
        # Lists may leave out what did not change.
        if name in told:
            continue
        if each is not None:
            each()
        try:
            seen = provider.fetch_payment(name)
        except ProviderRejected:
            _unknown_there(account, name, result)
        else:
            _hold(account, seen, result)
    for dispute in reconcile.told_disputes(provider, result.since):
        if each is not None:
            each()
        _hold_dispute(account, dispute, result)
    return result


def _hold_dispute(
    account: ProviderAccount, told: disputes.Told, result: Result
) -> None:
    """One dispute of theirs against ours; booking it makes them the same."""
    seen = told.dispute
    if seen.opened_at < result.until and not disputes.is_known(account, seen):
        ours = Dispute.objects.filter(
            account=account, provider_dispute_id=seen.provider_dispute_id
        ).first()
        result.findings.append(
            Finding(
                Subject.DISPUTE,
                Gap.STATE if ours else Gap.UNKNOWN_HERE,
                seen.provider_dispute_id,
                seen.provider_payment_id,
                here=_stands(ours.state, ours.amount) if ours else "",
                there=_stands(seen.state.value, seen.amount),
                is_booked=True,
            )
        )
    disputes.book(told)


def _ours(account: ProviderAccount, result: Result) -> list[str]:
    """The provider's names of our payments that succeeded, or were given back, in the
    window; oldest first."""
    window = {"gte": result.since, "lt": result.until}
    paid = Q(**{f"occurred_at__{end}": at for end, at in window.items()})
    back = Q(
        pk__in=Refund.objects.filter(
            payment__account=account,
            state=RefundState.SUCCEEDED,
            **{f"occurred_at__{end}": at for end, at in window.items()},
        ).values("payment")
    )
    rows = Payment.objects.filter(
        paid | back, account=account, state=PaymentState.SUCCEEDED
    ).order_by("occurred_at", "pk")
    return list(rows.values_list("provider_payment_id", flat=True))


def _hold(account: ProviderAccount, seen: PaymentSnapshot, result: Result) -> None:
    """One payment of theirs against ours, before and after it was booked."""
    result.seen += 1
    before = _booked(account, seen.provider_payment_id)
    found = list(_gaps(before, seen, result.until))
    _add_theirs(seen, result)
    if before is not None:
        _add_ours(before, result)
    payments.record(seen)
    if not found:
        return
    after = _booked(account, seen.provider_payment_id)
    left = {(gap.gap, gap.provider_id) for gap in _gaps(after, seen, result.until)}
    result.findings += [
        replace(gap, is_booked=(gap.gap, gap.provider_id) not in left) for gap in found
    ]


@dataclass(frozen=True, slots=True)
class _Held:
    """A payment or refund as our books have it, its parts for several links together."""

    state: str
    amount: Money
    occurred_at: datetime | None
    fee_minor: int | None = None
    public_ids: frozenset[str] = frozenset()
    provider_id: str = ""
    proposed_at: datetime | None = None
    refunds: tuple["_Held", ...] = ()


def _booked(account: ProviderAccount, name: str) -> _Held | None:
    rows = Payment.objects.filter(account=account, provider_payment_id=name)
    parts = list(rows.prefetch_related("refunds").order_by("part"))
    if not parts:
        return None
    fees = [part.fee_minor for part in parts if part.fee_minor is not None]
    by_id: dict[str, list[Refund]] = {}
    for refund in (one for part in parts for one in part.refunds.all()):
        key = refund.provider_refund_id or refund.public_id
        by_id.setdefault(key, []).append(refund)
    first = parts[0]
    return _Held(
        state=first.state,
        amount=_sum(parts),
        occurred_at=first.occurred_at,
        fee_minor=sum(fees) if len(fees) == len(parts) else None,
        refunds=tuple(
            _Held(
                state=same[0].state,
                amount=_sum(same),
                occurred_at=same[0].occurred_at,
                public_ids=frozenset(one.public_id for one in same),
                provider_id=same[0].provider_refund_id,
                proposed_at=same[0].proposed_at,
            )
            for same in by_id.values()
        ),
    )


def _sum(rows: Sequence[Payment] | Sequence[Refund]) -> Money:
    return Money(sum(row.amount_minor for row in rows), rows[0].currency)


def _unknown_there(account: ProviderAccount, name: str, result: Result) -> None:
    payment = _booked(account, name)
    if payment is None:
        return
    _add_ours(payment, result)
    stands = _stands(payment.state, payment.amount)
    result.findings.append(
        Finding(Subject.PAYMENT, Gap.UNKNOWN_THERE, name, name, here=stands)
    )


def _add_theirs(seen: PaymentSnapshot, result: Result) -> None:
    if seen.state.value == PaymentState.SUCCEEDED:
        result.add(Subject.PAYMENT, "there", seen.amount, seen.occurred_at)
    for refund in seen.refunds:
        if refund.state.value == RefundState.SUCCEEDED:
            result.add(Subject.REFUND, "there", refund.amount, refund.occurred_at)


def _add_ours(payment: _Held, result: Result) -> None:
    if payment.state == PaymentState.SUCCEEDED and payment.occurred_at is not None:
        result.add(Subject.PAYMENT, "here", payment.amount, payment.occurred_at)
    for refund in payment.refunds:
        if refund.state == RefundState.SUCCEEDED and refund.occurred_at is not None:
            result.add(Subject.REFUND, "here", refund.amount, refund.occurred_at)


def _gaps(
    payment: _Held | None, seen: PaymentSnapshot, until: datetime
) -> Iterator[Finding]:
    """In what the two differ, of all that is old enough to be known on both sides."""
    name = seen.provider_payment_id
    about = Finding(Subject.PAYMENT, Gap.UNKNOWN_HERE, name, name)
    if seen.occurred_at >= until:
        return
    theirs = _stands(seen.state.value, seen.amount)
    if payment is None:
        yield replace(about, there=theirs)
    else:
        gap = _apart(payment.state, payment.amount, seen.state.value, seen.amount)
        if gap is not None:
            ours = _stands(payment.state, payment.amount)
            yield replace(about, gap=gap, here=ours, there=theirs)
        if seen.fee is not None and payment.fee_minor != seen.fee.amount_minor:
            fee = seen.fee
            ours = (
                "unknown"
                if payment.fee_minor is None
                else Money(payment.fee_minor, fee.currency).format()
            )
            yield replace(about, gap=Gap.FEE, here=ours, there=fee.format())
    yield from _refund_gaps(payment, seen, until)


def _refund_gaps(
    payment: _Held | None, seen: PaymentSnapshot, until: datetime
) -> Iterator[Finding]:
    name = seen.provider_payment_id
    ours = payment.refunds if payment is not None else ()
    for refund in seen.refunds:
        if refund.occurred_at >= until:
            continue
        about = Finding(
            Subject.REFUND,
            Gap.UNKNOWN_HERE,
            refund.provider_refund_id,
            name,
            there=_stands(refund.state.value, refund.amount),
        )
        mine = _same(ours, refund)
        if mine is None:
            yield about
            continue
        gap = _apart(mine.state, mine.amount, refund.state.value, refund.amount)
        if gap is not None:
            yield replace(about, gap=gap, here=_stands(mine.state, mine.amount))
    told = {refund.provider_refund_id for refund in seen.refunds}
    for mine in ours:
        at = mine.occurred_at or mine.proposed_at
        if (
            mine.provider_id
            and mine.provider_id not in told
            and mine.state in (RefundState.PENDING, RefundState.SUCCEEDED)
            and at is not None
            and at < until
        ):
            yield Finding(
                Subject.REFUND,
                Gap.UNKNOWN_THERE,
                mine.provider_id,
                name,
                here=_stands(mine.state, mine.amount),
            )


def _same(ours: Sequence[_Held], told: RefundSnapshot) -> _Held | None:
    """The refund of ours that a provider tells of, found as booking finds it."""
    for refund in ours:
        if refund.provider_id == told.provider_refund_id:
            return refund
    for refund in ours:
        if told.reference and told.reference in refund.public_ids:
            return None if refund.provider_id else refund
    return None


def _apart(state: str, amount: Money, told: str, told_amount: Money) -> Gap | None:
    """The first thing, by weight, in which two descriptions differ."""
    if state != told:
        return Gap.STATE
    if amount.currency != told_amount.currency:
        return Gap.CURRENCY
    return None if amount == told_amount else Gap.AMOUNT


def _stands(state: str, amount: Money) -> str:
    return f"{state}, {amount.format()}"[:80]
