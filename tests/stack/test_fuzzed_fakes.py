"""Schemathesis drives the three fakes by the vendors' own documents.

PROOF_EXAMPLES and PROOF_SEED change how much is drawn for each operation, and what.
"""

import json
import os
from pathlib import Path

import pytest

from proofs import vendor_specs
from proofs.fakes.provider import ProviderFake
from proofs.fakes.web import Answer, Request
from proofs.fuzzing import Fuzzed, drive, served_part
from proofs.tests import paypal_peer, square_peer, stripe_peer

pytestmark = pytest.mark.stack
STRIPE = "stripe/openapi-2026-10-28.json"
SQUARE = "square/openapi.json"
EXAMPLES = int(os.environ.get("PROOF_EXAMPLES", "6"))
SEED = int(os.environ.get("PROOF_SEED", "1"))
PAYPAL = ("checkout_orders_v2", "payments_v2", "webhooks_v1", "disputes_v1")


def document(name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(
        (vendor_specs.specs_directory() / name).read_text()
    )
    return found


def wrong_answers(
    peer: stripe_peer.Peer | square_peer.Peer | paypal_peer.Peer,
) -> list[str]:
    """What the other judge says; requests are wrong on purpose, and some, by which
    it looks what kind of server this is, go nowhere."""
    return [
        said
        for said in peer.ledger.findings()
        if said.startswith("answer") and not said.endswith("no such operation")
    ]


def driven(part: dict[str, object], url: str, key: str, folder: Path) -> Fuzzed:
    headers = {"Authorization": f"Bearer {key}"}
    return drive(
        part, url=url, headers=headers, folder=folder, seed=SEED, examples=EXAMPLES
    )


def at_stripe(peer: stripe_peer.Peer, folder: Path) -> Fuzzed:
    session = peer.new_session()
    peer.press(session, "pay")
    intent = peer.ledger.objects("payment_intent")[-1]["id"]
    refund = peer.client.v1.refunds.create({"payment_intent": intent, "amount": 100})
    peer.control(open_dispute={"payment": intent, "amount": 200})
    peer.control(pay_out={"currency": "eur", "amount": 100})
    ledger = peer.ledger
    ids = {
        "/v1/checkout/sessions/": session.id,
        "/v1/payment_intents/": intent,
        "/v1/refunds/": refund.id,
        **{
            f"/v1/{kind}s/": ledger.objects(kind)[-1]["id"]
            for kind in ("charge", "balance_transaction", "dispute", "payout", "event")
        },
    }
    part = served_part(document(STRIPE), peer.fake.serves, ids)
    return driven(part, peer.url, stripe_peer.KEY, folder)


def test_stripe_says_nothing_that_its_document_does_not_know(tmp_path: Path) -> None:
    specs = vendor_specs.specs_directory()
    with stripe_peer.running_peer(tmp_path, specs=specs) as peer:
        fuzzed = at_stripe(peer, tmp_path)

        assert fuzzed.is_clean, fuzzed.said
        assert wrong_answers(peer) == []
        assert fuzzed.operations >= 25


def test_square_says_nothing_that_its_document_does_not_know(tmp_path: Path) -> None:
    specs = vendor_specs.specs_directory()
    with square_peer.running_peer(tmp_path, specs=specs) as peer:
        paid = peer.paid_payment()
        refund = peer.refund("rfd_1", paid, 100).body["refund"]
        peer.control(open_dispute={"payment": paid["id"]})
        peer.control(pay_out={"currency": "USD", "amount": 100})
        ledger = peer.ledger
        ids = {
            "/v2/online-checkout/": ledger.objects("payment_link")[-1]["id"],
            "/v2/payments/": paid["id"],
            "/v2/refunds/": refund["id"],
            "/v2/orders/": paid["order_id"],
            "/v2/disputes/": ledger.objects("dispute")[-1]["id"],
            "/v2/payouts/": ledger.objects("payout")[-1]["id"],
            "/v2/locations/": "main",
            "/v2/merchants/": "me",
        }
        part = served_part(document(SQUARE), peer.fake.serves, ids)

        fuzzed = driven(part, peer.url, square_peer.KEY, tmp_path)

        assert fuzzed.is_clean, fuzzed.said
        assert wrong_answers(peer) == []
        assert fuzzed.operations >= 18


@pytest.mark.parametrize("name", PAYPAL)
def test_paypal_says_nothing_that_its_document_does_not_know(
    name: str, tmp_path: Path
) -> None:
    specs = vendor_specs.specs_directory()
    with paypal_peer.running_peer(tmp_path, specs=specs) as peer:
        capture = peer.captured()
        order = peer.ledger.objects("order")[-1]["id"]
        peer.control(dashboard_refund={"capture": capture["id"], "amount": "1.00"})
        peer.control(open_dispute={"payment": capture["id"]})
        ledger = peer.ledger
        ids = {
            "/v2/checkout/orders/": order,
            "/v2/payments/captures/": capture["id"],
            "/v2/payments/refunds/": ledger.objects("refund")[-1]["id"],
            "/v1/customer/disputes/": ledger.objects("dispute")[-1]["dispute_id"],
        }
        part = served_part(document(f"paypal/{name}.json"), peer.fake.serves, ids)

        fuzzed = driven(part, peer.url, peer.token, tmp_path)

        assert fuzzed.is_clean, fuzzed.said
        assert wrong_answers(peer) == []
        assert fuzzed.operations >= 1


@pytest.mark.parametrize("fault", ["breaks", "leaves out"])
def test_control_a_fake_that_breaks_is_found(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server error, or an answer without a member that its document wants."""
    honest = ProviderFake.handle

    def broken(fake: ProviderFake, request: Request) -> Answer:
        answer = honest(fake, request)
        if request.path != "/v1/balance" or request.method != "GET":
            return answer
        if fault == "breaks":
            return Answer(500, answer.data, headers=answer.headers)
        data = {n: v for n, v in answer.data.items() if n != "available"}
        return Answer(answer.status, data, headers=answer.headers)

    monkeypatch.setattr(ProviderFake, "handle", broken)
    with stripe_peer.running_peer(tmp_path) as peer:
        part = served_part(
            document(STRIPE), lambda m, path: (m, path) == ("GET", "/v1/balance"), {}
        )

        fuzzed = driven(part, peer.url, stripe_peer.KEY, tmp_path)

    assert fuzzed.operations == 1
    assert not fuzzed.is_clean
    said = {"breaks": "Server error", "leaves out": "Response violates schema"}[fault]
    assert said in fuzzed.said
