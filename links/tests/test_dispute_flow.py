"""A dispute from the provider to the books: by its webhook, and without any."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from links import tasks
from links.models import (
    Dispute,
    DisputeState,
    EventState,
    Payment,
    PaymentLink,
    TrainingDispute,
    TrainingPayment,
    TrainingSession,
    WebhookEvent,
)
from links.providers import training as provider
from links.providers.base import (
    DisputeSnapshot,
    ForeignPayment,
    PaymentSnapshot,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
)
from links.providers.base import DisputeState as Told
from links.providers.manual import ManualProvider
from links.providers.training import TrainingProvider
from links.providers.training_disputes import move_dispute, open_dispute
from links.services import checkouts, disputes, inbox, payments, training
from merchant_portal.lib import clock, queue
from merchant_portal.lib.money import Money

from .factories import make_link, make_seen
from .test_disputes import SEEN

pytestmark = pytest.mark.django_db


def work() -> None:
    """What the workers would do now."""
    training.deliver_webhooks()
    for pk in inbox.due():
        inbox.process(pk)


def answered(outcome: str) -> tuple[PaymentLink, TrainingPayment]:
    link = make_link()
    checkouts.start(link.pk, "training")
    paid = provider.answer(TrainingSession.objects.get(), outcome)
    assert paid is not None
    return link, paid


@pytest.fixture
def paid() -> TrainingPayment:
    _link, paid = answered("approve")
    work()
    return paid


def state() -> str:
    return Dispute.objects.get().state


class TestByWebhook:
    def test_the_outcome_of_the_page_is_paid_and_disputed(self) -> None:
        link, _paid = answered("dispute")

        work()

        link.refresh_from_db()
        assert link.status == "paid"
        dispute = Dispute.objects.get()
        assert dispute.payment is not None
        assert dispute.payment.link == link
        assert dispute.amount == Money(1250, "EUR")
        assert set(WebhookEvent.objects.values_list("state", flat=True)) == {
            EventState.DONE
        }

    def test_is_followed_to_its_end(self, paid: TrainingPayment) -> None:
        dispute = open_dispute(paid, amount_minor=400)
        work()
        seen = [state()]

        for told in (Told.UNDER_REVIEW, Told.LOST, Told.WON):
            with clock.frozen(clock.now() + timedelta(minutes=1)):
                move_dispute(dispute, told)
                work()
            seen.append(state())

        assert seen == ["needs_response", "under_review", "lost", "won"]
        assert Dispute.objects.get().amount_minor == 400

    def test_leaves_signed_and_once(self, paid: TrainingPayment) -> None:
        open_dispute(paid)

        assert training.deliver_webhooks() == 1
        assert training.deliver_webhooks() == 0

        event = WebhookEvent.objects.get(kind="dispute.created")
        hint = TrainingProvider().parse_webhook(event.body.encode())
        assert hint.provider_dispute_id == TrainingDispute.objects.get().dispute_id
        assert hint.provider_session_id == ""

    def test_a_forged_one_is_refused(
        self, paid: TrainingPayment, client: Client
    ) -> None:
        headers, body = provider.dispute_webhook(open_dispute(paid))

        answer = client.post(
            "/webhooks/training/",
            body.replace(b"created", b"updated"),
            content_type="application/json",
            headers=headers,
        )

        assert answer.status_code == 400
        assert not WebhookEvent.objects.filter(kind__startswith="dispute").exists()

    def test_the_payment_is_booked_first_if_nobody_had_told_of_it(self) -> None:
        link, paid = answered("lost")
        open_dispute(paid)

        work()

        link.refresh_from_db()
        assert link.status == "paid"
        assert Dispute.objects.get().payment == Payment.objects.get()

    def test_one_of_a_payment_that_the_provider_does_not_know_is_kept(
        self, paid: TrainingPayment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unknown(self: TrainingProvider, name: str) -> PaymentSnapshot:
            raise ProviderRejected("no such payment")

        monkeypatch.setattr(TrainingProvider, "fetch_payment", unknown)
        Payment.objects.update(provider_payment_id="another")
        open_dispute(paid)

        work()

        assert Dispute.objects.get().payment is None
        event = WebhookEvent.objects.get(kind="dispute.created")
        assert event.state == EventState.ORPHAN

    def test_one_of_another_program_of_the_merchants_is_not_ours(
        self, paid: TrainingPayment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def foreign(self: TrainingProvider, name: str) -> PaymentSnapshot:
            raise ForeignPayment("of the till")

        monkeypatch.setattr(TrainingProvider, "fetch_payment", foreign)
        open_dispute(paid)

        work()

        assert not Dispute.objects.exists()
        event = WebhookEvent.objects.get(kind="dispute.created")
        assert event.state == EventState.IGNORED

    def test_no_answer_leaves_it_due_again(
        self, paid: TrainingPayment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def silent(self: TrainingProvider, name: str) -> DisputeSnapshot:
            raise ProviderUnavailable("cut off")

        open_dispute(paid)
        with monkeypatch.context() as patched:
            patched.setattr(TrainingProvider, "fetch_dispute", silent)
            work()
        event = WebhookEvent.objects.get(kind="dispute.created")
        assert (event.state, event.last_error) == (EventState.RECEIVED, "cut off")

        WebhookEvent.objects.update(next_try_at=clock.database_now())
        work()

        assert state() == DisputeState.NEEDS_RESPONSE


class TestWithoutWebhook:
    @pytest.fixture
    def nudged(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
        seen: list[tuple[Any, ...]] = []
        monkeypatch.setattr(queue, "nudge", lambda *given: seen.append(given))
        return seen

    def test_the_sweep_asks_until_it_is_closed(
        self, paid: TrainingPayment, nudged: list[tuple[Any, ...]]
    ) -> None:
        dispute = open_dispute(paid)
        work()
        booked = Dispute.objects.get()
        move_dispute(dispute, Told.LOST, is_told=False)
        tasks.sweep()
        assert ("links.tasks.settle_dispute", booked.pk) not in nudged

        with clock.frozen(clock.now() + timedelta(hours=5)):
            tasks.sweep()
            assert ("links.tasks.settle_dispute", booked.pk) in nudged
            tasks.settle_dispute(booked.pk)
            assert state() == DisputeState.LOST
            assert disputes.due() == []
        assert {"links.tasks.settle_dispute"} <= queue.TASKS

    def test_without_news_it_is_asked_about_again_some_hours_later(
        self, paid: TrainingPayment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        open_dispute(paid)
        work()
        pk = Dispute.objects.get().pk
        asked: list[str] = []
        fetch = TrainingProvider.fetch_dispute

        def counted(self: TrainingProvider, name: str) -> DisputeSnapshot:
            asked.append(name)
            return fetch(self, name)

        monkeypatch.setattr(TrainingProvider, "fetch_dispute", counted)

        for hours in (5, 6, 10):
            with clock.frozen(clock.now() + timedelta(hours=hours)):
                for due in disputes.due():
                    tasks.settle_dispute(due)

        assert len(asked) == 2
        assert Dispute.objects.get(pk=pk).state == DisputeState.NEEDS_RESPONSE

    def test_silence_leaves_it_due_some_hours_later(
        self, paid: TrainingPayment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        open_dispute(paid)
        work()
        pk = Dispute.objects.get().pk

        def silent(self: TrainingProvider, name: str) -> DisputeSnapshot:
            raise ProviderUnavailable("cut off")

        monkeypatch.setattr(TrainingProvider, "fetch_dispute", silent)
        with clock.frozen(clock.now() + timedelta(hours=5)):
            tasks.settle_dispute(pk)
            assert disputes.due() == []
        with clock.frozen(clock.now() + timedelta(hours=10)):
            assert disputes.due() == [pk]

    def test_an_account_of_other_keys_is_not_asked(
        self, paid: TrainingPayment, settings: Any
    ) -> None:
        open_dispute(paid)
        work()
        settings.TRAINING_ENABLED = False

        with (
            clock.frozen(clock.now() + timedelta(hours=5)),
            pytest.raises(ProviderMisconfigured),
        ):
            disputes.settle(Dispute.objects.get().pk)


def test_a_payment_that_gets_its_link_at_that_moment_is_locked_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link = make_link()
    booked = payments.record(make_seen(link))
    assert booked is not None
    pk, find = booked.pk, Payment.objects.filter
    looks: list[Any] = []

    class Stale:
        """How the payment looked before another worker gave it the link."""

        def values_list(self, *_names: str) -> "Stale":
            return self

        def order_by(self, *_names: str) -> "Stale":
            return self

        def first(self) -> tuple[int, None]:
            return pk, None

    def seen_too_early(**given: Any) -> Any:
        looks.append(given)
        return Stale() if len(looks) == 1 else find(**given)

    monkeypatch.setattr(Payment.objects, "filter", seen_too_early)
    disputes.record(SEEN)

    assert len(looks) == 2
    assert link.activities.filter(kind="dispute.opened").count() == 1


class TestTraining:
    @pytest.mark.parametrize("outcome", ["decline", "later"])
    def test_money_that_has_not_come_is_not_disputed(self, outcome: str) -> None:
        _link, unpaid = answered(outcome)

        with pytest.raises(ProviderRejected):
            open_dispute(unpaid)

    @pytest.mark.parametrize("amount_minor", [0, -1, 1251])
    def test_nor_is_more_than_was_paid(
        self, amount_minor: int, paid: TrainingPayment
    ) -> None:
        with pytest.raises(ProviderRejected):
            open_dispute(paid, amount_minor=amount_minor)

    def test_tells_what_stands_in_its_books(self, paid: TrainingPayment) -> None:
        dispute = open_dispute(paid, amount_minor=400)

        seen = TrainingProvider().fetch_dispute(dispute.dispute_id)
        move_dispute(dispute, Told.WON)

        assert seen.state is Told.NEEDS_RESPONSE
        assert seen.amount == Money(400, "EUR")
        assert seen.provider_payment_id == paid.payment_id
        assert seen.respond_by == seen.opened_at + timedelta(days=7)
        after = TrainingProvider().fetch_dispute(dispute.dispute_id)
        assert after == replace(
            seen, state=Told.WON, changed_at=TrainingDispute.objects.get().changed_at
        )


def test_money_taken_by_hand_is_disputed_nowhere() -> None:
    assert not ManualProvider.capabilities.disputes
    with pytest.raises(ProviderRejected):
        ManualProvider().fetch_dispute("any")
