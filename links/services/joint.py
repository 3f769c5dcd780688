"""One payment for several links: how its money is shared out, and its refunds.

In the books each link has its own part of the payment, a row like that of any payment;
the parts add up to what the provider says. So receipts, credit notes, taxes and sums of
a link know nothing of the others.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from merchant_portal.lib.money import Money

from ..models import Checkout, CheckoutShare, Payment, Refund
from ..providers.base import PaymentSnapshot, RefundSnapshot

Told = Sequence[RefundSnapshot]


@dataclass(frozen=True, slots=True)
class Piece:
    """What a provider says of one link's part; `asked`: what was charged for that."""

    part: int
    link_pk: int | None
    asked: Money | None
    seen: PaymentSnapshot


def pieces(
    seen: PaymentSnapshot,
    shares: Sequence[CheckoutShare],
    checkout: Checkout | None,
    link_pk: int | None,
) -> list[Piece]:
    """The parts of a payment, in the order of the shares, adding up to it; without
    shares it is one, of the link `link_pk`.

    What is missing is missing at the end, what is too much is too much for the last.
    """
    if checkout is None or not shares:
        return [Piece(0, link_pk, checkout.amount if checkout else None, seen)]
    minor = _in_turn(seen.amount.amount_minor, [one.amount_minor for one in shares])
    fees: list[Money | None] = [None] * len(shares)
    if seen.fee is not None:
        parts = _in_proportion(seen.fee.amount_minor, minor)
        fees = [Money(part, seen.fee.currency) for part in parts]
    return [
        Piece(
            share.part,
            share.link_id,
            Money(share.amount_minor, checkout.currency),
            replace(seen, amount=Money(part, seen.amount.currency), fee=fee),
        )
        for share, part, fee in zip(shares, minor, fees, strict=True)
    ]


def _in_turn(total: int, wanted: Sequence[int]) -> list[int]:
    found = []
    for minor in wanted:
        found.append(min(minor, total))
        total -= found[-1]
    found[-1] += total
    return found


def _in_proportion(total: int, weights: Sequence[int]) -> list[int]:
    """Whole parts of a sum, which may be below zero, adding up to it."""
    whole = sum(weights) or 1
    ends = [total * upto // whole for upto in accumulate(weights)]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


def refunds_of(payments: Sequence[Payment], told: Told) -> list[list[RefundSnapshot]]:
    """What a provider tells of the refunds of a payment, for each of its locked parts.

    Ours name their part. One that somebody made at the provider goes over the parts as
    far as there is something left of them, and stays there, however often it is told.
    """
    if len(payments) == 1:
        return [list(told)]
    found: list[list[RefundSnapshot]] = [[] for _payment in payments]
    if not told or not payments:
        return found
    known = list(Refund.objects.filter(payment__in=payments).order_by("pk"))
    left = [payment.amount_minor - _gone(payment, known) for payment in payments]
    for seen in told:
        minor = _shares_of(seen, payments, known, left)
        for place, part in enumerate(minor):
            if part:
                amount = Money(part, seen.amount.currency)
                found[place].append(replace(seen, amount=amount))
    return found


def _gone(payment: Payment, known: Iterable[Refund]) -> int:
    return sum(
        refund.amount_minor
        for refund in known
        if refund.payment_id == payment.pk and refund.state in Refund.HOLDING
    )


def _shares_of(
    seen: RefundSnapshot,
    payments: Sequence[Payment],
    known: Sequence[Refund],
    left: list[int],
) -> list[int]:
    """How much of one refund each part has; what is new is taken off `left`."""
    places = {payment.pk: place for place, payment in enumerate(payments)}
    minor = [0] * len(payments)
    mine = [one for one in known if one.provider_refund_id == seen.provider_refund_id]
    if not mine and seen.reference:
        mine = [one for one in known if one.public_id == seen.reference]
    for refund in mine:
        minor[places[refund.payment_id]] += refund.amount_minor
    if mine:
        # The provider's word counts where it differs from what was kept.
        minor[places[mine[-1].payment_id]] += seen.amount.amount_minor - sum(minor)
        return minor
    minor = _in_turn(seen.amount.amount_minor, [max(one, 0) for one in left])
    for place, part in enumerate(minor):
        left[place] -= part
    return minor
