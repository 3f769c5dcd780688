"""Background work asks an account at its pace, and rests when it is told to."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from links import tasks
from links.models import Checkout, CheckoutState, ProviderAccount, TrainingSession
from links.providers import pacing as calls
from links.providers import training
from links.providers.base import CheckoutSnapshot, ProviderBusy, ProviderUnavailable
from links.providers.paypal import PayPalProvider
from links.providers.square import SquareProvider
from links.providers.stripe import StripeProvider
from links.providers.training import TrainingProvider
from links.services import accounts, checkouts, looks, pacing, reconcile
from merchant_portal.lib import clock, queue

from .factories import make_link

pytestmark = pytest.mark.django_db
Asked = list[float]


@pytest.fixture
def account(settings: Any) -> ProviderAccount:
    settings.PROVIDER_CALLS_PER_SECOND = 10
    return accounts.get("training")


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long each call was held up; nobody waits."""
    seconds: list[float] = []
    monkeypatch.setattr(time, "sleep", seconds.append)
    return seconds


def due(count: int, slug: str = "training") -> list[Checkout]:
    """So many open checkouts, each due to be looked at."""
    found = []
    for _link in range(count):
        link = make_link()
        checkouts.start(link.pk, slug)
        found.append(link.checkouts.get())
    past = clock.now() - timedelta(minutes=1)
    Checkout.objects.update(next_check_at=past)
    return found


def freed(account: ProviderAccount) -> None:
    ProviderAccount.objects.update(paced_until=None, rests_until=None)
    account.refresh_from_db()


class TestPace:
    def test_each_call_has_a_moment_of_its_own(self, account: ProviderAccount) -> None:
        waits = [pacing.reserve(account.pk) for _call in range(30)]

        assert waits[0] == 0
        assert waits == sorted(waits)
        # 29 calls after the first take 2.9 s at ten a second, less what has passed.
        assert 1.5 < waits[-1] <= 2.9

    def test_another_account_has_a_pace_of_its_own(
        self, account: ProviderAccount
    ) -> None:
        for _call in range(30):
            pacing.reserve(account.pk)

        assert pacing.reserve(accounts.get("manual").pk) == 0

    def test_waits_before_each_call_and_only_inside(
        self, account: ProviderAccount, slept: list[float]
    ) -> None:
        with pacing.paced(account.pk):
            for _call in range(5):
                calls.step()
        inside = len(slept)
        for _call in range(5):
            calls.step()  # a payer's click, a webhook

        assert inside == 4
        assert len(slept) == inside

    def test_never_holds_up_a_payer(
        self,
        account: ProviderAccount,
        slept: list[float],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        for _call in range(100):
            pacing.reserve(account.pk)
        pacing.rest(account.pk, 600)
        real = TrainingProvider.create_checkout

        def create(self: TrainingProvider, request: Any) -> CheckoutSnapshot:
            calls.step()
            return real(self, request)

        monkeypatch.setattr(TrainingProvider, "create_checkout", create)
        link = make_link()

        checkouts.start(link.pk, "training")
        training.answer(TrainingSession.objects.get(), "lost")
        tasks.settle_checkout(link.checkouts.get().pk)

        link.refresh_from_db()
        assert (link.status, slept) == ("paid", [])


class Held(Exception):
    """The call was held up before it left."""


def hold() -> None:
    raise Held


class TestEveryCallOfAnAdapter:
    """None leaves without a step: the hook stops it before it reaches a network."""

    def test_stripe(self, settings: Any) -> None:
        settings.STRIPE_SECRET_KEY = "sk_test_1"
        settings.STRIPE_API_BASE = "http://127.0.0.1:9"
        with calls.stepping(hold), pytest.raises(Held):
            StripeProvider().fetch_checkout("cs_1")

    def test_paypal(self, settings: Any) -> None:
        settings.PAYPAL_CLIENT_ID = settings.PAYPAL_CLIENT_SECRET = "paced"
        settings.PAYPAL_API_BASE = "http://127.0.0.1:9"
        with calls.stepping(hold), pytest.raises(Held):
            PayPalProvider().fetch_checkout("ORDER1")

    def test_square(self, settings: Any) -> None:
        settings.SQUARE_ACCESS_TOKEN = "paced"
        settings.SQUARE_API_BASE = "http://127.0.0.1:9"
        with calls.stepping(hold), pytest.raises(Held):
            SquareProvider().fetch_checkout("LINK1:ORDER1")


class TestRest:
    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"Retry-After": "7"}, 7),
            ({"retry-after": " 30 "}, 30),
            ({"Retry-After": "0"}, 1),
            ({"Retry-After": "999999"}, 3600),
            ({"Retry-After": "soon"}, 60),
            ({"Retry-After": "-5"}, 60),
            ({}, 60),
            (None, 60),
        ],
    )
    def test_is_as_long_as_the_provider_asks(
        self, headers: dict[str, str] | None, seconds: float
    ) -> None:
        assert calls.rest_seconds(headers) == seconds

    def test_may_be_told_as_a_date(self) -> None:
        until = datetime.now(UTC) + timedelta(seconds=90)

        found = calls.rest_seconds({"Retry-After": format_datetime(until, usegmt=True)})

        assert 80 < found <= 90

    def test_a_shorter_one_never_cuts_a_longer_one(
        self, account: ProviderAccount
    ) -> None:
        pacing.rest(account.pk, 600)
        pacing.rest(account.pk, 1)

        account.refresh_from_db()
        assert account.rests_until is not None
        assert account.rests_until > clock.database_now() + timedelta(minutes=9)

    def test_holds_the_sweep_of_that_account_back_and_no_other(
        self, account: ProviderAccount, settings: Any
    ) -> None:
        settings.SQUARE_ACCESS_TOKEN = "EAAA-of-a-test"
        square = accounts.get("square")
        checkout = due(1)[0]
        pacing.rest(account.pk, 60)

        assert looks.due() == []
        assert looks.look(checkout.pk) is False
        assert reconcile.due() == [square.pk]
        freed(account)  # the control
        assert [pk for pk, _delay in looks.due()] == [checkout.pk]
        assert set(reconcile.due()) == {account.pk, square.pk}

    def test_begins_with_a_429_of_a_look(
        self, account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def busy(self: TrainingProvider, session: str) -> CheckoutSnapshot:
            raise ProviderBusy("429", 45.0)

        checkout = due(1)[0]
        monkeypatch.setattr(TrainingProvider, "fetch_checkout", busy)

        tasks.check_checkout(checkout.pk)

        account.refresh_from_db()
        assert account.rests_until is not None
        checkout.refresh_from_db()
        assert checkout.state == CheckoutState.OPEN

    def test_does_not_begin_with_any_other_silence(
        self, account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def silent(self: TrainingProvider, session: str) -> CheckoutSnapshot:
            raise ProviderUnavailable("cut off")

        checkout = due(1)[0]
        monkeypatch.setattr(TrainingProvider, "fetch_checkout", silent)

        tasks.check_checkout(checkout.pk)

        account.refresh_from_db()
        assert account.rests_until is None


class TestSweep:
    def test_hands_out_what_may_be_asked_before_it_comes_again(
        self, account: ProviderAccount, settings: Any
    ) -> None:
        settings.PROVIDER_CALLS_PER_SECOND = 1
        due(12)

        handed = looks.due()

        assert [delay for _pk, delay in handed] == [float(n) for n in range(10)]

    def test_wakes_a_worker_for_each_at_its_own_moment(
        self, account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        later: list[tuple[object, ...]] = []
        monkeypatch.setattr(queue, "nudge_later", lambda *args: later.append(args))
        first, second = due(2)

        tasks.sweep()

        assert later == [
            ("links.tasks.check_checkout", 0.0, first.pk),
            ("links.tasks.check_checkout", 0.1, second.pk),
        ]

    def test_what_was_handed_out_twice_is_asked_about_once(
        self, account: ProviderAccount
    ) -> None:
        checkout = due(1)[0]

        assert looks.look(checkout.pk) is True
        assert looks.look(checkout.pk) is False

    def test_what_would_wait_long_stays_due(self, account: ProviderAccount) -> None:
        checkout = due(1)[0]
        for _call in range(60):
            pacing.reserve(account.pk)

        assert looks.look(checkout.pk) is False

        assert [pk for pk, _delay in looks.due()] == [checkout.pk]
        freed(account)
        assert looks.look(checkout.pk) is True
