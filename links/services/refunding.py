"""Giving money back: proposed, approved, sent once, settled by reading."""

from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from merchant_portal.audit import services as audit
from merchant_portal.business.models import Business
from merchant_portal.lib import clock, crash, ids, queue
from merchant_portal.lib.actors import Actor
from merchant_portal.lib.money import MoneyError, positive
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right, Role

from ..models import Payment, PaymentLink, PaymentState, Refund
from ..models.refunds import RefundOrigin, RefundState
from ..providers.base import (
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
    RefundRequest,
)
from ..providers.registry import get_provider
from . import accounts, payments, refunds, till, till_figures, totals, words
from .errors import LinkConflict, LinkError

S = RefundState
LEASE = timedelta(seconds=90)
# Longer than any answer is waited for; then nobody knows what became of the call.
CHECK_AFTER_SECONDS = (30, 120, 300, 600, 3600)
# after the call; then every hour until the provider tells of it or a person decides
AGAIN_AFTER = timedelta(minutes=10)
# of a refund that could not leave because keys are wrong


def propose(
    payment: Payment,
    *,
    amount_minor: int,
    actor: Actor,
    reason: str = "",
    key: str = "",
) -> Refund:
    """Ask for a part of a payment to be given back.

    `key`: the public id that the refund gets, from the form; the same again proposes
    nothing more. Raises LinkError for what
    cannot be, LinkConflict where less is left than that.
    """
    try:
        amount = positive(amount_minor, payment.currency)
    except MoneyError as exc:
        raise LinkError(str(exc), "amount") from exc
    reason = words.clean_line(reason, "reason", max_length=300)
    with transaction.atomic():
        locked, link = _locked(payment.pk)
        refund = Refund(
            payment=locked,
            amount_minor=amount.amount_minor,
            currency=amount.currency,
            reason=reason,
            proposed_by_id=actor.user_pk,
            proposed_at=clock.now(),
        )
        if key:
            refund.public_id = key
            known = Refund.objects.filter(public_id=key).first()
            if known is not None and known.payment_id == locked.pk:
                return known
            if known is not None:
                refund.public_id = ids.new("rfd")  # somebody made that key up
        _refuse_more_than_left(locked, refund)
        refund.save()
        if link is not None:
            refunds.note(refund, link, "refund.proposed", actor.id)
        audit.record(actor.id, "refund.proposed", refund.public_id)
    return refund


def may_approve(refund: Refund, user: User) -> bool:
    """By role, and four eyes: nobody in finance approves their own proposal, an owner
    theirs only up to the limit that the business has set."""
    if not user.may(Right.REFUNDS_APPROVE):
        return False
    if refund.proposed_by_id != user.pk:
        return True
    if user.role != Role.OWNER:
        return False
    business = Business.objects.current()
    limit = business.own_refund_limit_minor
    if limit is None:
        return True
    return refund.currency == business.currency and refund.amount_minor <= limit


def approve(refund: Refund, *, user: User) -> None:
    """Let a proposed refund leave. Raises LinkConflict if somebody decided before, if
    less is left, or if it needs somebody else's approval."""
    with transaction.atomic():
        payment, link = _locked(refund.payment_id)
        fresh = Refund.objects.select_for_update(of=("self",)).get(pk=refund.pk)
        if fresh.state != S.PROPOSED:
            raise LinkConflict(_("Somebody has decided about this refund before."))
        if not may_approve(fresh, user):
            raise LinkConflict(_("Somebody else has to approve this refund."))
        _refuse_more_than_left(payment, fresh)
        now = clock.now()
        stamps: dict[str, object] = {"decided_by_id": user.pk, "decided_at": now}
        if payment.account.slug == till_figures.HAND:  # handed out by hand as well
            stamps["shift"] = till.hold_any(fresh.proposed_by_id, user.pk)
        fresh.move_to(S.APPROVED, next_check_at=now, **stamps)
        _review(payment, fresh)
        if link is not None:
            refunds.note(fresh, link, "refund.approved", user.public_id)
        queue.nudge("links.tasks.send_refund", fresh.pk)
        audit.record(user.public_id, "refund.approved", fresh.public_id)
    refund.refresh_from_db()


def decline(refund: Refund, *, user: User) -> None:
    """Leave the money where it is. Raises LinkConflict if somebody decided before."""
    with transaction.atomic():
        payment, link = _locked(refund.payment_id)
        fresh = Refund.objects.select_for_update(of=("self",)).get(pk=refund.pk)
        now = clock.now()
        if not fresh.move_to(S.DECLINED, decided_by_id=user.pk, decided_at=now):
            raise LinkConflict(_("Somebody has decided about this refund before."))
        _review(payment, fresh)
        if link is not None:
            refunds.note(fresh, link, "refund.declined", user.public_id)
        audit.record(user.public_id, "refund.declined", fresh.public_id)
    refund.refresh_from_db()


def give_up(refund: Refund, *, user: User) -> None:
    """A person looked at the provider's and says that an unknown refund never happened.

    If the provider tells of it after all, that counts. Raises LinkConflict.
    """
    with transaction.atomic():
        _payment, link = _locked(refund.payment_id)
        fresh = Refund.objects.select_for_update(of=("self",)).get(pk=refund.pk)
        if fresh.state != S.UNKNOWN or not fresh.move_to(
            S.FAILED, failure=_("It never reached the provider."), next_check_at=None
        ):
            raise LinkConflict(_("This refund is not unknown any more."))
        if link is not None:
            refunds.note(fresh, link, "refund.failed", user.public_id)
        audit.record(user.public_id, "refund.given_up", fresh.public_id)
    refund.refresh_from_db()


def _review(payment: Payment, refund: Refund) -> None:
    """Whoever decides about a surplus has dealt with it."""
    if refund.origin == RefundOrigin.SURPLUS and payment.reviewed_at is None:
        payment.reviewed_at = clock.now()
        payment.save(update_fields=["reviewed_at"])


def _locked(payment_pk: int) -> tuple[Payment, PaymentLink | None]:
    """Link first, as everywhere; a payment without one may get one meanwhile."""
    link_pk = Payment.objects.values_list("link_id", flat=True).get(pk=payment_pk)
    link = PaymentLink.objects.locked(link_pk) if link_pk else None
    payment = Payment.objects.select_for_update(of=("self",)).get(pk=payment_pk)
    return payment, link


def _refuse_more_than_left(payment: Payment, refund: Refund) -> None:
    if payment.state != PaymentState.SUCCEEDED:
        raise LinkConflict(_("Only money that came in can be given back."))
    if refund.amount_minor > refunds.left(payment):
        raise LinkConflict(
            _("Less than that is left of this payment; load the page again.")
        )


# --- at the provider ----------------------------------------------------------------


def send(pk: int) -> None:
    """Give back what was approved: claimed first, called once, outside a transaction.

    The same refund is never asked for twice: after a lost answer it is unknown, and
    `settle` reads what became of it.
    """
    refund = _claimed(pk)
    if refund is None:
        return
    payment = refund.payment
    crash.crash_at("refund.before_call")
    try:
        if accounts.mode_of(payment.account.slug) is None:
            raise ProviderMisconfigured("Its keys are not set.")
        seen = get_provider(payment.account.slug).refund(
            RefundRequest(refund.public_id, payment.provider_payment_id, refund.amount)
        )
    except ProviderUnavailable as exc:
        _end(refund, S.UNKNOWN, str(exc), CHECK_AFTER_SECONDS[0])
        return
    except ProviderMisconfigured as exc:
        _end(refund, S.APPROVED, str(exc), int(AGAIN_AFTER.total_seconds()))
        return
    except ProviderRejected as exc:
        _end(refund, S.FAILED, str(exc), None)
        return
    crash.crash_at("refund.after_call")
    with transaction.atomic():
        locked, link = _locked(payment.pk)
        sums = totals.Changes()
        refunds.book(locked, link, [seen], sums)
        sums.write()


def _claimed(pk: int) -> Refund | None:
    refund = Refund.objects.select_related("payment__account").get(pk=pk)
    if refund.state != S.APPROVED:
        return None
    lapses = clock.now() + LEASE
    return refund if refund.move_to(S.SENDING, next_check_at=lapses) else None


def _end(refund: Refund, state: RefundState, problem: str, again: int | None) -> None:
    """Write down how the call ended, unless the provider told of it meanwhile."""
    next_at = None if again is None else clock.now() + timedelta(seconds=again)
    with transaction.atomic():
        _payment, link = _locked(refund.payment_id)
        moved = refund.move_to(state, failure=problem[:300], next_check_at=next_at)
        if moved and link is not None and state != S.APPROVED:
            refunds.note(refund, link, f"refund.{state}")


def settle(pk: int) -> None:
    """Read at the provider what became of a refund; never ask for it again.

    Raises ProviderError when the provider gives no answer; the next look stays due.
    """
    refund = Refund.objects.select_related("payment__account").get(pk=pk)
    if refund.state == S.APPROVED:
        send(pk)
        return
    if refund.state == S.SENDING:
        if refund.next_check_at is None or refund.next_check_at > clock.now():
            return  # woken twice: the other worker still waits for the answer
        _end(refund, S.UNKNOWN, "", 0)
        refund.refresh_from_db()
    if refund.state not in (S.UNKNOWN, S.PENDING):
        return
    step = min(refund.checks + 1, len(CHECK_AFTER_SECONDS) - 1)
    again = clock.now() + timedelta(seconds=CHECK_AFTER_SECONDS[step])
    Refund.objects.filter(pk=pk).update(
        next_check_at=again, checks=F("checks") + (1 if refund.checks < 1000 else 0)
    )
    slug = refund.payment.account.slug
    if accounts.mode_of(slug) is None:
        raise ProviderMisconfigured(f"The keys of {slug} are not set.")
    payments.record(
        get_provider(slug).fetch_payment(refund.payment.provider_payment_id)
    )


def due(limit: int = 100) -> list[int]:
    """Keys of refunds to send or to ask about: the nudge was lost, or nobody knows."""
    return list(
        Refund.objects.filter(next_check_at__lte=clock.now())
        .order_by("next_check_at")
        .values_list("pk", flat=True)[:limit]
    )
