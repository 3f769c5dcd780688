"""kill -9 once at every named crash point: nothing is lost, nothing happens twice."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from merchant_portal.lib import crash
from proofs import http
from proofs.desk import AMOUNT_MINOR, Customer, Desk, link_body
from proofs.outside import Outside
from proofs.processes import ChildProcess
from proofs.servers import Servers, desks
from proofs.shop import APP, Shop
from proofs.waiting import eventually

pytestmark = pytest.mark.stack

# What Celery and gunicorn write about a child that died by kill -9.
DEATH = r"signal 9 \(SIGKILL\)|was sent SIGKILL"
DEATH_SECONDS = 40.0
# More than one round of the sweep that would find what is lost.
CONTROL_SECONDS = 7.0
UNFINISHED = "state IN ('queued', 'sending')"
MESSAGE_POINTS = (
    "message.after_claim",
    "message.after_send",
    "message.after_send:2",
    "message.before_finish",
    "message.before_finish:2",
)
# Those after the hand-over: one more copy of that mail may rightly go out.
MAIL_MAY_GO_TWICE = {"message.after_send", "message.before_finish"}
# Those after Twilio took the SMS: it never goes again, and nobody saw the answer.
SMS_MAY_BE_UNKNOWN = {"message.after_send:2", "message.before_finish:2"}
BOOKING_POINTS = ("payment.before_commit", "webhook.before_done")
OPENING_POINTS = ("checkout.before_call", "checkout.after_call")
API_POINTS = ("api.after_claim", "api.before_commit", "api.after_commit")
OTHER_POINTS = ("webhook.after_store", "reminder.after_claim")
# In test_crashes_of_sendings.py.
SENDING_POINTS = ("send.after_claim", "bulk.before_commit")
# In test_imports.py.
IMPORT_POINTS = ("import.after_chunk", "import.before_commit")
# These in test_crashes_of_money.py.
MONEY_POINTS = (
    "capture.before_call",
    "capture.after_call",
    "refund.before_call",
    "refund.after_call",
)


@dataclass
class Rig:
    """A shop with web and beat at work; workers come and go."""

    desk: Desk
    web: ChildProcess

    @property
    def shop(self) -> Shop:
        return self.desk.shop

    @property
    def outside(self) -> Outside:
        return self.desk.outside

    def die_in_worker(self, point: str, *, app: str = APP, **changes: str) -> None:
        """Run a worker until the point kills one of its processes, then kill the rest."""
        worker = self.shop.worker("doomed", app=app, CRASH_POINT=point, **changes)
        try:
            worker.wait_for_line(DEATH, timeout=DEATH_SECONDS)
        finally:
            worker.kill()
        self.shop.let_leases_lapse()

    @contextmanager
    def worker(self, *, app: str = APP, **changes: str) -> Iterator[ChildProcess]:
        """A worker without any crash point, until the end of the block."""
        worker = self.shop.worker("healthy", app=app, **changes)
        try:
            self.shop.wait_for_worker(worker)
            yield worker
        finally:
            worker.kill()

    @contextmanager
    def doomed_web(self, point: str) -> Iterator[ChildProcess]:
        """The web server with a crash point, and a sound one again after the block."""
        self.web.kill()
        self._restart_web(CRASH_POINT=point)
        try:
            yield self.web
        finally:
            self.web.kill()
            self._restart_web()

    def _restart_web(self, **changes: str) -> None:
        self.web = self.shop.web(**changes)
        self.shop.wait_for_web(self.web)

    def settled(self, reference: str, *, within: float = 30.0) -> dict[str, str]:
        """channel → state of the messages of a link, once each of them is final."""
        count = "SELECT count(*) FROM notifications_message WHERE reference = %s AND "
        self.shop.wait_for_rows([(0,)], count + UNFINISHED, reference, within=within)
        return dict(
            self.shop.rows(
                "SELECT kind || ' ' || channel, state FROM notifications_message"
                " WHERE reference = %s",
                reference,
            )
        )


@pytest.fixture(scope="module")
def rig(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with desks(servers, tmp_path_factory.mktemp("crashes")) as open_desk:
        desk = open_desk("crashes")
        web = desk.shop.web()
        desk.shop.beat()
        desk.shop.wait_for_web(web)
        yield Rig(desk, web)
        assert desk.findings() == []


def sent_link(desk: Desk, **more: Any) -> tuple[Customer, dict[str, Any]]:
    customer = desk.new_customer()
    link = desk.new_link(customer, **{"reminders": False, **more})
    desk.send(link)
    return customer, link


def test_every_point_of_the_product_dies_here() -> None:
    groups = (
        MESSAGE_POINTS,
        BOOKING_POINTS,
        OPENING_POINTS,
        API_POINTS,
        OTHER_POINTS,
        MONEY_POINTS,
        SENDING_POINTS,
        IMPORT_POINTS,
    )
    named = [point for group in groups for point in group]

    assert {point.partition(":")[0] for point in named} == crash.POINTS


def assert_told_once(
    rig: Rig,
    customer: Customer,
    link: dict[str, Any],
    point: str = "",
    *,
    within: float = 30.0,
) -> None:
    """Both messages ended, one SMS was taken, one mail (or what a lost answer allows)."""
    states = rig.settled(link["id"], within=within)
    assert len(rig.outside.texts(customer.phone)) == 1
    mails = rig.outside.mails(customer.email)
    assert 1 <= len(mails) <= (2 if point in MAIL_MAY_GO_TWICE else 1)
    assert len({mail.message_id for mail in mails}) == 1
    assert {mail.link for mail in mails} == {link["url"]}
    assert set(states) == {"invitation email", "invitation sms"}
    assert states["invitation email"] == "sent"
    unknown = {"unknown"} if point in SMS_MAY_BE_UNKNOWN else set()
    assert states["invitation sms"] in {"sent", "delivered"} | unknown


@pytest.mark.parametrize("point", MESSAGE_POINTS)
def test_worker_dies_while_it_sends(rig: Rig, point: str) -> None:
    customer, link = sent_link(rig.desk)

    rig.die_in_worker(point)

    with rig.worker():
        assert_told_once(rig, customer, link, point)


def test_without_taking_leases_back_the_same_crash_loses_messages(rig: Rig) -> None:
    """A negative control: what the tests above assert can fail."""
    customer, link = sent_link(rig.desk)

    rig.die_in_worker("message.after_claim")

    with rig.worker(app="tests.stack.without_reaper"):
        other, witness = sent_link(rig.desk)
        assert_told_once(rig, other, witness)
        with pytest.raises(AssertionError, match=r"\[\(2,\)\]"):
            assert_told_once(rig, customer, link, within=CONTROL_SECONDS)


def test_without_leases_the_same_crash_sends_an_sms_twice(rig: Rig) -> None:
    """A negative control: what the tests above assert can fail."""
    customer, link = sent_link(rig.desk)

    rig.die_in_worker("message.after_send:2", app="tests.stack.without_claims")

    with (
        rig.worker(),
        pytest.raises(AssertionError, match=r"assert \d+ == 1"),
    ):
        assert_told_once(rig, customer, link, "message.after_send:2")
    assert len(rig.outside.texts(customer.phone)) > 1


def test_worker_dies_while_it_plans_reminders(rig: Rig) -> None:
    customer, link = sent_link(rig.desk, reminders=True)
    noon = datetime.now(tz=UTC).replace(hour=12) + timedelta(days=5)
    offset = str(int((noon - datetime.now(tz=UTC)).total_seconds()))

    rig.die_in_worker("reminder.after_claim", CLOCK_OFFSET=offset)

    with rig.worker(CLOCK_OFFSET=offset):
        rig.shop.wait_for_rows(
            [("queued",)],
            "SELECT due.state FROM links_reminderdue due JOIN links_paymentlink link"
            " ON link.id = due.link_id WHERE link.public_id = %s",
            link["id"],
        )
        states = rig.settled(link["id"])
    assert set(states) == {
        f"{kind} {channel}"
        for kind in ("invitation", "reminder")
        for channel in ("email", "sms")
    }
    assert set(states.values()) <= {"sent", "delivered"}
    assert len(rig.outside.texts(customer.phone)) == 2
    assert len({mail.message_id for mail in rig.outside.mails(customer.email)}) == 2
    assert len(rig.outside.mails(customer.email)) == 2


@pytest.mark.parametrize("point", BOOKING_POINTS)
def test_worker_dies_while_it_books(rig: Rig, point: str) -> None:
    customer = rig.desk.new_customer()
    link = rig.desk.new_link(customer)
    rig.desk.pay(link["url"])
    eventually(
        lambda: rig.shop.rows(
            "SELECT 1 FROM links_webhookevent WHERE state='received'"
        ),
        within=15,
        what="the webhook is stored",
    )
    # Nor does a look at the open checkout, or the account's own list, book it first.
    rig.shop.rows(
        "UPDATE links_checkout SET next_check_at = next_check_at + interval '1 hour'"
    )
    rig.shop.rows(
        "UPDATE links_provideraccount SET next_sweep_at = now() + interval '1 hour'"
    )

    rig.die_in_worker(point)

    assert rig.desk.link(link["id"])["status"] == "active"
    with rig.worker():
        rig.desk.wait_for_status(link["id"], "paid")
        assert_booked_once(rig, link, customer)


@pytest.mark.parametrize("point", OPENING_POINTS)
def test_web_dies_while_it_opens_a_checkout(rig: Rig, point: str) -> None:
    customer = rig.desk.new_customer()
    link = rig.desk.new_link(customer)
    with rig.doomed_web(point) as web:
        with pytest.raises(http.Hung):
            http.post(f"{link['url']}pay/stripe/")
        web.wait_for_line(DEATH, timeout=DEATH_SECONDS)
    opened = 1 if point == "checkout.after_call" else 0
    assert len(rig.outside.sessions(link["id"])) == opened

    rig.desk.pay(link["url"])

    assert len(rig.outside.sessions(link["id"])) == 1
    with rig.worker():
        rig.desk.wait_for_status(link["id"], "paid")
        assert_booked_once(rig, link, customer)


def test_web_dies_after_storing_a_webhook(rig: Rig) -> None:
    customer = rig.desk.new_customer()
    link = rig.desk.new_link(customer)
    with rig.doomed_web("webhook.after_store") as web:
        rig.desk.pay(link["url"])
        web.wait_for_line(DEATH, timeout=DEATH_SECONDS)

    with rig.worker():
        rig.desk.wait_for_status(link["id"], "paid")
        assert_booked_once(rig, link, customer)


@pytest.mark.parametrize("point", API_POINTS)
def test_web_dies_while_it_makes_a_link(rig: Rig, point: str) -> None:
    customer = rig.desk.new_customer()
    body, key = link_body(customer), f"order-{customer.id}"
    with rig.doomed_web(point) as web:
        with pytest.raises(http.Hung):
            rig.shop.api_post("links", body, key=key)
        web.wait_for_line(DEATH, timeout=DEATH_SECONDS)
    rig.shop.let_requests_lapse()

    first = rig.shop.api_post("links", body, key=key)
    second = rig.shop.api_post("links", body, key=key)

    assert first.status == 201, first.text
    assert second.text == first.text
    [made] = rig.shop.api_get(f"links?customer={customer.id}")["items"]
    assert made["id"] == first.data["id"]


def assert_booked_once(rig: Rig, link: dict[str, Any], customer: Customer) -> None:
    """One payment of the whole amount, every event done, one receipt a channel."""
    rig.shop.wait_for_rows(
        [], "SELECT kind, state FROM links_webhookevent WHERE state = 'received'"
    )
    states = rig.settled(link["id"])
    [payment] = rig.desk.payments(link["id"])
    assert payment["amount"]["amount_minor"] == AMOUNT_MINOR
    assert payment["state"] == "succeeded"
    [session] = rig.outside.sessions(link["id"])
    assert session["payment_status"] == "paid"
    rows = rig.shop.rows(
        "SELECT checkout.state FROM links_checkout checkout JOIN links_paymentlink link"
        " ON link.id = checkout.link_id WHERE link.public_id = %s",
        link["id"],
    )
    assert rows == [("completed",)]
    assert states == {"receipt email": "sent"}
    assert len(rig.outside.mails(customer.email)) == 1
    assert re.search(r"12[.,]50", rig.outside.mails(customer.email)[0].text)
