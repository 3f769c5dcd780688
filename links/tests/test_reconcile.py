"""What webhooks missed is found by reading the account's own lists."""

from dataclasses import replace
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from links.models import (
    Dispute,
    DisputeState,
    LinkStatus,
    Payment,
    PaymentLink,
    ProviderAccount,
    TrainingDispute,
    TrainingSession,
)
from links.providers import base, training, training_disputes
from links.providers.base import (
    DisputeSnapshot,
    ForeignPayment,
    PaymentSnapshot,
    ProviderRejected,
    ProviderUnavailable,
    RefundSnapshot,
    RefundState,
)
from links.providers.training import TrainingProvider
from links.services import (
    accounts,
    checkouts,
    comparing,
    payments,
    reconcile,
)
from links.tasks import sweep_account
from merchant_portal.lib import clock
from merchant_portal.lib.money import Money

from .factories import make_link, make_seen

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> ProviderAccount:
    return accounts.get("training")


def lists(monkeypatch: pytest.MonkeyPatch, *seen: PaymentSnapshot) -> list[datetime]:
    """The account's list is just this; from when on it was asked for."""
    asked: list[datetime] = []

    def listed(self: TrainingProvider, since: datetime) -> list[PaymentSnapshot]:
        asked.append(since)
        return list(seen)

    monkeypatch.setattr(TrainingProvider, "list_payments", listed)
    return asked


def no_answer(self: TrainingProvider, since: datetime) -> list[PaymentSnapshot]:
    raise ProviderUnavailable("cut off")


class TestSweep:
    def test_books_what_no_webhook_told(self, account: ProviderAccount) -> None:
        link = make_link()
        checkouts.start(link.pk, "training")
        training.answer(TrainingSession.objects.get(), "lost")

        assert reconcile.due() == [account.pk]
        assert reconcile.sweep(account.pk) == 1

        link.refresh_from_db()
        assert link.status == LinkStatus.PAID
        with clock.frozen(clock.now() + timedelta(minutes=6)):
            assert reconcile.sweep(account.pk) == 0

    def test_begins_where_the_last_one_ended_and_a_little_before(
        self, account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = lists(monkeypatch)
        noon = clock.now()
        with clock.frozen(noon):
            reconcile.sweep(account.pk)
        with clock.frozen(noon + timedelta(minutes=5)):
            reconcile.sweep(account.pk)

        assert asked == [
            noon - reconcile.FIRST - reconcile.OVERLAP,
            noon - reconcile.OVERLAP,
        ]

    def test_of_two_workers_one_sweeps(
        self, account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = lists(monkeypatch)
        stale = ProviderAccount.objects.get(pk=account.pk)
        reconcile.sweep(account.pk)
        monkeypatch.setattr(ProviderAccount.objects, "get", lambda **_named: stale)

        reconcile.sweep(account.pk)

        assert len(asked) == 1

    def test_of_two_wake_ups_the_second_asks_nobody(
        self, account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = lists(monkeypatch)

        sweep_account(account.pk)
        sweep_account(account.pk)

        assert len(asked) == 1

    def test_silence_moves_nothing_on_and_is_said(
        self, account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = lists(monkeypatch)
        noon = clock.now()
        with clock.frozen(noon):
            reconcile.sweep(account.pk)
        with clock.frozen(noon + timedelta(minutes=10)):
            monkeypatch.setattr(TrainingProvider, "list_payments", no_answer)
            sweep_account(account.pk)
            account.refresh_from_db()
            assert account.sweep_problem == "cut off"
            assert reconcile.due() == []
        with clock.frozen(noon + timedelta(hours=3)):
            asked = lists(monkeypatch)
            sweep_account(account.pk)

        assert asked == [noon - reconcile.OVERLAP]
        account.refresh_from_db()
        assert account.sweep_problem == ""

    def test_goes_back_no_further_than_providers_remember(
        self, account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = lists(monkeypatch)
        account.swept_at = clock.now() - timedelta(days=300)
        account.save()

        reconcile.sweep(account.pk)

        assert asked[0] > clock.now() - timedelta(days=29)


class TestDisputes:
    """Of which no event ever arrived."""

    def disputed(self) -> PaymentLink:
        link = make_link()
        checkouts.start(link.pk, "training")
        payment = training.answer(TrainingSession.objects.get(), "lost")
        assert payment is not None
        training_disputes.open_dispute(payment, is_told=False)
        return link

    def test_a_sweep_books_it_with_its_payment(self, account: ProviderAccount) -> None:
        link = self.disputed()

        assert reconcile.sweep(account.pk) == 2

        dispute = Dispute.objects.get()
        assert dispute.payment is not None
        assert dispute.payment.link_id == link.pk
        assert dispute.state == DisputeState.NEEDS_RESPONSE
        with clock.frozen(clock.now() + timedelta(minutes=6)):
            assert reconcile.sweep(account.pk) == 0

    def test_control_without_the_list_it_is_missing(
        self, account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.disputed()
        monkeypatch.setattr(TrainingProvider, "list_disputes", lambda *_: ())

        assert reconcile.sweep(account.pk) == 1

        assert not Dispute.objects.exists()

    def test_a_sweep_hears_of_its_end(self, account: ProviderAccount) -> None:
        self.disputed()
        reconcile.sweep(account.pk)
        won = base.DisputeState.WON
        training_disputes.move_dispute(
            TrainingDispute.objects.get(), won, is_told=False
        )

        with clock.frozen(clock.now() + timedelta(minutes=6)):
            assert reconcile.sweep(account.pk) == 1

        assert Dispute.objects.get().state == DisputeState.WON

    def test_of_foreign_payments_are_left_alone(
        self, account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.disputed()

        def foreign(self: TrainingProvider, name: str) -> PaymentSnapshot:
            raise ForeignPayment("the till's")

        monkeypatch.setattr(TrainingProvider, "fetch_payment", foreign)
        reconcile.sweep(account.pk)

        assert not Dispute.objects.exists()

    def test_silence_about_disputes_is_silence(
        self, account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The payments before are booked; the next sweep begins where this one did."""
        self.disputed()

        def lost(self: TrainingProvider, since: datetime) -> list[DisputeSnapshot]:
            raise ProviderUnavailable("cut off")

        monkeypatch.setattr(TrainingProvider, "list_disputes", lost)
        sweep_account(account.pk)

        account.refresh_from_db()
        assert (account.swept_at, account.sweep_problem) == (None, "cut off")
        assert Payment.objects.count() == 1

    def test_a_comparison_says_and_books_what_differs(self) -> None:
        self.disputed()

        with clock.frozen(clock.now() + timedelta(hours=1)):
            first = comparing.compare("training")
            again = comparing.compare("training")

        assert [said.split()[0] for said in first.found][1:] == ["Dispute"]
        assert again.found == []
        assert Dispute.objects.count() == 1


class TestCompare:
    def test_agrees(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen = make_seen(make_link(), occurred_at=clock.now() - timedelta(days=1))
        payments.record(seen)
        lists(monkeypatch, seen)

        found = comparing.compare("training")

        assert (found.seen, found.found) == (1, [])

    def test_says_and_books_what_differs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        link, yesterday = make_link(), clock.now() - timedelta(days=1)
        missing = make_seen(link, payment_id="missing", occurred_at=yesterday)
        refund = RefundSnapshot(
            "re_1", RefundState.SUCCEEDED, Money(100, "EUR"), yesterday
        )
        known = make_seen(make_link(), payment_id="known", occurred_at=yesterday)
        payments.record(known)
        lists(monkeypatch, missing, replace(known, refunds=(refund,)))

        found = comparing.compare("training")

        assert len(found.found) == 2
        assert "missing" in found.found[0]
        assert "re_1" in found.found[1]
        assert comparing.compare("training").found == []

    def test_asks_about_what_no_list_names(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen = make_seen(make_link(), occurred_at=clock.now() - timedelta(days=1))
        payments.record(seen)
        lists(monkeypatch)

        def nothing(self: TrainingProvider, name: str) -> PaymentSnapshot:
            raise ProviderRejected("nothing of that name")

        monkeypatch.setattr(TrainingProvider, "fetch_payment", nothing)
        found = comparing.compare("training")

        assert len(found.found) == 1
        assert "provider knows nothing" in found.found[0]
        assert Payment.objects.count() == 1  # money is never dropped

    def test_the_command_ends_by_what_it_found(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen = make_seen(make_link(), occurred_at=clock.now() - timedelta(days=1))
        lists(monkeypatch, seen)
        out = StringIO()

        with pytest.raises(CommandError, match="1 differences"):
            call_command("reconcile", stdout=out)
        call_command("reconcile", provider="training", stdout=out)

        assert "was not in the books" in out.getvalue()
        assert "no difference" in out.getvalue()
        with pytest.raises(CommandError, match="in use: training"):
            call_command("reconcile", provider="stripe")
