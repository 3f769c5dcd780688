"""Asking how sessions stand: nothing overwritten, nothing asked for ever."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import LazySettings

from links.models import (
    Checkout,
    CheckoutState,
    LinkStatus,
    PaymentLink,
    TrainingSession,
)
from links.providers import training
from links.providers.base import (
    CheckoutRequest,
    CheckoutSnapshot,
    ProviderMisconfigured,
    ProviderUnavailable,
    SeenState,
    SessionState,
)
from links.providers.training import TrainingProvider
from links.services import checkouts, links, payments
from links.services.checkouts import ProviderDown
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM

from .factories import make_link, make_seen

pytestmark = pytest.mark.django_db


def opened() -> tuple[PaymentLink, Checkout]:
    link = make_link()
    checkouts.start(link.pk, "training")
    return link, link.checkouts.get()


def answers(
    monkeypatch: pytest.MonkeyPatch, link: PaymentLink, state: SeenState
) -> None:
    """The payer finished the page; what became of the money is `state`."""

    def fetch(self: TrainingProvider, session_id: str) -> CheckoutSnapshot:
        seen = make_seen(link, payment_id="debit", state=state)
        return CheckoutSnapshot(
            provider_session_id=session_id,
            state=SessionState.COMPLETED,
            payments=(replace(seen, provider_session_id=session_id),),
        )

    monkeypatch.setattr(TrainingProvider, "fetch_checkout", fetch)


def test_a_debit_that_failed_days_later_makes_room_for_another_try(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link, checkout = opened()
    answers(monkeypatch, link, SeenState.PROCESSING)
    checkouts.settle(checkout.pk)
    answers(monkeypatch, link, SeenState.FAILED)

    checkouts.settle(checkout.pk)

    checkout.refresh_from_db()
    assert (checkout.state, checkout.next_check_at) == (CheckoutState.FAILED, None)
    assert link.activities.filter(kind="checkout.failed").count() == 1
    assert checkouts.start(link.pk, "training") != checkout.url


def test_a_payment_booked_while_we_asked_stays_final(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The worker read the row, another one booked the money, then the worker wrote."""
    link, checkout = opened()
    schedule = checkouts._schedule_next

    def schedule_too_late(stale: Checkout) -> bool:
        payments.record(make_seen(link, checkout_reference=checkout.public_id))
        return schedule(stale)

    monkeypatch.setattr(checkouts, "_schedule_next", schedule_too_late)
    checkouts.settle(checkout.pk)

    checkout.refresh_from_db()
    assert (checkout.state, checkout.next_check_at) == (CheckoutState.COMPLETED, None)
    with clock.frozen(clock.now() + timedelta(days=1)):
        assert checkouts.due_for_check() == []


def test_an_order_to_close_given_while_we_asked_is_not_put_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link, checkout = opened()
    schedule = checkouts._schedule_next

    def schedule_too_late(stale: Checkout) -> bool:
        links.cancel(link, actor=SYSTEM)
        return schedule(stale)

    with monkeypatch.context() as patch:
        patch.setattr(checkouts, "_schedule_next", schedule_too_late)
        checkouts.settle(checkout.pk)

    assert checkouts.due_for_check() == [checkout.pk]
    checkouts.settle(checkout.pk)
    checkout.refresh_from_db()
    assert checkout.state == CheckoutState.EXPIRED


def test_a_paid_session_of_a_canceled_link_pays_it_late() -> None:
    link, checkout = opened()
    training.answer(TrainingSession.objects.get(), "lost")
    links.cancel(link, actor=SYSTEM)

    checkouts.settle(checkout.pk)

    link.refresh_from_db()
    checkout.refresh_from_db()
    assert link.status == LinkStatus.PAID
    assert link.payments.get().is_late
    assert checkout.state == CheckoutState.COMPLETED


def test_a_session_without_answer_that_was_paid_is_completed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lose(self: TrainingProvider, request: object) -> CheckoutSnapshot:
        raise ProviderUnavailable("cut off")

    link = make_link()
    with monkeypatch.context() as patch:
        patch.setattr(TrainingProvider, "create_checkout", lose)
        with pytest.raises(ProviderDown):
            checkouts.start(link.pk, "training")
    checkout = link.checkouts.get()

    payments.record(make_seen(link, checkout_reference=checkout.public_id))

    checkout.refresh_from_db()
    assert checkout.state == CheckoutState.COMPLETED
    with clock.frozen(clock.now() + timedelta(days=1)):
        assert checkouts.due_for_check() == []


def opened_without_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[PaymentLink, Checkout]:
    """The session is there, but its id never came to us."""
    create = TrainingProvider.create_checkout

    def lose(self: TrainingProvider, request: CheckoutRequest) -> CheckoutSnapshot:
        create(self, request)
        raise ProviderUnavailable("cut off")

    link = make_link()
    with monkeypatch.context() as patch:
        patch.setattr(TrainingProvider, "create_checkout", lose)
        with pytest.raises(ProviderDown):
            checkouts.start(link.pk, "training")
    return link, link.checkouts.get()


def test_money_of_a_session_of_unknown_id_is_found_when_its_key_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link, checkout = opened_without_answer(monkeypatch)
    training.answer(TrainingSession.objects.get(), "lost")  # and no webhook ever

    with clock.frozen(clock.now() + timedelta(hours=25)):
        checkouts.settle(checkout.pk)

        assert checkouts.due_for_check() == []
    link.refresh_from_db()
    checkout.refresh_from_db()
    assert link.status == LinkStatus.PAID
    assert link.payments.get().checkout == checkout
    assert checkout.state == CheckoutState.COMPLETED


def test_a_session_of_unknown_id_is_asked_about_while_its_money_is_on_its_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link, checkout = opened_without_answer(monkeypatch)
    debit = make_seen(
        link, checkout_reference=checkout.public_id, state=SeenState.PROCESSING
    )
    told = [debit]
    monkeypatch.setattr(TrainingProvider, "list_payments", lambda self, since: told)

    with clock.frozen(clock.now() + timedelta(hours=25)):
        checkouts.settle(checkout.pk)
    checkout.refresh_from_db()
    assert checkout.state == CheckoutState.UNKNOWN
    assert checkout.next_check_at is not None

    told[:] = [replace(debit, state=SeenState.SUCCEEDED)]
    with clock.frozen(clock.now() + timedelta(days=3)):
        checkouts.settle(checkout.pk)
    checkout.refresh_from_db()
    assert checkout.state == CheckoutState.COMPLETED


def test_an_old_try_without_answer_is_not_taken_up_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lose(self: TrainingProvider, request: object) -> CheckoutSnapshot:
        raise ProviderUnavailable("cut off")

    link = make_link()
    with monkeypatch.context() as patch:
        patch.setattr(TrainingProvider, "create_checkout", lose)
        with pytest.raises(ProviderDown):
            checkouts.start(link.pk, "training")
    old = link.checkouts.get()

    with clock.frozen(clock.now() + timedelta(days=2)):
        url = checkouts.start(link.pk, "training")

    old.refresh_from_db()
    assert old.close_ordered_at is not None
    assert old.public_id not in url


def test_without_keys_the_next_look_moves_on(settings: LazySettings) -> None:
    _link, checkout = opened()
    training.answer(TrainingSession.objects.get(), "lost")
    settings.TRAINING_ENABLED = False
    due_before = checkout.next_check_at

    with pytest.raises(ProviderMisconfigured):
        checkouts.settle(checkout.pk)

    checkout.refresh_from_db()
    assert checkout.next_check_at is not None
    assert due_before is not None
    assert checkout.next_check_at > due_before
