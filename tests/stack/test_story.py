"""The whole story on PostgreSQL, Redis, gunicorn, two Celery workers and beat.

Mail goes to an SMTP server, SMS to a fake of Twilio, money comes from a fake of Stripe;
every request and answer of theirs is checked against the vendors' documents.
"""

import time
from collections.abc import Iterator

import pytest

from proofs import http
from proofs.desk import AMOUNT_MINOR, Customer, Desk
from proofs.outside import LINK, Mail
from proofs.servers import Servers, desks
from proofs.waiting import eventually

pytestmark = pytest.mark.stack

# Without bounds a request waits for a stopped Redis for more than 40 s.
FEW_SECONDS = 10.0
SOON = 25.0
# The page asks the browser to look again, every three seconds.
REFRESH_SECONDS = 1.0
# Celery's own pauses between tries to reach its broker grow to some seconds.
RECOVERY_SECONDS = 60.0


@pytest.fixture(scope="module")
def open_shop(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """All processes of the product at work, as `make stack` starts them."""
    with desks(servers, tmp_path_factory.mktemp("story")) as open_desk:
        desk = open_desk("story")
        web = desk.shop.web()
        workers = [desk.shop.worker(name) for name in ("one", "two")]
        desk.shop.beat()
        desk.shop.wait_for_web(web)
        for worker in workers:
            desk.shop.wait_for_worker(worker)
        yield desk
        assert desk.findings() == []


@pytest.fixture
def desk(open_shop: Desk) -> Iterator[Desk]:
    yield open_shop
    open_shop.outside.calm()


def mails(desk: Desk, customer: Customer, count: int) -> list[Mail]:
    """That many mails to the customer; AssertionError when there are more or fewer."""
    eventually(
        lambda: len(desk.outside.mails(customer.email)) >= count,
        within=SOON,
        what=f"{count} mails",
    )
    found = desk.outside.mails(customer.email)
    assert len(found) == count, [mail.subject for mail in found]
    return found


def texts(desk: Desk, customer: Customer, count: int) -> list[str]:
    """That many SMS to the customer; AssertionError when there are more or fewer."""
    eventually(
        lambda: len(desk.outside.texts(customer.phone)) >= count,
        within=SOON,
        what=f"{count} SMS",
    )
    found = desk.outside.texts(customer.phone)
    assert len(found) == count
    return found


def wait_for_delivery(desk: Desk, link_id: str, kind: str) -> None:
    """Until the carriers have both messages of the kind, and Twilio has reported."""
    eventually(
        lambda: (
            {
                (row["channel"], row["state"])
                for row in desk.messages(link_id)
                if row["kind"] == kind
            }
            == {("email", "sent"), ("sms", "delivered")}
        ),
        within=SOON,
        what=f"{kind} delivered",
    )


def assert_booked_once(desk: Desk, link_id: str) -> None:
    link = desk.link(link_id)
    assert link["amount_paid"]["amount_minor"] == AMOUNT_MINOR
    [payment] = desk.payments(link_id)
    assert payment["amount"]["amount_minor"] == AMOUNT_MINOR
    assert payment["state"] == "succeeded"
    assert payment["surplus"]["amount_minor"] == 0
    assert desk.timeline(link_id).count("payment.succeeded") == 1


def test_a_link_is_sent_paid_and_receipted(desk: Desk) -> None:
    customer = desk.new_customer()
    link = desk.new_link(customer)
    assert link["number"].startswith("PL-")
    assert {row["channel"] for row in desk.send(link)} == {"email", "sms"}

    [invitation] = mails(desk, customer, 1)
    assert invitation.link == link["url"]
    [sms] = texts(desk, customer, 1)
    assert LINK.findall(sms) == [link["url"]]
    wait_for_delivery(desk, link["id"], "invitation")

    page = http.get(invitation.link)
    assert page.status == 200
    assert "Birthday cake" in page.text
    assert "12.50" in page.text
    back = desk.pay(invitation.link)
    desk.wait_for_status(link["id"], "paid")
    assert_booked_once(desk, link["id"])
    assert "Thank you!" in http.get(back).text
    assert "Paid. Thank you!" in http.get(invitation.link).text

    _invitation, receipt = mails(desk, customer, 2)
    assert "12.50" in receipt.text
    texts(desk, customer, 2)
    wait_for_delivery(desk, link["id"], "receipt")
    kinds = desk.timeline(link["id"])
    for kind in ("link.created", "link.sent", "checkout.started"):
        assert kinds.count(kind) == 1
    assert kinds.count("message.sent") == 4
    assert kinds.count("message.delivered") == 2
    assert kinds.index("link.sent") < kinds.index("checkout.started")
    assert kinds.index("checkout.started") < kinds.index("link.paid")
    [session] = desk.outside.sessions(link["id"])
    assert session["amount_total"] == AMOUNT_MINOR


def test_time_reminds_of_the_unpaid_link_alone(desk: Desk) -> None:
    owing, paying = desk.new_customer(), desk.new_customer()
    unpaid, paid = desk.new_link(owing), desk.new_link(paying)
    for link in (unpaid, paid):
        desk.send(link)
    mails(desk, owing, 1)
    desk.pay(mails(desk, paying, 1)[0].link)
    desk.wait_for_status(paid["id"], "paid")
    mails(desk, paying, 2)
    texts(desk, paying, 2)

    desk.shop.manage("drain", "--as-of", "+8d")

    _invitation, reminder = mails(desk, owing, 2)
    assert reminder.link == unpaid["url"]
    texts(desk, owing, 2)
    assert [row["kind"] for row in desk.messages(unpaid["id"])].count("reminder") == 2
    assert {row["kind"] for row in desk.messages(paid["id"])} == {
        "invitation",
        "receipt",
    }
    mails(desk, paying, 2)
    desk.pay(reminder.link)
    desk.wait_for_status(unpaid["id"], "paid")
    mails(desk, owing, 3)

    desk.shop.manage("drain", "--as-of", "+30d")

    mails(desk, owing, 3)
    mails(desk, paying, 2)


def test_canceling_closes_the_open_session_at_the_provider(desk: Desk) -> None:
    link = desk.new_link(desk.new_customer())
    page = desk.open_checkout(link["url"])
    [session] = desk.outside.sessions(link["id"])
    assert session["status"] == "open"

    answer = desk.shop.api_post(f"links/{link['id']}/cancel", {"reason": "Sold out"})

    assert answer.status == 200
    assert answer.data["status"] == "canceled"
    eventually(
        lambda: desk.outside.sessions(link["id"])[0]["status"] == "expired",
        within=SOON,
        what="session closed",
    )
    assert desk.outside.press(page, "pay").status == 410
    assert "Sold out" in http.get(link["url"]).text
    assert http.post(f"{link['url']}pay/stripe/").status == 410


def test_without_a_webhook_the_return_page_finds_the_payment(desk: Desk) -> None:
    desk.outside.stripe.plan.mode = "off"
    link = desk.new_link(desk.new_customer())

    back = desk.pay(link["url"])

    assert desk.link(link["id"])["status"] == "active"
    looked_at = http.get(back)
    assert looked_at.status == 200
    assert "pay a second time" in looked_at.text
    eventually(
        lambda: "Thank you!" in http.get(back).text,
        within=SOON,
        every=REFRESH_SECONDS,
        what="thanks on the return page",
    )
    assert_booked_once(desk, link["id"])


def test_without_webhook_and_return_the_sweep_finds_the_payment(desk: Desk) -> None:
    desk.outside.stripe.plan.mode = "off"
    link = desk.new_link(desk.new_customer())
    desk.pay(link["url"])

    desk.shop.let_checks_come_due()

    desk.wait_for_status(link["id"], "paid")
    assert_booked_once(desk, link["id"])


def test_webhooks_that_come_twice_book_once(desk: Desk) -> None:
    desk.outside.stripe.plan.mode = "twice"
    customer = desk.new_customer()
    link = desk.new_link(customer)

    http.get(desk.pay(link["url"]))

    desk.wait_for_status(link["id"], "paid")
    desk.shop.wait_for_rows(
        [], "SELECT event_id FROM links_webhookevent WHERE state = 'received'"
    )
    assert_booked_once(desk, link["id"])
    mails(desk, customer, 1)


def test_an_answer_lost_on_its_way_opens_one_session(desk: Desk) -> None:
    desk.outside.stripe.faults.set("commit_then_hang", {"times": 1, "seconds": 1})
    link = desk.new_link(desk.new_customer())

    failed = http.post(f"{link['url']}pay/stripe/")

    assert failed.status == 503
    assert len(desk.outside.sessions(link["id"])) == 1
    desk.pay(link["url"])
    assert len(desk.outside.sessions(link["id"])) == 1
    desk.wait_for_status(link["id"], "paid")
    assert_booked_once(desk, link["id"])


def create_and_send_quickly(desk: Desk) -> tuple[Customer, str]:
    customer = desk.new_customer()
    started = time.monotonic()
    link = desk.new_link(customer)
    desk.send(link)
    assert time.monotonic() - started < FEW_SECONDS
    return customer, link["id"]


def assert_goes_out(desk: Desk, customer: Customer) -> None:
    """A worker may end when its broker goes (kombu 5.7 does); then it is started again."""

    def is_out() -> bool:
        desk.shop.revive()
        return bool(desk.outside.mails(customer.email))

    eventually(
        is_out,
        within=RECOVERY_SECONDS,
        every=1.0,
        what="the mail after Redis came back",
    )
    mails(desk, customer, 1)
    texts(desk, customer, 1)


def test_redis_frozen_delays_messages_but_not_people(
    desk: Desk, servers: Servers
) -> None:
    servers.redis.pause()
    try:
        customer, _link = create_and_send_quickly(desk)
    finally:
        servers.redis.resume()

    assert_goes_out(desk, customer)


def test_redis_gone_delays_messages_but_not_people(
    desk: Desk, servers: Servers
) -> None:
    servers.redis.kill()
    try:
        customer, _link = create_and_send_quickly(desk)
    finally:
        servers.redis.start()

    assert_goes_out(desk, customer)
