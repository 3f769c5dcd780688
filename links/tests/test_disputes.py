"""Disputes in the books: told in any order, counted once, refunds bounded by them."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from links.models import (
    DailyTotal,
    Dispute,
    DisputeState,
    Payment,
    PaymentLink,
)
from links.providers.base import DisputeSnapshot
from links.providers.base import DisputeState as Told
from links.services import disputes, payments, refunding, refunds, reviewing
from links.services.errors import LinkConflict
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.lib.money import Money
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from notifications.models import Message

from .factories import NOON, make_customer, make_link, make_seen, make_user, said

pytestmark = pytest.mark.django_db
S = DisputeState
SEEN = DisputeSnapshot(
    account_slug="training",
    provider_dispute_id="dp_1",
    provider_payment_id="tpy_1",
    state=Told.NEEDS_RESPONSE,
    amount=Money(1250, "EUR"),
    reason="product_not_received",
    opened_at=NOON,
    respond_by=NOON + timedelta(days=7),
)
UNDER_REVIEW = replace(SEEN, state=Told.UNDER_REVIEW, respond_by=None)
WON = replace(SEEN, state=Told.WON, respond_by=None)
LOST = replace(SEEN, state=Told.LOST, respond_by=None)


@pytest.fixture
def link() -> PaymentLink:
    return make_link(make_customer())


@pytest.fixture
def payment(link: PaymentLink) -> Payment:
    booked = payments.record(make_seen(link))
    assert booked is not None
    return booked


@pytest.fixture
def owner() -> User:
    return make_user(Role.OWNER)


def kinds_of(link: PaymentLink) -> list[str]:
    rows = link.activities.filter(kind__startswith="dispute.").order_by("id")
    return [row.kind for row in rows]


def lost_total() -> tuple[int, int]:
    rows = DailyTotal.objects.filter(measure="lost")
    return sum(row.count for row in rows), sum(row.amount_minor for row in rows)


class TestBooking:
    def test_is_booked_once_with_its_payment(
        self, payment: Payment, link: PaymentLink
    ) -> None:
        booked = disputes.record(SEEN)
        again = disputes.record(SEEN)

        assert booked is not None
        assert again is None
        dispute = Dispute.objects.get()
        assert dispute.public_id.startswith("dsp_")
        assert dispute.payment == payment
        assert dispute.state == S.NEEDS_RESPONSE
        assert dispute.amount == Money(1250, "EUR")
        assert dispute.respond_by == NOON + timedelta(days=7)
        assert dispute.closed_at is None
        assert kinds_of(link) == ["dispute.opened"]
        link.refresh_from_db()
        assert link.status == "paid"  # a dispute is no state of the link

    def test_its_states_are_told_on_the_timeline(
        self, payment: Payment, link: PaymentLink
    ) -> None:
        for seen in (SEEN, UNDER_REVIEW, LOST, WON):
            disputes.record(seen)

        assert kinds_of(link) == [
            "dispute.opened",
            "dispute.under_review",
            "dispute.lost",
            "dispute.won",
        ]
        dispute = Dispute.objects.get()
        assert dispute.respond_by == NOON + timedelta(days=7)  # kept, if not told
        assert dispute.next_check_at is None
        assert dispute.closed_at is not None

    def test_one_whose_payment_is_not_known_waits_for_it(
        self, link: PaymentLink
    ) -> None:
        orphan = disputes.record(SEEN)
        assert orphan is not None
        assert orphan.payment is None
        assert kinds_of(link) == []

        payments.record(make_seen(link))
        found = disputes.record(SEEN)

        assert found is not None
        assert found.payment == Payment.objects.get()
        assert kinds_of(link) == ["dispute.opened"]

    def test_stays_with_its_payment_whatever_is_said_later(
        self, payment: Payment, link: PaymentLink
    ) -> None:
        disputes.record(SEEN)

        disputes.record(replace(UNDER_REVIEW, provider_payment_id=""))

        assert Dispute.objects.get().payment == payment
        assert kinds_of(link) == ["dispute.opened", "dispute.under_review"]

    def test_a_date_that_was_put_off_counts(self, payment: Payment) -> None:
        later = NOON + timedelta(days=9)
        disputes.record(SEEN)

        assert disputes.record(replace(SEEN, respond_by=later)) is not None

        assert Dispute.objects.get().respond_by == later


class TestAnyOrder:
    @pytest.mark.parametrize(
        ("told", "end"),
        [
            ((SEEN, UNDER_REVIEW, WON), S.WON),
            ((SEEN, UNDER_REVIEW, LOST), S.LOST),
            # Where the provider tells no time, only an appeal closes one again.
            ((SEEN, LOST, WON), S.WON),
        ],
    )
    def test_ends_in_the_same_rows_without_a_clock(
        self, told: tuple[DisputeSnapshot, ...], end: str, payment: Payment
    ) -> None:
        ends = _ends_of(told)

        assert ends == {(end, 1250, NOON + timedelta(days=7))}
        count = len(list(permutations(told))) if end == S.LOST else 0
        assert lost_total() == (count, 1250 * count)

    @pytest.mark.parametrize(
        ("states", "end"),
        [
            ((Told.NEEDS_RESPONSE, Told.UNDER_REVIEW, Told.WON), S.WON),
            ((Told.NEEDS_RESPONSE, Told.LOST, Told.WON), S.WON),
            ((Told.NEEDS_RESPONSE, Told.WON, Told.LOST), S.LOST),
            # An appeal opens it again.
            ((Told.LOST, Told.UNDER_REVIEW), S.UNDER_REVIEW),
            ((Told.WON, Told.NEEDS_RESPONSE), S.NEEDS_RESPONSE),
        ],
    )
    def test_the_providers_clock_outranks_the_state(
        self, states: tuple[Told, ...], end: str, payment: Payment
    ) -> None:
        told = tuple(
            replace(SEEN, state=state, changed_at=NOON + timedelta(hours=hours))
            for hours, state in enumerate(states)
        )

        ends = _ends_of(told)

        assert ends == {(end, 1250, NOON + timedelta(days=7))}
        count = len(list(permutations(told))) if end == S.LOST else 0
        assert lost_total() == (count, 1250 * count)


def _ends_of(told: tuple[DisputeSnapshot, ...]) -> set[tuple[object, ...]]:
    """How one dispute ends for each order of the news, each of it heard twice."""
    ends: set[tuple[object, ...]] = set()
    for number, order in enumerate(permutations(told)):
        name = f"dp_{number}"
        for seen in (*order, *order):
            disputes.record(replace(seen, provider_dispute_id=name))
        dispute = Dispute.objects.get(provider_dispute_id=name)
        assert (dispute.closed_at is None) is dispute.is_open
        assert (dispute.next_check_at is None) is not dispute.is_open
        ends.add((dispute.state, dispute.amount_minor, dispute.respond_by))
    return ends


class TestTotals:
    def test_what_is_lost_counts_on_its_day_and_back_if_won_after_all(
        self, payment: Payment
    ) -> None:
        disputes.record(SEEN)
        assert lost_total() == (0, 0)
        disputes.record(replace(LOST, changed_at=NOON + timedelta(days=3)))
        total = DailyTotal.objects.get(measure="lost")
        assert total.day == (NOON + timedelta(days=3)).date()
        assert (total.count, total.amount_minor) == (1, 1250)

        disputes.record(replace(WON, changed_at=NOON + timedelta(days=9)))

        assert lost_total() == (0, 0)

    def test_a_touch_of_a_lost_one_moves_it_to_no_other_day(
        self, payment: Payment
    ) -> None:
        disputes.record(replace(LOST, changed_at=NOON))

        disputes.record(replace(LOST, changed_at=NOON + timedelta(days=9)))

        total = DailyTotal.objects.get(measure="lost", count=1)
        assert total.day == NOON.date()

    def test_lost_in_part_counts_in_part(self, payment: Payment) -> None:
        disputes.record(SEEN)

        disputes.record(replace(LOST, amount=Money(400, "EUR")))

        assert lost_total() == (1, 400)


class TestRefunds:
    @pytest.mark.parametrize(
        ("seen", "room"), [(SEEN, 850), (UNDER_REVIEW, 850), (LOST, 850), (WON, 1250)]
    )
    def test_what_is_disputed_is_not_given_back_as_well(
        self, seen: DisputeSnapshot, room: int, payment: Payment, owner: User
    ) -> None:
        disputes.record(replace(seen, amount=Money(400, "EUR")))

        assert refunds.left(payment) == room
        with pytest.raises(LinkConflict):
            refunding.propose(payment, amount_minor=room + 1, actor=owner.actor())
        refunding.propose(payment, amount_minor=room, actor=owner.actor())

    def test_a_proposal_of_before_cannot_be_approved_any_more(
        self, payment: Payment, owner: User
    ) -> None:
        refund = refunding.propose(payment, amount_minor=1250, actor=owner.actor())
        disputes.record(SEEN)

        with pytest.raises(LinkConflict):
            refunding.approve(refund, user=owner)

        disputes.record(WON)
        refunding.approve(refund, user=owner)

    def test_with_refunds_and_disputes_never_less_than_nothing(
        self, payment: Payment, owner: User
    ) -> None:
        refund = refunding.propose(payment, amount_minor=1000, actor=owner.actor())
        refunding.approve(refund, user=owner)

        disputes.record(SEEN)

        assert refunds.left(payment) == 0

    def test_one_in_another_currency_holds_all(self, payment: Payment) -> None:
        disputes.record(replace(SEEN, amount=Money(1, "USD")))

        assert refunds.left(payment) == 0

    def test_control_without_disputes_the_same_money_goes_twice(
        self, payment: Payment, owner: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        disputes.record(LOST)
        monkeypatch.setattr(Dispute, "HOLDING", [])

        refund = refunding.propose(payment, amount_minor=1250, actor=owner.actor())
        refunding.approve(refund, user=owner)

        assert lost_total() == (1, 1250)

    def test_a_proposal_of_surplus_follows_the_money(
        self, link: PaymentLink, payment: Payment
    ) -> None:
        later = NOON + timedelta(hours=1)
        payments.record(make_seen(link, payment_id="tpy_2", occurred_at=later))
        surplus = Payment.objects.get(provider_payment_id="tpy_2")
        assert surplus.refunds.get().amount_minor == 1250

        disputes.record(replace(SEEN, provider_payment_id="tpy_2"))
        assert surplus.refunds.count() == 0
        disputes.record(replace(WON, provider_payment_id="tpy_2"))

        assert surplus.refunds.get().amount_minor == 1250


class TestAlert:
    def test_owners_and_finance_are_told_once_in_their_language(
        self, payment: Payment, link: PaymentLink, owner: User
    ) -> None:
        finance = make_user(Role.FINANCE)
        finance.language = "de"
        finance.save(update_fields=["language"])
        for role in (Role.MANAGER, Role.AGENT, Role.AUDITOR):
            make_user(role)
        left = make_user(Role.OWNER)
        left.is_active = False
        left.save(update_fields=["is_active"])
        Business.objects.update_or_create(pk=1, defaults={"time_zone": "Europe/Paris"})

        for seen in (SEEN, SEEN, UNDER_REVIEW, replace(SEEN, changed_at=NOON)):
            disputes.record(seen)

        mails = Message.objects.filter(kind="staff_news")
        assert {m.recipient for m in mails} == {owner.email, finance.email}
        assert mails.count() == 2
        text = said(Message.objects.get(recipient=owner.email))
        assert "€12.50 through Training is disputed" in text
        assert str(link.number) in text
        assert "product not received" in text
        assert (
            "Answer at Training before March 17, 2026, 13:00 (Europe/Paris); the shop"
            " cannot answer for you here." in text
        )
        german = said(Message.objects.get(recipient=finance.email))
        assert "Antworten Sie bei Training vor dem 17. März 2026, 13:00" in german

    @pytest.mark.parametrize("seen", [WON, LOST])
    def test_nobody_is_called_to_one_that_was_over_before(
        self, seen: DisputeSnapshot, payment: Payment, owner: User
    ) -> None:
        disputes.record(seen)

        assert not Message.objects.filter(kind="staff_news").exists()

    def test_an_orphan_is_told_of_too(self, owner: User) -> None:
        disputes.record(replace(SEEN, respond_by=None, reason=""))

        text = said(Message.objects.get())
        assert "Answer at Training soon" in text


class TestAnswered:
    def test_a_person_says_so_once(
        self, payment: Payment, link: PaymentLink, owner: User
    ) -> None:
        dispute = disputes.record(SEEN)
        assert dispute is not None
        assert list(reviewing.disputes()) == [dispute]

        assert disputes.mark_answered(dispute, actor=owner.actor()) is True
        assert disputes.mark_answered(dispute, actor=owner.actor()) is False

        assert list(reviewing.disputes()) == []
        assert kinds_of(link) == ["dispute.opened", "dispute.answered"]
        assert disputes.record(SEEN) is None  # told again: still answered

    def test_opened_again_it_is_to_be_answered_again(
        self, payment: Payment, owner: User
    ) -> None:
        dispute = disputes.record(replace(SEEN, changed_at=NOON))
        assert dispute is not None
        disputes.mark_answered(dispute, actor=owner.actor())

        disputes.record(replace(SEEN, changed_at=clock.now()))

        assert reviewing.disputes().count() == 1

    def test_there_is_nothing_to_answer_once_it_is_over(
        self, payment: Payment, owner: User
    ) -> None:
        dispute = disputes.record(LOST)
        assert dispute is not None

        assert disputes.mark_answered(dispute, actor=owner.actor()) is False
        dispute.refresh_from_db()
        assert dispute.answered_at is None
