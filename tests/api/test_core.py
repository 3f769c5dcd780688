"""The API does what staff do, in the shapes that the outside relies on."""

import json
from typing import Any

import pytest
from django.test import Client

from customers.models import Customer
from links.models import PaymentLink
from links.services import manual, pages
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.staff.models import ApiKey
from notifications.models import Message

from .client import Caller, pointers, problem

LINE = {"description": "Chair", "quantity": 2, "unit_amount_minor": 625}


def read(response: Any, status: int = 200) -> dict[str, Any]:
    assert response.status_code == status, response.content
    found: dict[str, Any] = json.loads(response.content)
    return found


def new_link(caller: Caller, **changes: object) -> dict[str, Any]:
    body = {"customer": None, "currency": "EUR", "lines": [LINE], **changes}
    return read(caller.post("links", body), 201)


def test_makes_and_reads_a_customer(caller: Caller) -> None:
    made = read(
        caller.post(
            "customers",
            {
                "name": "Renée Nguyễn",
                "email": "Renee@Example.com",
                "phone": "+1 415 555 0100",
                "language": "fr",
                "time_zone": "Europe/Paris",
                "source": "crm",
                "external_ref": "c-1",
            },
        ),
        201,
    )

    assert made["id"].startswith("cus_")
    assert made["name"] == "Renée Nguyễn"
    assert made["email"] == "renee@example.com"
    assert made["phone"] == "+14155550100"
    assert (made["language"], made["time_zone"]) == ("fr", "Europe/Paris")
    assert read(caller.get(f"customers/{made['id']}")) == made
    assert Customer.objects.get().public_id == made["id"]


def test_null_is_the_same_as_left_out(caller: Caller) -> None:
    made = read(
        caller.post("customers", {"name": "Bo", "email": None, "tags": None}), 201
    )

    assert (made["email"], made["tags"]) == ("", [])


def test_a_known_reference_is_a_conflict_that_names_the_customer(
    caller: Caller,
) -> None:
    body = {"name": "Ada", "source": "crm", "external_ref": "c-1"}
    made = read(caller.post("customers", body), 201)

    refused = problem(caller.post("customers", body), 409)

    assert made["id"] in refused["errors"][0]["detail"]
    assert Customer.objects.count() == 1


def test_changes_only_what_is_named(caller: Caller) -> None:
    made = read(
        caller.post("customers", {"name": "Ada", "email": "ada@example.com"}), 201
    )

    changed = read(caller.patch(f"customers/{made['id']}", {"language": "de"}))
    emptied = read(caller.patch(f"customers/{made['id']}", {"email": None}))

    assert changed == {
        **made,
        "language": "de",
        "updated_at": changed["updated_at"],
    }
    assert emptied["email"] == ""
    assert emptied["language"] == "de"
    assert pointers(caller.patch(f"customers/{made['id']}", {"name": ""})) == ["/name"]


def test_a_change_to_anothers_reference_is_a_conflict(caller: Caller) -> None:
    other = {"name": "Ada", "source": "crm", "external_ref": "c-1"}
    read(caller.post("customers", other), 201)
    made = read(caller.post("customers", {"name": "Bo"}), 201)

    refused = caller.patch(
        f"customers/{made['id']}", {"source": "crm", "external_ref": "c-1"}
    )

    problem(refused, 409)
    assert read(caller.get(f"customers/{made['id']}")) == made


def test_finds_customers_by_what_the_other_system_knows(caller: Caller) -> None:
    first = read(
        caller.post(
            "customers",
            {
                "name": "A",
                "email": "a@example.com",
                "source": "crm",
                "external_ref": "1",
            },
        ),
        201,
    )
    read(
        caller.post("customers", {"name": "B", "source": "till", "external_ref": "1"}),
        201,
    )

    assert len(read(caller.get("customers"))["items"]) == 2
    for query in (
        {"external_ref": "1", "source": "crm"},
        {"source": "crm"},
        {"email": "A@EXAMPLE.COM"},
    ):
        assert read(caller.get("customers", **query))["items"] == [first]


def test_makes_an_active_link(caller: Caller, customer: Customer) -> None:
    made = new_link(
        caller,
        customer=customer.public_id,
        lines=[
            LINE,
            {
                "description": "Oil",
                "quantity": "1.5",
                "unit_amount_minor": 1000,
                "discount": "10",
                "tax_rate": "7.7",
            },
        ],
        due_on="2031-01-31",
        note="Thank you",
        metadata={"order": "7"},
    )

    assert made["id"].startswith("plk_")
    assert made["status"] == "active"
    assert made["number"].startswith("PL-")
    # 1250 + 1350 net; 7.7 % of 1350 = 103.95
    assert made["amount"] == {"amount_minor": 2704, "currency": "EUR"}
    assert made["amount_paid"] == {"amount_minor": 0, "currency": "EUR"}
    assert made["tax"] == {"amount_minor": 104, "currency": "EUR"}
    assert made["customer"] == customer.public_id
    assert made["lines"][1]["quantity"] == "1.5"
    assert (made["lines"][1]["discount"], made["lines"][1]["tax_rate"]) == ("10", "7.7")
    assert made["due_on"] == "2031-01-31"
    assert made["metadata"] == {"order": "7"}
    link = PaymentLink.objects.get()
    assert made["url"] == pages.url_of(link)
    assert read(caller.get(f"links/{link.public_id}")) == made


def test_a_link_offers_the_providers_that_are_named(caller: Caller) -> None:
    link = new_link(caller, providers=["training", "training"])

    assert link["providers"] == ["training"]
    assert new_link(caller)["providers"] == []
    assert read(caller.get(f"links/{link['id']}"))["providers"] == ["training"]


def test_a_provider_that_is_not_set_up_is_refused(caller: Caller) -> None:
    body = {
        "currency": "EUR",
        "lines": [{"description": "Cake", "unit_amount_minor": 1250}],
        "providers": ["training", "stripe"],
    }

    answer = caller.post("links", body)

    assert pointers(answer) == ["/providers"]
    assert "Stripe cannot be offered" in answer.content.decode()


def test_a_link_takes_null_for_what_is_left_out(caller: Caller) -> None:
    optional = ("due_on", "expires_at", "note", "draft", "metadata", "reminders")
    line = {**LINE, "discount": None, "tax_rate": None}

    made = new_link(caller, **dict.fromkeys(optional), lines=[line])

    assert (made["status"], made["note"], made["reminders"]) == ("active", "", True)
    assert made["amount"]["amount_minor"] == 1250


def test_a_currency_in_small_letters_is_understood(caller: Caller) -> None:
    assert new_link(caller, currency="jpy")["amount"]["currency"] == "JPY"


def test_the_link_belongs_to_the_key_on_the_timeline(caller: Caller) -> None:
    made = new_link(caller)

    lines = read(caller.get(f"links/{made['id']}/timeline"))["items"]

    assert {line["actor"] for line in lines} == {ApiKey.objects.get().public_id}
    assert set(lines[0]) == {"id", "kind", "at", "actor", "detail"}


def test_a_draft_has_no_number_until_it_is_sent(
    caller: Caller, customer: Customer
) -> None:
    made = new_link(caller, customer=customer.public_id, draft=True)
    assert (made["status"], made["number"]) == ("draft", None)

    read(caller.post(f"links/{made['id']}/send", {"channels": ["email"]}), 202)

    sent = read(caller.get(f"links/{made['id']}"))
    assert sent["status"] == "active"
    assert sent["number"]


def test_sends_on_both_channels(caller: Caller, customer: Customer) -> None:
    made = new_link(caller, customer=customer.public_id)

    sent = read(
        caller.post(f"links/{made['id']}/send", {"channels": ["email", "sms"]}), 202
    )

    assert [
        (message["channel"], message["to"], message["kind"], message["link"])
        for message in sent["messages"]
    ] == [
        ("email", "ada@example.com", "invitation", made["id"]),
        ("sms", "+14155550100", "invitation", made["id"]),
    ]
    listed = read(caller.get("messages", link=made["id"]))
    assert {item["id"] for item in listed["items"]} == {
        message["id"] for message in sent["messages"]
    }
    assert {"id", "channel", "kind", "state", "to", "due_at", "sent_at"} <= set(
        listed["items"][0]
    )
    assert listed["next"] is None
    kinds = [
        line["kind"]
        for line in read(caller.get(f"links/{made['id']}/timeline"))["items"]
    ]
    assert "link.sent" in kinds
    assert kinds.count("message.queued") == 2


def test_a_channel_without_address_sends_nothing(caller: Caller) -> None:
    made = new_link(caller)

    refused = caller.post(f"links/{made['id']}/send", {"channels": ["email"]})

    assert pointers(refused) == ["/channels"]
    assert not Message.objects.exists()


def test_cancels_with_a_reason_and_twice_is_once(caller: Caller) -> None:
    made = new_link(caller)

    first = read(caller.post(f"links/{made['id']}/cancel", {"reason": "Sold out"}))
    second = read(caller.post(f"links/{made['id']}/cancel"))

    assert first["status"] == "canceled"
    assert first["cancel_reason"] == "Sold out"
    assert second == first
    refused = caller.post(f"links/{made['id']}/send", {"channels": ["email"]})
    problem(refused, 409)


def test_cancels_only_the_link_that_the_caller_saw(caller: Caller) -> None:
    made = new_link(caller)
    link = PaymentLink.objects.get(public_id=made["id"])
    manual.record_payment(link, amount_minor=1, method="cash", actor=SYSTEM)
    where = f"links/{made['id']}"

    problem(caller.post(f"{where}/cancel", {"version": made["version"]}), 409)

    seen = read(caller.get(where))
    assert (seen["status"], seen["version"]) == ("active", made["version"] + 1)
    gone = read(caller.post(f"{where}/cancel", {"version": seen["version"]}))
    assert gone["status"] == "canceled"
    assert read(caller.post(f"{where}/cancel", {"version": seen["version"]})) == gone


def test_what_is_paid_cannot_be_canceled(caller: Caller) -> None:
    made = new_link(caller)
    PaymentLink.objects.update(status="paid")

    problem(caller.post(f"links/{made['id']}/cancel", {}), 409)

    assert read(caller.get(f"links/{made['id']}"))["status"] == "paid"


@pytest.mark.parametrize(
    "path",
    [
        "links/plk_00000000000000000000",
        "links/nonsense",
        "links/1",
        "links/plk_00000000000000000000/timeline",
        "payments/pay_00000000000000000000",
        "customers/cus_00000000000000000000",
        "customers/%00",
        "nothing",
        "links/",
        "",
    ],
)
def test_what_is_unknown_is_a_404(caller: Caller, path: str) -> None:
    problem(caller.get(path), 404)


def test_unknown_links_cannot_be_sent_or_canceled(caller: Caller) -> None:
    where = "links/plk_00000000000000000000"
    problem(caller.post(f"{where}/send", {"channels": ["email"]}), 404)
    problem(caller.post(f"{where}/cancel"), 404)
    problem(caller.patch("customers/cus_00000000000000000000", {"name": "X"}), 404)


def test_a_method_that_is_not_there_names_those_that_are(caller: Caller) -> None:
    refused = caller.send("DELETE", "links")

    problem(refused, 405)
    assert refused["Allow"] == "GET, POST"


def test_answers_are_not_cached_and_take_no_cookie(caller: Caller) -> None:
    response = caller.get("links")

    assert response["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in response
    assert Client().get("/api/v1/links").status_code == 401
