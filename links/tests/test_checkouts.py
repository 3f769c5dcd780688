"""Hosted sessions: one live one a link, whatever is clicked."""

from datetime import timedelta

import pytest

from links.models import Checkout, CheckoutState, LinkStatus, TrainingSession
from links.providers import training
from links.providers.base import (
    CheckoutRequest,
    CheckoutSnapshot,
    ProviderRejected,
    ProviderUnavailable,
)
from links.providers.training import TrainingProvider
from links.services import accounts, checkouts, links
from links.services.checkouts import CheckoutRefused, ProviderDown
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM

from .factories import make_link

pytestmark = pytest.mark.django_db


def test_a_second_click_reuses_the_open_session() -> None:
    link = make_link()

    first = checkouts.start(link.pk, "training")
    second = checkouts.start(link.pk, "training")

    assert first == second
    assert first.endswith(f"/training/{link.checkouts.get().public_id}/")
    assert TrainingSession.objects.count() == 1


def test_a_session_whose_amount_no_longer_fits_is_ordered_closed() -> None:
    link = make_link()
    checkouts.start(link.pk, "training")
    old = link.checkouts.get()
    Checkout.objects.filter(pk=old.pk).update(amount_minor=1)

    checkouts.start(link.pk, "training")

    old.refresh_from_db()
    assert old.close_ordered_at is not None
    fresh = link.checkouts.exclude(pk=old.pk).get()
    assert (fresh.amount_minor, fresh.state) == (1250, CheckoutState.OPEN)


@pytest.mark.parametrize("status", ["canceled", "paid", "expired"])
def test_nothing_opens_for_a_link_that_asks_for_nothing(status: str) -> None:
    link = make_link()
    type(link).objects.filter(pk=link.pk).update(status=status)

    with pytest.raises(CheckoutRefused):
        checkouts.start(link.pk, "training")

    assert Checkout.objects.count() == 0


def test_nothing_opens_past_the_expiry_swept_or_not() -> None:
    link = make_link(expires_at=clock.now() + timedelta(hours=1))

    with clock.frozen(clock.now() + timedelta(hours=2)), pytest.raises(CheckoutRefused):
        checkouts.start(link.pk, "training")


def test_a_lost_answer_is_repeated_with_the_same_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link = make_link()
    real = TrainingProvider.create_checkout

    def take_then_lose(
        self: TrainingProvider, request: CheckoutRequest
    ) -> CheckoutSnapshot:
        real(self, request)
        raise ProviderUnavailable("cut off")

    monkeypatch.setattr(TrainingProvider, "create_checkout", take_then_lose)
    with pytest.raises(ProviderDown):
        checkouts.start(link.pk, "training")
    checkout = link.checkouts.get()
    assert checkout.state == CheckoutState.UNKNOWN

    monkeypatch.setattr(TrainingProvider, "create_checkout", real)
    url = checkouts.start(link.pk, "training")

    assert url.endswith(f"/training/{checkout.public_id}/")
    assert TrainingSession.objects.count() == 1
    assert link.checkouts.get().state == CheckoutState.OPEN


def test_the_sweep_learns_a_session_whose_answer_was_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link = make_link()
    real = TrainingProvider.create_checkout
    monkeypatch.setattr(
        TrainingProvider,
        "create_checkout",
        lambda self, request: (_ for _ in ()).throw(ProviderUnavailable("down")),
    )
    with pytest.raises(ProviderDown):
        checkouts.start(link.pk, "training")
    monkeypatch.setattr(TrainingProvider, "create_checkout", real)

    checkouts.settle(link.checkouts.get().pk)

    assert link.checkouts.get().state == CheckoutState.OPEN


def test_a_refusal_is_final_and_another_try_is_a_new_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link = make_link()
    real = TrainingProvider.create_checkout
    monkeypatch.setattr(
        TrainingProvider,
        "create_checkout",
        lambda self, request: (_ for _ in ()).throw(ProviderRejected("no")),
    )
    with pytest.raises(CheckoutRefused):
        checkouts.start(link.pk, "training")
    monkeypatch.setattr(TrainingProvider, "create_checkout", real)

    checkouts.start(link.pk, "training")

    assert sorted(link.checkouts.values_list("state", flat=True)) == [
        CheckoutState.FAILED,
        CheckoutState.OPEN,
    ]


def test_canceling_a_link_closes_its_session_at_the_provider() -> None:
    link = make_link()
    checkouts.start(link.pk, "training")
    links.cancel(link, actor=SYSTEM)

    checkouts.settle(link.checkouts.get().pk)

    assert link.checkouts.get().state == CheckoutState.EXPIRED
    session = TrainingSession.objects.get()
    assert not training.is_open(session, clock.now())
    assert training.answer(session, "approve") is None


def test_settling_books_what_no_webhook_told() -> None:
    link = make_link()
    checkouts.start(link.pk, "training")
    training.answer(TrainingSession.objects.get(), "lost")

    checkouts.settle(link.checkouts.get().pk)

    link.refresh_from_db()
    assert link.status == LinkStatus.PAID
    assert link.checkouts.get().state == CheckoutState.COMPLETED
    assert link.checkouts.get().next_check_at is None


def test_the_next_look_moves_away_step_by_step() -> None:
    link = make_link()
    with clock.frozen(clock.now()):
        checkouts.start(link.pk, "training")
        waits = []
        for _look in range(5):
            checkout = link.checkouts.get()
            assert checkout.next_check_at is not None
            waits.append(int((checkout.next_check_at - clock.now()).total_seconds()))
            checkouts.settle(checkout.pk)

    assert waits == [30, 120, 300, 600, 600]


def test_processing_money_stops_a_second_try() -> None:
    link = make_link()
    checkouts.start(link.pk, "training")
    training.answer(TrainingSession.objects.get(), "later")
    checkouts.settle(link.checkouts.get().pk)

    with pytest.raises(CheckoutRefused):
        checkouts.start(link.pk, "training")


def test_offers_only_what_the_link_allows() -> None:
    link = make_link()
    assert [o.slug for o in accounts.offered(link, clock.now())] == ["training"]
    link.allowed_providers = ["stripe"]

    assert accounts.offered(link, clock.now()) == []


def test_a_session_gone_at_the_provider_is_not_asked_for_again() -> None:
    link = make_link()
    checkouts.start(link.pk, "training")
    TrainingSession.objects.all().delete()

    checkouts.settle(link.checkouts.get().pk)

    checkout = link.checkouts.get()
    assert (checkout.state, checkout.next_check_at) == (CheckoutState.FAILED, None)
