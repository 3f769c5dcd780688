"""Refunds that providers tell of by themselves, and those that surplus suggests."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from pytest_django import DjangoAssertNumQueries

from links.models import (
    Activity,
    DailyTotal,
    Payment,
    PaymentLink,
    Refund,
    RefundOrigin,
    RefundState,
)
from links.providers.base import PaymentSnapshot, RefundSnapshot
from links.providers.base import RefundState as Told
from links.services import payments, refunding
from merchant_portal.lib.money import Money
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from notifications import kinds
from notifications.models import Message
from notifications.services import rendering

from .factories import NOON, make_customer, make_link, make_seen, make_user

pytestmark = pytest.mark.django_db
S = RefundState


@pytest.fixture
def link() -> PaymentLink:
    return make_link(make_customer())


@pytest.fixture
def seen(link: PaymentLink) -> PaymentSnapshot:
    return make_seen(link)


@pytest.fixture
def payment(seen: PaymentSnapshot) -> Payment:
    booked = payments.record(seen)
    assert booked is not None
    return booked


@pytest.fixture
def owner() -> User:
    return make_user(Role.OWNER)


def given(payment: Payment) -> int:
    payment.refresh_from_db()
    return payment.refunded_minor


class TestMadeAtTheProvider:
    REFUND = RefundSnapshot("re_1", Told.SUCCEEDED, Money(300, "EUR"), NOON)

    def test_is_booked_like_any_other(
        self, payment: Payment, seen: PaymentSnapshot
    ) -> None:
        told = replace(seen, refunds=(self.REFUND,))

        assert payments.record(told) is not None
        assert payments.record(told) is None

        refund = payment.refunds.get()
        assert refund.origin == RefundOrigin.PROVIDER
        assert given(payment) == 300
        assert Message.objects.filter(kind="refund").count() == 1

    def test_of_an_orphan_is_booked_and_tells_nobody(self) -> None:
        told = replace(make_seen(None), refunds=(self.REFUND,))

        booked = payments.record(told)

        assert booked is not None
        assert given(booked) == 300
        assert Message.objects.count() == 0

    def test_any_order_and_repetition_ends_in_the_same_rows(
        self, seen: PaymentSnapshot
    ) -> None:
        pending = replace(self.REFUND, state=Told.PENDING)
        failed = replace(self.REFUND, state=Told.FAILED, failure="no")
        news = [
            seen,
            replace(seen, refunds=(pending,)),
            replace(seen, refunds=(self.REFUND,)),
            replace(seen, refunds=(failed,)),
        ]
        ends = set()
        for number, order in enumerate(permutations(news)):
            for told in (*order, *order):
                payments.record(
                    replace(
                        told,
                        provider_payment_id=f"p{number}",
                        refunds=tuple(
                            replace(one, provider_refund_id=f"re{number}")
                            for one in told.refunds
                        ),
                    )
                )
            refund = Refund.objects.get(provider_refund_id=f"re{number}")
            ends.add((refund.state, refund.failure, refund.payment.refunded_minor))
        total = DailyTotal.objects.get(measure="refunded")

        assert ends == {("failed", "no", 0)}
        assert (total.count, total.amount_minor) == (0, 0)


class TestSurplus:
    def test_a_second_full_payment_is_proposed_for_refund(
        self, payment: Payment, link: PaymentLink
    ) -> None:
        second = payments.record(
            replace(
                make_seen(link, payment_id="second"), occurred_at=NOON + timedelta(1)
            )
        )
        assert second is not None

        refund = Refund.objects.get()
        assert (refund.payment, refund.amount_minor) == (second, 1250)
        assert (refund.origin, refund.state) == (RefundOrigin.SURPLUS, S.PROPOSED)

    @pytest.mark.parametrize("given_back", [300, 1250])
    def test_never_more_is_proposed_than_is_left_in_whatever_order_it_is_heard_of(
        self, payment: Payment, link: PaymentLink, given_back: int
    ) -> None:
        amount = Money(given_back, "EUR")
        second = make_seen(link, payment_id="second", occurred_at=NOON + timedelta(1))
        refund = RefundSnapshot("re_1", Told.SUCCEEDED, amount, NOON)
        told = replace(second, refunds=(refund,))

        payments.record(second)
        payments.record(told)
        kept = list(
            Refund.objects.filter(origin=RefundOrigin.SURPLUS).values_list(
                "amount_minor", flat=True
            )
        )
        payments.record(replace(told, refunds=(replace(refund, state=Told.FAILED),)))
        after = Refund.objects.filter(origin=RefundOrigin.SURPLUS).get().amount_minor

        assert kept == [1250 - given_back][: given_back < 1250]
        assert after == 1250

    def test_the_proposal_follows_the_money_in_whatever_order_it_is_heard_of(
        self, payment: Payment, link: PaymentLink
    ) -> None:
        earlier = payments.record(
            replace(
                make_seen(link, payment_id="earlier"), occurred_at=NOON - timedelta(1)
            )
        )

        assert earlier is not None
        refund = Refund.objects.get()
        assert (refund.payment, refund.amount_minor) == (payment, 1250)

    def test_what_a_person_declined_is_not_proposed_again(
        self, payment: Payment, link: PaymentLink, owner: User
    ) -> None:
        second = make_seen(link, payment_id="second", occurred_at=NOON + timedelta(1))
        payments.record(second)
        refunding.decline(Refund.objects.get(), user=owner)

        payments.record(
            make_seen(link, payment_id="earlier", occurred_at=NOON - timedelta(1))
        )

        states = Refund.objects.order_by("id").values_list("state", flat=True)
        assert list(states) == [S.DECLINED, S.PROPOSED]

    def test_approving_it_deals_with_the_payment(
        self, payment: Payment, link: PaymentLink
    ) -> None:
        payments.record(
            make_seen(link, payment_id="second", occurred_at=NOON + timedelta(1))
        )
        refund = Refund.objects.get()

        refunding.approve(refund, user=make_user(Role.FINANCE))

        refund.payment.refresh_from_db()
        assert refund.payment.reviewed_at is not None
        assert Activity.objects.filter(kind="refund.approved").count() == 1


def read(message: Message, language: str, channel: str = "email") -> rendering.Rendered:
    """As the customer gets it, in that language."""
    message.language = language
    (values,) = kinds.get(message.kind).context([message]).values()
    return rendering.render(
        message.kind, channel, language, {**rendering.common_values(), **values}
    )


@pytest.mark.parametrize(
    ("language", "subject", "words"),
    [
        (
            "en",
            "We have given €3.00 back to you",
            ["given", "€3.00", "March 10, 2026", "Your bank may need some days"],
        ),
        (
            "de",
            "Wir haben Ihnen 3,00\xa0€ erstattet",
            ["erstattet", "3,00\xa0€", "10. März 2026", "erst in einigen Tagen"],
        ),
        (
            "fr",
            "Nous vous avons remboursé 3,00\xa0€",
            ["remboursé", "3,00\xa0€", "10 mars 2026", "peut mettre quelques jours"],
        ),
    ],
)
def test_the_customer_reads_what_went_back(
    language: str,
    subject: str,
    words: list[str],
    payment: Payment,
    seen: PaymentSnapshot,
    link: PaymentLink,
) -> None:
    payments.record(replace(seen, refunds=(TestMadeAtTheProvider.REFUND,)))
    notice = Message.objects.get(kind="refund")

    mail = read(notice, language)
    text_message = read(notice, language, "sms").text.replace(" €", "\xa0€")

    assert mail.subject == subject
    for word in [*words, "Birthday cake"]:
        for part in (mail.text, mail.html, text_message):
            assert word in part
    assert str(link.number) in mail.text
    assert str(link.number) in mail.html


@pytest.mark.parametrize(
    ("language", "words", "short"),
    [
        ("en", "This was €12.50 more than was asked for", "€12.50 too much"),
        ("de", "Das waren 12,50\xa0€ mehr, als verlangt war", "12,50 € zu viel"),
        ("fr", "12,50\xa0€ de plus que le montant demandé", "12,50 € de trop"),
    ],
)
def test_a_receipt_says_that_too_much_came(
    language: str, words: str, short: str, payment: Payment, link: PaymentLink
) -> None:
    fine = Message.objects.get(kind="receipt")
    second = payments.record(
        make_seen(link, payment_id="second", occurred_at=NOON + timedelta(1))
    )
    assert second is not None
    too_much = Message.objects.get(subject_id=second.public_id)

    for part in ("text", "html"):
        assert words in getattr(read(too_much, language), part)
        assert words not in getattr(read(fine, language), part)
    assert short in read(too_much, language, "sms").text.replace("\xa0", " ")
    assert short not in read(fine, language, "sms").text.replace("\xa0", " ")


def test_refunds_are_read_once_a_batch_and_only_where_some_are_told(
    payment: Payment,
    seen: PaymentSnapshot,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    context = kinds.get("refund").context
    other = replace(TestMadeAtTheProvider.REFUND, provider_refund_id="re_2")
    payments.record(replace(seen, refunds=(TestMadeAtTheProvider.REFUND, other)))
    receipts = list(Message.objects.filter(kind="receipt"))
    notices = list(Message.objects.filter(kind="refund"))

    with django_assert_num_queries(4):  # links, lines, payments, business
        receipt_values = context(receipts)
    with django_assert_num_queries(5):
        values = context(receipts + notices)

    assert len(notices) == 2
    assert [one["amount_refunded"] for one in receipt_values.values()] == [""]
    assert [values[one.pk]["amount_refunded"] for one in notices] == ["€3.00"] * 2
    assert [values[one.pk]["amount_received"] for one in notices] == ["", ""]
