"""Mail through the HTTP API of a service: bounced there, no reminder after it.

The product runs as its own processes; the service is a fake that keeps a ledger.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from notifications.tests.mail_posts import SECRET, basic, body
from proofs import http
from proofs.desk import Customer, Desk
from proofs.fakes.ledger import Ledger
from proofs.fakes.mail_api import MailApiFake
from proofs.fakes.web import FakeServer
from proofs.servers import Servers, desks
from proofs.waiting import eventually

pytestmark = pytest.mark.stack
TOKEN = "server-token-of-the-shop"
SOON = 25.0


@pytest.fixture
def service(tmp_path: Path) -> Iterator[MailApiFake]:
    with Ledger(tmp_path / "mail.sqlite3").closing() as ledger:
        fake = MailApiFake(ledger, esp="postmark", key=TOKEN)
        with FakeServer(fake):
            yield fake


@pytest.fixture
def desk(servers: Servers, tmp_path: Path, service: MailApiFake) -> Iterator[Desk]:
    with desks(servers, tmp_path) as open_desk:
        desk = open_desk("postmark", is_embedded=True)
        desk.shop.variables.update(
            EMAIL_URL=f"postmark://{TOKEN}@",
            EMAIL_API_BASE=service.base_url,
            ANYMAIL_WEBHOOK_SECRET=SECRET,
        )
        desk.shop.wait_for_web(desk.shop.web())
        yield desk


def mails(service: MailApiFake, customer: Customer) -> list[dict[str, Any]]:
    found = service.ledger.objects("mail")
    return [mail["body"] for mail in found if mail["to"] == customer.email]


def invited(desk: Desk, service: MailApiFake) -> tuple[Customer, dict[str, Any], str]:
    """Somebody who got a mail with a link, the link, and the message's id."""
    customer = desk.new_customer()
    link = desk.new_link(customer)
    answer = desk.shop.api_post(f"links/{link['id']}/send", {"channels": ["email"]})
    assert answer.status == 202
    eventually(lambda: mails(service, customer), within=SOON, what="the invitation")
    [message] = desk.messages(link["id"])
    eventually(
        lambda: desk.messages(link["id"])[0]["state"] == "sent",
        within=SOON,
        what="sent",
    )
    return customer, link, message["id"]


def report(desk: Desk, what: str, message_id: str, *, secret: str = SECRET) -> int:
    return http.post(
        f"{desk.shop.url}/webhooks/email/postmark/",
        body=json.dumps(body("postmark", what, message_id)).encode(),
        headers={"Content-Type": "application/json", **basic(secret)},
    ).status


def test_a_bounced_address_gets_no_reminder_and_a_good_one_does(
    desk: Desk, service: MailApiFake
) -> None:
    gone, gone_link, gone_message = invited(desk, service)
    good, good_link, good_message = invited(desk, service)
    [mail] = mails(service, gone)
    assert gone_link["url"] in mail["TextBody"]
    assert mail["Metadata"] == {"portal_message": gone_message}

    assert report(desk, "bounced", gone_message, secret="mail-service:guess") == 400
    for _ in range(3):
        assert report(desk, "bounced", gone_message) == 200
    assert report(desk, "delivered", gone_message) == 200
    assert report(desk, "delivered", good_message) == 200

    assert [row["state"] for row in desk.messages(gone_link["id"])] == ["bounced"]
    assert [row["state"] for row in desk.messages(good_link["id"])] == ["delivered"]
    desk.shop.wait_for_rows(
        [(gone.email, "all", "bounce")],
        "SELECT address, scope, source FROM notifications_optout",
    )

    desk.shop.manage("drain", "--as-of", "+8d")

    assert len(mails(service, good)) == 2
    assert len(mails(service, gone)) == 1
    assert [row["kind"] for row in desk.messages(gone_link["id"])] == ["invitation"]


def test_what_was_taken_without_an_answer_goes_once_when_the_service_reports_it(
    desk: Desk, service: MailApiFake
) -> None:
    service.faults.set("take_then_reset", 1)
    customer = desk.new_customer()
    link = desk.new_link(customer)
    desk.shop.api_post(f"links/{link['id']}/send", {"channels": ["email"]})
    eventually(lambda: mails(service, customer), within=SOON, what="the mail")
    eventually(
        lambda: desk.messages(link["id"])[0]["state"] == "queued",
        within=SOON,
        what="waits to go again",
    )

    assert report(desk, "delivered", desk.messages(link["id"])[0]["id"]) == 200

    assert desk.messages(link["id"])[0]["state"] == "delivered"
    desk.shop.manage("drain", "--as-of", "+1d")
    assert len(mails(service, customer)) == 1


def test_control_without_a_report_it_goes_a_second_time(
    desk: Desk, service: MailApiFake
) -> None:
    service.faults.set("take_then_reset", 1)
    customer = desk.new_customer()
    link = desk.new_link(customer)
    desk.shop.api_post(f"links/{link['id']}/send", {"channels": ["email"]})
    eventually(lambda: mails(service, customer), within=SOON, what="the mail")

    desk.shop.manage("drain", "--as-of", "+1d")

    first, second = mails(service, customer)
    assert first["Headers"] == second["Headers"]
