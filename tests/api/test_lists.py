"""Lists page by key, show every row once and cost the same however long they are."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.models import ContactKind, ContactPoint, Customer
from links.models import (
    Dispute,
    DisputeState,
    Payment,
    PaymentLink,
    PaymentState,
    Payout,
    PayoutState,
    ProviderAccount,
)
from links.services import links
from links.services.amounts import LineData
from links.services.links import LinkData
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from notifications.models import Category, Message

from .client import Caller
from .conftest import NewCaller

LISTS = ["customers", "links", "payments", "disputes", "payouts", "messages"]


def make_customers(count: int) -> list[Customer]:
    now = clock.now()
    customers = Customer.objects.bulk_create(
        Customer(name=f"Customer {number}", created_at=now, updated_at=now)
        for number in range(count)
    )
    ContactPoint.objects.bulk_create(
        ContactPoint(
            customer=customer,
            kind=ContactKind.EMAIL,
            value=f"c{customer.pk}@example.com",
            created_at=now,
        )
        for customer in customers
    )
    return customers


def make_links(count: int) -> list[PaymentLink]:
    return [
        links.create(
            LinkData(
                customer=customer,
                currency="EUR",
                lines=(LineData("Chair", 500), LineData("Table", 900)),
            ),
            actor=SYSTEM,
        )
        for customer in make_customers(count)
    ]


def make_payments(made: list[PaymentLink]) -> None:
    account, _ = ProviderAccount.objects.get_or_create(slug="training", mode="test")
    now = clock.now()
    Payment.objects.bulk_create(
        Payment(
            account=account,
            provider_payment_id=f"p{link.pk}",
            link=link,
            state=PaymentState.SUCCEEDED,
            amount_minor=1400,
            currency="EUR",
            occurred_at=now,
            recorded_at=now,
        )
        for link in made
    )


def make_messages(made: list[PaymentLink], category: Category) -> None:
    now = clock.now()
    Message.objects.bulk_create(
        Message(
            kind=category,
            category=category,
            channel="email",
            reference=link.public_id,
            recipient="ada@example.com",
            language="en",
            dedupe_key=f"{category}:{link.pk}",
            due_at=now,
            created_at=now,
        )
        for link in made
    )


def make_disputes() -> None:
    now = clock.now()
    Dispute.objects.bulk_create(
        Dispute(
            account=payment.account,
            provider_dispute_id=f"d{payment.pk}",
            payment=payment,
            state=DisputeState.NEEDS_RESPONSE,
            amount_minor=1400,
            currency="EUR",
            opened_at=now,
            recorded_at=now,
        )
        for payment in Payment.objects.filter(disputes=None).select_related("account")
    )


def make_payouts(count: int) -> None:
    account, now = ProviderAccount.objects.get(slug="training"), clock.now()
    known = Payout.objects.count()
    Payout.objects.bulk_create(
        Payout(
            account=account,
            provider_payout_id=f"po_{number}",
            state=PayoutState.PAID,
            amount_minor=-100 + number * 1000,
            currency="EUR",
            created_at=now,
            recorded_at=now,
        )
        for number in range(known, known + count)
    )


def fill(count: int) -> None:
    made = make_links(count)
    make_payments(made)
    make_disputes()
    make_payouts(count)
    make_messages(made, Category.INVITATION)


def read(caller: Caller, where: str, **query: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(caller.get(where, **query).content)
    return found


@pytest.mark.parametrize("where", LISTS)
def test_pages_show_every_row_once_newest_first(caller: Caller, where: str) -> None:
    fill(5)
    whole = [item["id"] for item in read(caller, where)["items"]]

    seen, cursor, pages = [], "", 0
    while pages < 10:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        found = read(caller, where, **query)
        seen += [item["id"] for item in found["items"]]
        pages += 1
        cursor = found["next"]
        if cursor is None:
            break

    assert len(whole) == 5
    assert seen == whole
    assert pages == 3


@pytest.mark.parametrize("where", LISTS)
def test_a_full_last_page_has_no_next(caller: Caller, where: str) -> None:
    fill(2)

    assert read(caller, where, limit="2")["next"] is None


@pytest.mark.parametrize(
    ("where", "most"),
    [(where, 6 if where == "links" else 5) for where in LISTS],
)
def test_a_long_list_asks_no_more_than_a_short_one(
    caller: Caller, where: str, most: int
) -> None:
    counts = []
    caller.get(where)  # notes the key's use, once a minute
    for size in (1, 30):
        fill(size)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            found = read(caller, where, limit="100")
        counts.append(len(queries))

    assert len(found["items"]) == 31
    assert counts[0] == counts[1]
    assert counts[1] <= most


def test_filters_of_links(caller: Caller) -> None:
    first, second, third = make_links(3)
    links.cancel(first, actor=SYSTEM)
    assert second.customer is not None

    for query, expected in (
        ({"status": "canceled"}, first),
        ({"customer": second.customer.public_id}, second),
        ({"number": third.number or ""}, third),
    ):
        found = read(caller, "links", **query)["items"]
        assert [item["id"] for item in found] == [expected.public_id]


def test_filters_of_payments_and_messages(caller: Caller) -> None:
    made = make_links(2)
    make_payments(made)
    make_messages(made, Category.INVITATION)

    for where in ("payments", "messages"):
        found = read(caller, where, link=made[0].public_id)["items"]
        assert [item["link"] for item in found] == [made[0].public_id]
    assert read(caller, "payments", state="failed")["items"] == []
    assert read(caller, "messages", channel="sms")["items"] == []
    assert len(read(caller, "messages", state="queued")["items"]) == 2


def test_a_payment_in_full(caller: Caller) -> None:
    made = make_links(1)
    make_payments(made)

    listed = read(caller, "payments")["items"][0]

    assert listed["id"].startswith("pay_")
    assert listed["link"] == made[0].public_id
    assert listed["amount"] == {"amount_minor": 1400, "currency": "EUR"}
    assert (listed["provider"], listed["state"]) == ("training", "succeeded")
    assert read(caller, f"payments/{listed['id']}") == listed


def test_disputes_by_payment_link_and_state(caller: Caller) -> None:
    made = make_links(2)
    make_payments(made)
    make_disputes()
    first = made[0].payments.get()

    by_link = read(caller, "disputes", link=made[0].public_id)["items"]
    by_payment = read(caller, "disputes", payment=first.public_id)["items"]

    (dispute,) = by_link
    assert by_payment == by_link
    assert dispute["id"].startswith("dsp_")
    assert (dispute["payment"], dispute["link"]) == (
        first.public_id,
        made[0].public_id,
    )
    assert dispute["amount"] == {"amount_minor": 1400, "currency": "EUR"}
    assert (dispute["state"], dispute["closed_at"]) == ("needs_response", None)
    assert read(caller, f"disputes/{dispute['id']}") == dispute
    assert len(read(caller, "disputes", state="needs_response")["items"]) == 2
    assert read(caller, "disputes", state="won")["items"] == []
    assert caller.get("disputes", state="nonsense").status_code == 422
    assert caller.get("disputes/dsp_00000000000000000000").status_code == 404


def test_disputes_are_those_of_visible_links(
    new_caller: NewCaller, caller: Caller
) -> None:
    make_payments(make_links(1))
    make_disputes()
    Dispute.objects.create(
        account=ProviderAccount.objects.get(slug="training"),
        provider_dispute_id="orphan",
        state=DisputeState.NEEDS_RESPONSE,
        amount_minor=100,
        currency="EUR",
        opened_at=clock.now(),
        recorded_at=clock.now(),
    )
    bob = User.objects.create_user("bob@staff.example", role=Role.OWNER)
    orphan, ours = read(caller, "disputes")["items"]
    keys = {
        new_caller("payments:read"): [ours["id"]],
        new_caller("payments:read", created_by=bob): [],
        new_caller("payments:read", "links:all"): [orphan["id"], ours["id"]],
    }

    assert (orphan["payment"], orphan["link"]) == (None, None)
    for reader, expected in keys.items():
        found = read(reader, "disputes")["items"]
        assert [item["id"] for item in found] == expected
        status = 200 if orphan["id"] in expected else 404
        assert reader.get(f"disputes/{orphan['id']}").status_code == status


def test_payouts_by_state(caller: Caller) -> None:
    make_payments(make_links(1))
    make_payouts(2)

    newest, first = read(caller, "payouts", state="paid")["items"]

    assert first["id"].startswith("pyo_")
    assert first["amount"] == {"amount_minor": -100, "currency": "EUR"}
    assert (newest["provider"], newest["provider_payout_id"]) == ("training", "po_1")
    assert read(caller, "payouts", state="failed")["items"] == []


def test_mails_that_sign_staff_in_are_not_shown(caller: Caller) -> None:
    make_messages(make_links(1), Category.SIGN_IN)

    assert read(caller, "messages")["items"] == []


def test_the_timeline_pages_too(caller: Caller) -> None:
    link = make_links(1)[0]
    links.cancel(link, actor=SYSTEM)
    make_messages([link], Category.INVITATION)
    where = f"links/{link.public_id}/timeline"
    whole = read(caller, where)

    seen, cursor = [], ""
    for _ in range(20):
        found = read(caller, where, limit="1", **({"cursor": cursor} if cursor else {}))
        seen += found["items"]
        cursor = found["next"]
        if cursor is None:
            break

    assert len(whole["items"]) >= 3
    assert whole["next"] is None
    assert seen == whole["items"]
