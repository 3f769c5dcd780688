"""What must be found nowhere: tokens of links, card numbers, and any trace of a look."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from links.models import Checkout, PaymentLink, WebhookEvent
from links.services import draining, owed, pages
from merchant_portal.lib import clock
from notifications.models import Message, MessageState
from notifications.services import unsubscribing

from .doors import ADD_CUSTOMER, ADD_LINK, Doors, path_of, tables

pytestmark = pytest.mark.django_db
CARDS = ("4242 4242 4242 4242", "4242424242424242", "5555-5555-5555-4444")


def make_customer(doors: Doors) -> str:
    answer = doors.ask_customer(
        email="ada@example.com", phone="+14155550100", language="en"
    )
    assert answer.status_code == 201, answer.content
    return str(answer.json()["id"])


def make_sent_link(doors: Doors) -> PaymentLink:
    made = doors.api.post(
        "links",
        {
            "currency": "EUR",
            "customer": make_customer(doors),
            "lines": [{"description": "Chair", "unit_amount_minor": 1250}],
        },
        once="make",
    ).json()
    doors.api.post(
        f"links/{made['id']}/send", {"channels": ["email", "sms"]}, once="send"
    )
    return PaymentLink.objects.get(public_id=made["id"])


def test_no_token_is_kept_or_logged_from_making_to_paying(
    doors: Doors, lines: list[str]
) -> None:
    link = make_sent_link(doors)
    other = make_other(doors, link)
    draining.drain(clock.now() + timedelta(days=4))  # one reminder for both
    token = pages.token_of(link)
    path = path_of(link)
    payer = Client()
    payer.get(path)
    all_owed = f"/owed/{owed.token_of(link.customer_id or 0)}/"
    assert payer.get(all_owed).status_code == 200
    hosted = payer.post(f"{path}pay/training/")["Location"]
    payer.post(hosted.removeprefix("http://127.0.0.1:8000"), {"outcome": "approve"})
    checkout = Checkout.objects.get()
    payer.get(f"{path}return/{checkout.public_id}/")
    draining.drain(clock.now() + timedelta(minutes=15))
    doors.browser.get(f"/admin/links/paymentlink/{link.pk}/change/")
    doors.api.get(f"links/{link.public_id}")
    doors.api.get(f"links/{link.public_id}/timeline")
    replay = doors.api.post(
        f"links/{link.public_id}/send", {"channels": ["email", "sms"]}, once="send"
    )
    assert replay.status_code == 202

    link.refresh_from_db()
    assert link.status == "paid"
    kinds = set(Message.objects.values_list("kind", "state"))
    assert {(kind, MessageState.CAPTURED) for kind in KINDS} <= kinds
    reminder = Message.objects.get(kind="reminder", channel="email")
    assert reminder.subject_id
    secrets = [
        token,
        owed.token_of(link.customer_id or 0),
        pages.token_of(other),
        unsubscribing.url_of(reminder).rstrip("/").rpartition("/")[2],
    ]
    assert WebhookEvent.objects.exists()
    kept = repr(tables())
    for secret in secrets:
        assert secret not in kept
        assert [line for line in lines if secret in line] == []
    assert doors.api.secret not in kept
    assert [line for line in lines if doors.api.secret in line] == []


KINDS = ("invitation", "reminder", "receipt")


def make_other(doors: Doors, link: PaymentLink) -> PaymentLink:
    """A second link of the same customer, that nobody pays."""
    assert link.customer is not None
    made = doors.ask_link(customer=link.customer.public_id).json()
    doors.api.post(f"links/{made['id']}/send", {"channels": ["email"]})
    return PaymentLink.objects.get(public_id=made["id"])


FIELDS: dict[str, tuple[str, str]] = {
    # door, name of the field
    "api-customer-name": ("customers", "name"),
    "api-customer-email": ("customers", "email"),
    "api-customer-phone": ("customers", "phone"),
    "api-customer-note": ("customers", "note"),
    "api-customer-tags": ("customers", "tags"),
    "api-customer-source": ("customers", "source"),
    "api-customer-reference": ("customers", "external_ref"),
    "api-customer-language": ("customers", "language"),
    "api-link-description": ("lines", "description"),
    "api-link-quantity": ("lines", "quantity"),
    "api-link-note": ("links", "note"),
    "api-link-metadata": ("links", "metadata"),
    "api-link-metadata-name": ("links", "metadata-name"),
    "api-link-providers": ("links", "providers"),
    "api-link-currency": ("links", "currency"),
}


def body_of(door: str, name: str, card: str) -> tuple[str, dict[str, Any]]:
    value: Any = [card] if name in ("tags", "providers") else card
    if door == "customers":
        return door, {"name": "Ana", name: value}
    line: dict[str, Any] = {"description": "Chair", "unit_amount_minor": 1250}
    link: dict[str, Any] = {"currency": "EUR", "lines": [line]}
    if door == "lines":
        line[name] = value
    elif name.startswith("metadata"):
        link["metadata"] = {card: "x"} if name.endswith("name") else {"x": card}
    else:
        link[name] = value
    return "links", link


def digits_of(text: str) -> str:
    """What is left when nobody groups digits."""
    return text.replace(" ", "").replace("-", "")


def is_nowhere(card: str, lines: list[str], answer: str) -> bool:
    kept = "".join(lines) + repr(tables()) + answer
    return digits_of(card) not in digits_of(kept)


@pytest.mark.parametrize("case", FIELDS)
def test_card_number_is_not_taken_by_the_api(
    doors: Doors, lines: list[str], case: str
) -> None:
    door, body = body_of(*FIELDS[case], CARDS[0])

    answer = doors.api.post(door, body, once="k1")

    assert answer.status_code == 422
    assert is_nowhere(CARDS[0], lines, answer.content.decode())


@pytest.mark.parametrize("card", CARDS[1:])
@pytest.mark.parametrize("case", ["api-customer-note", "api-link-note"])
def test_card_number_in_other_dress(
    doors: Doors, lines: list[str], case: str, card: str
) -> None:
    door, body = body_of(*FIELDS[case], card)

    answer = doors.api.post(door, body)

    assert answer.status_code == 422
    assert is_nowhere(card, lines, answer.content.decode())


def test_card_number_as_reason_of_a_cancellation(
    doors: Doors, lines: list[str]
) -> None:
    link = doors.ask_link().json()["id"]

    answer = doors.api.post(f"links/{link}/cancel", {"reason": f"card {CARDS[0]}"})

    assert answer.status_code == 422
    assert PaymentLink.objects.get().status == "active"
    assert is_nowhere(CARDS[0], lines, answer.content.decode())


@pytest.mark.parametrize(
    "field",
    ["name", "email", "phone", "tags", "note", "source", "external_ref"],
)
def test_card_number_in_the_customer_form(
    doors: Doors, lines: list[str], field: str
) -> None:
    answer = doors.fill_customer(**{field: CARDS[0]})

    assert answer.status_code == 200, "a form with an error is shown again"
    assert is_nowhere(CARDS[0], lines, "")


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("line_description", {}),
        ("line_quantity", {}),
        ("line_unit_amount", {}),
        ("note", {}),
        ("new_name", {"who": "new", "new_email": "ana@example.com"}),
        ("new_email", {"who": "new", "new_name": "Ana"}),
        ("new_phone", {"who": "new", "new_name": "Ana"}),
        ("due_on", {}),
        ("customer_query", {"who": "existing"}),
    ],
)
def test_card_number_in_the_link_form(
    doors: Doors, lines: list[str], field: str, more: dict[str, str]
) -> None:
    answer = doors.fill_link(**more, **{field: CARDS[0]})

    assert answer.status_code == 200, "a form with an error is shown again"
    assert is_nowhere(CARDS[0], lines, "")


def test_card_number_in_the_forms_of_a_link_page(
    doors: Doors, lines: list[str]
) -> None:
    doors.fill_link()
    link = PaymentLink.objects.get()
    page = f"/admin/links/paymentlink/{link.pk}"
    form = {"amount": "5.00", "method": "cash", "key": "k" * 20, "version": "1"}

    for path in ("record", "edit", "cancel"):
        doors.browser.post(
            f"{page}/{path}/", {**form, "note": CARDS[0], "reason": CARDS[0]}
        )

    assert PaymentLink.objects.get().status == "active"
    assert is_nowhere(CARDS[0], lines, "")


def test_card_number_sent_to_a_public_page(doors: Doors, lines: list[str]) -> None:
    doors.ask_link()
    link = PaymentLink.objects.get()
    path = path_of(link)

    Client().get(path, {"card": CARDS[0]})
    Client().post(f"{path}pay/training/", {"card": CARDS[0], "amount": CARDS[0]})
    hosted = f"/training/{Checkout.objects.get().public_id}/"
    Client().post(hosted, {"outcome": CARDS[0]})

    assert is_nowhere(CARDS[0], lines, "")


def test_no_look_changes_any_table(doors: Doors) -> None:
    link = make_sent_link(doors)
    draining.drain(clock.now() + timedelta(days=4))
    path = path_of(link)
    Client().post(f"{path}pay/training/")
    checkout = Checkout.objects.get().public_id
    reminder = Message.objects.filter(kind="reminder", channel="email").get()
    assert link.customer is not None
    public = [
        path,
        path[:-1],
        f"{path}pay/training/",
        f"{path}return/{checkout}/",
        f"{path}return/{checkout}/?status=paid",
        f"{path}invoice.pdf",
        f"{path}qr.svg",
        f"{path}reply/",
        f"/training/{checkout}/",
        unsubscribing.url_of(reminder).removeprefix("http://127.0.0.1:8000"),
        "/unsubscribe/nobody/",
        "/webhooks/training/",
        "/webhooks/stripe/",
        "/webhooks/twilio/status/",
        "/healthz",
        "/readyz",
        "/accounts/login/?next=/admin/",
        "/accounts/password/reset/",
        "/api/v1/docs",
        "/api/v1/openapi.json",
        "/",
    ]
    api = [
        "customers",
        f"customers/{link.customer.public_id}",
        "links",
        f"links/{link.public_id}",
        f"links/{link.public_id}/timeline",
        f"links/{link.public_id}/send",
        f"links/{link.public_id}/cancel",
        "messages",
        "payments",
        "payments/pay_00000000000000000000",
        "nowhere",
    ]
    staff = [
        "/admin/",
        ADD_LINK,
        ADD_CUSTOMER,
        "/admin/links/paymentlink/",
        f"/admin/links/paymentlink/{link.pk}/change/",
        f"/admin/customers/customer/{link.customer.pk}/change/",
        "/admin/notifications/message/",
        "/admin/links/payment/",
    ]
    doors.api.get("links")  # a key says when it was last used, once a while
    doors.browser.get("/admin/")  # a session, when it was last seen
    before = tables()

    for method in ("get", "head"):
        for address in public:
            getattr(Client(), method)(address)
        for address in api:
            getattr(Client(), method)(f"/api/v1/{address}", headers=doors.api.headers())
        for address in staff:
            answer = getattr(doors.browser, method)(address)
            assert answer.status_code in (200, 301, 302), address

    after = tables()
    assert {name for name in after if after[name] != before[name]} == set()


def test_the_first_look_of_all_changes_no_table(db: None) -> None:
    """Before anybody has saved the profile of the business."""
    before = tables()
    for address in ("/p/nobody/", "/accounts/login/", "/unsubscribe/x/", "/readyz"):
        Client().get(address)

    assert tables() == before
