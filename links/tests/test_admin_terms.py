"""How a link may be paid, from the create screen to what staff read about it."""

from typing import Any

import pytest
from django.test import Client

from links.models import AmountKind, PaymentLink
from links.services import checkouts, message_values, payments
from links.services.amounts import LineData
from links.services.asking import Choice
from links.services.terms import Terms
from merchant_portal.staff.roles import Role
from notifications.models import Message

from .admin_forms import ADD, errors_of, filled
from .factories import make_customer, make_link, make_seen, make_user

pytestmark = pytest.mark.django_db
K = AmountKind


@pytest.fixture
def client(settings: Any) -> Client:
    settings.STAFF_MFA_REQUIRED = False
    client = Client()
    client.force_login(make_user(Role.OWNER))
    return client


def page_of(client: Client, link: PaymentLink) -> str:
    answer = client.get(f"/admin/links/paymentlink/{link.pk}/change/")
    return answer.content.decode()


GIFT: dict[str, Any] = {"line_unit_amount": [""], "amount_kind": "chosen"}
COUNTED: dict[str, Any] = {
    "amount_kind": "quantity",
    "line_least": ["1"],
    "line_most": ["9"],
}


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({}, {"amount_kind": "fixed", "tips_bp": [], "is_reusable": False}),
        (
            GIFT | {"minimum": "5", "maximum": "99.90", "presets": "10, 25"},
            {
                "amount_kind": "chosen",
                "minimum_minor": 500,
                "maximum_minor": 9990,
                "presets_minor": [1000, 2500],
                "amount_minor": 0,
            },
        ),
        ({"amount_kind": "parts", "part": "3"}, {"minimum_minor": 300}),
        ({"amount_kind": "deposit", "deposit": "4.50"}, {"deposit_minor": 450}),
        ({"tips": "5, 7.5"}, {"tips_bp": [500, 750]}),
        (
            {"reusable": "on", "use_limit": "20"},
            {"is_reusable": True, "use_limit": 20, "has_reminders": False},
        ),
        ({"reusable": "on"}, {"use_limit": None}),
        ({"inactive_message": "Ring us."}, {"inactive_message": "Ring us."}),
        # what was typed before another kind was picked does not count
        ({"deposit": "4", "minimum": "x", "use_limit": "7"}, {"deposit_minor": 0}),
    ],
)
def test_makes_a_link_on_these_terms(
    client: Client, typed: dict[str, Any], expected: dict[str, Any]
) -> None:
    answer = client.post(ADD, filled(**typed))

    assert answer.status_code == 302, errors_of(answer)
    link = PaymentLink.objects.get()
    assert {name: getattr(link, name) for name in expected} == expected


def test_a_quantity_to_choose_is_of_its_line(client: Client) -> None:
    client.post(ADD, filled(**COUNTED))

    line = PaymentLink.objects.get().lines.get()
    assert (line.quantity_min, line.quantity_max) == (1, 9)


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"amount_kind": "auction"}, "amount_kind"),
        ({"amount_kind": "chosen"}, "0.unit_amount"),
        (GIFT | {"minimum": "five"}, "minimum"),
        (GIFT | {"minimum": "1,000"}, "minimum"),
        (GIFT | {"minimum": "9", "maximum": "8"}, "maximum"),
        (GIFT | {"presets": "10, ten"}, "presets"),
        ({"amount_kind": "parts"}, "part"),
        ({"amount_kind": "parts", "part": "12.50"}, "part"),
        ({"amount_kind": "deposit", "deposit": "0"}, "deposit"),
        ({"amount_kind": "quantity"}, "lines"),
        (COUNTED | {"line_most": ["x"]}, "0.most"),
        (COUNTED | {"line_least": ["3"], "line_most": ["2"]}, "0.quantity_max"),
        ({"tips": "5, ninety"}, "tips"),
        ({"tips": "101"}, "tips"),
        ({"reusable": "on", "use_limit": "many"}, "use_limit"),
        ({"reusable": "on", "use_limit": "0"}, "use_limit"),
        ({"reusable": "on", "amount_kind": "parts", "part": "1"}, "reusable"),
        ({"inactive_message": "4111 1111 1111 1111"}, "inactive_message"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field_and_kept(
    client: Client, typed: dict[str, Any], field: str
) -> None:
    answer = client.post(ADD, filled(**typed))

    assert answer.status_code == 200
    assert field in errors_of(answer)
    assert not PaymentLink.objects.exists()
    for name, value in typed.items():
        if isinstance(value, str):
            assert answer.context["form"].values[name] == value


def test_correcting_starts_from_the_terms_of_the_old_one(client: Client) -> None:
    terms = Terms(kind=K.PARTS, minimum_minor=300, tips_bp=(500,))
    link = make_link(make_customer(), terms=terms)

    answer = client.get(f"/admin/links/paymentlink/{link.pk}/correct/")

    values = answer.context["form"].values
    assert (values["amount_kind"], values["part"], values["tips"]) == (
        "parts",
        "3.00",
        "5",
    )


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (Terms(kind=K.PARTS, minimum_minor=300), "in parts of at least €3.00"),
        (Terms(kind=K.DEPOSIT, deposit_minor=300), "A deposit of €3.00 first"),
        (Terms(tips_bp=(500, 750)), "Tips are offered: 5 %, 7.5 %."),
        (Terms(is_reusable=True), "any number of times"),
        (Terms(is_reusable=True, use_limit=3), "May be paid 3 times."),
    ],
)
def test_its_page_says_how_it_may_be_paid(
    client: Client, terms: Terms, words: str
) -> None:
    assert words in page_of(client, make_link(terms=terms))


def test_a_reusable_link_counts_its_payments(client: Client) -> None:
    link = make_link(terms=Terms(is_reusable=True, use_limit=3))
    for number in range(2):
        payments.record(make_seen(link, payment_id=f"p{number}"))

    html = page_of(client, link)

    assert "Paid 2 times" in html
    assert "€25.00 in all" in html


def test_a_tip_is_told_beside_the_payment(client: Client) -> None:
    link = make_link(terms=Terms(tips_bp=(1000,)))
    checkouts.start(link.pk, "training", Choice(tip_bp=1000))
    reference = link.checkouts.get().public_id
    payments.record(make_seen(link, amount_minor=1375, checkout_reference=reference))

    assert "€1.25 of it is a tip." in page_of(client, link)


class TestMessages:
    """What the customer reads, by the function that makes the real thing."""

    def said(self, client: Client, link: PaymentLink) -> str:
        page = client.get(f"/admin/links/paymentlink/{link.pk}/preview/")
        preview = page.context["preview"]
        return f"{preview.email.text}\n{preview.sms.text}"

    def test_an_amount_to_choose(self, client: Client) -> None:
        lines = (LineData("A gift", 0),)
        link = make_link(make_customer(), lines=lines, terms=Terms(kind=K.CHOSEN))

        text = self.said(client, link)

        assert "an amount of your choice" in text
        assert "€0.00" not in text

    def test_a_deposit_and_then_the_rest(self, client: Client) -> None:
        terms = Terms(kind=K.DEPOSIT, deposit_minor=300)
        link = make_link(make_customer(), terms=terms)

        assert "€3.00 (deposit of €12.50)" in self.said(client, link)

        payments.record(make_seen(link, amount_minor=300))
        link.refresh_from_db()
        assert "deposit" not in self.said(client, link)

    def test_the_receipt_of_a_reusable_link_says_nothing_is_open(self) -> None:
        link = make_link(make_customer(), terms=Terms(is_reusable=True))
        payments.record(make_seen(link))

        message = Message.objects.get(kind="receipt", channel="email")
        values = message_values.context([message])[message.pk]
        assert values["balance"] == ""
        assert values["amount_received"] == "€12.50"
