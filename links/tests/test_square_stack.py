"""The adapter against the stateful fake, each word judged by the vendor's documents."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.test import Client

from links.models import (
    EventState,
    LinkStatus,
    Payment,
    Payout,
    ProviderAccount,
    WebhookEvent,
)
from links.providers.base import (
    CheckoutSnapshot,
    PaymentSnapshot,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
    RefundState,
    SeenState,
    SessionState,
)
from links.providers.square import SquareProvider
from links.services import accounts, inbox, pages, reconcile
from merchant_portal.lib.money import Money
from proofs import vendor_specs
from proofs.fakes.square import LOCATION_ID
from proofs.fakes.web import Request
from proofs.tests import square_peer
from proofs.tests.square_peer import Peer

from .dispute_contract import FakeDisputes
from .factories import make_customer, make_link
from .provider_contract import REQUEST, Signed
from .refund_contract import FIRST, SECOND, request_for, told
from .square_tape import event, signed

pytestmark = pytest.mark.stack
URL = "https://shop.example/webhooks/square/"


@pytest.fixture
def peer(tmp_path: Path, settings: Any) -> Iterator[Peer]:
    settings.PUBLIC_URL = URL.partition("/webhooks")[0]
    with square_peer.running_peer(
        tmp_path,
        specs=vendor_specs.specs_directory(),
        currency="EUR",
        country="IE",
        notification_url=URL,
    ) as running:
        settings.SQUARE_ACCESS_TOKEN = square_peer.KEY
        settings.SQUARE_LOCATION_ID = LOCATION_ID
        settings.SQUARE_WEBHOOK_SIGNATURE_KEY = square_peer.SECRET
        settings.SQUARE_API_BASE = running.url
        yield running
        assert running.ledger.findings() == []


@pytest.fixture
def provider(peer: Peer) -> SquareProvider:
    return SquareProvider()


def press(session: CheckoutSnapshot, outcome: str) -> square_peer.Reply:
    return square_peer.ask("POST", session.url, f"outcome={outcome}", {})


def heard(peer: Peer) -> list[Request]:
    return peer.receiver.wait_for(len(peer.events()))


def settle(peer: Peer, status: str) -> None:
    """End every refund that is under way."""
    for refund in peer.ledger.objects("refund"):
        if refund["status"] == "PENDING":
            peer.control(settle_refund={"refund": refund["id"], "status": status})


def paid(provider: SquareProvider) -> PaymentSnapshot:
    session = provider.create_checkout(REQUEST)
    press(session, "pay")
    (payment,) = provider.fetch_checkout(session.provider_session_id).payments
    return payment


class TestContract(FakeDisputes):
    signs_time = False

    @pytest.fixture(autouse=True)
    def _peer(self, peer: Peer) -> None:
        self.peer = peer

    def pay(self, session: CheckoutSnapshot) -> None:
        press(session, "pay")

    def webhook_for(self, session: CheckoutSnapshot) -> Signed:
        return self._heard("payment.updated")

    def refund_elsewhere(self, payment: PaymentSnapshot, minor: int) -> None:
        found = {"id": payment.provider_payment_id, "total_money": {"currency": "EUR"}}
        assert self.peer.refund("dash", found, minor, reason="Rain").status == 200

    def settle_refunds(self) -> None:
        settle(self.peer, "COMPLETED")

    def refund_webhook_for(self, payment: PaymentSnapshot) -> Signed:
        return self._heard("refund.created")

    def dispute_webhook_for(self, dispute_id: str) -> Signed:
        return self._heard("dispute.created")

    def _heard(self, kind: str) -> Signed:
        return next(
            (dict(hook.headers), hook.body)
            for hook in heard(self.peer)
            if json.loads(hook.body)["type"] == kind
        )

    def sign(
        self, body: bytes, *, secret: str | None = None, age_seconds: int = 0
    ) -> dict[str, str]:
        return signed(body, secret=secret or square_peer.SECRET, url=URL)

    def unknown_event(self) -> bytes:
        return event("catalog.version.updated", {"id": "c1"}, "catalog_version")


def test_a_slow_debit_arrives_later(peer: Peer, provider: SquareProvider) -> None:
    since = datetime.now(tz=UTC) - timedelta(minutes=1)
    session = provider.create_checkout(REQUEST)
    press(session, "later")
    link_id = session.provider_session_id.partition(":")[0]

    before = provider.fetch_checkout(session.provider_session_id)
    peer.control(settle={"link": link_id, "succeeded": True})
    peer.control(charge_fees=True)
    after = provider.fetch_checkout(session.provider_session_id)

    assert before.state is SessionState.COMPLETED
    assert [p.state for p in before.payments] == [SeenState.PROCESSING]
    assert [p.state for p in after.payments] == [SeenState.SUCCEEDED]
    assert after.payments[0].fee is not None
    assert [p.state for p in provider.list_payments(since)] == [SeenState.SUCCEEDED]


def test_a_declined_card_can_be_followed_by_a_good_one(
    peer: Peer, provider: SquareProvider
) -> None:
    session = provider.create_checkout(REQUEST)
    press(session, "decline")
    declined = provider.fetch_checkout(session.provider_session_id)
    press(session, "pay")
    paid = provider.fetch_checkout(session.provider_session_id)

    assert declined.state is SessionState.OPEN
    assert [p.state for p in declined.payments] == [SeenState.FAILED]
    assert paid.state is SessionState.COMPLETED
    assert [p.state for p in paid.payments] == [SeenState.FAILED, SeenState.SUCCEEDED]
    assert paid.payments[1].amount == Money(1250, "EUR")


@pytest.mark.django_db
def test_a_link_is_paid_through_square(peer: Peer, client: Client) -> None:
    link = make_link(make_customer())
    page = f"/p/{pages.token_of(link)}/"

    away = client.post(f"{page}pay/square/")
    session_url = away.headers["Location"]
    assert client.post(f"{page}pay/square/").headers["Location"] == session_url
    back = square_peer.ask("POST", session_url, "outcome=pay", {}).headers["Location"]
    peer.control(charge_fees=True)
    for hook in heard(peer):
        told = client.post(
            "/webhooks/square/",
            hook.body,
            content_type=hook.headers["content-type"],
            headers={
                name: hook.headers[name] for name in ["x-square-hmacsha256-signature"]
            },
        )
        assert told.status_code == 200
    for stored in WebhookEvent.objects.all():
        inbox.process(stored.pk)

    assert away.status_code == 303
    payment = link.payments.get()
    link.refresh_from_db()
    assert (link.status, link.amount_paid_minor) == (LinkStatus.PAID, 1250)
    assert payment.fee_minor is not None
    assert payment.checkout == link.checkouts.get()
    settled = set(WebhookEvent.objects.values_list("state", flat=True))
    assert settled == {EventState.DONE, EventState.IGNORED}
    parts = urlsplit(back)
    assert parts.query  # Square adds what it likes to our address
    thanks = client.get(f"{parts.path}?{parts.query}").content.decode()
    assert "Thank you! Your payment has arrived." in thanks


@pytest.mark.django_db
def test_money_that_names_no_link_of_ours_is_kept(peer: Peer, client: Client) -> None:
    foreign = peer.new_link(order=square_peer.order_body(currency="EUR"))
    peer.press(foreign, "pay")
    for hook in heard(peer):
        client.post(
            "/webhooks/square/",
            hook.body,
            content_type=hook.headers["content-type"],
            headers=signed(hook.body, secret=square_peer.SECRET, url=URL),
        )
    for stored in WebhookEvent.objects.all():
        inbox.process(stored.pk)

    payment = Payment.objects.get()
    assert payment.link is None
    assert payment.amount == Money(2500, "EUR")
    assert WebhookEvent.objects.filter(state=EventState.ORPHAN).exists()


@pytest.mark.parametrize("fault", ["commit_then_reset", "commit_then_500"])
def test_a_page_opened_without_an_answer_is_found_by_its_key(
    peer: Peer, provider: SquareProvider, fault: str
) -> None:
    peer.control(**{fault: 1})

    with pytest.raises(ProviderUnavailable):
        provider.create_checkout(REQUEST)
    session = provider.create_checkout(REQUEST)

    assert session.state is SessionState.OPEN
    assert len(peer.ledger.objects("payment_link")) == 1


@pytest.mark.parametrize(
    "fault", ["commit_then_hang", "commit_then_reset", "commit_then_500"]
)
def test_a_refund_without_an_answer_is_told_by_its_payment(
    peer: Peer, provider: SquareProvider, fault: str
) -> None:
    payment = paid(provider)
    request = request_for(payment, 500)
    peer.control(**{fault: {"times": 1, "seconds": 3, "path": "/v2/refunds"}})

    with (
        httpx.Client(timeout=0.5) as impatient,
        pytest.raises(ProviderUnavailable),
    ):
        SquareProvider(http_client=impatient).refund(request)
    (seen,) = provider.fetch_payment(payment.provider_payment_id).refunds
    again = provider.refund(request)

    assert told((seen,)) == [(FIRST, 500, RefundState.PENDING)]
    assert again == seen
    assert len(peer.ledger.objects("refund")) == 1


@pytest.mark.parametrize("status", ["REJECTED", "FAILED"])
def test_a_refund_that_fails_later_leaves_its_money_to_be_given_back(
    peer: Peer, provider: SquareProvider, status: str
) -> None:
    since = datetime.now(tz=UTC) - timedelta(minutes=1)
    payment = paid(provider)

    provider.refund(request_for(payment, 1250))
    with pytest.raises(ProviderRejected, match="REFUND_AMOUNT_INVALID"):
        provider.refund(request_for(payment, 1, SECOND))
    settle(peer, status)
    provider.refund(request_for(payment, 1250, SECOND))
    settle(peer, "COMPLETED")

    (listed,) = provider.list_payments(since)
    assert told(listed.refunds) == [
        (FIRST, 1250, RefundState.FAILED),
        (SECOND, 1250, RefundState.SUCCEEDED),
    ]
    assert listed.refunds[0].failure == status.lower()


def test_waits_no_longer_than_a_payer_would(peer: Peer) -> None:
    peer.control(hang={"times": 1, "seconds": 5})
    started = time.monotonic()

    with (
        httpx.Client(timeout=0.5) as impatient,
        pytest.raises(ProviderUnavailable, match="ReadTimeout"),
    ):
        SquareProvider(http_client=impatient).create_checkout(REQUEST)

    assert time.monotonic() - started < 3


def test_a_burst_too_many_is_answered_at_once(
    peer: Peer, provider: SquareProvider
) -> None:
    """The SDK would sleep as long as Square asks; the caller's row waits instead."""
    peer.control(rate_limit=1)
    started = time.monotonic()

    with pytest.raises(ProviderUnavailable, match="429"):
        provider.create_checkout(REQUEST)

    assert time.monotonic() - started < 3


def test_the_account_is_looked_at(
    peer: Peer, provider: SquareProvider, settings: Any
) -> None:
    assert provider.check_account() == ""
    settings.SQUARE_LOCATION_ID = "L0NONE"
    assert "refused" in provider.check_account()
    settings.SQUARE_ACCESS_TOKEN = "another"
    with pytest.raises(ProviderMisconfigured):
        provider.create_checkout(REQUEST)


def test_every_sample_of_the_vendors_is_taken_as_it_is_signed(settings: Any) -> None:
    folder = vendor_specs.specs_directory()
    samples = json.loads((folder / "webhook_samples.json").read_text())["square"]
    provider = SquareProvider()
    assert len(samples) == 13

    for sample in samples:
        settings.PUBLIC_URL = sample["url"].partition("/webhooks")[0]
        settings.SQUARE_WEBHOOK_SIGNATURE_KEY = sample["key"]
        body = sample["body"].encode()
        provider.verify_webhook(sample["headers"], body)
        assert provider.parse_webhook(body).kind == sample["event"]


def test_lists_disputes_page_by_page(
    peer: Peer, provider: SquareProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proofs.fakes.square_disputes.LISTED", 2)
    since = datetime.now(tz=UTC) - timedelta(minutes=1)
    for number in range(3):
        session = provider.create_checkout(
            replace(REQUEST, idempotency_key=f"chk_{number}")
        )
        press(session, "pay")
        (payment,) = provider.fetch_checkout(session.provider_session_id).payments
        peer.control(open_dispute={"payment": payment.provider_payment_id})

    listed = [seen.provider_dispute_id for seen in provider.list_disputes(since)]

    opened = [row["id"] for row in peer.ledger.objects("dispute")]
    assert sorted(listed) == sorted(opened)


@pytest.mark.django_db
def test_a_sweep_books_payouts_as_they_go(peer: Peer, provider: SquareProvider) -> None:
    press(provider.create_checkout(REQUEST), "pay")
    peer.control(charge_fees=True)
    account = accounts.get("square")
    made = peer.control(pay_out={"currency": "EUR", "days": 1})
    assert made.status == 200, made.text
    (at_square,) = peer.ledger.objects("payout")

    reconcile.sweep(account.pk)

    payout = Payout.objects.get()
    assert payout.provider_payout_id == at_square["id"]
    assert payout.state == "in_transit"
    assert payout.amount == Money(at_square["amount_money"]["amount"], "EUR")
    assert str(payout.arrives_on) == at_square["arrival_date"]
    peer.control(end_payout={"payout": at_square["id"], "paid": False})
    ProviderAccount.objects.update(next_sweep_at=None)
    reconcile.sweep(account.pk)
    payout.refresh_from_db()
    assert payout.state == "failed"
