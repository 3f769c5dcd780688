"""A provider that falls silent is left out, comes back, and its card says which."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from links.models import ProviderAccount
from links.providers.base import PaymentSnapshot, ProviderUnavailable
from links.providers.training import TrainingProvider
from links.services import accounts, checkouts, lifeline, payments, reconcile
from links.services.lifeline import Trouble
from links.tasks import sweep_account
from merchant_portal.lib import clock

from .factories import make_link, make_seen

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> ProviderAccount:
    return accounts.get("training")


def no_answer(self: TrainingProvider, since: datetime) -> list[PaymentSnapshot]:
    raise ProviderUnavailable("cut off")


class TestOutage:
    def start(self, slug: str = "training") -> str:
        return checkouts.start(make_link().pk, slug)

    def silent(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        tries: list[str] = []

        def lose(self: TrainingProvider, request: object) -> None:
            tries.append("")
            raise ProviderUnavailable("cut off")

        monkeypatch.setattr(TrainingProvider, "create_checkout", lose)
        return tries

    def test_is_left_out_after_three_silences_and_back_by_itself(
        self, account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        noon = clock.now()
        with clock.frozen(noon), monkeypatch.context() as patch:
            self.silent(patch)
            for _time in range(3):
                with pytest.raises(checkouts.ProviderDown):
                    self.start()
        account.refresh_from_db()
        assert account.down_until == noon + timedelta(seconds=30)

        with clock.frozen(noon + timedelta(seconds=31)):
            self.start()
        account.refresh_from_db()
        back = ProviderAccount.objects.filter(failures=0, down_until=None)
        assert back.get() == account

    def test_rests_longer_each_time_but_no_longer_than_five_minutes(
        self, account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        noon = clock.now()
        with clock.frozen(noon):
            for _time in range(12):
                accounts.note_silence(account)

        assert account.down_until == noon + timedelta(minutes=5)

    def test_the_others_stay(self, account: ProviderAccount, settings: Any) -> None:
        settings.SQUARE_ACCESS_TOKEN = "x"
        for _time in range(3):
            accounts.note_silence(account)

        assert [one.slug for one in accounts.offered(make_link(), clock.now())] == [
            "square"
        ]

    def test_the_only_one_stays_too(self, account: ProviderAccount) -> None:
        for _time in range(3):
            accounts.note_silence(account)

        assert [one.slug for one in accounts.offered(make_link(), clock.now())] == [
            "training"
        ]


class TestLifeline:
    @pytest.fixture(autouse=True)
    def _outside(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lifeline, "OWN_BOOKS", {"manual"})

    def trouble(self) -> Trouble:
        (line,) = lifeline.lifelines()
        return line.trouble

    def test_all_is_well_at_first(self, account: ProviderAccount) -> None:
        assert self.trouble() is Trouble.NONE

    def test_money_of_which_no_webhook_told(self, account: ProviderAccount) -> None:
        payments.record(make_seen(make_link()))
        assert self.trouble() is Trouble.NONE

        with clock.frozen(clock.now() + timedelta(minutes=20)):
            assert self.trouble() is Trouble.UNHEARD

    def test_nobody_sweeps(self, account: ProviderAccount) -> None:
        reconcile.sweep(account.pk)

        with clock.frozen(clock.now() + timedelta(minutes=20)):
            assert self.trouble() is Trouble.UNSWEPT

    def test_the_account_cannot_be_asked(
        self, account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(TrainingProvider, "list_payments", no_answer)
        sweep_account(account.pk)

        assert self.trouble() is Trouble.REFUSED

    def test_it_does_not_answer(self, account: ProviderAccount) -> None:
        for _time in range(3):
            accounts.note_silence(account)

        assert self.trouble() is Trouble.SILENT

    def test_costs_one_query_beside_the_accounts_and_the_clock(
        self,
        account: ProviderAccount,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        with django_assert_num_queries(3):
            lifeline.lifelines()
