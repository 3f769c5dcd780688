"""When accounts are compared with our books, by whom, and what is kept of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from links.models import Comparison, ComparisonState, Difference, ProviderAccount
from links.providers.base import PaymentSnapshot, ProviderBusy, ProviderUnavailable
from links.providers.training import TrainingProvider
from links.services import accounts, comparing, comparisons, payments, reviewing
from links.services.errors import LinkError
from links.tasks import compare_account, compare_accounts
from merchant_portal.audit.models import AuditEntry
from merchant_portal.business.models import Business
from merchant_portal.lib import clock, queue
from merchant_portal.lib.money import Money
from merchant_portal.staff.models import User

from .factories import make_user
from .their_books import Books, compared, kept, plant_other_amount

pytestmark = pytest.mark.django_db
NIGHT = datetime(2026, 3, 10, 3, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _in_utc() -> None:
    business = Business.objects.current()
    business.time_zone = "UTC"
    business.save()


@pytest.fixture
def account() -> ProviderAccount:
    return accounts.get("training")


@pytest.fixture
def owner() -> User:
    return make_user()


@pytest.fixture
def theirs(monkeypatch: pytest.MonkeyPatch) -> Books:
    return Books(monkeypatch)


class TestWhen:
    def test_once_in_the_quiet_hours_of_the_business(
        self, account: ProviderAccount
    ) -> None:
        business = Business.objects.current()
        business.time_zone = "America/New_York"  # 4 hours behind in March
        business.save()

        made = []
        for hour in range(24):
            with clock.frozen(NIGHT.replace(hour=hour)):
                made.append(comparisons.plan())
                Comparison.objects.update(state="done", finished_at=clock.now())

        assert [hour for hour, count in enumerate(made) if count] == [7]
        assert Comparison.objects.get().day == NIGHT.date()

    def test_every_night_again(self, account: ProviderAccount) -> None:
        for days in range(3):
            with clock.frozen(NIGHT + timedelta(days=days)):
                assert comparisons.plan() == 1
                Comparison.objects.update(state="done", finished_at=clock.now())

    def test_a_missed_night_is_caught_up_by_day(self, account: ProviderAccount) -> None:
        noon = NIGHT.replace(hour=12)
        with clock.frozen(noon):
            assert comparisons.plan() == 0  # never compared: the night will do
        with clock.frozen(NIGHT):
            comparisons.plan()
            Comparison.objects.update(state="done", finished_at=clock.now())
        with clock.frozen(noon + timedelta(days=1)):
            assert comparisons.plan() == 0
        with clock.frozen(noon + timedelta(days=2)):
            assert comparisons.plan() == 1

    def test_not_while_one_is_open(self, account: ProviderAccount, owner: User) -> None:
        comparisons.ask(account, actor=owner.actor())

        with clock.frozen(NIGHT):
            assert comparisons.plan() == 0

    def test_asking_twice_asks_once(
        self, account: ProviderAccount, owner: User
    ) -> None:
        first = comparisons.ask(account, actor=owner.actor())

        assert comparisons.ask(account, actor=owner.actor()) == first
        assert AuditEntry.objects.filter(action="comparison.asked").count() == 1

    def test_an_account_whose_keys_are_gone_cannot_be_asked(self, owner: User) -> None:
        gone = ProviderAccount.objects.create(slug="stripe", mode="test")

        with pytest.raises(LinkError, match="keys"):
            comparisons.ask(gone, actor=owner.actor())

    def test_beat_plans_begins_and_forgets(
        self, theirs: Books, account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        woken: list[tuple[object, ...]] = []
        monkeypatch.setattr(queue, "nudge", lambda *args: woken.append(args))
        with clock.frozen(NIGHT):
            compare_accounts()

        made = Comparison.objects.get()
        assert woken == [("links.tasks.compare_account", made.pk)]
        compare_account(made.pk)
        with clock.frozen(clock.now() + timedelta(days=89)):
            assert comparisons.prune() == 0
        with clock.frozen(clock.now() + timedelta(days=91)):
            assert comparisons.prune() == 1
        assert not Difference.objects.exists()


class TestRun:
    def waiting(self, account: ProviderAccount) -> Comparison:
        return comparisons.ask(account, actor=make_user().actor())

    def lapse(self, made: Comparison) -> None:
        """Its lease, or its rest, is over."""
        Comparison.objects.filter(pk=made.pk).update(due_at=clock.database_now())

    def test_one_account_at_a_time(
        self, theirs: Books, account: ProviderAccount, settings: Any
    ) -> None:
        settings.SQUARE_ACCESS_TOKEN = "EAAA-of-a-test"
        first, second = self.waiting(account), self.waiting(accounts.get("square"))
        assert comparisons._claim(first.pk) is not None

        assert comparisons.run(second.pk) is False

        second.refresh_from_db()
        assert second.state == ComparisonState.WAITING
        assert comparisons.due() == [second.pk]

    def test_the_database_itself_takes_no_second_one_that_runs(
        self, account: ProviderAccount, settings: Any
    ) -> None:
        """The control: whatever the code before it thinks."""
        settings.SQUARE_ACCESS_TOKEN = "EAAA-of-a-test"
        self.waiting(account)
        self.waiting(accounts.get("square"))

        with pytest.raises(IntegrityError), transaction.atomic():
            Comparison.objects.update(state="running")

    def test_one_that_died_is_run_again(
        self, theirs: Books, account: ProviderAccount
    ) -> None:
        made = self.waiting(account)
        expected = plant_other_amount(theirs)
        comparisons._claim(made.pk)  # and dies

        assert comparisons.due() == []
        assert comparisons.run(made.pk) is False
        self.lapse(made)
        assert comparisons.due() == [made.pk]
        assert comparisons.run(made.pk) is True

        assert kept(made) == expected

    def test_of_two_the_last_to_begin_keeps_its_report(
        self, theirs: Books, account: ProviderAccount
    ) -> None:
        plant_other_amount(theirs)
        made = self.waiting(account)
        slow = comparisons._claim(made.pk)
        assert slow is not None
        result = comparing.compare("training")
        self.lapse(made)
        assert comparisons.run(made.pk) is True

        assert comparisons._keep(slow, result) is False

        assert Difference.objects.count() == 1
        slow.tries += 1
        Comparison.objects.update(state="running")
        assert comparisons._keep(slow, result) is True  # the fence alone held it off

    def test_a_slow_one_says_that_it_runs(
        self,
        theirs: Books,
        account: ProviderAccount,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(comparisons, "RENEW_SECONDS", 0.0)
        theirs.both()
        made = self.waiting(account)
        due_at: list[datetime | None] = []

        def listed(since: datetime) -> list[PaymentSnapshot]:
            self.lapse(made)
            due_at.append(clock.database_now())
            return list(theirs.told.values())

        monkeypatch.setattr(TrainingProvider, "list_payments", lambda _, at: listed(at))
        monkeypatch.setattr(
            payments, "record", lambda seen: due_at.append(read_due_at(made))
        )
        assert comparisons.run(made.pk) is True

        lapsed, renewed = due_at
        assert lapsed is not None
        assert renewed is not None
        assert renewed > lapsed + timedelta(minutes=4)

    def test_one_that_was_overtaken_stops(
        self,
        theirs: Books,
        account: ProviderAccount,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(comparisons, "RENEW_SECONDS", 0.0)
        theirs.both()
        made = self.waiting(account)
        recorded: list[object] = []

        def listed(self: TrainingProvider, since: datetime) -> list[PaymentSnapshot]:
            Comparison.objects.update(tries=2)
            return list(theirs.told.values())

        monkeypatch.setattr(TrainingProvider, "list_payments", listed)
        monkeypatch.setattr(payments, "record", recorded.append)

        assert comparisons.run(made.pk) is False

        assert recorded == []
        made.refresh_from_db()
        assert made.state == ComparisonState.RUNNING

    def test_without_an_answer_it_waits_and_is_given_up_in_the_end(
        self,
        theirs: Books,
        account: ProviderAccount,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def no_answer(self: TrainingProvider, since: datetime) -> None:
            raise ProviderUnavailable("cut off")

        made = self.waiting(account)
        with monkeypatch.context() as patch:
            patch.setattr(TrainingProvider, "list_payments", no_answer)
            for _try in range(comparisons.MAX_TRIES):
                made.refresh_from_db()
                assert made.state == ComparisonState.WAITING
                assert made.problem == ("cut off" if _try else "")
                self.lapse(made)
                compare_account(made.pk)
                assert comparisons.due() == []
        made.refresh_from_db()
        assert (made.state, made.problem) == (ComparisonState.FAILED, "cut off")
        assert reviewing.comparisons().get() == made

        compared(account, make_user())

        assert not reviewing.comparisons().exists()  # nobody need look any more

    def test_one_that_dies_each_time_is_given_up(
        self, theirs: Books, account: ProviderAccount
    ) -> None:
        made = self.waiting(account)
        for _try in range(comparisons.MAX_TRIES):
            assert comparisons._claim(made.pk) is not None
            self.lapse(made)

        assert comparisons.run(made.pk) is False

        made.refresh_from_db()
        assert made.state == ComparisonState.FAILED
        assert "never came to its end" in made.problem

    def test_a_provider_that_is_busy_rests(
        self,
        theirs: Books,
        account: ProviderAccount,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def busy(self: TrainingProvider, since: datetime) -> None:
            raise ProviderBusy("429", 120.0)

        made = self.waiting(account)
        monkeypatch.setattr(TrainingProvider, "list_payments", busy)

        compare_account(made.pk)

        self.lapse(made)
        assert comparisons.due() == []
        account.refresh_from_db()
        assert account.rests_until is not None
        rest = account.rests_until - clock.database_now()
        assert timedelta(seconds=100) < rest <= timedelta(seconds=120)
        ProviderAccount.objects.update(rests_until=clock.database_now())
        assert comparisons.due() == [made.pk]


class TestDealingWithIt:
    def test_takes_a_reason_and_is_said_once(
        self, theirs: Books, account: ProviderAccount, owner: User
    ) -> None:
        plant_other_amount(theirs)
        made = compared(account, owner)

        with pytest.raises(LinkError, match="few words"):
            comparisons.deal_with(made, reason=" ", actor=owner.actor())
        assert comparisons.deal_with(made, reason="A typo", actor=owner.actor())
        assert not comparisons.deal_with(made, reason="No", actor=owner.actor())

        assert (made.review_reason, made.reviewed_by) == ("A typo", owner)
        assert not reviewing.comparisons().exists()
        assert AuditEntry.objects.filter(action="comparison.reviewed").count() == 1

    def test_the_same_difference_needs_a_person_once(
        self, theirs: Books, account: ProviderAccount, owner: User
    ) -> None:
        plant_other_amount(theirs)
        first = compared(account, owner)
        second = compared(account, owner)

        assert (first.open_count, second.open_count) == (1, 0)
        assert second.differences.get().is_known
        assert list(reviewing.comparisons()) == [first]

    def test_another_one_about_the_same_payment_needs_one_again(
        self, theirs: Books, account: ProviderAccount, owner: User
    ) -> None:
        plant_other_amount(theirs)
        compared(account, owner)
        theirs.tell(theirs.told["tpy_1"], amount=Money(1, "EUR"))

        assert compared(account, owner).open_count == 1


def read_due_at(made: Comparison) -> datetime | None:
    return Comparison.objects.values_list("due_at", flat=True).get(pk=made.pk)


@pytest.mark.django_db(transaction=True)
def test_no_provider_is_asked_inside_a_transaction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inside: list[bool] = []

    def listed(self: TrainingProvider, since: datetime) -> list[PaymentSnapshot]:
        inside.append(connection.in_atomic_block)
        return []

    monkeypatch.setattr(TrainingProvider, "list_payments", listed)

    with queue.silenced():
        made = compared(accounts.get("training"), make_user())

    assert made.state == ComparisonState.DONE
    assert inside == [False]
