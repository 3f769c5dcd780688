"""The create screen: what it makes, and that twice is once."""

from typing import Any

import pytest
from django.test import Client

from customers.models import Customer
from links.models import LinkStatus, PaymentLink
from links.services import links, manual
from merchant_portal.business.models import Business
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from notifications.models import Message

from .admin_forms import ADD, errors_of, filled
from .factories import make_customer, make_link, make_user, send_at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return make_user(Role.OWNER)


@pytest.fixture
def client(settings: Any, owner: User) -> Client:
    settings.STAFF_MFA_REQUIRED = False
    send_at_once()
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def ada() -> Customer:
    return make_customer()


def test_sends_to_the_picked_customer(
    client: Client, ada: Customer, owner: User
) -> None:
    form = filled(ada, action="send", channels=["email", "sms"], note="Thanks!")

    answer = client.post(ADD, form)

    link = PaymentLink.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == f"/admin/links/paymentlink/{link.pk}/change/"
    assert (link.customer, link.created_by) == (ada, owner)
    assert (link.amount_minor, link.currency) == (1250, "EUR")
    assert link.status == LinkStatus.ACTIVE
    assert {m.channel for m in Message.objects.all()} == {"email", "sms"}


def test_the_same_form_twice_makes_and_sends_once(
    client: Client, ada: Customer
) -> None:
    form = filled(ada, action="send", channels=["email"])

    first = client.post(ADD, form)
    second = client.post(ADD, form)

    assert first["Location"] == second["Location"]
    assert PaymentLink.objects.count() == 1
    assert Message.objects.count() == 1


def test_a_new_customer_is_made_once_with_the_link(client: Client) -> None:
    form = filled(
        who="new",
        new_name="Renée O'Brien",
        new_email="Renee@Example.COM",
        new_phone="",
        new_language="fr",
        action="send",
        channels=["email"],
    )

    client.post(ADD, form)
    client.post(ADD, form)

    customer = Customer.objects.get()
    assert (customer.name, customer.language) == ("Renée O'Brien", "fr")
    assert PaymentLink.objects.get().customer == customer
    assert Message.objects.get().recipient == "renee@example.com"


def test_draft_gets_no_number_and_sends_nothing(client: Client, ada: Customer) -> None:
    client.post(ADD, filled(ada, action="draft", channels=["email"]))

    link = PaymentLink.objects.get()
    assert (link.status, link.number) == (LinkStatus.DRAFT, None)
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("currency", "typed", "minor"),
    [
        ("EUR", " 12.30 ", 1230),
        ("JPY", "1050", 1050),
        ("KWD", "1.234", 1234),
        ("usd", "5", 500),
    ],
)
def test_takes_amounts_by_the_currencys_decimals(
    client: Client, ada: Customer, currency: str, typed: str, minor: int
) -> None:
    client.post(ADD, filled(ada, currency=currency, line_unit_amount=[typed]))

    assert PaymentLink.objects.get().amount_minor == minor


def test_blank_lines_are_left_out(client: Client, ada: Customer) -> None:
    form = filled(
        ada,
        line_description=["", "Cake", ""],
        line_quantity=["1", "2", "1"],
        line_unit_amount=["", "5", ""],
        line_discount=["", "", ""],
        line_tax=["", "", ""],
    )

    client.post(ADD, form)

    line = PaymentLink.objects.get().lines.get()
    assert (line.description, line.quantity_milli, line.total_minor) == (
        "Cake",
        2000,
        1000,
    )


def test_without_a_script_a_name_that_is_clear_is_enough(
    client: Client, ada: Customer
) -> None:
    make_customer("Ada Byron", "byron@example.com", "")

    vague = client.post(ADD, {**filled(ada), "customer": "", "customer_query": "Ada"})
    clear = client.post(
        ADD, {**filled(ada), "customer": "", "customer_query": "ada@example.com"}
    )

    assert "customer" in errors_of(vague)
    assert clear.status_code == 302
    assert PaymentLink.objects.get().customer == ada


def test_total_on_screen_is_the_total_of_the_link(
    client: Client, ada: Customer
) -> None:
    form = filled(
        ada,
        line_description=["A", "B"],
        line_quantity=["3", "0.333"],
        line_unit_amount=["9.99", "10"],
        line_discount=["12.5", ""],
        line_tax=["19", "7"],
    )

    shown = client.post(f"{ADD}totals/", form).json()
    client.post(ADD, form)

    link = PaymentLink.objects.get()
    assert shown["total"] == link.amount.format("en")
    assert [line["total"] for line in shown["lines"]] == ["€31.20", "€3.56"]


def test_preview_says_everything_and_stores_nothing(
    client: Client, ada: Customer
) -> None:
    form = filled(ada, action="preview", note="Ring twice")

    page = client.post(ADD, form).content.decode()
    part = client.post(f"{ADD}preview/", form)
    mail = client.post(f"{ADD}preview/mail/", form)

    assert "Birthday cake" in page
    assert "1 SMS part" in part.content.decode()
    assert "€12.50" in mail.content.decode()
    assert "sandbox" in mail["Content-Security-Policy"]
    assert mail["X-Frame-Options"] == "SAMEORIGIN"
    assert not PaymentLink.objects.exists()
    assert not Message.objects.exists()


def test_type_ahead_finds_by_part_of_name_and_mail(
    client: Client, ada: Customer
) -> None:
    make_customer("Grace Hopper", "grace@navy.example", "")

    found = client.get(f"{ADD}customers/", {"q": "lovel"}).json()["customers"]

    assert found == [
        {
            "id": ada.public_id,
            "name": "Ada Lovelace",
            "email": "ada@example.com",
            "phone": "+14155550100",
        }
    ]
    assert client.get(f"{ADD}customers/", {"q": ""}).json() == {"customers": []}
    assert client.get(f"{ADD}customers/", {"q": "'; --"}).status_code == 200
    assert client.get(f"{ADD}customers/", {"q": "'; --\x00"}).status_code == 400


def test_somebody_elses_form_makes_nothing(client: Client, ada: Customer) -> None:
    form = filled(ada)
    client.post(ADD, form)
    colleague = Client()
    colleague.force_login(make_user(Role.MANAGER))

    answer = colleague.post(ADD, {**form, "action": "send", "channels": ["email"]})

    assert "form" in errors_of(answer)
    assert not Message.objects.exists()


def test_correcting_replaces_the_link_and_tells(
    client: Client, ada: Customer, owner: User
) -> None:
    client.post(ADD, filled(ada, action="send", channels=["email"]))
    old = PaymentLink.objects.get()
    screen = client.get(f"/admin/links/paymentlink/{old.pk}/correct/")
    form = filled(ada, line_unit_amount=["15"])

    client.post(f"/admin/links/paymentlink/{old.pk}/correct/", form)
    client.post(f"/admin/links/paymentlink/{old.pk}/correct/", form)

    old.refresh_from_db()
    fresh = PaymentLink.objects.get(replaces=old)
    assert screen.context["form"].lines[0].values["unit_amount"] == "12.50"
    assert old.status == LinkStatus.CANCELED
    assert fresh.amount_minor == 1500
    assert Message.objects.filter(kind="correction").count() == 1


def test_what_was_paid_cannot_be_corrected(
    client: Client, ada: Customer, owner: User
) -> None:
    link = make_link(ada, actor=owner.actor())
    manual.record_payment(link, amount_minor=100, method="cash", actor=owner.actor())

    answer = client.post(f"/admin/links/paymentlink/{link.pk}/correct/", filled(ada))

    assert "form" in errors_of(answer)
    assert PaymentLink.objects.count() == 1


def test_starts_in_the_currency_of_the_business(client: Client, ada: Customer) -> None:
    business = Business.objects.current()
    business.currency = "CHF"
    business.save()

    screen = client.get(ADD, {"customer": ada.public_id})

    assert screen.context["form"].values["currency"] == "CHF"
    assert screen.context["form"].customer == ada


def test_a_link_that_expired_meanwhile_is_not_sent(
    client: Client, ada: Customer, owner: User
) -> None:
    form = filled(ada, action="send", channels=["email"])
    client.post(ADD, {**form, "action": "link"})
    links.cancel(PaymentLink.objects.get(), actor=owner.actor())

    answer = client.post(ADD, form)

    assert "form" in errors_of(answer)
    assert not Message.objects.filter(kind="invitation").exists()
