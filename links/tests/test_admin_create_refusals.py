"""The create screen: what it refuses, beside which field, and what it keeps."""

from typing import Any

import pytest
from django.test import Client

from customers.models import Customer
from links.models import PaymentLink
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role

from .admin_forms import ADD, errors_of, filled
from .factories import make_customer, make_user

pytestmark = pytest.mark.django_db
CARD = "4242 4242 4242 4242"


@pytest.fixture
def owner() -> User:
    return make_user(Role.OWNER)


@pytest.fixture
def client(settings: Any, owner: User) -> Client:
    settings.STAFF_MFA_REQUIRED = False
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def ada() -> Customer:
    return make_customer()


def test_a_refused_link_leaves_no_customer_behind(client: Client) -> None:
    form = filled(
        who="new",
        new_name="Grace",
        new_email="g@navy.example",
        expires_at="2001-01-01T00:00",
    )

    answer = client.post(ADD, form)

    assert "expires_at" in errors_of(answer)
    assert not Customer.objects.exists()
    assert not PaymentLink.objects.exists()


@pytest.mark.parametrize(
    "typed",
    [
        "0",
        "-5",
        "-0",
        "1e5",
        "1_000",
        "\uff11\uff12.\uff13\uff10",
        "\u0661\u0662\u0663",
        "NaN",
        "1,000.00",
        "12,5",
        "0.001",
        "9999999999",
        "0x10",
        "+5",
        "12.345",
    ],
)
def test_refuses_amounts_beside_their_field(
    client: Client, ada: Customer, typed: str
) -> None:
    answer = client.post(ADD, filled(ada, line_unit_amount=[typed]))

    assert "0.unit_amount" in errors_of(answer)
    assert answer.context["form"].lines[0].values["unit_amount"] == typed
    assert not PaymentLink.objects.exists()


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("quantity", "0"),
        ("quantity", "-1"),
        ("quantity", "1e3"),
        ("quantity", "\u0663"),
        ("quantity", "1.0001"),
        ("quantity", "1000001"),
        ("discount", "101"),
        ("discount", "-1"),
        ("tax", "19,5"),
        ("tax", "\uff17"),
        ("tax", "100.01"),
    ],
)
def test_refuses_quantities_and_rates(
    client: Client, ada: Customer, field: str, typed: str
) -> None:
    answer = client.post(ADD, filled(ada, **{f"line_{field}": [typed]}))

    assert f"0.{field}" in errors_of(answer)
    assert not PaymentLink.objects.exists()


@pytest.mark.parametrize("typed", ["US$", "XXX", "BTC", ""])
def test_refuses_what_is_no_currency(client: Client, ada: Customer, typed: str) -> None:
    assert "currency" in errors_of(client.post(ADD, filled(ada, currency=typed)))
    assert not PaymentLink.objects.exists()


def test_yen_has_no_decimals(client: Client, ada: Customer) -> None:
    answer = client.post(ADD, filled(ada, currency="JPY", line_unit_amount=["10.50"]))

    assert "0.unit_amount" in errors_of(answer)


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "x" * 10_000, "two\nlines"])
def test_refuses_text_that_cannot_be_kept(
    client: Client, ada: Customer, text: str
) -> None:
    form = filled(ada, line_description=[text.encode("utf-8", "surrogatepass")])

    answer = client.post(ADD, form)

    if "\ud800" not in text:  # a browser cannot send it; its bytes arrive as signs
        assert "0.description" in errors_of(answer)
        assert not PaymentLink.objects.exists()


@pytest.mark.parametrize(
    "text",
    ["{{ 7*7 }}", "{% load x %}", "{0.__class__}", "${x}", "'; DROP TABLE", "<script>"],
)
def test_keeps_template_and_markup_as_text(
    client: Client, ada: Customer, text: str
) -> None:
    preview = client.post(f"{ADD}preview/", filled(ada, line_description=[text]))
    client.post(ADD, filled(ada, line_description=[text]))

    assert preview.status_code == 200
    assert "<script>" not in preview.content.decode()
    assert PaymentLink.objects.get().lines.get().description == text


@pytest.mark.parametrize("field", ["note", "line_description", "new_name"])
def test_refuses_card_numbers_everywhere(client: Client, field: str) -> None:
    typed: Any = [CARD] if field.startswith("line_") else f"my card {CARD}"
    form = filled(who="new", new_email="g@navy.example", new_name="Grace")

    answer = client.post(ADD, {**form, field: typed})

    assert "card number" in " ".join(errors_of(answer).values())
    assert not PaymentLink.objects.exists()
    assert not Customer.objects.exists()


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("new_phone", "call me"),
        ("new_phone", "+1 900 555 0100"),
        ("new_phone", "+44 7400 123456 ext. 5"),
        ("new_email", "a@b@c"),
        ("new_name", " "),
        ("new_language", "xx"),
    ],
)
def test_refuses_addresses_beside_their_field(
    client: Client, field: str, typed: str
) -> None:
    form = filled(who="new", new_name="Grace", new_email="g@navy.example")

    answer = client.post(ADD, {**form, field: typed})

    assert field in errors_of(answer)
    assert not Customer.objects.exists()


def test_nothing_typed_is_lost(client: Client, ada: Customer) -> None:
    form = filled(
        ada,
        note="Bring it to the back door",
        due_on="2030-02-31",
        line_description=["Cake", "Candles"],
        line_quantity=["1", "3"],
        line_unit_amount=["x", "0.50"],
        line_discount=["", "10"],
        line_tax=["7", ""],
    )

    page = client.post(ADD, form).content.decode()

    for typed in (
        "Bring it to the back door",
        "2030-02-31",
        "Cake",
        "Candles",
        form["creation_key"],
    ):
        assert typed in page


def test_fields_of_the_browsers_own_making_count_for_nothing(
    client: Client, ada: Customer
) -> None:
    client.post(
        ADD,
        filled(
            ada, status="paid", amount_minor="1", amount_paid_minor="9", created_by="1"
        ),
    )

    link = PaymentLink.objects.get()
    assert (link.status, link.amount_minor, link.amount_paid_minor) == (
        "active",
        1250,
        0,
    )


def test_sending_needs_an_address(client: Client) -> None:
    silent = make_customer("Silent", "", "")

    answer = client.post(ADD, filled(silent, action="send", channels=["sms"]))

    assert "channels" in errors_of(answer)
    assert not PaymentLink.objects.exists()


def test_preview_of_a_form_with_errors_is_refused(
    client: Client, ada: Customer
) -> None:
    form = filled(ada, line_unit_amount=["x"])

    assert client.post(f"{ADD}preview/", form).status_code == 422
    assert client.post(f"{ADD}preview/mail/", form).status_code == 400
