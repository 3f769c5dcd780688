"""Webhooks: stored once, answered at once, worked on after."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from merchant_portal.lib import clock, crash, database, queue

from ..models import Checkout, Dispute, EventState, Payment, WebhookEvent
from ..providers.base import (
    CheckoutSnapshot,
    ForeignPayment,
    PaymentSnapshot,
    ProviderError,
    ProviderRejected,
)
from ..providers.registry import get_provider
from . import checkouts, disputes, payments, proving, storing

LEASE = timedelta(seconds=60)
RETRY_AFTER_SECONDS = (10, 60, 300, 1800, 7200)
# then a person looks at it
MAX_TRIES = 10
# of an event whose worker never came to write down how its try ended
PAGE = 100
# events that one sweep wakes workers for
CATCH_UP_SECONDS = 8.0
# less than the ten until the next sweep asks again, so that no two pile up


@dataclass(frozen=True, slots=True)
class _Read:
    """What the provider answered: a session, only payments, or a dispute."""

    session: CheckoutSnapshot | None = None
    payments: tuple[PaymentSnapshot, ...] = ()
    dispute: disputes.Told | None = None


def receive(slug: str, headers: Mapping[str, str], body: bytes) -> int | None:
    """Verify and store one webhook, once for ever; a task does the work.

    Its key, or None for a repeat, which is already at work. Raises
    WebhookVerificationError (answer 400), TooManyUnproved (503) and KeyError for a
    provider whose keys are not set (answer 404). One statement, two for a repeat; none
    before the signature is proved, and no call to anybody.
    """
    provider = get_provider(slug)
    is_proved = proving.is_proved(provider, headers, body)
    event = provider.parse_webhook(body)

    def store() -> int | None:
        if is_proved:
            return storing.store(slug, event, body)
        return proving.keep(slug, event.kind, headers, body)

    stored = database.repeated(store, is_keyed=True)
    crash.crash_at("webhook.after_store")
    if stored is not None:
        queue.nudge("links.tasks.process_webhook", stored)
    return stored


def process(pk: int) -> bool:
    """Read at the provider what the event hints at, book it and finish the event.

    The event is finished in the transaction that books its effect. False if another
    worker has it or it is done. A failure leaves it due again later.
    """
    event = _claim(pk)
    if event is None:
        return False
    try:
        if not event.is_verified and not proving.prove(event):
            return False
        read = _read(event)
    except ProviderRejected as exc:
        _postpone(event, str(exc), is_final=True)
        return False
    except ProviderError as exc:
        _postpone(event, str(exc))
        return False
    with transaction.atomic():
        state = _book(event, read)
        crash.crash_at("webhook.before_done")
        WebhookEvent.objects.filter(pk=pk).update(
            state=state, done_at=Now(), next_try_at=None, last_error=""
        )
    return True


def _claim(pk: int) -> WebhookEvent | None:
    """The event, if it is due and nobody else has it.

    The next try is on the row before this one begins, so that an event that kills
    its worker each time, or fails as nobody foresaw, ends with a person as well.
    """
    now = clock.database_now()
    claimed = WebhookEvent.objects.filter(
        pk=pk, state=EventState.RECEIVED, next_try_at__lte=now
    ).update(next_try_at=now + LEASE, tries=F("tries") + 1)
    if not claimed:
        return None
    event = WebhookEvent.objects.select_related("account").get(pk=pk)
    if event.tries > MAX_TRIES:
        _postpone(event, "Its worker failed each time; see the log.", is_final=True)
        return None
    return event


def _read(event: WebhookEvent) -> _Read:
    """Ask the provider about what the event names; the event itself proves nothing."""
    provider = get_provider(event.account.slug)
    hint = provider.parse_webhook(event.body.encode())
    if hint.provider_session_id:
        session = provider.fetch_checkout(hint.provider_session_id)
        return _Read(session, session.payments)
    try:
        if hint.provider_payment_id:
            seen = provider.fetch_payment(hint.provider_payment_id)
            return _Read(payments=(seen,))
        if hint.provider_dispute_id and provider.capabilities.disputes:
            return _Read(dispute=disputes.read(provider, hint.provider_dispute_id))
    except ForeignPayment:
        pass  # of the seller's till, for example: not ours to book
    return _Read()


def _book(event: WebhookEvent, read: _Read) -> EventState:
    if read.dispute is not None:
        return _book_dispute(event, read.dispute)
    checkout = None
    if read.session is not None:
        checkout = Checkout.objects.filter(
            account=event.account,
            provider_session_id=read.session.provider_session_id,
        ).first()
    if checkout is not None and read.session is not None:
        checkouts.apply(checkout, read.session)
        if read.session.awaits_capture:
            checkouts.look_now(checkout)
    else:
        for seen in read.payments:
            payments.record(seen)
    if not read.payments:
        return EventState.DONE if checkout is not None else EventState.IGNORED
    has_orphan = Payment.objects.filter(
        account=event.account,
        link=None,
        provider_payment_id__in=[seen.provider_payment_id for seen in read.payments],
    ).exists()
    return EventState.ORPHAN if has_orphan else EventState.DONE


def _book_dispute(event: WebhookEvent, told: disputes.Told) -> EventState:
    disputes.book(told)
    is_linked = Dispute.objects.filter(
        account=event.account,
        provider_dispute_id=told.dispute.provider_dispute_id,
        payment__link__isnull=False,
    ).exists()
    return EventState.DONE if is_linked else EventState.ORPHAN


def _postpone(event: WebhookEvent, problem: str, *, is_final: bool = False) -> None:
    """Try again later, at most as often as RETRY_AFTER_SECONDS says."""
    if is_final or event.tries > len(RETRY_AFTER_SECONDS):
        state, next_try_at = EventState.DEAD, None
    else:
        state = EventState.RECEIVED
        next_try_at = clock.database_now() + timedelta(
            seconds=RETRY_AFTER_SECONDS[event.tries - 1]
        )
    WebhookEvent.objects.filter(pk=event.pk, tries=event.tries).update(
        state=state, next_try_at=next_try_at, last_error=problem[:300]
    )


def catch_up() -> int:
    """Work on what a sweep's wake-ups leave over, the oldest first; how many were done.

    While a broker hangs each event waits for the sweep, far more than a page of them.
    """
    done = 0
    ends = time.monotonic() + CATCH_UP_SECONDS
    while pks := due():
        for pk in pks:
            if time.monotonic() >= ends:
                return done
            done += process(pk)
    return done


def due(limit: int = PAGE) -> list[int]:
    """Keys of events whose next try is due: the nudge was lost, or a try failed."""
    return list(
        WebhookEvent.objects.filter(
            state=EventState.RECEIVED, next_try_at__lte=clock.database_now()
        )
        .order_by("next_try_at")
        .values_list("pk", flat=True)[:limit]
    )
