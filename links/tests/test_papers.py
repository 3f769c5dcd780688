"""Which links have an invoice, who gets it, and that it goes with the mail once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from links.documents import invoice
from links.models import PaymentLink
from links.pay import responses
from links.services import links, pages, papers, payments, sending
from links.services.terms import Terms
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.staff.roles import Role
from notifications.channels.base import Outgoing
from notifications.models import ChannelName, Message
from notifications.services import contents, delivery

from .factories import make_customer, make_link, make_seen, make_user
from .pdf_reader import words

pytestmark = pytest.mark.django_db
CHOSEN = Terms(kind="chosen", minimum_minor=100)
REUSABLE = Terms(is_reusable=True)


@pytest.fixture(autouse=True)
def _open(settings: Any) -> None:
    responses.reads.clear()
    settings.STAFF_MFA_REQUIRED = False


def paid(link: PaymentLink) -> PaymentLink:
    payments.record(make_seen(link))
    return PaymentLink.objects.get(pk=link.pk)


def canceled(link: PaymentLink) -> PaymentLink:
    links.cancel(link, reason="", actor=SYSTEM)
    return PaymentLink.objects.get(pk=link.pk)


def invoice_at(client: Client, link: PaymentLink) -> Any:
    return client.get(f"/p/{pages.token_of(link)}/invoice.pdf")


def break_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    real = invoice._data

    def broken(*asked: Any) -> dict[str, Any]:
        return {**real(*asked), "brand": "no colour"}

    monkeypatch.setattr(invoice, "_data", broken)


class TestHasInvoice:
    @pytest.mark.parametrize(
        ("make", "has"),
        [
            (lambda: make_link(), True),
            (lambda: paid(make_link()), True),
            (lambda: make_link(draft=True), False),
            (lambda: canceled(make_link()), False),
            (lambda: make_link(terms=CHOSEN, amount_minor=0), False),
            (lambda: make_link(terms=REUSABLE), False),
            (lambda: paid(make_link(terms=CHOSEN, amount_minor=0)), True),
        ],
    )
    def test_only_what_one_customer_owes(
        self, client: Client, make: Callable[[], PaymentLink], has: bool
    ) -> None:
        link = make()

        assert papers.has_invoice(link) is has
        assert invoice_at(client, link).status_code == (200 if has else 404)

    def test_the_page_offers_it_where_there_is_one(self, client: Client) -> None:
        one, other = make_link(), make_link(terms=REUSABLE)

        assert b"invoice.pdf" in client.get(f"/p/{pages.token_of(one)}/").content
        assert b"invoice.pdf" not in client.get(f"/p/{pages.token_of(other)}/").content


class TestPublicInvoice:
    def test_is_a_file_that_nobody_keeps(self, client: Client) -> None:
        link = make_link(make_customer(language="de"))

        answer = invoice_at(client, link)

        assert answer["Content-Type"] == "application/pdf"
        assert answer["Content-Disposition"] == f'inline; filename="{link.number}.pdf"'
        assert answer["Content-Language"] == "de"
        assert answer["Cache-Control"] == "no-store"
        assert answer["Referrer-Policy"] == "no-referrer"
        assert "Rechnung" in words(answer.content)

    def test_looking_writes_nothing_and_reads_little(
        self, client: Client, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        link = make_link(make_customer())
        invoice_at(client, link)

        with django_assert_num_queries(2):
            invoice_at(client, link)

    def test_one_past_its_time_says_no_way_to_pay(self, client: Client) -> None:
        now = clock.now()
        link = make_link(expires_at=now + timedelta(days=1))

        with clock.frozen(now + timedelta(days=2)):
            text = words(invoice_at(client, link).content)

        assert "Pay online" not in text

    def test_one_that_cannot_be_drawn_is_said_politely(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        break_drawing(monkeypatch)

        answer = invoice_at(client, make_link())

        assert answer.status_code == 503
        assert "Please try again" in answer.content.decode()
        assert answer["Referrer-Policy"] == "no-referrer"

    @pytest.mark.parametrize("name", ["invoice.pdf", "qr.svg"])
    def test_an_unknown_address_gets_the_one_404(
        self, client: Client, name: str
    ) -> None:
        draft = pages.token_of(make_link(draft=True))

        answers = [client.get(f"/p/{token}/{name}") for token in ("Example" * 3, draft)]

        nobody = client.get("/p/nobody/")
        assert [answer.status_code for answer in answers] == [404, 404]
        assert {answer.content for answer in answers} == {nobody.content}

    def test_is_limited_like_the_page(self, client: Client, settings: Any) -> None:
        settings.PAY_PAGE_LIMIT_PER_MINUTE = 1
        link = make_link()
        invoice_at(client, link)

        assert invoice_at(client, link).status_code == 429

    def test_the_code_is_a_picture(self, client: Client) -> None:
        answer = client.get(f"/p/{pages.token_of(make_link())}/qr.svg")

        assert answer["Content-Type"] == "image/svg+xml"
        assert answer.content.startswith(b"<svg")


class TestMail:
    @pytest.fixture(autouse=True)
    def _carrier(self, settings: Any) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

    def outgoing(self, link: PaymentLink) -> Outgoing:
        """What the channel would be given of the link's newest mail."""
        found = Message.objects.filter(reference=link.public_id, channel="email")
        message = found.latest("pk")
        ready, _broken = contents.prepare([message])
        files = contents.files([message])
        held = delivery.Claim(message, 1, 0.0)
        make = files.get(message.pk)
        made = contents.made_of(make, message) if make else ()
        urls = contents.addresses([message])[message.pk]
        return delivery.outgoing_of(held, ready[message.pk], urls, "", made)

    def sent(self, **changes: Any) -> PaymentLink:
        link = make_link(make_customer(language="fr"), **changes)
        sending.send(link, [ChannelName.EMAIL], actor=SYSTEM)
        return link

    def test_carries_the_invoice_in_the_customers_language(self) -> None:
        link = self.sent()

        [file] = self.outgoing(link).attachments

        assert (file.filename, file.content_type) == (
            f"{link.number}.pdf",
            "application/pdf",
        )
        text = words(file.content)
        assert "Facture" in text
        assert pages.url_of(link) in text

    def test_a_second_try_carries_the_same_bytes(self) -> None:
        link = self.sent()
        first = self.outgoing(link)
        with clock.frozen(clock.now() + timedelta(hours=1)):
            assert self.outgoing(link).attachments == first.attachments

    def test_carries_none_where_there_is_none(self) -> None:
        assert self.outgoing(self.sent(terms=REUSABLE)).attachments == ()

    def test_carries_none_if_the_shop_only_links_to_it(self) -> None:
        Business.objects.update_or_create(pk=1, defaults={"attaches_invoice": False})

        assert self.outgoing(self.sent()).attachments == ()

    def test_leaves_without_one_that_cannot_be_drawn(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        link = self.sent()
        break_drawing(monkeypatch)

        outgoing = self.outgoing(link)

        assert outgoing.attachments == ()
        assert pages.url_of(link) in outgoing.text

    def test_reads_the_same_number_of_rows_for_any_number(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        Business.objects.current()
        for _each in range(12):
            self.sent()
        messages = list(Message.objects.filter(channel="email"))

        with django_assert_num_queries(3):
            files = contents.files(messages)
        with django_assert_num_queries(0):
            made = [make() for make in files.values()]

        assert len(made) == 12

    def test_no_sms_carries_a_file(self) -> None:
        link = make_link(make_customer())
        sending.send(link, [ChannelName.SMS], actor=SYSTEM)

        assert contents.files(list(Message.objects.filter(channel="sms"))) == {}


class TestStaff:
    @pytest.fixture
    def client(self, client: Client) -> Client:
        client.force_login(make_user(Role.OWNER))
        return client

    @pytest.mark.parametrize(
        ("name", "head"), [("code", b"<svg"), ("code_png", b"\x89PNG")]
    )
    def test_saves_the_code_by_the_links_number(
        self, client: Client, name: str, head: bytes
    ) -> None:
        link = make_link()

        answer = client.get(reverse(f"admin:links_paymentlink_{name}", args=[link.pk]))

        assert answer.content.startswith(head)
        assert str(link.number) in answer["Content-Disposition"]

    def test_a_draft_has_no_code(self, client: Client) -> None:
        link = make_link(draft=True)

        answer = client.get(reverse("admin:links_paymentlink_code", args=[link.pk]))

        assert answer.status_code == 404

    @pytest.mark.parametrize(
        ("make", "has"), [({}, True), ({"terms": REUSABLE}, False)]
    )
    def test_the_links_page_offers_what_there_is(
        self, client: Client, make: dict[str, Any], has: bool
    ) -> None:
        link = make_link(**make)

        page = client.get(reverse("admin:links_paymentlink_change", args=[link.pk]))

        assert (b"invoice.pdf" in page.content) is has
        assert b"qr.svg" in page.content
