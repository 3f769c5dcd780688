"""Sums per day: under which heading money counts, and that they are found anew."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from links.models import DailyTotal, Payment, PaymentLink, Refund
from links.providers.base import (
    DisputeSnapshot,
    DisputeState,
    PaymentSnapshot,
    RefundSnapshot,
    RefundState,
)
from links.services import accounts, disputes, payments, rebuilding, sending
from merchant_portal.business import services as business
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.lib.money import Money
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role

from .factories import NOON, make_customer, make_link, make_seen, make_user

pytestmark = pytest.mark.django_db
BACK = RefundSnapshot("tre_1", RefundState.SUCCEEDED, Money(400, "EUR"), NOON)
LOST = DisputeSnapshot(
    account_slug="training",
    provider_dispute_id="tdp_1",
    provider_payment_id="tpy_1",
    state=DisputeState.LOST,
    amount=Money(1250, "EUR"),
    reason="",
    opened_at=NOON,
    respond_by=None,
    changed_at=NOON,
)


@pytest.fixture
def maker() -> User:
    return make_user(Role.AGENT)


@pytest.fixture
def link(maker: User) -> PaymentLink:
    return make_link(make_customer(), actor=maker.actor())


def seen(link: PaymentLink | None, **other: Any) -> PaymentSnapshot:
    told = make_seen(link, payment_id="tpy_1")
    return replace(told, fee=Money(44, "EUR"), **{"method": "card", **other})


def kept() -> set[tuple[str, str, int, int, int, int]]:
    """Measure, method, maker, count, amount, fee of all that is not zero."""
    rows = DailyTotal.objects.exclude(count=0, amount_minor=0, fee_minor=0)
    return set(
        rows.values_list(
            "measure", "method", "staff_pk", "count", "amount_minor", "fee_minor"
        )
    )


def differences() -> list[rebuilding.Difference]:
    return list(rebuilding.rebuild(is_dry=True))


def rebuilt() -> str:
    out = StringIO()
    call_command("rebuild_totals", stdout=out)
    return out.getvalue()


class TestHeadings:
    def test_of_a_payment_with_what_was_given_back_and_lost(
        self, link: PaymentLink, maker: User
    ) -> None:
        payments.record(seen(link, refunds=(BACK,)))
        disputes.record(LOST)

        assert kept() == {
            ("paid", "card", maker.pk, 1, 1250, 44),
            ("refunded", "card", maker.pk, 1, 400, 0),
            ("lost", "card", maker.pk, 1, 1250, 0),
        }
        training = accounts.get("training").pk
        assert {row.account_pk for row in DailyTotal.objects.all()} == {training}
        assert differences() == []

    def test_move_when_the_method_and_the_link_become_known(
        self, link: PaymentLink, maker: User
    ) -> None:
        payments.record(seen(None, method="", refunds=(BACK,)))
        disputes.record(LOST)
        assert ("paid", "", 0, 1, 1250, 44) in kept()
        assert differences() == []

        payments.record(seen(link, refunds=(BACK,)))

        assert kept() == {
            ("paid", "card", maker.pk, 1, 1250, 44),
            ("refunded", "card", maker.pk, 1, 400, 0),
            ("lost", "card", maker.pk, 1, 1250, 0),
        }
        assert differences() == []

    def test_a_fee_that_is_known_later_is_added_to_the_day_of_its_payment(
        self, link: PaymentLink, maker: User
    ) -> None:
        payments.record(replace(seen(link), fee=None))
        assert kept() == {("paid", "card", maker.pk, 1, 1250, 0)}

        payments.record(seen(link))

        assert kept() == {("paid", "card", maker.pk, 1, 1250, 44)}
        assert differences() == []

    def test_a_refund_that_fails_after_all_is_taken_off_again(
        self, link: PaymentLink, maker: User
    ) -> None:
        payments.record(seen(link, refunds=(BACK,)))
        failed = replace(
            BACK, state=RefundState.FAILED, occurred_at=NOON + timedelta(days=2)
        )

        payments.record(seen(link, refunds=(failed,)))

        assert kept() == {("paid", "card", maker.pk, 1, 1250, 44)}
        assert differences() == []

    def test_a_link_counts_on_the_day_it_was_first_sent(
        self, link: PaymentLink, maker: User
    ) -> None:
        sending.send(link, channels=["email"], actor=maker.actor(), key="a")
        with clock.frozen(clock.now() + timedelta(days=3)):
            sending.send(link, channels=["email"], actor=maker.actor(), key="b")

        assert kept() == {("sent", "", maker.pk, 1, 1250, 0)}
        assert differences() == []


class TestRebuilding:
    def test_changes_nothing_that_is_right(self, link: PaymentLink) -> None:
        payments.record(seen(link, refunds=(BACK,)))
        before = list(DailyTotal.objects.order_by("pk").values())

        assert rebuilt() == "The sums are right; nothing was changed.\n"
        assert list(DailyTotal.objects.order_by("pk").values()) == before

    def test_nothing_at_all_is_right(self) -> None:
        assert rebuilt() == "The sums are right; nothing was changed.\n"

    def test_corrects_what_is_wrong_missing_and_made_up(
        self, link: PaymentLink
    ) -> None:
        payments.record(seen(link, refunds=(BACK,)))
        right = kept()
        DailyTotal.objects.filter(measure="paid").update(amount_minor=1, fee_minor=0)
        DailyTotal.objects.filter(measure="refunded").delete()
        DailyTotal.objects.create(
            day=date(2031, 2, 3), measure="lost", currency="USD", count=1
        )

        assert len(differences()) == 3
        assert kept() != right
        assert "3 corrected." in rebuilt()
        assert kept() == right
        assert differences() == []

    def test_only_says_so_when_it_is_asked_to(self, link: PaymentLink) -> None:
        payments.record(seen(link))
        DailyTotal.objects.update(count=7)
        out = StringIO()

        call_command("rebuild_totals", "--dry-run", stdout=out)

        assert "€12.50 (7) → €12.50 (1)" in out.getvalue()
        assert "1 differ; nothing was changed." in out.getvalue()
        assert DailyTotal.objects.get().count == 7

    def test_finds_the_days_anew_in_another_time_zone(self, link: PaymentLink) -> None:
        self.move_to("Europe/Berlin")
        late = datetime(2026, 6, 15, 22, 30, tzinfo=UTC)
        payments.record(seen(link, occurred_at=late))
        assert DailyTotal.objects.get(count=1).day == date(2026, 6, 16)

        self.move_to("America/New_York")

        assert "2 corrected." in rebuilt()
        assert DailyTotal.objects.get().day == date(2026, 6, 15)

    def move_to(self, zone: str) -> None:
        Business.objects.current()
        Business.objects.update(time_zone=zone)
        business.forget()

    def test_takes_as_many_statements_for_many_payments_as_for_one(
        self, link: PaymentLink
    ) -> None:
        def asked() -> int:
            with CaptureQueriesContext(connection) as queries:
                assert differences() == []
            return len(queries)

        payments.record(seen(link))
        one = asked()
        for number in range(20):
            payments.record(make_seen(make_link(), payment_id=f"p{number}"))

        assert Payment.objects.count() == 21
        assert asked() == one


def test_sums_of_one_transaction_are_written_in_one_order(link: PaymentLink) -> None:
    """So that two who book on the same days never wait for each other."""
    later = replace(BACK, provider_refund_id="tre_0", occurred_at=NOON - timedelta(3))
    with CaptureQueriesContext(connection) as queries:
        payments.record(seen(link, refunds=(BACK, later)))

    assert Refund.objects.count() == 2
    written = [
        query["sql"]
        for query in queries
        if query["sql"].startswith('UPDATE "links_dailytotal"')
    ]
    places = [
        ("'refunded'" in sql, f"{NOON:%Y-%m-%d}" in sql)
        for sql in dict.fromkeys(written)
    ]
    assert places == [(False, True), (True, False), (True, True)]
    assert queries[-1]["sql"].startswith(("UPDATE", "RELEASE"))
