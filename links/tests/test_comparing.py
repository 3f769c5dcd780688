"""Our books against a provider's: each kind of difference is found, and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from links.models import ComparisonState, Gap, Payment, ProviderAccount, Subject
from links.services import accounts, comparing, payments, reviewing
from merchant_portal.lib import clock
from merchant_portal.staff.models import User

from .factories import make_link, make_seen, make_user
from .their_books import (
    Books,
    Kept,
    compared,
    kept,
    plant_earlier_state,
    plant_fee_that_is_news,
    plant_later_state,
    plant_other_amount,
    plant_other_amount_of_a_refund,
    plant_other_currency,
    plant_other_fee,
    plant_payment_they_do_not_know,
    plant_refund_that_nobody_here_asked_for,
    plant_refund_they_do_not_know,
    plant_unknown_payment,
    plant_unknown_refund,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> ProviderAccount:
    return accounts.get("training")


@pytest.fixture
def owner() -> User:
    return make_user()


@pytest.fixture
def theirs(monkeypatch: pytest.MonkeyPatch) -> Books:
    return Books(monkeypatch)


PLANTS: list[Callable[[Books], Kept]] = [
    plant_unknown_payment,
    plant_unknown_refund,
    plant_payment_they_do_not_know,
    plant_refund_they_do_not_know,
    plant_later_state,
    plant_earlier_state,
    plant_refund_that_nobody_here_asked_for,
    plant_other_amount,
    plant_other_currency,
    plant_other_amount_of_a_refund,
    plant_fee_that_is_news,
    plant_other_fee,
]


class TestWhatIsFound:
    @pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__[6:])
    def test_each_kind_of_difference(
        self,
        plant: Callable[[Books], Kept],
        theirs: Books,
        account: ProviderAccount,
        owner: User,
    ) -> None:
        theirs.both("tpy_same")
        expected = plant(theirs)

        made = compared(account, owner)

        assert kept(made) == expected
        is_booked = expected[0][3]
        assert (made.booked_count, made.open_count) == (is_booked, not is_booked)
        assert (made in reviewing.comparisons()) is not is_booked

    def test_nothing_on_a_clean_account(
        self, theirs: Books, account: ProviderAccount, owner: User
    ) -> None:
        """The control of all above: the same books on both sides."""
        seen = theirs.both(fee_minor=44)
        theirs.tell(seen, refunds=(theirs.refund(),))
        payments.record(theirs.told["tpy_1"])
        theirs.both("tpy_2")
        theirs.unlisted = {"tpy_2"}  # asked about by name

        made = compared(account, owner)

        assert made.state == ComparisonState.DONE
        assert kept(made) == []
        assert (made.seen_count, made.booked_count, made.open_count) == (2, 0, 0)
        assert made.sums == {
            "EUR": {
                "payment": {"here": [2, 2500], "there": [2, 2500]},
                "refund": {"here": [1, 100], "there": [1, 100]},
            }
        }
        assert not reviewing.comparisons().exists()

    def test_the_sums_are_those_before_booking(
        self, theirs: Books, account: ProviderAccount, owner: User
    ) -> None:
        theirs.both()
        plant_unknown_payment(theirs)

        made = compared(account, owner)

        assert made.sums["EUR"]["payment"] == {"here": [1, 1250], "there": [2, 2500]}

    def test_what_is_younger_than_a_webhook_may_be_is_no_difference(
        self, theirs: Books, account: ProviderAccount, owner: User
    ) -> None:
        theirs.yesterday = clock.now() - timedelta(minutes=5)
        plant_unknown_payment(theirs)

        made = compared(account, owner)

        assert kept(made) == []
        assert Payment.objects.filter(provider_payment_id="missed").exists()

    def test_a_refund_of_an_older_payment_is_asked_about_too(
        self, theirs: Books, account: ProviderAccount, owner: User
    ) -> None:
        old = make_seen(make_link(), occurred_at=clock.now() - timedelta(days=60))
        payments.record(replace(old, refunds=(theirs.refund(),)))
        theirs.tell(old)
        theirs.unlisted = {"tpy_1"}

        made = compared(account, owner)

        assert kept(made) == [(Subject.REFUND, Gap.UNKNOWN_THERE, "tre_1", False)]

    def test_one_payment_costs_the_same_however_many_there_are(
        self, theirs: Books, account: ProviderAccount
    ) -> None:
        costs = []
        for count in (5, 10, 20):
            for number in range(len(theirs.told), count):
                theirs.both(f"tpy_{number}")
            with CaptureQueriesContext(connection) as asked:
                comparing.compare("training")
            costs.append(len(asked))

        assert costs[2] - costs[1] == 2 * (costs[1] - costs[0])
        assert (
            costs[1] - costs[0] <= 5 * 11
        )  # one reads keys, once a second outside of tests
