"""What a person has to look at, and saying that one did."""

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from merchant_portal.audit import services as audit
from merchant_portal.lib import clock, queue
from merchant_portal.lib.actors import Actor

from ..models import (
    Activity,
    Comparison,
    ComparisonState,
    Dispute,
    DisputeState,
    EventState,
    LinkStatus,
    PayerReply,
    Payment,
    PaymentLink,
    PaymentState,
    Refund,
    RefundState,
    StaffTask,
    WebhookEvent,
)
from .errors import LinkConflict

_IS_ODD = (
    Q(surplus_minor__gt=0) | Q(is_late=True) | Q(link__isnull=True) | ~Q(mismatch="")
)
# The condition of the index payment_needs_person, in its words.


def payments() -> QuerySet[Payment]:
    """Money that came but not as asked, and that nobody has dealt with."""
    return Payment.objects.filter(
        _IS_ODD, reviewed_at__isnull=True, state=PaymentState.SUCCEEDED
    )


def events() -> QuerySet[WebhookEvent]:
    """Webhooks that could not be worked on, however often it was tried."""
    return WebhookEvent.objects.filter(state=EventState.DEAD)


def refunds() -> QuerySet[Refund]:
    """Refunds that wait for a decision, and those of which nobody knows; the condition
    of the index refund_needs_person."""
    return Refund.objects.filter(state__in=[RefundState.PROPOSED, RefundState.UNKNOWN])


def disputes() -> QuerySet[Dispute]:
    """Disputes that the merchant has to answer at the provider; the condition of the
    index dispute_needs_person."""
    return Dispute.objects.filter(
        state=DisputeState.NEEDS_RESPONSE, answered_at__isnull=True
    )


def replies() -> QuerySet[PayerReply]:
    """What customers wrote that nobody has answered; the condition of the index
    reply_needs_person."""
    return PayerReply.objects.filter(closed_at__isnull=True)


def tasks() -> QuerySet[StaffTask]:
    """What people are asked to do about links that still wait for money: nobody is
    called after paying. By the index staff_task_open."""
    return StaffTask.objects.filter(done_at__isnull=True).exclude(
        link__status__in=[LinkStatus.PAID, LinkStatus.CANCELED, LinkStatus.EXHAUSTED]
    )


def comparisons() -> QuerySet[Comparison]:
    """Reports that left something for a person, or that came to no end; the condition
    of the index comparison_needs_person."""
    return Comparison.objects.filter(
        Q(open_count__gt=0) | Q(state=ComparisonState.FAILED), reviewed_at__isnull=True
    )


def deal_with(payment: Payment, *, actor: Actor) -> bool:
    """Say that a person saw to what was odd; False if somebody had said so before.

    LinkConflict while a refund of it waits for a decision, which is that same decision:
    else the money could leave after somebody said that it stays.
    """
    with transaction.atomic():
        if payment.link_id is not None:
            PaymentLink.objects.locked(payment.link_id)
        if payment.refunds.filter(state=RefundState.PROPOSED).exists():
            raise LinkConflict(
                _(
                    "Decide on its refund first: approve it, or decline it to keep the money."
                )
            )
        now = clock.now()
        done = Payment.objects.filter(pk=payment.pk, reviewed_at__isnull=True).update(
            reviewed_at=now
        )
        if not done:
            return False
        if payment.link_id is not None:
            Activity.objects.create(
                link_id=payment.link_id,
                kind="payment.reviewed",
                at=now,
                actor=actor.id,
                detail={"payment": payment.public_id},
            )
        audit.record(actor.id, "payment.reviewed", payment.public_id)
    payment.refresh_from_db(fields=["reviewed_at"])
    return True


def try_again(event: WebhookEvent, *, actor: Actor) -> bool:
    """Put a webhook back to work; False if it is at work already.

    Given up or done: what it hints at is read anew, and booking it again changes nothing.
    """
    with transaction.atomic():
        finished = WebhookEvent.objects.filter(pk=event.pk).exclude(
            state=EventState.RECEIVED
        )
        moved = finished.update(
            state=EventState.RECEIVED, tries=0, next_try_at=Now(), done_at=None
        )
        if not moved:
            return False
        queue.nudge("links.tasks.process_webhook", event.pk)
        audit.record(actor.id, "webhook.tried_again", event.event_id)
    event.refresh_from_db()
    return True
