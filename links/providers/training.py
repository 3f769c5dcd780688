"""The rehearsal provider: a hosted page inside the product; no money moves.

It keeps its own books in its own tables, as a real provider would, and its webhooks
are signed, delivered and distrusted like anyone's.
"""

import hmac
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.crypto import salted_hmac

from merchant_portal.lib import clock, ids
from merchant_portal.lib.money import Money

from ..models.training import (
    TrainingDispute,
    TrainingPayment,
    TrainingRefund,
    TrainingSession,
)
from . import training_disputes
from .base import (
    Capabilities,
    CheckoutRequest,
    CheckoutSnapshot,
    DisputeSnapshot,
    PaymentSnapshot,
    PayoutSnapshot,
    ProviderEvent,
    ProviderRejected,
    RefundRequest,
    RefundSnapshot,
    RefundState,
    SeenState,
    SessionState,
    WebhookVerificationError,
)

OUTCOMES = ("approve", "decline", "later", "late", "lost", "duplicate", "dispute")
DELAY = timedelta(seconds=20)
# of a payment that succeeds later and of a webhook that comes late
TOLERANCE_SECONDS = 300
FEE_BP, FEE_MINOR = 150, 25
SIGNATURE_HEADER = "Training-Signature"


class TrainingProvider:
    slug: ClassVar[str] = "training"
    title: ClassVar[str] = "Training"
    webhook_events: ClassVar[tuple[str, ...]] = ()
    capabilities: ClassVar[Capabilities] = Capabilities(refund=True, disputes=True)

    def create_checkout(self, request: CheckoutRequest) -> CheckoutSnapshot:
        session, _created = TrainingSession.objects.get_or_create(
            session_id=f"tcs_{request.idempotency_key}",
            defaults={
                "checkout_reference": request.reference,
                "link_reference": request.link_reference,
                "amount_minor": request.amount.amount_minor,
                "currency": request.amount.currency,
                "title": request.title[:255],
                "expires_at": request.expires_at or clock.now() + timedelta(hours=23),
            },
        )
        return _snapshot(session)

    def fetch_checkout(self, provider_session_id: str) -> CheckoutSnapshot:
        return _snapshot(_session(provider_session_id))

    def expire_checkout(self, provider_session_id: str) -> CheckoutSnapshot:
        TrainingSession.objects.filter(
            session_id=provider_session_id, closed_at=None
        ).update(closed_at=clock.now())
        return _snapshot(_session(provider_session_id))

    def capture(
        self, provider_session_id: str, idempotency_key: str
    ) -> CheckoutSnapshot:
        raise ProviderRejected("A training payment takes itself: nothing to capture.")

    def fetch_payment(self, provider_payment_id: str) -> PaymentSnapshot:
        return _seen(_payment(provider_payment_id), clock.now())

    def refund(self, request: RefundRequest) -> RefundSnapshot:
        """Give back at once; the payment's row is locked, so two calls at a time
        never give back more than came in."""
        now = clock.now()
        with transaction.atomic():
            TrainingPayment.objects.select_for_update().filter(
                payment_id=request.provider_payment_id
            ).first()
            payment = _payment(request.provider_payment_id)
            made = TrainingRefund.objects.filter(reference=request.reference).first()
            if made is None:
                _check_refund(payment, request.amount, now)
                made = TrainingRefund.objects.create(
                    payment=payment,
                    refund_id=ids.new("tre"),
                    reference=request.reference,
                    amount_minor=request.amount.amount_minor,
                    created_at=now,
                    webhook_at=now,
                )
        refunded = Money(made.amount_minor, payment.session.currency)
        if made.payment_id != payment.pk or refunded != request.amount:
            raise ProviderRejected("This reference is another training refund's.")
        return _refund_seen(made, payment.session.currency)

    def fetch_dispute(self, provider_dispute_id: str) -> DisputeSnapshot:
        return training_disputes.fetch(provider_dispute_id)

    def list_payments(self, since: datetime) -> Iterable[PaymentSnapshot]:
        now = clock.now()
        refunded = TrainingRefund.objects.filter(created_at__gte=since)
        rows = TrainingPayment.objects.filter(
            Q(created_at__gte=since - DELAY) | Q(pk__in=refunded.values("payment"))
        )
        told = rows.select_related("session").prefetch_related("refunds")
        return [_seen(payment, now) for payment in told.order_by("created_at")]

    def list_disputes(self, since: datetime) -> Iterable[DisputeSnapshot]:
        return training_disputes.listed(since)

    def list_payouts(self, since: datetime) -> Iterable[PayoutSnapshot]:
        return ()

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> None:
        sent_at, _, signature = headers.get(SIGNATURE_HEADER, "").partition(",")
        if not sent_at.isascii() or not sent_at.isdigit() or len(sent_at) > 12:
            raise WebhookVerificationError("The signature is missing or malformed.")
        expected = _signature(int(sent_at), body)
        # as bytes: a header may hold letters that cannot be compared as text
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            raise WebhookVerificationError("The signature is wrong.")
        age = clock.now().timestamp() - int(sent_at)
        if abs(age) > TOLERANCE_SECONDS:
            raise WebhookVerificationError("The webhook is too old or from the future.")

    def parse_webhook(self, body: bytes) -> ProviderEvent:
        try:
            event = json.loads(body)
            return ProviderEvent(
                event_id=str(event["id"])[:255],
                kind=str(event["type"])[:80],
                provider_session_id=str(event["session"])[:255],
                provider_dispute_id=str(event.get("dispute", ""))[:255],
            )
        except (ValueError, KeyError, TypeError, RecursionError) as exc:
            raise WebhookVerificationError("The body is not an event.") from exc

    def check_account(self) -> str:
        return ""


def find_session(checkout_reference: str) -> TrainingSession | None:
    """The session whose page belongs to this checkout of ours."""
    return TrainingSession.objects.filter(checkout_reference=checkout_reference).first()


def is_open(session: TrainingSession, now: datetime) -> bool:
    """Whether its page still takes an answer."""
    return _state(session, list(session.payments.all()), now) == SessionState.OPEN


def answer(session: TrainingSession, outcome: str) -> TrainingPayment | None:
    """Book what was clicked on the page; None when it takes no answer any more.

    `outcome`: one of OUTCOMES. Double submits book one payment.
    """
    if outcome not in OUTCOMES:
        raise ProviderRejected(f"No such outcome: {outcome[:20]!r}")
    now = clock.now()
    if not is_open(session, now):
        return None
    succeeds_at = {"decline": None, "later": now + DELAY}.get(outcome, now)
    try:
        with transaction.atomic():
            payment = TrainingPayment.objects.create(
                session=session,
                payment_id=ids.new("tpy"),
                outcome=outcome,
                created_at=now,
                succeeds_at=succeeds_at,
                webhook_at={"lost": None, "late": now + DELAY}.get(outcome, now),
                webhooks_left=2 if outcome in ("duplicate", "later") else 1,
            )
            if outcome == "dispute":
                training_disputes.open_dispute(payment)
            return payment
    except IntegrityError:
        return None  # the other half of a double submit was faster


def webhook(payment: TrainingPayment, number: int) -> tuple[dict[str, str], bytes]:
    """Headers and body of one signed webhook about a payment.

    The two of `duplicate` carry one event id; those of `later` are two events.
    """
    number = 1 if payment.outcome == "duplicate" else number
    return _signed(
        f"tev_{payment.payment_id[4:]}_{number}",
        "payment.updated",
        payment.session.session_id,
    )


def refund_webhook(refund: TrainingRefund) -> tuple[dict[str, str], bytes]:
    """Headers and body of the signed webhook about a refund."""
    return _signed(
        f"tev_{refund.refund_id[4:]}",
        "refund.created",
        refund.payment.session.session_id,
    )


def dispute_webhook(dispute: TrainingDispute) -> tuple[dict[str, str], bytes]:
    """Headers and body of the signed webhook about the last change of a dispute."""
    return _signed(
        f"tev_{dispute.dispute_id[4:]}_{dispute.version}",
        "dispute.created" if dispute.version == 1 else "dispute.updated",
        "",
        dispute=dispute.dispute_id,
    )


def _signed(
    event_id: str, kind: str, session_id: str, **more: str
) -> tuple[dict[str, str], bytes]:
    event = {"id": event_id, "type": kind, "session": session_id, **more}
    body = json.dumps(event).encode()
    sent_at = int(clock.now().timestamp())
    return {SIGNATURE_HEADER: f"{sent_at},{_signature(sent_at, body)}"}, body


def _signature(sent_at: int, body: bytes) -> str:
    message = f"{sent_at}.".encode() + body
    return salted_hmac("training-webhook", message, algorithm="sha256").hexdigest()


def _session(session_id: str) -> TrainingSession:
    session = TrainingSession.objects.filter(session_id=session_id).first()
    if session is None:
        raise ProviderRejected(f"No training session {session_id[:40]}.")
    return session


def _payment(payment_id: str) -> TrainingPayment:
    payment = (
        TrainingPayment.objects.select_related("session")
        .prefetch_related("refunds")
        .filter(payment_id=payment_id)
        .first()
    )
    if payment is None:
        raise ProviderRejected(f"No training payment {payment_id[:40]}.")
    return payment


def _check_refund(payment: TrainingPayment, amount: Money, now: datetime) -> None:
    """ProviderRejected for more than is left of what has come in."""
    if payment.succeeds_at is None or payment.succeeds_at > now:
        raise ProviderRejected("No money has come in that could be given back.")
    if amount.currency != payment.session.currency:
        raise ProviderRejected(f"The payment was in {payment.session.currency}.")
    left = payment.session.amount_minor - sum(
        refund.amount_minor for refund in payment.refunds.all()
    )
    if not 0 < amount.amount_minor <= left:
        raise ProviderRejected("So much is not left of the training payment.")


def _snapshot(session: TrainingSession) -> CheckoutSnapshot:
    now = clock.now()
    payments = list(session.payments.prefetch_related("refunds").order_by("created_at"))
    for payment in payments:
        payment.session = session
    return CheckoutSnapshot(
        provider_session_id=session.session_id,
        state=_state(session, payments, now),
        url=f"{settings.PUBLIC_URL}/training/{session.checkout_reference}/",
        expires_at=session.expires_at,
        payments=tuple(_seen(payment, now) for payment in payments),
    )


def _state(
    session: TrainingSession, payments: list[TrainingPayment], now: datetime
) -> SessionState:
    if any(payment.succeeds_at is not None for payment in payments):
        return SessionState.COMPLETED
    if session.closed_at is not None or session.expires_at <= now:
        return SessionState.EXPIRED
    return SessionState.OPEN


def _seen(payment: TrainingPayment, now: datetime) -> PaymentSnapshot:
    session = payment.session
    amount = Money(session.amount_minor, session.currency)
    fee = min(amount.amount_minor * FEE_BP // 10_000 + FEE_MINOR, amount.amount_minor)
    if payment.succeeds_at is None:
        state = SeenState.FAILED
    elif payment.succeeds_at > now:
        state = SeenState.PROCESSING
    else:
        state = SeenState.SUCCEEDED
    succeeded = state == SeenState.SUCCEEDED
    return PaymentSnapshot(
        account_slug=TrainingProvider.slug,
        provider_payment_id=payment.payment_id,
        state=state,
        amount=amount,
        occurred_at=(payment.succeeds_at if succeeded else None) or payment.created_at,
        provider_session_id=session.session_id,
        checkout_reference=session.checkout_reference,
        link_reference=session.link_reference,
        fee=Money(fee, session.currency) if succeeded else None,
        method="card",
        failure="" if payment.succeeds_at else "The card was declined.",
        refunds=tuple(
            _refund_seen(refund, session.currency)
            for refund in sorted(payment.refunds.all(), key=lambda row: row.pk)
        ),
    )


def _refund_seen(refund: TrainingRefund, currency: str) -> RefundSnapshot:
    return RefundSnapshot(
        provider_refund_id=refund.refund_id,
        state=RefundState.SUCCEEDED,
        amount=Money(refund.amount_minor, currency),
        occurred_at=refund.created_at,
        reference=refund.reference,
    )
