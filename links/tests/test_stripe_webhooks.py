import json
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from links.providers.base import (
    WebhookVerificationError,
)
from links.providers.stripe import StripeProvider

from .stripe_tape import SECRET_KEY, WEBHOOK_SECRET, StripeTape, recorded, signed


@pytest.fixture(autouse=True)
def _keys(settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = SECRET_KEY
    settings.STRIPE_WEBHOOK_SECRET = WEBHOOK_SECRET
    settings.STRIPE_API_BASE = ""


@pytest.fixture
def tape() -> StripeTape:
    return StripeTape()


@pytest.fixture
def provider(tape: StripeTape) -> StripeProvider:
    return StripeProvider(http_client=tape)


def test_accepts_both_secrets_while_one_is_replaced(
    provider: StripeProvider, settings: Any
) -> None:
    settings.STRIPE_WEBHOOK_SECRET = "whsec_new, whsec_old"
    body = b"{}"

    for secret in ("whsec_new", "whsec_old"):
        provider.verify_webhook(signed(body, secret=secret), body)
    with pytest.raises(WebhookVerificationError):
        provider.verify_webhook(signed(body), body)


def test_accepts_any_of_several_signatures(provider: StripeProvider) -> None:
    body = b'{"a": 1}'
    header = signed(body)["Stripe-Signature"].replace(",v1=", ",v1=00ff,v1=")

    provider.verify_webhook({"stripe-signature": header + ",v0=00"}, body)


def test_agrees_with_the_vendors_own_signature(provider: StripeProvider) -> None:
    body = json.dumps(recorded("event_session_completed"))

    header = stripe.WebhookSignature.generate_signature_header(body, WEBHOOK_SECRET)

    provider.verify_webhook({"Stripe-Signature": header}, body.encode())


@pytest.mark.parametrize(
    "change",
    [
        lambda h: h.replace("v1=", "v0="),
        lambda h: h.replace("t=", "t=-"),
        lambda h: h.replace("t=", "t=\uff11"),
        lambda h: "t=1,t=2," + h,
        lambda h: h.partition(",")[0],
        lambda h: h.partition(",")[2],
        lambda h: h + "0",
        lambda h: "t=" + "9" * 400 + "," + h.partition(",")[2],
        lambda h: "é" + h[1:],
    ],
)
def test_refuses_a_malformed_signature(
    provider: StripeProvider, change: Callable[[str], str]
) -> None:
    header = change(signed(b"{}")["Stripe-Signature"])

    with pytest.raises(WebhookVerificationError):
        provider.verify_webhook({"Stripe-Signature": header}, b"{}")


@pytest.mark.parametrize("change", [{"livemode": True}, {"account": "acct_other"}])
def test_refuses_an_event_that_is_not_ours(
    provider: StripeProvider, change: dict[str, Any]
) -> None:
    body = json.dumps({**recorded("event_session_completed"), **change}).encode()

    with pytest.raises(WebhookVerificationError):
        provider.parse_webhook(body)


def test_a_live_key_wants_live_events(provider: StripeProvider, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = "sk_live_x"
    event = recorded("event_session_completed")

    with pytest.raises(WebhookVerificationError):
        provider.parse_webhook(json.dumps(event).encode())

    live = json.dumps({**event, "livemode": True}).encode()
    assert provider.parse_webhook(live).event_id == "evt_1"


@pytest.mark.parametrize(
    "name", ["charge_updated", "charge_refunded", "refund_created", "refund_failed"]
)
def test_a_charge_or_refund_leads_to_its_payment(
    provider: StripeProvider, name: str
) -> None:
    event = provider.parse_webhook(json.dumps(recorded(f"event_{name}")).encode())

    assert event.provider_payment_id == "pi_1"
    assert event.provider_session_id == ""


def test_a_refund_of_no_payment_says_nothing(provider: StripeProvider) -> None:
    event = recorded("event_refund_created")
    event["data"]["object"]["payment_intent"] = None

    told = provider.parse_webhook(json.dumps(event).encode())

    assert (told.provider_session_id, told.provider_payment_id) == ("", "")


@pytest.mark.parametrize("identity", [None, 7, "pi_\u00e9", "pi\n", "x" * 300, {}])
def test_never_fetches_by_an_id_that_is_none(
    provider: StripeProvider, identity: Any
) -> None:
    event = recorded("event_session_completed")
    event["data"]["object"]["id"] = identity

    assert provider.parse_webhook(json.dumps(event).encode()).provider_session_id == ""
