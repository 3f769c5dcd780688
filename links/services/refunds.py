"""Refunds in the books: what providers say of them, and what surplus suggests.

Everything here runs inside the transaction that holds the payment's link, then the
payment: the order of locks is link, checkout, payment, refund, message.
"""

from collections.abc import Iterable
from copy import copy

from django.db.models import Sum

from customers.services.customers import zone_of
from merchant_portal.business import services as business_services
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from notifications.services import outbox

from ..models import (
    Activity,
    Dispute,
    NumberSeries,
    Payment,
    PaymentLink,
    Refund,
)
from ..models.refunds import RefundOrigin, RefundState
from ..providers.base import RefundSnapshot
from . import recipients, totals

S = RefundState
SERIES = "CN"


def left(payment: Payment) -> int:
    """What may still be given back of a locked payment, in minor units: refunds that
    are under way or unknown count as gone, and what is disputed, unless it was won."""
    return _left(payment, payment.refunds.all())


def _left(payment: Payment, known: Iterable[Refund]) -> int:
    gone = sum(one.amount_minor for one in known if one.state in Refund.HOLDING)
    # Of a payment for several links a dispute is about all parts, booked with the first.
    disputes = Dispute.objects.filter(
        payment__account=payment.account_id,
        payment__provider_payment_id=payment.provider_payment_id,
    )
    for dispute in disputes.filter(state__in=Dispute.HOLDING):
        if dispute.currency != payment.currency:
            return 0  # nobody knows how much of it that is
        gone += dispute.amount_minor
    return max(payment.amount_minor - gone, 0)


def book(
    payment: Payment,
    link: PaymentLink | None,
    told: Iterable[RefundSnapshot],
    sums: totals.Changes,
) -> bool:
    """Merge what the provider tells of a locked payment's refunds; True if any is new.

    The caller writes `sums` last.
    """
    changed = [refund for seen in told for refund in _merge(payment, seen)]
    if not changed:
        return False
    given = payment.refunds.filter(state=S.SUCCEEDED)
    payment.refunded_minor = given.aggregate(total=Sum("amount_minor"))["total"] or 0
    payment.save(update_fields=["refunded_minor"])
    propose_surplus(payment)  # never more than is left of it now
    for refund, was in changed:
        _tell(refund, was.state, link)
        before = totals.of_refund(was, payment, link)
        sums.add(before, totals.of_refund(refund, payment, link))
    return True


def _merge(payment: Payment, seen: RefundSnapshot) -> list[tuple[Refund, Refund]]:
    """The refund with this fact in it and as it was; empty if this is not new.

    Ours by the reference that the provider gives back, else by the provider's id.
    """
    mine = payment.refunds.select_for_update(of=("self",))
    refund = mine.filter(provider_refund_id=seen.provider_refund_id).first()
    if refund is None and seen.reference:
        refund = mine.filter(public_id=seen.reference, provider_refund_id="").first()
    if refund is None:
        return [(_made_elsewhere(payment, seen), Refund(state=""))]
    was, is_known = copy(refund), bool(refund.provider_refund_id)
    new_state = RefundState(seen.state.value)
    rank = Refund.RANK
    has_risen = rank[new_state] > rank.get(was.state, 0)
    if is_known and not has_risen:
        return []
    if was.state != new_state and not refund.move_to(new_state):
        return []  # nobody asked the provider for it
    refund.provider_refund_id = seen.provider_refund_id
    refund.occurred_at = seen.occurred_at
    refund.failure = seen.failure[:300]
    refund.amount_minor = seen.amount.amount_minor
    if new_state in (S.SUCCEEDED, S.FAILED):
        refund.next_check_at = None
    _number(refund)
    refund.save()
    return [(refund, was)]


def _made_elsewhere(payment: Payment, seen: RefundSnapshot) -> Refund:
    is_final = seen.state.value in (S.SUCCEEDED, S.FAILED)
    now = clock.now()
    refund = Refund(
        payment=payment,
        provider_refund_id=seen.provider_refund_id,
        state=seen.state.value,
        origin=RefundOrigin.PROVIDER,
        amount_minor=seen.amount.amount_minor,
        currency=seen.amount.currency,
        failure=seen.failure[:300],
        proposed_at=now,
        occurred_at=seen.occurred_at,
        next_check_at=None if is_final else now,
    )
    _number(refund)
    refund.save()
    return refund


def _tell(refund: Refund, was: str, link: PaymentLink | None) -> None:
    """Timeline and customer, once for each change of state."""
    if refund.state == was:
        return
    if link is not None:
        note(refund, link, f"refund.{refund.state}")
    if refund.state == S.SUCCEEDED and link is not None:
        _queue_receipts(refund, link)


def _number(refund: Refund) -> None:
    """That of its credit note, the next of its series; the caller saves it. Given once,
    when it first succeeds, and kept if it fails after all. What came too much was never
    invoiced: to give that back takes no credit note, as does money without a link."""
    is_noted = refund.state == S.SUCCEEDED and refund.origin != RefundOrigin.SURPLUS
    if refund.number or not is_noted or refund.payment.link_id is None:
        return
    year = clock.now().astimezone(zone_of(None, business_services.kept())).year
    refund.number = f"{SERIES}-{year}-{NumberSeries.take(SERIES, year):06d}"


def note(
    refund: Refund, link: PaymentLink, kind: str, actor_id: str = SYSTEM.id
) -> None:
    """A line on the link's timeline."""
    Activity.objects.create(
        link=link,
        kind=kind,
        at=clock.now(),
        actor=actor_id,
        detail={
            "refund": refund.public_id,
            "amount_minor": refund.amount_minor,
            "currency": refund.currency,
            "reason": refund.failure or refund.reason,
        },
    )


def _queue_receipts(refund: Refund, link: PaymentLink) -> None:
    known = recipients.addresses(link)
    channels = [c for c in link.last_channels if c in known] or list(known)[:1]
    outbox.want_many(
        [
            outbox.NewMessage(
                kind="refund",
                channel=channel,
                recipient=known[channel],
                language=recipients.language(link),
                reference=link.public_id,
                subject_id=refund.public_id,
                dedupe_key=f"refund:{refund.public_id}:{channel}",
            )
            for channel in channels
        ]
    )


def propose_surplus(payment: Payment) -> None:
    """Keep one proposal to give back what a locked payment brought too much, as long
    as nobody has decided about it; none where nothing is too much any more."""
    open_one = payment.refunds.filter(origin=RefundOrigin.SURPLUS, state=S.PROPOSED)
    if not payment.surplus_minor:
        open_one.delete()
        return
    known = list(payment.refunds.all())
    mine = [refund for refund in known if refund.origin == RefundOrigin.SURPLUS]
    if any(refund.state != S.PROPOSED for refund in mine):
        return
    too_much = min(payment.surplus_minor, _left(payment, known))
    if too_much <= 0:
        open_one.delete()
    elif mine:
        open_one.update(amount_minor=too_much)
    else:
        Refund.objects.create(
            payment=payment,
            origin=RefundOrigin.SURPLUS,
            amount_minor=too_much,
            currency=payment.currency,
            proposed_at=clock.now(),
        )
