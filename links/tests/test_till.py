"""A shift at the till: what belongs to it, what is counted, what its report says."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from conftest import FrozenClock
from links.models import (
    CashMovement,
    Payment,
    RefundState,
    Shift,
    ShiftState,
)
from links.services import (
    manual,
    payments,
    refunding,
    reviewing,
    till,
    till_closing,
)
from links.services.errors import LinkConflict, LinkError
from merchant_portal.audit.models import AuditEntry
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role

from .at_the_till import begin, close, drawer, give_back, move, sell
from .factories import make_customer, make_link, make_seen, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]


@pytest.fixture
def cashier() -> User:
    return make_user(Role.FINANCE, "carla@shop.example")


class TestOpening:
    def test_counts_the_float_and_says_so(self, cashier: User) -> None:
        shift = begin(cashier, EUR=10_000, CHF=0)

        assert (shift.state, shift.number) == (ShiftState.OPEN, None)
        kept = shift.cash.order_by("currency").values_list("currency", "float_minor")
        assert list(kept) == [("CHF", 0), ("EUR", 10_000)]
        entry = AuditEntry.objects.get(action="shift.opened")
        assert entry.details == {"floats": {"EUR": 10_000, "CHF": 0}}

    def test_a_person_has_one(self, cashier: User) -> None:
        begin(cashier)

        with pytest.raises(LinkConflict, match="You have an open shift"):
            begin(cashier, register="Door")
        assert Shift.objects.count() == 1

    def test_a_register_has_one_however_it_is_written(self, cashier: User) -> None:
        begin(cashier)

        with pytest.raises(LinkConflict, match="Somebody else"):
            begin(make_user(), register="  COUNTER ")
        assert Shift.objects.count() == 1

    def test_the_database_says_so_too(self, cashier: User) -> None:
        shift = begin(cashier)

        with pytest.raises(IntegrityError), transaction.atomic():
            Shift.objects.create(
                register="Door", opened_by=cashier, opened_at=shift.opened_at
            )

    @pytest.mark.parametrize(
        ("register", "floats", "field"),
        [
            (" ", {"EUR": 0}, "register"),
            ("R" * 41, {"EUR": 0}, "register"),
            ("4111 1111 1111 1111", {"EUR": 0}, "register"),
            ("Counter", {"EUR": -1}, "float"),
            ("Counter", {"EUR": 10**12}, "float"),
            ("Counter", {"XXX": 1}, "currency"),
        ],
    )
    def test_refuses_nonsense(
        self, cashier: User, register: str, floats: dict[str, int], field: str
    ) -> None:
        with pytest.raises(LinkError) as refused:
            till.begin(register=register, floats=floats, user=cashier)

        assert refused.value.field == field
        assert not Shift.objects.exists()
        assert not AuditEntry.objects.exists()


class TestTaking:
    def test_a_sale_names_no_link_and_waits_for_nobody(self, cashier: User) -> None:
        shift = begin(cashier)

        payment = sell(shift)

        assert (payment.link, payment.shift, payment.note) == (
            None,
            shift,
            "A loaf of bread",
        )
        assert payment.is_sale
        assert payment.recorded_by == cashier
        assert not reviewing.payments().exists()
        assert AuditEntry.objects.filter(
            action="payment.recorded", object_id=payment.public_id
        ).exists()

    def test_the_same_form_twice_sells_once(self, cashier: User) -> None:
        shift = begin(cashier)
        args: dict[str, Any] = {
            "amount_minor": 500,
            "currency": "EUR",
            "method": "cash",
            "what": "Tea",
            "actor": cashier.actor(),
            "key": "frm_same",
        }

        first = manual.record_sale(shift, **args)
        close(shift, EUR=10_500)
        again = manual.record_sale(shift, **args)

        assert first == again
        assert Payment.objects.count() == 1

    def test_money_for_a_link_is_in_the_shift_of_who_took_it(
        self, cashier: User
    ) -> None:
        shift, link = begin(cashier), make_link(make_customer())

        payment = manual.record_payment(
            link, amount_minor=1250, method="cash", actor=cashier.actor()
        )
        other = manual.record_payment(
            make_link(), amount_minor=700, method="cash", actor=make_user().actor()
        )

        assert (payment.shift, payment.is_sale) == (shift, False)
        assert other.shift is None

    def test_money_of_before_the_shift_is_in_no_drawer(
        self, cashier: User, frozen: FrozenClock
    ) -> None:
        begin(cashier)

        payment = manual.record_payment(
            make_link(),
            amount_minor=1250,
            method="cash",
            actor=cashier.actor(),
            occurred_at=frozen.at - timedelta(days=1),
        )

        assert payment.shift is None

    def test_what_providers_tell_of_is_in_none(self, cashier: User) -> None:
        begin(cashier)

        booked = payments.record(make_seen(make_link()))

        assert booked is not None
        assert booked.shift is None

    @pytest.mark.parametrize(
        ("changed", "field"),
        [
            ({"amount_minor": 0}, "amount"),
            ({"amount_minor": 10**12}, "amount"),
            ({"currency": "XXX"}, "amount"),
            ({"method": "barter"}, "method"),
            ({"what": " "}, "what"),
            ({"what": "4111111111111111"}, "what"),
            ({"what": "x" * 301}, "what"),
        ],
    )
    def test_refuses_nonsense(
        self, cashier: User, changed: dict[str, Any], field: str
    ) -> None:
        given = {"amount_minor": 1, "currency": "EUR", "method": "cash", "what": "Tea"}
        shift = begin(cashier)

        with pytest.raises(LinkError) as refused:
            manual.record_sale(
                shift,
                actor=cashier.actor(),
                **{**given, **changed},
            )

        assert refused.value.field == field
        assert not Payment.objects.exists()

    def test_nobody_sells_in_a_colleagues_shift(self, cashier: User) -> None:
        shift = begin(cashier)

        with pytest.raises(LinkConflict, match="colleague"):
            manual.record_sale(
                shift,
                amount_minor=1,
                currency="EUR",
                method="cash",
                what="Tea",
                actor=make_user().actor(),
            )
        assert not Payment.objects.exists()

    def test_nor_in_a_closed_one(self, cashier: User) -> None:
        shift = close(begin(cashier), EUR=10_000)

        with pytest.raises(LinkConflict, match="closed"):
            sell(shift)
        with pytest.raises(LinkConflict, match="closed"):
            move(shift, "in", 100)
        assert not Payment.objects.exists()
        assert not CashMovement.objects.exists()


class TestMoving:
    def test_the_same_form_twice_moves_once(self, cashier: User) -> None:
        shift, key = begin(cashier), "csh_" + "k" * 20

        move(shift, "out", 3_000, key)
        move(shift, "out", 3_000, key)

        made = CashMovement.objects.get()
        assert (made.public_id, made.amount_minor, made.made_by) == (
            key,
            3_000,
            cashier,
        )
        assert AuditEntry.objects.get(action="cash.out").details == {
            "amount_minor": 3_000,
            "currency": "EUR",
        }

    def test_a_key_of_another_shift_is_not_taken_for_it(self, cashier: User) -> None:
        key = "csh_" + "k" * 20
        move(begin(cashier), "in", 100, key)

        made = move(begin(make_user(), register="Door"), "in", 200, key)

        assert made.public_id != key
        assert CashMovement.objects.count() == 2


class TestRefunds:
    @pytest.fixture
    def sold(self, cashier: User) -> Payment:
        """In a shift of yesterday."""
        shift = begin(cashier)
        payment = sell(shift, 2_000)
        close(shift, EUR=12_000)
        return payment

    def test_cash_leaves_the_drawer_of_who_asked(
        self, cashier: User, sold: Payment, frozen: FrozenClock
    ) -> None:
        frozen.move(days=1)
        today = begin(cashier)
        owner = make_user()
        begin(owner, register="Office")

        refund = give_back(sold, 700, asked=cashier, by=owner)

        assert (refund.state, refund.shift) == (RefundState.SUCCEEDED, today)
        assert refund.occurred_at == frozen.at
        assert drawer(close(today, EUR=9_300))["given"] == 700
        # The report of the day of the sale stays as it is.
        assert till_closing.problems(Shift.objects.get(number="Z-000001")) == []

    def test_or_of_who_approved(self, cashier: User, sold: Payment) -> None:
        owner = make_user()
        office = begin(owner)

        assert give_back(sold, 700, asked=cashier, by=owner).shift == office

    def test_or_of_nobody(self, cashier: User, sold: Payment) -> None:
        assert give_back(sold, 700, asked=cashier, by=make_user()).shift is None

    def test_money_of_a_provider_goes_back_there(self, cashier: User) -> None:
        begin(cashier)
        booked = payments.record(make_seen(make_link()))
        assert booked is not None
        refund = refunding.propose(booked, amount_minor=100, actor=cashier.actor())

        refunding.approve(refund, user=make_user())

        refund.refresh_from_db()
        assert (refund.state, refund.shift) == (RefundState.APPROVED, None)

    def test_one_that_is_approved_has_left_the_drawer(
        self, cashier: User, sold: Payment
    ) -> None:
        """Its row is sent seconds later; the cash is gone at once."""
        today = begin(cashier)
        refund = refunding.propose(sold, amount_minor=700, actor=cashier.actor())
        refunding.approve(refund, user=make_user())

        closed = close(today, EUR=9_300)
        refunding.send(refund.pk)

        assert drawer(closed)["given"] == 700
        assert till_closing.problems(closed) == []
