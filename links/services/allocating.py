"""Spreading the money of a link over what it asks; what is over is surplus.

Always over all its payments in the order of the providers' clocks, so that the order in
which they were heard of does not matter.
"""

from dataclasses import dataclass

from merchant_portal.lib import rates

from ..models import AmountKind, Payment, PaymentLink, PaymentState
from . import asking, refunds

K = AmountKind
_KEPT = ("amount_minor", "net_minor", "tax_minor", "amount_paid_minor", "uses")


@dataclass(frozen=True, slots=True)
class _Share:
    """Where the money of one payment goes, minor units; they add up to its amount."""

    used: int
    tip: int
    surplus: int


def allocate(link: PaymentLink, news: Payment) -> dict[str, int]:
    """Bring the parts of a locked link's payments up to date, `news` among them.

    Returns what changed of the link's own fields; they are set, and the caller saves
    them together with the status that follows.
    """
    before = {name: getattr(link, name) for name in _KEPT}
    counted = list(
        link.payments.filter(state=PaymentState.SUCCEEDED, currency=link.currency)
        .select_related("checkout")
        .order_by("occurred_at", "account_id", "provider_payment_id")
    )
    if counted and not link.is_reusable:
        _settle_amount(link, counted[0])
    shares = _of_uses(link, counted) if link.is_reusable else _in_turn(link, counted)
    for payment, share in zip(counted, shares, strict=True):
        _keep(payment, share)
        if payment.pk == news.pk:
            news.surplus_minor, news.tip_minor = share.surplus, share.tip
    link.amount_paid_minor = sum(share.used for share in shares)
    link.uses = sum(share.used > 0 for share in shares) if link.is_reusable else 0
    after = {name: getattr(link, name) for name in _KEPT}
    return {name: value for name, value in after.items() if value != before[name]}


def _in_turn(link: PaymentLink, counted: list[Payment]) -> list[_Share]:
    left = link.amount_minor
    shares = []
    for payment in counted:
        shares.append(_share(payment, left))
        left -= shares[-1].used
    return shares


def _of_uses(link: PaymentLink, counted: list[Payment]) -> list[_Share]:
    """Each payment is a use of its own; those past the limit were not asked for."""
    limit = len(counted) if link.use_limit is None else link.use_limit
    return [
        _share(payment, payment.amount_minor if use < limit else 0)
        for use, payment in enumerate(counted)
    ]


def _tip_of(payment: Payment) -> int:
    """What of it is a tip: whatever comes short is short of the tip first."""
    checkout = payment.checkout
    if checkout is None or checkout.currency != payment.currency:
        return 0
    return min(max(payment.amount_minor - checkout.due_minor, 0), checkout.tip_minor)


def _share(payment: Payment, left: int) -> _Share:
    """Of money that nothing was asked for the tip is too much as well."""
    amount, tip = payment.amount_minor, _tip_of(payment)
    used = min(left, amount - tip)
    if not used:
        return _Share(0, 0, amount)
    return _Share(used, tip, amount - tip - used)


def _keep(payment: Payment, share: _Share) -> None:
    if (payment.surplus_minor, payment.tip_minor) == (share.surplus, share.tip):
        return
    has_more = payment.surplus_minor != share.surplus
    payment.surplus_minor, payment.tip_minor = share.surplus, share.tip
    payment.save(update_fields=["surplus_minor", "tip_minor"])
    if has_more:
        refunds.propose_surplus(payment)


def _settle_amount(link: PaymentLink, first: Payment) -> None:
    """Where the payer says the amount, the first money has said it."""
    if link.amount_kind == K.CHOSEN:
        _settle_chosen(link, first)
    elif link.amount_kind == K.QUANTITY:
        _settle_pieces(link, first)


def _settle_chosen(link: PaymentLink, first: Payment) -> None:
    gross = first.amount_minor - _tip_of(first)
    if gross == link.amount_minor:
        return
    line = link.lines.get()
    line.net_minor = rates.net_of(gross, line.tax_bp)
    line.tax_minor = gross - line.net_minor
    line.unit_amount_minor = gross if link.prices_include_tax else line.net_minor
    line.discount_bp = 0  # it was taken off by whoever chose
    line.save(
        update_fields=["net_minor", "tax_minor", "unit_amount_minor", "discount_bp"]
    )
    link.amount_minor = gross
    link.net_minor, link.tax_minor = line.net_minor, line.tax_minor


def _settle_pieces(link: PaymentLink, first: Payment) -> None:
    chosen = first.checkout.quantities if first.checkout is not None else {}
    pieces = {int(place): number for place, number in chosen.items()}
    lines = list(link.lines.all())
    if pieces == {
        line.position: line.chosen_pieces
        for line in lines
        if line.chosen_pieces is not None
    }:
        return
    totals = asking.with_pieces(link, lines, pieces)
    for line, sums in zip(lines, totals.lines, strict=True):
        line.chosen_pieces = pieces.get(line.position)
        line.net_minor, line.tax_minor = sums.net_minor, sums.tax_minor
    link.lines.model.objects.bulk_update(
        lines, ["chosen_pieces", "net_minor", "tax_minor"]
    )
    link.net_minor, link.tax_minor = totals.net_minor, totals.tax_minor
    link.amount_minor = totals.amount_minor
