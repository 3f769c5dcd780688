"""Webhooks: stored once, booked once, done only when booked."""

import json
from contextlib import suppress
from datetime import timedelta

import pytest
from django.conf import LazySettings

from links import tasks
from links.models import (
    EventState,
    LinkStatus,
    Payment,
    PaymentLink,
    TrainingPayment,
    TrainingSession,
    WebhookEvent,
)
from links.providers import training as provider
from links.providers.base import ProviderUnavailable, WebhookVerificationError
from links.providers.training import SIGNATURE_HEADER, TrainingProvider
from links.services import checkouts, inbox, training
from merchant_portal.lib import clock, crash

from .factories import make_link

pytestmark = pytest.mark.django_db


def answered(outcome: str) -> tuple[PaymentLink, TrainingPayment]:
    link = make_link()
    checkouts.start(link.pk, "training")
    payment = provider.answer(TrainingSession.objects.get(), outcome)
    assert payment is not None
    return link, payment


def work() -> None:
    """What the workers would do now."""
    training.deliver_webhooks()
    for pk in inbox.due():
        inbox.process(pk)


def status_of(link: PaymentLink) -> str:
    return PaymentLink.objects.get(pk=link.pk).status


def test_approve_is_paid_by_its_webhook() -> None:
    link, _payment = answered("approve")

    work()

    assert status_of(link) == LinkStatus.PAID
    assert WebhookEvent.objects.get().state == EventState.DONE


def test_decline_leaves_the_link_open_for_another_try() -> None:
    link, _payment = answered("decline")

    work()

    assert status_of(link) == LinkStatus.ACTIVE
    assert Payment.objects.get().failure == "The card was declined."
    assert provider.answer(TrainingSession.objects.get(), "approve") is not None


def test_later_is_processing_then_paid() -> None:
    with clock.frozen(clock.now()):
        link, _payment = answered("later")
        work()
        assert Payment.objects.get().state == "processing"
        in_a_moment = clock.now() + timedelta(seconds=21)
    with clock.frozen(in_a_moment):
        work()

    assert status_of(link) == LinkStatus.PAID


def test_late_is_paid_when_its_webhook_comes() -> None:
    with clock.frozen(clock.now()):
        link, _payment = answered("late")
        work()
        assert status_of(link) == LinkStatus.ACTIVE
        in_a_moment = clock.now() + timedelta(seconds=21)
    with clock.frozen(in_a_moment):
        work()

    assert status_of(link) == LinkStatus.PAID


def test_lost_sends_no_webhook_at_all() -> None:
    link, _payment = answered("lost")

    work()

    assert WebhookEvent.objects.count() == 0
    assert status_of(link) == LinkStatus.ACTIVE


def test_duplicate_is_stored_and_booked_once() -> None:
    link, _payment = answered("duplicate")

    assert training.deliver_webhooks() == 2
    work()

    assert WebhookEvent.objects.count() == 1
    assert Payment.objects.count() == 1
    assert status_of(link) == LinkStatus.PAID


def test_a_double_submit_of_the_page_pays_once() -> None:
    answered("approve")

    assert provider.answer(TrainingSession.objects.get(), "approve") is None
    assert TrainingPayment.objects.count() == 1


@pytest.mark.parametrize(
    "forge",
    [
        lambda header, body: ({}, body),
        lambda header, body: ({SIGNATURE_HEADER: header}, body + b" "),
        lambda header, body: ({SIGNATURE_HEADER: header[:-1] + "x"}, body),
        lambda header, body: ({SIGNATURE_HEADER: "9" * 400}, body),
        lambda header, body: ({SIGNATURE_HEADER: f"-{header}"}, body),
    ],
)
def test_a_forged_webhook_is_refused_and_not_stored(forge) -> None:  # type: ignore[no-untyped-def]
    _link, payment = answered("approve")
    headers, body = provider.webhook(payment, 1)

    with pytest.raises(WebhookVerificationError):
        inbox.receive("training", *forge(headers[SIGNATURE_HEADER], body))

    assert WebhookEvent.objects.count() == 0


@pytest.mark.parametrize("shift", [timedelta(minutes=6), timedelta(minutes=-6)])
def test_a_stale_webhook_is_refused(shift: timedelta) -> None:
    _link, payment = answered("approve")
    headers, body = provider.webhook(payment, 1)

    with clock.frozen(clock.now() + shift), pytest.raises(WebhookVerificationError):
        inbox.receive("training", headers, body)


def test_a_failure_leaves_the_event_due_again(monkeypatch: pytest.MonkeyPatch) -> None:
    link, _payment = answered("approve")
    training.deliver_webhooks()
    event = WebhookEvent.objects.get()
    with monkeypatch.context() as patched:
        patched.setattr(
            TrainingProvider,
            "fetch_checkout",
            lambda self, pk: (_ for _ in ()).throw(ProviderUnavailable("down")),
        )
        assert inbox.process(event.pk) is False
    event.refresh_from_db()
    assert (event.state, event.last_error) == (EventState.RECEIVED, "down")
    assert status_of(link) == LinkStatus.ACTIVE

    WebhookEvent.objects.update(next_try_at=clock.database_now())
    assert inbox.process(event.pk) is True
    assert status_of(link) == LinkStatus.PAID


def test_an_event_that_always_fails_ends_with_a_person(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered("approve")
    training.deliver_webhooks()
    monkeypatch.setattr(
        TrainingProvider,
        "fetch_checkout",
        lambda self, pk: (_ for _ in ()).throw(ProviderUnavailable("down")),
    )
    tries = 0
    while WebhookEvent.objects.get().state == EventState.RECEIVED:
        WebhookEvent.objects.update(next_try_at=clock.database_now())
        inbox.process(WebhookEvent.objects.get().pk)
        tries += 1

    assert tries == len(inbox.RETRY_AFTER_SECONDS) + 1
    assert WebhookEvent.objects.get().state == EventState.DEAD


def test_a_crash_while_booking_leaves_nothing_half_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link, _payment = answered("approve")
    training.deliver_webhooks()
    event = WebhookEvent.objects.get()

    def die(name: str) -> None:
        if name == "webhook.before_done":
            raise KeyboardInterrupt

    monkeypatch.setattr(crash, "crash_at", die)
    with pytest.raises(KeyboardInterrupt):
        inbox.process(event.pk)

    event.refresh_from_db()
    assert event.state == EventState.RECEIVED
    assert Payment.objects.count() == 0
    assert status_of(link) == LinkStatus.ACTIVE


def test_a_second_worker_leaves_a_claimed_event_alone() -> None:
    answered("approve")
    training.deliver_webhooks()
    event = WebhookEvent.objects.get()
    WebhookEvent.objects.update(
        next_try_at=clock.database_now() + timedelta(seconds=30)
    )

    assert inbox.process(event.pk) is False
    assert Payment.objects.count() == 0


def test_an_event_that_kills_its_worker_each_time_ends_with_a_person(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered("approve")
    training.deliver_webhooks()
    event = WebhookEvent.objects.get()

    def die(*_args: object) -> None:
        raise KeyboardInterrupt

    tries = 0
    with monkeypatch.context() as patch:
        patch.setattr(inbox, "_book", die)
        while WebhookEvent.objects.filter(pk=event.pk, state="received").exists():
            WebhookEvent.objects.update(next_try_at=clock.database_now())
            with suppress(KeyboardInterrupt):
                inbox.process(event.pk)
            tries += 1
            assert tries < 100

    event.refresh_from_db()
    assert (event.state, event.next_try_at) == (EventState.DEAD, None)
    assert tries == inbox.MAX_TRIES + 1


def test_webhooks_of_a_provider_switched_off_hold_up_nothing(
    settings: LazySettings,
) -> None:
    answered("late")
    settings.TRAINING_ENABLED = False
    link = make_link(expires_at=clock.now() + timedelta(minutes=5))

    with clock.frozen(clock.now() + timedelta(minutes=10)):
        tasks.sweep()

    assert status_of(link) == LinkStatus.EXPIRED


def test_a_webhook_before_our_own_answer_is_stored_finds_its_link() -> None:
    link, _payment = answered("approve")
    link.checkouts.update(provider_session_id="", state="creating")

    work()

    assert status_of(link) == LinkStatus.PAID


def test_an_unknown_session_is_an_orphan_not_an_error() -> None:
    session = TrainingSession.objects.create(
        session_id="tcs_foreign",
        checkout_reference="chk_foreign",
        link_reference="plk_foreign",
        amount_minor=100,
        currency="EUR",
        title="x",
        expires_at=clock.now() + timedelta(hours=1),
    )
    provider.answer(session, "approve")

    work()

    assert WebhookEvent.objects.get().state == EventState.ORPHAN
    assert Payment.objects.get().link is None


@pytest.mark.parametrize("body", [b"[]", b"null", b"{}", b"\xff", b"[" * 100_000])
def test_a_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    sent_at = int(clock.now().timestamp())
    headers = {SIGNATURE_HEADER: f"{sent_at},{provider._signature(sent_at, body)}"}

    with pytest.raises(WebhookVerificationError):
        inbox.receive("training", headers, body)


def test_events_name_sessions_only() -> None:
    _link, payment = answered("approve")
    _headers, body = provider.webhook(payment, 1)

    assert set(json.loads(body)) == {"id", "type", "session"}
