"""The adapter against the stateful fake, each word judged by the vendor's documents."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from links.models import EventState, LinkStatus, Payment, WebhookEvent
from links.providers import paypal_client, paypal_webhooks
from links.providers.base import (
    CheckoutSnapshot,
    PaymentSnapshot,
    Provider,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
    RefundState,
    SeenState,
    SessionState,
)
from links.providers.paypal import PayPalProvider
from links.services import inbox, pages
from links.tasks import settle_checkout
from merchant_portal.lib.money import Money
from proofs import vendor_specs
from proofs.fakes.paypal import WEBHOOK_ID
from proofs.fakes.web import Request
from proofs.tests import paypal_peer
from proofs.tests.paypal_peer import Peer
from proofs.tests.square_peer import ask

from . import paypal_tape
from .dispute_contract import FakeDisputes
from .factories import make_customer, make_link
from .provider_contract import REQUEST, Signed
from .refund_contract import FIRST, request_for, told

pytestmark = [pytest.mark.stack, pytest.mark.django_db]
SHOP = "https://shop.example"


@pytest.fixture
def peer(tmp_path: Path, settings: Any) -> Iterator[Peer]:
    settings.PUBLIC_URL = SHOP
    roots = tmp_path / "roots.pem"
    with paypal_peer.running_peer(
        tmp_path, specs=vendor_specs.specs_directory(), root_path=roots
    ) as running:
        settings.PAYPAL_CLIENT_ID = paypal_peer.CLIENT_ID
        settings.PAYPAL_CLIENT_SECRET = paypal_peer.SECRET
        settings.PAYPAL_WEBHOOK_ID = WEBHOOK_ID
        settings.PAYPAL_API_BASE = running.url
        settings.PAYPAL_CA_FILE = str(roots)
        paypal_client.built.cache_clear()
        paypal_webhooks.forget_certificates()
        yield running
        paypal_webhooks.forget_certificates()
        assert running.ledger.findings() == []


@pytest.fixture
def provider(peer: Peer) -> PayPalProvider:
    return PayPalProvider()


def press(session: CheckoutSnapshot, outcome: str) -> None:
    assert ask("POST", session.url, f"outcome={outcome}", {}).status == 303


def heard(peer: Peer) -> list[Request]:
    return peer.receiver.wait_for(len(peer.events()))


def proof(hook: Request) -> dict[str, str]:
    return {n: v for n, v in hook.headers.items() if n.startswith("paypal-")}


def paid(provider: PayPalProvider, key: str = "chk_paid") -> PaymentSnapshot:
    session = provider.create_checkout(REQUEST)
    press(session, "pay")
    (payment,) = provider.capture(session.provider_session_id, key).payments
    return payment


class TestContract(FakeDisputes):
    ends_there = takes_money_itself = False
    too_far_off = (4 * 86_400 + 60, -360)

    @pytest.fixture(autouse=True)
    def _peer(self, peer: Peer) -> None:
        self.peer = peer
        url = f"{peer.url}{paypal_webhooks.CERTIFICATE_PATH}CERT-of-the-test"
        pem = paypal_tape.certificate(
            "messageverificationcerts.paypal.com", of="paypal"
        )
        paypal_webhooks.learn_certificate(url, pem.decode())
        self.certificate_url = url

    def test_account_is_in_order(self, provider: Provider) -> None:
        self.peer.control(webhook_url=f"{SHOP}/webhooks/paypal/")

        assert provider.check_account() == ""

    def pay(self, session: CheckoutSnapshot) -> None:
        press(session, "pay")
        PayPalProvider().capture(session.provider_session_id, f"{session.url[-8:]}-c")

    def webhook_for(self, session: CheckoutSnapshot) -> Signed:
        return self._heard("PAYMENT.CAPTURE.COMPLETED")

    def refund_elsewhere(self, payment: PaymentSnapshot, minor: int) -> None:
        row = {"capture": payment.provider_payment_id, "amount": f"{minor / 100:.2f}"}
        self.peer.control(dashboard_refund=row)

    def settle_refunds(self) -> None:
        pass  # they complete at once

    def refund_webhook_for(self, payment: PaymentSnapshot) -> Signed:
        return self._heard("PAYMENT.CAPTURE.REFUNDED")

    def dispute_webhook_for(self, dispute_id: str) -> Signed:
        return self._heard("CUSTOMER.DISPUTE.CREATED")

    def _heard(self, kind: str) -> Signed:
        """As PayPal sent it; the certificate is fetched as a worker does."""
        hook = next(
            hook
            for hook in heard(self.peer)
            if json.loads(hook.body)["event_type"] == kind
        )
        headers = proof(hook)
        provider, url = PayPalProvider(), headers["paypal-cert-url"]
        provider.learn_certificate(url, provider.fetch_certificate(url).pem)
        return headers, hook.body

    def sign(
        self, body: bytes, *, secret: str | None = None, age_seconds: int = 0
    ) -> dict[str, str]:
        return paypal_tape.signed(
            body,
            secret=secret,
            age_seconds=age_seconds,
            webhook_id=WEBHOOK_ID,
            url=self.certificate_url,
        )

    def unknown_event(self) -> bytes:
        return paypal_tape.event("VAULT.PAYMENT-TOKEN.CREATED", {"id": "v1"}, "token")


def test_a_slow_check_arrives_later(peer: Peer, provider: PayPalProvider) -> None:
    since = datetime.now(tz=UTC) - timedelta(minutes=1)
    session = provider.create_checkout(REQUEST)
    press(session, "later")

    before = provider.capture(session.provider_session_id, "chk_c")
    peer.control(settle={"order": session.provider_session_id, "succeeded": True})
    after = provider.fetch_checkout(session.provider_session_id)

    assert [p.state for p in before.payments] == [SeenState.PROCESSING]
    assert before.payments[0].fee is None
    assert not before.awaits_capture
    assert [p.state for p in after.payments] == [SeenState.SUCCEEDED]
    assert after.payments[0].fee is not None
    assert [p.state for p in provider.list_payments(since)] == [SeenState.SUCCEEDED]


def test_a_slow_check_bounces(peer: Peer, provider: PayPalProvider) -> None:
    session = provider.create_checkout(REQUEST)
    press(session, "later")
    provider.capture(session.provider_session_id, "chk_c")
    peer.control(settle={"order": session.provider_session_id, "succeeded": False})

    found = provider.fetch_checkout(session.provider_session_id)

    assert [p.state for p in found.payments] == [SeenState.FAILED]


def test_a_declined_wallet_is_refused(peer: Peer, provider: PayPalProvider) -> None:
    session = provider.create_checkout(REQUEST)
    press(session, "pay")
    peer.control(instrument_declined=1)

    with pytest.raises(ProviderRejected, match="INSTRUMENT_DECLINED"):
        provider.capture(session.provider_session_id, "chk_c")

    assert provider.fetch_checkout(session.provider_session_id).payments == ()


@pytest.mark.parametrize(
    "amount", [Money(1250, "JPY"), Money(120000, "HUF"), Money(999, "USD")]
)
def test_amounts_come_back_as_they_were_asked(
    amount: Money, peer: Peer, provider: PayPalProvider
) -> None:
    session = provider.create_checkout(replace(REQUEST, amount=amount))
    press(session, "pay")

    (payment,) = provider.capture(session.provider_session_id, "chk_c").payments

    assert payment.amount == amount
    assert payment.fee is not None
    assert payment.fee.currency == amount.currency


def test_a_link_is_paid_through_paypal(peer: Peer, client: Client) -> None:
    link = make_link(make_customer())
    page = f"/p/{pages.token_of(link)}/"

    away = client.post(f"{page}pay/paypal/")
    order_url = away.headers["Location"]
    assert client.post(f"{page}pay/paypal/").headers["Location"] == order_url
    back = ask("POST", order_url, "outcome=pay", {}).headers["Location"]
    settle_checkout(link.checkouts.get().pk)
    for hook in heard(peer):
        told = client.post(
            "/webhooks/paypal/",
            hook.body,
            content_type=hook.headers["content-type"],
            headers=proof(hook),
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
    events = WebhookEvent.objects.values_list("state", "is_verified")
    assert set(events) == {(EventState.DONE, True)}
    asked = [call for call in peer.ledger.calls() if "/certs/" in call.path]
    assert len(asked) == 1  # by the first worker, for all
    parts = urlsplit(back)
    assert "PayerID" in parts.query
    thanks = client.get(f"{parts.path}?{parts.query}").content.decode()
    assert "Thank you! Your payment has arrived." in thanks


def test_money_that_names_no_link_of_ours_is_kept(peer: Peer, client: Client) -> None:
    peer.captured()
    for hook in heard(peer):
        client.post(
            "/webhooks/paypal/",
            hook.body,
            content_type=hook.headers["content-type"],
            headers=proof(hook),
        )
    for stored in WebhookEvent.objects.all():
        inbox.process(stored.pk)

    payment = Payment.objects.get()
    assert payment.link is None
    assert payment.amount == Money(2500, "USD")
    assert WebhookEvent.objects.filter(state=EventState.ORPHAN).exists()


def test_a_new_certificate_is_fetched_once_more(peer: Peer, client: Client) -> None:
    for _round in range(2):
        peer.control(rotate_certificate=True)
        order = peer.new_order(f"chk_{_round}")
        peer.press(order, "pay")
    for hook in heard(peer):
        assert (
            client.post(
                "/webhooks/paypal/",
                hook.body,
                content_type=hook.headers["content-type"],
                headers=proof(hook),
            ).status_code
            == 200
        )
    for stored in WebhookEvent.objects.all():
        inbox.process(stored.pk)

    assert WebhookEvent.objects.filter(is_verified=True).count() == 2


@pytest.mark.parametrize(
    "fault", ["commit_then_hang", "commit_then_reset", "commit_then_500"]
)
def test_each_lost_answer_is_settled_by_reading(
    peer: Peer,
    provider: PayPalProvider,
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(paypal_client, "TIMEOUT_SECONDS", (1.5, 1.5))
    switch = {"times": 1, "seconds": 3}

    peer.control(**{fault: {**switch, "path": "/v2/checkout/orders"}})
    with pytest.raises(ProviderUnavailable):
        provider.create_checkout(REQUEST)
    session = provider.create_checkout(REQUEST)
    press(session, "pay")
    peer.control(**{fault: {**switch, "path": "/v2/checkout/orders"}})
    with pytest.raises(ProviderUnavailable):
        provider.capture(session.provider_session_id, "chk_c")
    (payment,) = provider.fetch_checkout(session.provider_session_id).payments
    peer.control(**{fault: {**switch, "path": "/v2/payments/captures"}})
    with pytest.raises(ProviderUnavailable):
        provider.refund(request_for(payment, 500))

    (refund,) = provider.fetch_payment(payment.provider_payment_id).refunds
    assert told((refund,)) == [(FIRST, 500, RefundState.SUCCEEDED)]
    again = provider.refund(request_for(payment, 500))
    assert again.provider_refund_id == refund.provider_refund_id
    for kind in ("order", "capture", "refund"):
        assert len(peer.ledger.objects(kind)) == 1


def test_tokens_that_lapse_are_replaced(peer: Peer, provider: PayPalProvider) -> None:
    session = provider.create_checkout(REQUEST)
    peer.control(expire_tokens=True)

    found = provider.fetch_checkout(session.provider_session_id)

    assert found.state is SessionState.OPEN
    tokens = [call for call in peer.ledger.calls() if "oauth2" in call.path]
    assert len(tokens) == 3  # the test's own, the first, the next


def test_an_order_that_ran_out_is_gone(peer: Peer, provider: PayPalProvider) -> None:
    session = provider.create_checkout(REQUEST)
    peer.control(expire_order={"order": session.provider_session_id})

    with pytest.raises(ProviderRejected):
        provider.fetch_checkout(session.provider_session_id)


def test_a_burst_too_many_is_answered_at_once(
    peer: Peer, provider: PayPalProvider
) -> None:
    peer.control(rate_limit=1)
    started = time.monotonic()

    with pytest.raises(ProviderUnavailable, match="429"):
        provider.create_checkout(REQUEST)

    assert time.monotonic() - started < 3


def test_the_account_is_looked_at(
    peer: Peer, provider: PayPalProvider, settings: Any
) -> None:
    peer.control(webhook_url=f"{SHOP}/webhooks/paypal/")
    assert provider.check_account() == ""
    settings.PAYPAL_WEBHOOK_ID = "WH-OTHER"
    assert "no webhook with this id" in provider.check_account()
    settings.PAYPAL_CLIENT_SECRET = "another"
    with pytest.raises(ProviderMisconfigured):
        provider.create_checkout(REQUEST)


def test_every_sample_of_the_vendors_is_taken_as_it_is_signed(
    peer: Peer, provider: PayPalProvider, settings: Any
) -> None:
    folder = vendor_specs.specs_directory()
    samples = json.loads((folder / "webhook_samples.json").read_text())["paypal"]
    settings.PAYPAL_API_BASE = "https://api-m.sandbox.paypal.com"
    assert len(samples) == 7

    for sample in samples:
        body = sample["body"].encode()
        # The samples bring headers only; the key is ours.
        headers = paypal_tape.signed(
            body,
            webhook_id=WEBHOOK_ID,
            url=sample["headers"]["PAYPAL-CERT-URL"],
        )
        assert set(map(str.lower, headers)) == set(map(str.lower, sample["headers"]))
        pem = paypal_tape.certificate(
            "messageverificationcerts.paypal.com", of="paypal"
        )
        provider.learn_certificate(headers["Paypal-Cert-Url"], pem.decode())
        provider.verify_webhook(headers, body)
        event = provider.parse_webhook(body)
        assert event.kind == sample["event"]
        assert event.provider_session_id or event.provider_payment_id


def test_lists_disputes_page_by_page(
    peer: Peer, provider: PayPalProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("links.providers.paypal.DISPUTE_PAGE", 2)
    since = datetime.now(tz=UTC) - timedelta(minutes=1)
    for number in range(5):
        peer.control(open_dispute={"payment": peer.captured(number)["id"]})
    listed = {seen.provider_dispute_id for seen in provider.list_disputes(since)}
    assert listed == {row["dispute_id"] for row in peer.ledger.objects("dispute")}
    assert len(peer.ledger.calls(path="/v1/customer/disputes?")) == 3
