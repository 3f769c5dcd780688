"""The fake PayPal's webhooks: signed, certified, repeated, kept over a restart."""

import base64
import json
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.verification import PolicyBuilder, Store

from proofs import vendor_specs
from proofs.fakes import paypal_certificates
from proofs.fakes.paypal import WEBHOOK_ID
from proofs.fakes.paypal_books import totals
from proofs.fakes.receiver import ReceiverServer
from proofs.fakes.totals import Totals
from proofs.fakes.web import Request
from proofs.tests.paypal_peer import PAID, Peer, running_peer
from proofs.tests.square_peer import ask

pytestmark = pytest.mark.stack


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    """Nothing that a test makes it say or hear may depart from the documents."""
    with running_peer(tmp_path, specs=vendor_specs.specs_directory()) as running:
        yield running
        assert running.ledger.findings() == []


def certificate(root: str, address: str) -> x509.Certificate:
    """The leaf at the address, once its chain leads to the root under PayPal's name."""
    answer = ask("GET", address, "", {})
    assert answer.status == 200
    leaf, *others = x509.load_pem_x509_certificates(answer.text.encode())
    store = Store(x509.load_pem_x509_certificates(root.encode()))
    builder = PolicyBuilder().store(store).time(datetime.now(UTC))
    name = x509.DNSName(paypal_certificates.HOST)
    builder.build_server_verifier(name).verify(leaf, others)
    return leaf


def assert_signed(request: Request, leaf: x509.Certificate) -> None:
    """Raises InvalidSignature."""
    told = {k.removeprefix("paypal-"): v for k, v in request.headers.items()}
    moment = datetime.fromisoformat(told["transmission-time"])
    assert abs((datetime.now(UTC) - moment).total_seconds()) < 60
    assert told["auth-algo"] == "SHA256withRSA"
    parts = (told["transmission-id"], told["transmission-time"], WEBHOOK_ID)
    message = "|".join((*parts, str(zlib.crc32(request.body))))
    key = leaf.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    signature = base64.b64decode(told["transmission-sig"])
    key.verify(signature, message.encode(), padding.PKCS1v15(), hashes.SHA256())


def test_webhooks_are_signed_under_a_chain_to_the_root(peer: Peer) -> None:
    order = peer.new_order()
    peer.press(order, "pay")
    peer.capture(order)

    requests = peer.receiver.wait_for(3)

    address = requests[0].headers["paypal-cert-url"]
    assert address.startswith(f"{peer.url}/v1/notifications/certs/CERT-")
    leaf = certificate(peer.root, address)
    for request in requests:
        assert_signed(request, leaf)
    with pytest.raises(InvalidSignature):
        assert_signed(replace(requests[0], body=requests[0].body + b" "), leaf)
    events = [json.loads(request.body) for request in requests]
    assert sorted(event["event_type"] for event in events) == sorted(PAID)
    assert len({event["id"] for event in events}) == 3
    [told] = [e for e in events if e["event_type"] == "CHECKOUT.ORDER.APPROVED"]
    assert told["resource"]["id"] == order["id"]
    nowhere = f"{peer.url}{paypal_certificates.PATH}CERT-none"
    assert ask("GET", nowhere, "", {}).status == 404


def test_a_new_certificate_has_a_new_address_and_the_same_root(peer: Peer) -> None:
    order = peer.new_order()
    peer.press(order, "pay")
    [before] = peer.receiver.wait_for(1)

    peer.control(rotate_certificate=True)
    peer.capture(order)

    requests = peer.receiver.wait_for(3)
    first, *others = [request.headers["paypal-cert-url"] for request in requests]
    assert len({first, *others}) == 2
    leaf = certificate(peer.root, others[0])
    assert_signed(requests[1], leaf)
    with pytest.raises(InvalidSignature):
        assert_signed(before, leaf)
    assert_signed(before, certificate(peer.root, first))


def test_the_root_lies_in_a_file_and_certificates_elsewhere(tmp_path: Path) -> None:
    path, base = tmp_path / "root.pem", "https://api.sandbox.paypal.com"
    with running_peer(tmp_path, root_path=path, cert_base=base) as peer:
        peer.press(peer.new_order(), "pay")

        [request] = peer.receiver.wait_for(1)

        address = request.headers["paypal-cert-url"]
        assert address.startswith(f"{base}{paypal_certificates.PATH}CERT-")
        leaf = certificate(path.read_text(), address.replace(base, peer.url))
        assert_signed(request, leaf)


def test_webhooks_can_be_lost_and_doubled(tmp_path: Path) -> None:
    with running_peer(tmp_path, events=("PAYMENT.CAPTURE.COMPLETED",)) as peer:
        peer.control(webhook="off")
        peer.captured(1)
        assert peer.ledger.deliveries() == []

        peer.control(webhook="twice")
        peer.captured(2)

        first, second = peer.receiver.wait_for(2)
        assert first.body == second.body
        ids = {r.headers["paypal-transmission-id"] for r in (first, second)}
        assert len(ids) == 2


def test_the_restarted_fake_keeps_its_books_and_sends_what_waits(
    tmp_path: Path,
) -> None:
    with ReceiverServer() as receiving:
        url = f"{receiving.url}/hook/"
        events = ("PAYMENT.CAPTURE.COMPLETED",)
        with running_peer(tmp_path, webhook_url=url, events=events) as peer:
            peer.control(webhook_delay=1)
            capture = peer.captured()
            token, root = peer.token, peer.root
            [waiting] = peer.ledger.deliveries()
            assert (waiting.state, receiving.receiver.received) == ("pending", [])

        with running_peer(tmp_path, webhook_url=url) as peer:
            again = replace(peer, token=token)
            assert again.create_order("chk_1").status == 200
            assert again.status(capture) == "COMPLETED"
            [request] = receiving.receiver.wait_for(1)
            leaf = certificate(root, request.headers["paypal-cert-url"])
            sums = totals(peer.ledger)

    assert request.body == waiting.body.encode()
    assert_signed(request, leaf)
    assert sums == {"USD": Totals(captured=2500, fees=136)}


def test_webhooks_are_repeated_until_they_are_taken(tmp_path: Path) -> None:
    with running_peer(tmp_path, statuses=(500, 503)) as peer:
        peer.press(peer.new_order(), "pay")

        requests = peer.receiver.wait_for(3)

        assert len({request.body for request in requests}) == 1
        peer.wait_until_delivered()
        [delivery] = peer.ledger.deliveries()
        assert (delivery.tries, delivery.state) == (3, "delivered")


def test_an_event_that_paypal_would_not_send_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    payer = {"payer": {"payer_id": "QYR5Z8XDVJNXQ", "shoe_size": "9"}}
    monkeypatch.setattr("proofs.fakes.paypal_objects.payer", lambda: payer)
    with running_peer(tmp_path, specs=vendor_specs.specs_directory()) as peer:
        peer.press(peer.new_order(), "pay")

        assert peer.ledger.findings() == [
            "event CHECKOUT.ORDER.APPROVED: resource.payer.shoe_size: unknown name"
        ]
