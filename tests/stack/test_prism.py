"""What our adapters send, judged by Prism with the vendors' own documents.

Prism answers with filler, which an adapter may well call no answer; what counts is that
nothing it was sent is refused.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import requests

from links.providers.base import (
    ForeignPayment,
    Provider,
    ProviderUnavailable,
    RefundRequest,
)
from links.providers.paypal import PayPalProvider
from links.providers.paypal_client import Client
from links.providers.square import SquareProvider
from links.tests.provider_contract import REQUEST
from merchant_portal.lib.money import Money
from notifications.channels.base import Outgoing, Refused
from notifications.channels.sms import SmsChannel
from notifications.channels.twilio import TwilioChannel
from notifications.channels.whatsapp import WhatsAppChannel
from proofs import vendor_specs
from proofs.outsiders import prism

pytestmark = [pytest.mark.stack, pytest.mark.django_db]
ID = "5O190127TN364715T"
REFUND = RefundRequest("rfd_0123456789abcdefghij", ID, Money(500, "EUR"))
PAYPAL = {
    "/v2/checkout/": "checkout_orders_v2",
    "/v2/payments/": "payments_v2",
    "/v1/notifications/": "webhooks_v1",
    "/v1/customer/": "disputes_v1",
}


@dataclass
class Judged:
    """Status of every answer, by method and path."""

    statuses: dict[str, int] = field(default_factory=dict)


@pytest.fixture(scope="module")
def paypal_urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("prism")
    documents = vendor_specs.specs_directory() / "paypal"
    with (
        prism(documents / "checkout_orders_v2.json", folder) as orders,
        prism(documents / "payments_v2.json", folder) as payments,
        prism(documents / "webhooks_v1.json", folder) as webhooks,
        prism(documents / "disputes_v1.json", folder) as disputes,
    ):
        yield dict(zip(PAYPAL, (orders, payments, webhooks, disputes), strict=True))


@pytest.fixture(scope="module")
def square_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    document = vendor_specs.specs_directory() / "square" / "openapi.json"
    with prism(document, tmp_path_factory.mktemp("prism")) as url:
        yield url


@pytest.fixture(scope="module")
def twilio_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    document = vendor_specs.specs_directory() / "twilio" / "api_v2010.json"
    with prism(document, tmp_path_factory.mktemp("prism")) as url:
        yield url


class JudgedClient(Client):
    """Asks the Prism of each path; tokens stand in no document."""

    def __init__(self, urls: dict[str, str], judged: Judged) -> None:
        super().__init__("client", "secret", "https://paypal.example")
        self._urls, self._judged = urls, judged

    def get_token_hash(self, *_given: Any, **_named: Any) -> Any:
        return {"access_token": "token"}

    def http_call(self, url: str, method: str, **given: Any) -> Any:
        path = url.removeprefix("https://paypal.example")
        base = next(b for start, b in self._urls.items() if path.startswith(start))
        answer = requests.request(
            method, base + path, timeout=20, allow_redirects=False, **given
        )
        self._judged.statuses[f"{method} {path.partition('?')[0]}"] = answer.status_code
        return self.handle_response(answer, answer.text)


def call_everything(provider: Provider, session_id: str) -> None:
    """Each call that an adapter makes; filler that cannot be read is no refusal."""
    since = datetime(2026, 11, 1, tzinfo=UTC)
    calls: list[Callable[[], object]] = [
        lambda: provider.create_checkout(REQUEST),
        lambda: provider.fetch_checkout(session_id),
        lambda: provider.expire_checkout(session_id),
        lambda: provider.fetch_payment(ID),
        lambda: provider.refund(REFUND),
        lambda: list(provider.list_payments(since)),
        lambda: provider.fetch_dispute(ID),
        lambda: list(provider.list_disputes(since)),
        lambda: list(provider.list_payouts(since)),
        lambda: provider.check_account(),
    ]
    for call in calls:
        with suppress(ProviderUnavailable, ForeignPayment):
            call()


def test_paypal_refuses_nothing(paypal_urls: dict[str, str], settings: Any) -> None:
    settings.PAYPAL_CLIENT_ID = "client"
    settings.PAYPAL_WEBHOOK_ID = "WH0123456789"
    judged = Judged()
    provider = PayPalProvider(JudgedClient(paypal_urls, judged))

    call_everything(provider, ID)
    with suppress(ProviderUnavailable):
        provider.capture(ID, "chk_0123456789abcdefghij-capture")

    assert judged.statuses == {
        "POST /v2/checkout/orders": 200,
        f"GET /v2/checkout/orders/{ID}": 200,
        f"POST /v2/checkout/orders/{ID}/capture": 200,
        f"GET /v2/payments/captures/{ID}": 200,
        f"POST /v2/payments/captures/{ID}/refund": 201,
        f"GET /v1/customer/disputes/{ID}": 200,
        "GET /v1/customer/disputes/string": 200,  # the filler of the list
        "GET /v1/customer/disputes": 200,
        "GET /v1/notifications/webhooks-events": 200,
        "GET /v1/notifications/webhooks/WH0123456789": 200,
    }


def test_control_it_refuses_an_amount_that_is_no_text(
    paypal_urls: dict[str, str],
) -> None:
    unit: Any = {"amount": {"currency_code": "EUR", "value": 12.5}}
    answer = requests.post(
        paypal_urls["/v2/checkout/"] + "/v2/checkout/orders",
        json={"intent": "CAPTURE", "purchase_units": [unit]},
        headers={"Authorization": "Bearer token"},
        timeout=20,
    )

    assert answer.status_code == 422


def test_square_refuses_nothing(square_url: str, settings: Any) -> None:
    settings.SQUARE_ACCESS_TOKEN = "token"
    settings.SQUARE_LOCATION_ID = "L0TEST"
    settings.SQUARE_API_BASE = square_url
    judged = Judged()

    def note(response: httpx.Response) -> None:
        request = response.request
        judged.statuses[f"{request.method} {request.url.path}"] = response.status_code

    with httpx.Client(timeout=20, event_hooks={"response": [note]}) as client:
        call_everything(SquareProvider(http_client=client), f"LINK:{ID}")

    # And orders and payments whose ids are filler of the lists.
    assert set(judged.statuses.values()) == {200}
    assert judged.statuses.keys() >= {
        "POST /v2/online-checkout/payment-links",
        "DELETE /v2/online-checkout/payment-links/LINK",
        f"GET /v2/orders/{ID}",
        f"GET /v2/payments/{ID}",
        "POST /v2/refunds",
        "GET /v2/payments",
        "GET /v2/refunds",
        f"GET /v2/disputes/{ID}",
        "GET /v2/disputes",
        "GET /v2/payouts",
        "GET /v2/locations/L0TEST",
    }


def tell(**changes: Any) -> Outgoing:
    outgoing = Outgoing(
        public_id="msg_00000000000000000001",
        recipient="+14155550100",
        text="Grüße, Łukasz: https://pay.example.com/p/1/",
        start_before=time.monotonic() + 20,
    )
    return replace(outgoing, **changes)


TEMPLATE = {
    "template_id": "HX" + "a" * 32,
    "template_values": {"1": "Łukasz", "2": "x"},
}


@pytest.mark.parametrize(
    ("channel", "sender", "changes"),
    [
        (SmsChannel, "+15005550006", {}),
        (SmsChannel, "MG" + "a" * 32, {}),
        (WhatsAppChannel, "+15005550006", {}),
        (WhatsAppChannel, "+15005550006", TEMPLATE),
        (WhatsAppChannel, "MG" + "a" * 32, TEMPLATE),
    ],
)
def test_twilio_refuses_nothing(
    twilio_url: str,
    settings: Any,
    channel: type[TwilioChannel],
    sender: str,
    changes: dict[str, Any],
) -> None:
    settings.TWILIO_API_BASE, settings.TWILIO_AUTH_TOKEN = twilio_url, "secret"
    settings.TWILIO_ACCOUNT_SID = "AC" + "a" * 32
    settings.TWILIO_FROM = settings.TWILIO_WHATSAPP_FROM = sender

    with channel() as opened:
        assert opened.send(tell(**changes)).provider_message_id


def test_control_it_refuses_an_id_of_no_template(
    twilio_url: str, settings: Any
) -> None:
    settings.TWILIO_API_BASE, settings.TWILIO_AUTH_TOKEN = twilio_url, "secret"
    settings.TWILIO_ACCOUNT_SID = "AC" + "a" * 32
    settings.TWILIO_WHATSAPP_FROM = "+15005550006"

    with WhatsAppChannel() as channel, pytest.raises(Refused):
        channel.send(tell(template_id="HX123"))
