"""kill -9 around the two calls that move money by themselves: capture and refund."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from proofs import http
from proofs.desk import Desk
from proofs.fakes.ledger import Ledger
from proofs.fakes.paypal import CLIENT_ID, WEBHOOK_ID, PayPalFake
from proofs.fakes.web import FakeServer
from proofs.servers import Servers, desks
from proofs.vendor_specs import specs_directory
from proofs.waiting import eventually

from .test_crashes import DEATH, DEATH_SECONDS

pytestmark = pytest.mark.stack
SECRET = "paypal-secret-of-the-test"
SOON = 40.0


@dataclass
class Rig:
    desk: Desk
    paypal: Ledger

    def die_in_worker(self, point: str) -> None:
        """Run a worker until the point kills one of its processes; what was held, and
        the next looks, are due then."""
        worker = self.desk.shop.worker("doomed", CRASH_POINT=point)
        try:
            worker.wait_for_line(DEATH, timeout=DEATH_SECONDS)
        finally:
            worker.kill()
        self.desk.shop.let_leases_lapse()
        self.desk.shop.let_checks_come_due()


@pytest.fixture(scope="module")
def rig(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("crashes-of-money")
    roots, ledger = folder / "roots.pem", Ledger(folder / "paypal.sqlite3")
    with desks(servers, folder) as open_desk, ledger.closing():
        desk = open_desk("money")
        fake = PayPalFake(
            ledger,
            client_id=CLIENT_ID,
            secret=SECRET,
            webhook_id=WEBHOOK_ID,
            webhook_url=f"{desk.shop.url}/webhooks/paypal/",
            specs=specs_directory(),
            root_path=roots,
        )
        with FakeServer(fake) as server:
            desk.shop.variables.update(
                PAYPAL_CLIENT_ID=CLIENT_ID,
                PAYPAL_CLIENT_SECRET=SECRET,
                PAYPAL_WEBHOOK_ID=WEBHOOK_ID,
                PAYPAL_API_BASE=server.url,
                PAYPAL_CA_FILE=str(roots),
            )
            web = desk.shop.web()
            desk.shop.beat()
            desk.shop.wait_for_web(web)
            yield Rig(desk, ledger)
            desk.shop.stop()
        assert ledger.findings() == []
        assert desk.outside.findings() == []


@pytest.mark.parametrize("point", ["capture.before_call", "capture.after_call"])
def test_worker_dies_while_it_captures(rig: Rig, point: str) -> None:
    customer = rig.desk.new_customer()
    link = rig.desk.new_link(customer)
    before = len(rig.paypal.objects("capture"))
    away = http.post(f"{link['url']}pay/paypal/")
    assert http.post(away.location, {"outcome": "pay"}).status == 303

    rig.die_in_worker(point)

    if point == "capture.before_call":
        assert rig.desk.link(link["id"])["status"] == "active"
    # After the call PayPal's own webhook may have come to the dying worker's sibling.
    worker = rig.desk.shop.worker("healthy")
    try:
        rig.desk.wait_for_status(link["id"], "paid", within=SOON)
    finally:
        worker.kill()
    [payment] = rig.desk.payments(link["id"])
    assert (payment["provider"], payment["state"]) == ("paypal", "succeeded")
    assert len(rig.paypal.objects("capture")) == before + 1


@pytest.mark.parametrize("point", ["refund.before_call", "refund.after_call"])
def test_worker_dies_while_it_gives_back(rig: Rig, point: str) -> None:
    desk = rig.desk
    link = desk.new_link(desk.new_customer())
    desk.pay(link["url"])
    worker = desk.shop.worker("healthy")
    try:
        desk.wait_for_status(link["id"], "paid", within=SOON)
    finally:
        worker.kill()
    [payment] = desk.payments(link["id"])
    before = len(desk.outside.stripe.ledger.objects("refund"))
    asked = desk.shop.api_post(
        f"payments/{payment['id']}/refunds",
        {
            "amount": {"amount_minor": 400, "currency": "EUR"},
            "reason": "One is missing",
        },
    )
    assert asked.status == 201, asked.text
    desk.shop.rows(
        "UPDATE links_refund SET state = 'approved', next_check_at = now()"
        " WHERE public_id = %s",
        asked.data["id"],
    )

    rig.die_in_worker(point)

    was_made = point == "refund.after_call"
    worker = desk.shop.worker("healthy")
    try:
        ends = {"succeeded"} if was_made else {"unknown"}
        eventually(
            lambda: state_of(desk, payment["id"]) in ends,
            within=SOON,
            what=f"the refund is {ends}",
        )
    finally:
        worker.kill()
    # Never asked for a second time: what nobody knows waits for a person.
    made = len(desk.outside.stripe.ledger.objects("refund")) - before
    assert made == (1 if was_made else 0)


def state_of(desk: Desk, payment_id: str) -> str:
    [refund] = desk.shop.api_get(f"payments/{payment_id}/refunds")["items"]
    return str(refund["state"])
