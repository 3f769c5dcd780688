"""Giving money back: decided by the right people, asked for once, settled by reading."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from links.models import (
    DailyTotal,
    Payment,
    PaymentLink,
    Refund,
    RefundState,
)
from links.providers.base import (
    PaymentSnapshot,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
    RefundRequest,
    RefundSnapshot,
)
from links.providers.base import RefundState as Told
from links.providers.training import TrainingProvider
from links.services import payments, refunding, refunds
from links.services.errors import LinkConflict, LinkError
from links.tasks import settle_refund
from merchant_portal.lib import clock
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from notifications.models import Message

from .factories import NOON, make_customer, make_link, make_seen, make_user

pytestmark = pytest.mark.django_db
S = RefundState


@dataclass
class Bank:
    """The provider's side: `made` by reference; `errors` come first, done or not."""

    seen: PaymentSnapshot
    made: dict[str, RefundSnapshot] = field(default_factory=dict)
    asked: list[RefundRequest] = field(default_factory=list)
    error: ProviderError | None = None
    is_done_first: bool = False
    state: Told = Told.SUCCEEDED

    def refund(self, request: RefundRequest) -> RefundSnapshot:
        self.asked.append(request)
        if self.error is not None and not self.is_done_first:
            raise self.error
        made = RefundSnapshot(
            f"re_{request.reference}",
            self.state,
            request.amount,
            NOON,
            request.reference,
        )
        self.made.setdefault(request.reference, made)
        if self.error is not None:
            raise self.error
        return self.made[request.reference]

    def now(self) -> PaymentSnapshot:
        return replace(self.seen, refunds=tuple(self.made.values()))

    def turn(self, state: Told, failure: str = "") -> None:
        self.made = {
            name: replace(one, state=state, failure=failure)
            for name, one in self.made.items()
        }


@pytest.fixture
def link() -> PaymentLink:
    return make_link(make_customer())


@pytest.fixture
def bank(link: PaymentLink, monkeypatch: pytest.MonkeyPatch) -> Bank:
    bank = Bank(make_seen(link))
    monkeypatch.setattr(
        TrainingProvider, "refund", lambda self, r: bank.refund(r), raising=False
    )
    monkeypatch.setattr(TrainingProvider, "fetch_payment", lambda self, _id: bank.now())
    return bank


@pytest.fixture
def payment(link: PaymentLink, bank: Bank) -> Payment:
    booked = payments.record(bank.seen)
    assert booked is not None
    return booked


@pytest.fixture
def owner() -> User:
    return make_user(Role.OWNER)


def asked(payment: Payment, user: User, amount_minor: int = 400) -> Refund:
    return refunding.propose(
        payment, amount_minor=amount_minor, actor=user.actor(), reason="broken"
    )


def approved(payment: Payment, user: User, amount_minor: int = 400) -> Refund:
    refund = asked(payment, user, amount_minor)
    refunding.approve(refund, user=user)
    return refund


def given(payment: Payment) -> int:
    payment.refresh_from_db()
    return payment.refunded_minor


def state_of(refund: Refund) -> str:
    refund.refresh_from_db()
    return refund.state


class TestGivingBack:
    def test_is_asked_for_once_booked_once_and_told_once(
        self, payment: Payment, link: PaymentLink, bank: Bank, owner: User
    ) -> None:
        refund = approved(payment, owner)

        refunding.send(refund.pk)
        refunding.send(refund.pk)
        payments.record(bank.now())

        assert [one.reference for one in bank.asked] == [refund.public_id]
        assert state_of(refund) == S.SUCCEEDED
        assert refund.provider_refund_id == f"re_{refund.public_id}"
        assert given(payment) == 400
        notice = Message.objects.get(kind="refund")
        assert notice.subject_id == refund.public_id
        total = DailyTotal.objects.get(measure="refunded")
        assert (total.count, total.amount_minor, total.day) == (1, 400, NOON.date())
        kinds = link.activities.filter(kind__startswith="refund.").order_by("id")
        assert [row.kind for row in kinds] == [
            "refund.proposed",
            "refund.approved",
            "refund.succeeded",
        ]
        link.refresh_from_db()
        assert link.status == "paid"  # a refund is no state of the link

    def test_never_more_than_is_left(
        self, payment: Payment, bank: Bank, owner: User
    ) -> None:
        first, second = asked(payment, owner, 1000), asked(payment, owner, 1000)
        refunding.approve(first, user=owner)

        with pytest.raises(LinkConflict):
            refunding.approve(second, user=owner)
        with pytest.raises(LinkConflict):
            asked(payment, owner, 251)

        assert asked(payment, owner, 250).state == S.PROPOSED

    def test_control_without_what_is_under_way_too_much_is_approved(
        self,
        payment: Payment,
        bank: Bank,
        owner: User,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        first, second = asked(payment, owner, 1000), asked(payment, owner, 1000)
        refunding.approve(first, user=owner)
        monkeypatch.setattr(Refund, "HOLDING", [S.SUCCEEDED])

        refunding.approve(second, user=owner)

        held = payment.refunds.filter(state=S.APPROVED).values_list(
            "amount_minor", flat=True
        )
        assert sum(held) > payment.amount_minor

    @pytest.mark.parametrize("amount_minor", [0, -1, 10**12])
    def test_refuses_amounts_that_are_none(
        self, amount_minor: int, payment: Payment, owner: User
    ) -> None:
        with pytest.raises(LinkError):
            asked(payment, owner, amount_minor)

    def test_money_that_never_came_cannot_go_back(
        self, link: PaymentLink, owner: User
    ) -> None:
        waiting = payments.record(
            replace(make_seen(link), state=make_seen(link).state.PROCESSING)
        )
        assert waiting is not None

        with pytest.raises(LinkConflict):
            asked(waiting, owner)

    def test_one_form_twice_asks_once(self, payment: Payment, owner: User) -> None:
        key = "rfd_" + "k" * 20
        twice = [
            refunding.propose(payment, amount_minor=400, actor=owner.actor(), key=key)
            for _time in range(2)
        ]

        assert twice[0].pk == twice[1].pk
        assert payment.refunds.count() == 1

    def test_a_key_of_another_payments_form_is_not_taken(
        self, payment: Payment, owner: User
    ) -> None:
        other = payments.record(make_seen(make_link(), payment_id="other"))
        assert other is not None
        first = asked(other, owner)

        mine = refunding.propose(
            payment, amount_minor=400, actor=owner.actor(), key=first.public_id
        )

        assert mine.public_id != first.public_id
        assert mine.payment == payment


class TestUnknown:
    @pytest.mark.parametrize("is_done", [True, False])
    def test_a_lost_answer_is_settled_by_reading_never_by_repeating(
        self, is_done: bool, payment: Payment, bank: Bank, owner: User
    ) -> None:
        refund = approved(payment, owner)
        bank.error, bank.is_done_first = ProviderUnavailable("cut off"), is_done

        refunding.send(refund.pk)
        assert state_of(refund) == S.UNKNOWN
        assert refunds.left(payment) == 850
        with clock.frozen(clock.now() + timedelta(minutes=1)):
            assert refunding.due() == [refund.pk]
            settle_refund(refund.pk)

        assert len(bank.asked) == 1
        assert state_of(refund) == (S.SUCCEEDED if is_done else S.UNKNOWN)
        assert given(payment) == (400 if is_done else 0)

    def test_a_worker_that_died_leaves_it_unknown(
        self, payment: Payment, bank: Bank, owner: User
    ) -> None:
        refund = approved(payment, owner)
        assert refunding._claimed(refund.pk) is not None  # and no further

        with clock.frozen(clock.now() + refunding.LEASE * 2):
            settle_refund(refund.pk)

        assert bank.asked == []
        assert state_of(refund) == S.UNKNOWN

    def test_one_that_waits_for_its_answer_is_left_alone(
        self, payment: Payment, bank: Bank, owner: User
    ) -> None:
        """It was woken twice; the other worker's refusal must still end it."""
        refund = approved(payment, owner)
        bank.error = ProviderRejected("too old")
        ask = bank.refund

        def slow(request: RefundRequest) -> RefundSnapshot:
            settle_refund(refund.pk)
            return ask(request)

        bank.refund = slow  # type: ignore[method-assign]
        refunding.send(refund.pk)

        assert state_of(refund) == S.FAILED

    def test_a_person_says_that_it_is_not_there_and_it_is_after_all(
        self, payment: Payment, bank: Bank, owner: User
    ) -> None:
        refund = approved(payment, owner)
        bank.error, bank.is_done_first = ProviderUnavailable("cut off"), True
        refunding.send(refund.pk)

        refunding.give_up(refund, user=owner)
        assert state_of(refund) == S.FAILED
        assert refunds.left(payment) == 1250
        payments.record(bank.now())

        assert state_of(refund) == S.SUCCEEDED
        assert given(payment) == 400

    def test_only_what_is_unknown_can_be_given_up(
        self, payment: Payment, bank: Bank, owner: User
    ) -> None:
        with pytest.raises(LinkConflict):
            refunding.give_up(approved(payment, owner), user=owner)

    def test_a_webhook_before_the_answer_counts(
        self, payment: Payment, bank: Bank, owner: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        refund = approved(payment, owner)

        def told_first(
            self: TrainingProvider, request: RefundRequest
        ) -> RefundSnapshot:
            bank.refund(request)
            payments.record(bank.now())
            raise ProviderUnavailable("cut off")

        monkeypatch.setattr(TrainingProvider, "refund", told_first)
        refunding.send(refund.pk)

        assert state_of(refund) == S.SUCCEEDED
        assert Message.objects.filter(kind="refund").count() == 1


class TestEnds:
    def test_a_refusal_is_final_and_gives_the_room_back(
        self, payment: Payment, bank: Bank, owner: User
    ) -> None:
        refund = approved(payment, owner)
        bank.error = ProviderRejected("too old")

        refunding.send(refund.pk)

        assert state_of(refund) == S.FAILED
        assert refund.failure == "too old"
        assert refunding.due() == []
        assert refunds.left(payment) == 1250

    def test_wrong_keys_let_it_wait(
        self, payment: Payment, bank: Bank, owner: User
    ) -> None:
        refund = approved(payment, owner)
        bank.error = ProviderMisconfigured("wrong key")
        refunding.send(refund.pk)
        assert state_of(refund) == S.APPROVED
        assert refunding.due() == []

        bank.error = None
        with clock.frozen(clock.now() + timedelta(minutes=11)):
            for pk in refunding.due():
                settle_refund(pk)

        assert state_of(refund) == S.SUCCEEDED

    def test_may_fail_days_after_it_succeeded(
        self, payment: Payment, bank: Bank, owner: User
    ) -> None:
        refund = approved(payment, owner)
        refunding.send(refund.pk)

        bank.turn(Told.FAILED, "account closed")
        payments.record(bank.now())

        assert state_of(refund) == S.FAILED
        assert refund.failure == "account closed"
        assert given(payment) == 0
        total = DailyTotal.objects.get(measure="refunded")
        assert (total.count, total.amount_minor) == (0, 0)

    def test_old_news_moves_nothing_back(
        self, payment: Payment, bank: Bank, owner: User
    ) -> None:
        bank.state = Told.PENDING
        refund = approved(payment, owner)
        refunding.send(refund.pk)
        assert state_of(refund) == S.PENDING
        before = bank.now()
        bank.turn(Told.SUCCEEDED)
        payments.record(bank.now())

        assert payments.record(before) is None
        assert state_of(refund) == S.SUCCEEDED
