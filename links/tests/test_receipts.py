"""Receipts, credit notes and letters: what they say, who may fetch them, their mails."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from links.models import Activity, Payment, PaymentLink, Refund
from links.pay import responses
from links.providers.base import RefundSnapshot
from links.providers.base import RefundState as Told
from links.reports.apportion import Share
from links.services import links, pages, payments, receipts, splitting
from links.services.amounts import LineData
from links.services.terms import Terms
from merchant_portal.business import services as business_services
from merchant_portal.business.models import Business
from merchant_portal.lib import ids
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.lib.money import Money
from merchant_portal.staff.roles import Role
from notifications.models import Message
from notifications.services import contents

from .factories import NOON, make_customer, make_link, make_seen, make_user
from .pdf_reader import words
from .test_invoice_pdf import CAKE, CANDLES, is_archival, shop

pytestmark = pytest.mark.django_db
REUSABLE = Terms(is_reusable=True)


@pytest.fixture(autouse=True)
def _shop(settings: Any) -> None:
    responses.reads.clear()
    settings.STAFF_MFA_REQUIRED = False
    shop()
    business_services.forget()


def paid(
    link: PaymentLink, amount_minor: int = 0, payment_id: str = "tpy_1"
) -> Payment:
    seen = make_seen(
        link, amount_minor=amount_minor or link.amount_minor, payment_id=payment_id
    )
    booked = payments.record(seen)
    assert booked is not None
    return Payment.objects.select_related("link__customer").get(pk=booked.pk)


def refunded(link: PaymentLink, amount_minor: int, payment_id: str = "tpy_1") -> Refund:
    told = RefundSnapshot(
        ids.new("re"), Told.SUCCEEDED, Money(amount_minor, link.currency), NOON
    )
    seen = make_seen(link, amount_minor=link.amount_minor, payment_id=payment_id)
    payments.record(replace(seen, refunds=(told,)))
    return Refund.objects.get(provider_refund_id=told.provider_refund_id)


def fetched(client: Client, link: PaymentLink, path: str) -> Any:
    return client.get(f"/p/{pages.token_of(link)}/{path}")


class TestReceipt:
    def test_says_what_came_for_what(self, client: Client) -> None:
        link = make_link(make_customer(name="Grace Hopper"), lines=(CAKE, CANDLES))
        payment = paid(link)

        answer = fetched(client, link, f"receipt/{payment.public_id}.pdf")

        assert answer["Content-Type"] == "application/pdf"
        assert answer["Cache-Control"] == "no-store"
        assert is_archival(answer.content)
        text = words(answer.content)
        for said in (
            "Receipt",
            "Grace Hopper",
            str(link.number),
            "Paid on March 10, 2026",
            "Paid by Card",
            "Birthday cake €107.00",
            "Candles €32.13",
            "Tax 7% included €7.00",
            "Tax 19% included €5.13",
            "Received €139.13",
            payment.public_id,
        ):
            assert said in text, said

    def test_of_a_part_names_the_invoice_and_no_line(self, client: Client) -> None:
        link = make_link(make_customer(), lines=(CAKE,))
        payment = paid(link, 4_000)

        text = words(fetched(client, link, f"receipt/{payment.public_id}.pdf").content)

        assert f"Payment for {link.number} €40.00" in text
        assert "Birthday cake" not in text
        assert "included" not in text

    def test_of_too_much_says_so(self, client: Client) -> None:
        link = make_link(make_customer())
        payment = paid(link, 1_500)

        text = words(fetched(client, link, f"receipt/{payment.public_id}.pdf").content)

        assert "Birthday cake €12.50" in text
        assert "More than was asked for €2.50" in text
        assert "Received €15.00" in text

    def test_stays_the_same_when_more_comes(self) -> None:
        link = make_link(make_customer())
        payment = paid(link, 400)
        business = Business.objects.current()
        lines = list(link.lines.all())
        first = receipts.receipt(payment, link, lines, business, "de")
        paid(link, 850, "tpy_2")
        payment.refresh_from_db()

        fresh = PaymentLink.objects.get(pk=link.pk)
        assert receipts.receipt(payment, fresh, lines, business, "de") == first

    def test_there_is_none_for_what_did_not_come(self, client: Client) -> None:
        link, other = make_link(make_customer()), make_link(make_customer())
        payment = paid(other, payment_id="tpy_2")

        for public_id in (payment.public_id, "pay_nothing", "x"):
            answer = fetched(client, link, f"receipt/{public_id}.pdf")
            assert answer.status_code == 404
        Payment.objects.filter(pk=payment.pk).update(state="failed")
        answer = fetched(client, other, f"receipt/{payment.public_id}.pdf")
        assert answer.status_code == 404

    def test_looking_reads_little_and_writes_nothing(
        self, client: Client, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        link = make_link(make_customer())
        payment = paid(link)
        fetched(client, link, "")

        with django_assert_num_queries(3):
            fetched(client, link, f"receipt/{payment.public_id}.pdf")

    def test_the_page_offers_one_for_each_payment(self, client: Client) -> None:
        link = make_link(make_customer())
        first = paid(link, 400)
        second = paid(link, 850, "tpy_2")

        text = fetched(client, link, "").content.decode()

        assert "Receipt for €4.00 (PDF)" in text
        assert f"receipt/{first.public_id}.pdf" in text
        assert f"receipt/{second.public_id}.pdf" in text

    def test_the_page_of_a_shared_link_offers_nobodys(self, client: Client) -> None:
        link = make_link(terms=REUSABLE)
        payment = paid(link)

        assert "receipt/" not in fetched(client, link, "").content.decode()
        answer = fetched(client, link, f"receipt/{payment.public_id}.pdf")
        assert answer.status_code == 200


class TestCreditNote:
    def test_says_what_went_back_of_which_invoice(self, client: Client) -> None:
        link = make_link(make_customer(), lines=(CAKE, CANDLES))
        paid(link)
        refund = refunded(link, link.amount_minor)

        answer = fetched(client, link, f"credit-note/{refund.public_id}.pdf")

        assert is_archival(answer.content)
        text = words(answer.content)
        for said in (
            "Credit note",
            "CN-2026-000001",
            f"Invoice {link.number}",
            "Net €127.00",
            "Tax 7% €7.00",
            "Tax 19% €5.13",
            "Given back €139.13",
        ):
            assert said in text, said
        assert refund.number == "CN-2026-000001"

    def test_the_page_offers_it(self, client: Client) -> None:
        link = make_link(make_customer())
        paid(link)
        refund = refunded(link, 250)

        text = fetched(client, link, "").content.decode()

        assert f"Credit note {refund.number} (PDF)" in text
        assert f"credit-note/{refund.public_id}.pdf" in text

    def test_there_is_none_for_what_did_not_go_back(self, client: Client) -> None:
        link, other = make_link(make_customer()), make_link(make_customer())
        paid(link)
        paid(other, payment_id="tpy_2")
        refund = refunded(other, 250, "tpy_2")

        path = f"credit-note/{refund.public_id}.pdf"
        assert fetched(client, link, path).status_code == 404
        Refund.objects.update(state="failed")
        assert fetched(client, other, path).status_code == 404

    def test_a_number_is_given_once_and_kept(self) -> None:
        link = make_link(make_customer())
        seen = make_seen(link)
        payments.record(seen)
        told = RefundSnapshot("re_1", Told.PENDING, Money(300, "EUR"), NOON)
        for state in (Told.PENDING, Told.SUCCEEDED, Told.FAILED, Told.SUCCEEDED):
            payments.record(replace(seen, refunds=(replace(told, state=state),)))

        refund = Refund.objects.get()
        assert (refund.state, refund.number) == ("failed", "CN-2026-000001")
        assert refunded(link, 200).number == "CN-2026-000002"

    def test_money_that_was_never_invoiced_takes_no_number(self) -> None:
        link = make_link(make_customer())
        payment = paid(link, 1_500)
        surplus = payment.refunds.get()
        seen = make_seen(link, amount_minor=1_500)
        told = RefundSnapshot(
            "re_1", Told.SUCCEEDED, Money(250, "EUR"), NOON, surplus.public_id
        )
        Refund.objects.update(state="sending")

        payments.record(replace(seen, refunds=(told,)))

        surplus.refresh_from_db()
        assert (surplus.state, surplus.number) == ("succeeded", None)

    def test_of_an_orphan_there_is_none(self) -> None:
        told = RefundSnapshot("re_1", Told.SUCCEEDED, Money(250, "EUR"), NOON)

        payments.record(replace(make_seen(None), refunds=(told,)))

        assert Refund.objects.get().number is None


class TestSplitting:
    def lines_of(self, *lines: LineData) -> tuple[PaymentLink, list[Any]]:
        link = make_link(make_customer(), lines=lines)
        return link, list(link.lines.all())

    def test_all_of_it_is_what_the_lines_say(self) -> None:
        link, lines = self.lines_of(CAKE, CANDLES)

        assert splitting.shares(link, lines, 13_913) == [
            Share(700, 10_000, 700),
            Share(1900, 2_700, 513),
        ]

    @pytest.mark.parametrize("amount", [1, 2, 3333, 13_912, 13_914, 20_000])
    def test_any_part_adds_up(self, amount: int) -> None:
        link, lines = self.lines_of(CAKE, CANDLES)

        found = splitting.shares(link, lines, amount)

        assert sum(share.total_minor for share in found) == amount
        assert all(share.total_minor > 0 for share in found)
        beyond = [share for share in found if share.tax_bp is None]
        assert sum(share.total_minor for share in beyond) == max(amount - 13_913, 0)

    def test_of_what_anybody_may_pay_the_lines_say_nothing(self) -> None:
        terms = Terms(is_reusable=True, kind="chosen", minimum_minor=100)
        link = make_link(terms=terms, lines=(LineData("Gift", 0, tax_bp=1900),))

        found = splitting.shares(link, list(link.lines.all()), 300)

        assert found == [Share(None, 300, 0)]


class TestMails:
    def files_of(self, kind: str) -> Any:
        return contents.files(list(Message.objects.filter(kind=kind, channel="email")))

    def test_carry_the_paper_in_the_customers_language(self) -> None:
        link = make_link(make_customer(language="fr"))
        payment = paid(link)
        refund = refunded(link, 250)

        [[receipt]] = [make() for make in self.files_of("receipt").values()]
        [[note]] = [make() for make in self.files_of("refund").values()]

        assert receipt.filename == f"receipt-{payment.public_id}.pdf"
        assert "Reçu" in words(receipt.content)
        assert note.filename == f"{refund.number}.pdf"
        assert "Avoir" in words(note.content)

    def test_carry_none_if_the_shop_wants_none(self) -> None:
        shop(attaches_receipt=False)
        business_services.forget()
        link = make_link(make_customer())
        paid(link)
        refunded(link, 250)

        assert self.files_of("receipt") == {}
        assert self.files_of("refund") == {}

    def test_read_the_same_number_of_rows_for_any_number(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        for number in range(12):
            paid(make_link(make_customer()), payment_id=f"tpy_{number}")
        messages = list(Message.objects.filter(kind="receipt", channel="email"))
        business_services.forget()

        with django_assert_num_queries(4):
            files = contents.files(messages)
        with django_assert_num_queries(0):
            assert len([make() for make in files.values()]) == 12


class TestLetter:
    @pytest.fixture
    def client(self, client: Client) -> Client:
        client.force_login(make_user(Role.OWNER))
        return client

    def letter(self, client: Client, link: PaymentLink) -> Any:
        return client.get(reverse("admin:links_paymentlink_letter", args=[link.pk]))

    def test_reminds_of_all_that_is_open(self, client: Client) -> None:
        customer = make_customer(name="Grace Hopper")
        customer.address = "1 Navy Way\nArlington VA"
        customer.save()
        terms = Terms(kind="deposit", deposit_minor=2_500)
        link = make_link(
            customer, amount_minor=10_000, due_on=date(2026, 3, 1), terms=terms
        )
        paid(link, 2_500)

        answer = self.letter(client, link)

        assert is_archival(answer.content)
        assert f"{link.number}.letter.pdf" in answer["Content-Disposition"]
        text = words(answer.content)
        for said in (
            "Payment reminder",
            "1 Navy Way",
            "Hello Grace Hopper,",
            "of which €75.00 is still open",
            "Due on March 1, 2026",
            "Already paid €25.00",
            "Still to pay €75.00",
            "Pay €75.00",
            pages.url_of(link),
        ):
            assert said in text, said

    def test_fetching_it_keeps_nothing(self, client: Client) -> None:
        link = make_link(make_customer())
        before = Activity.objects.count()

        self.letter(client, link)

        assert Activity.objects.count() == before
        assert Message.objects.count() == 0

    def test_there_is_none_where_nothing_is_owed(self, client: Client) -> None:
        done, shared, over = (
            make_link(make_customer()),
            make_link(terms=REUSABLE),
            make_link(make_customer()),
        )
        paid(done)
        links.cancel(over, reason="", actor=SYSTEM)

        for link in (done, shared, over, make_link(draft=True)):
            assert self.letter(client, link).status_code == 404

    def test_the_links_page_offers_the_papers(self, client: Client) -> None:
        link = make_link(make_customer())
        payment = paid(link, 500)
        told = RefundSnapshot("re_1", Told.SUCCEEDED, Money(200, "EUR"), NOON)
        seen = make_seen(link, amount_minor=500)
        payments.record(replace(seen, refunds=(told,)))

        page = client.get(reverse("admin:links_paymentlink_change", args=[link.pk]))

        text = page.content.decode()
        assert "letter.pdf" in text
        assert f"receipt/{payment.public_id}.pdf" in text
        assert "Credit note CN-2026-000001 (PDF)" in text
        assert "postal address" in text
