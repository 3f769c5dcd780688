"""WhatsApp on PostgreSQL, Redis, gunicorn, a Celery worker and beat, against Twilio's fake.

What counts is what stands in the fake's own books; each of its requests and answers is
checked against Twilio's document.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from proofs import http
from proofs.desk import Customer, Desk
from proofs.outside import LINK, TWILIO_FROM
from proofs.servers import Servers, desks
from proofs.waiting import eventually

pytestmark = pytest.mark.stack
SOON = 25.0
TEXTS = {
    "invitation": ("HX" + "1" * 32, "{{1}}, please pay {{2}} here: {{3}}"),
    "reminder": ("HX" + "2" * 32, "{{1}}, still open: {{2}}. Pay: {{3}}"),
}
NAMES = '["greeting", "balance", "link_url"]'


@pytest.fixture(scope="module")
def open_shop(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    with desks(servers, tmp_path_factory.mktemp("whatsapp")) as open_desk:
        desk = open_desk("whatsapp")
        web, worker = desk.shop.web(), desk.shop.worker("one")
        desk.shop.beat()
        desk.shop.wait_for_web(web)
        desk.shop.wait_for_worker(worker)
        for kind, (sid, body) in TEXTS.items():
            desk.shop.rows(
                "INSERT INTO notifications_whatsapptemplate (kind, language, content_sid,"
                " body, placeholders, updated_at) VALUES (%s, 'en', %s, %s, %s, now())",
                kind,
                sid,
                body,
                NAMES,
            )
            desk.outside.twilio.ledger.put("template", sid, {"body": body})
        yield desk
        assert desk.findings() == []


@pytest.fixture
def desk(open_shop: Desk) -> Iterator[Desk]:
    yield open_shop
    open_shop.outside.calm()


def books(desk: Desk, customer: Customer) -> list[dict[str, Any]]:
    """What the fake took for the customer's WhatsApp, oldest first."""
    return [
        row
        for row in desk.outside.twilio.ledger.objects("message")
        if row["to"] == f"whatsapp:{customer.phone}"
    ]


def wait_for(desk: Desk, link_id: str, kind: str, state: str) -> dict[str, Any]:
    def found() -> list[dict[str, Any]]:
        return [row for row in desk.messages(link_id) if row["kind"] == kind]

    eventually(
        lambda: [row["state"] for row in found()] == [state],
        within=SOON,
        what=f"{kind} {state}",
    )
    return found()[0]


def write(desk: Desk, customer: Customer, words: str) -> None:
    """What the customer writes back, as Twilio hands it on, signed."""
    url = f"{desk.shop.url}/webhooks/twilio/inbound/"
    desk.outside.twilio._inbound(
        {
            "url": url,
            "from": f"whatsapp:{customer.phone}",
            "to": f"whatsapp:{TWILIO_FROM}",
            "body": words,
        }
    )


def test_sent_delivered_paid_and_never_reminded(desk: Desk) -> None:
    customer = desk.new_customer()
    link = desk.new_link(customer)

    desk.send(link, "whatsapp")

    sent = wait_for(desk, link["id"], "invitation", "delivered")
    assert (sent["channel"], sent["to"]) == ("whatsapp", customer.phone)
    [taken] = books(desk, customer)
    assert taken["template"] == TEXTS["invitation"][0]
    assert LINK.findall(taken["body"]) == [link["url"]]
    desk.pay(link["url"])
    desk.wait_for_status(link["id"], "paid")
    # No text is approved for receipts, and the customer has not written.
    wait_for(desk, link["id"], "receipt", "failed")

    desk.shop.manage("drain", "--as-of", "+8d")

    assert {row["kind"] for row in desk.messages(link["id"])} == {
        "invitation",
        "receipt",
    }
    assert len(books(desk, customer)) == 1
    assert "Paid. Thank you!" in http.get(link["url"]).text


def test_who_writes_gets_free_words_for_a_day_and_a_reply_on_the_timeline(
    desk: Desk,
) -> None:
    customer = desk.new_customer()
    link = desk.new_link(customer)
    desk.send(link, "whatsapp")
    wait_for(desk, link["id"], "invitation", "delivered")

    write(desk, customer, "Do you take cards?")
    eventually(
        lambda: "payer.replied" in desk.timeline(link["id"]), within=SOON, what="reply"
    )
    desk.pay(link["url"])

    wait_for(desk, link["id"], "receipt", "delivered")
    _invitation, receipt = books(desk, customer)
    assert receipt["template"] is None
    assert "thank you!" in receipt["body"]


def test_stop_ends_it_at_once(desk: Desk) -> None:
    customer = desk.new_customer()
    link = desk.new_link(customer)
    desk.send(link, "whatsapp")
    wait_for(desk, link["id"], "invitation", "delivered")

    write(desk, customer, "Stop!")
    eventually(
        lambda: desk.shop.rows(
            "SELECT 1 FROM notifications_optout WHERE address = %s AND channel = %s",
            customer.phone,
            "whatsapp",
        ),
        within=SOON,
        what="opt-out",
    )

    states = {
        row["channel"]: row["state"] for row in desk.send(link, "whatsapp", "sms")
    }
    assert states == {"whatsapp": "suppressed", "sms": "suppressed"}
    assert len(books(desk, customer)) == 1


def test_a_number_that_is_not_on_whatsapp_is_not_tried_again(desk: Desk) -> None:
    customer = desk.new_customer()
    link = desk.new_link(customer)
    fate = {"to": f"whatsapp:{customer.phone}", "statuses": ["failed"]}
    desk.outside.twilio._set_fate({**fate, "error_code": 63024})

    desk.send(link, "whatsapp")
    wait_for(desk, link["id"], "invitation", "bounced")

    [again] = desk.send(link, "whatsapp")
    assert again["state"] == "suppressed"
    assert desk.send(link, "sms")[0]["state"] == "queued"  # only WhatsApp is closed


def test_taken_but_unanswered_it_is_settled_by_the_report_and_never_repeated(
    desk: Desk,
) -> None:
    customer = desk.new_customer()
    link = desk.new_link(customer)
    desk.outside.twilio.faults.set("take_then_reset", 1)

    desk.send(link, "whatsapp")

    wait_for(desk, link["id"], "invitation", "delivered")
    assert len(books(desk, customer)) == 1


def test_control_without_a_report_it_stays_unknown(desk: Desk) -> None:
    customer = desk.new_customer()
    link = desk.new_link(customer)
    desk.outside.twilio.faults.set("take_then_reset", 1)
    desk.outside.twilio.plan.mode = "off"
    try:
        desk.send(link, "whatsapp")
        wait_for(desk, link["id"], "invitation", "unknown")
    finally:
        desk.outside.twilio.plan.mode = "on"
    assert len(books(desk, customer)) == 1
