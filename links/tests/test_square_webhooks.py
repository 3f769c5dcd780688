import json
from typing import Any

import pytest

from links.providers.base import WebhookVerificationError
from links.providers.square import SquareProvider

from .square_tape import LOCATION, SIGNATURE_KEY, URL, event, signed


@pytest.fixture(autouse=True)
def _keys(settings: Any) -> None:
    settings.SQUARE_LOCATION_ID = LOCATION
    settings.SQUARE_WEBHOOK_SIGNATURE_KEY = SIGNATURE_KEY
    settings.PUBLIC_URL = URL.partition("/webhooks")[0]


@pytest.fixture
def provider() -> SquareProvider:
    return SquareProvider()


def test_needs_the_address_as_it_is_registered(provider: SquareProvider) -> None:
    body = b"{}"

    provider.verify_webhook(signed(body), body)
    for url in (URL.rstrip("/"), URL.replace("https", "http"), URL + "?a=1"):
        with pytest.raises(WebhookVerificationError):
            provider.verify_webhook(signed(body, url=url), body)


def test_accepts_both_keys_while_one_is_replaced(
    provider: SquareProvider, settings: Any
) -> None:
    settings.SQUARE_WEBHOOK_SIGNATURE_KEY = "new, old"

    for key in ("new", "old"):
        provider.verify_webhook(signed(b"{}", secret=key), b"{}")
    with pytest.raises(WebhookVerificationError):
        provider.verify_webhook(signed(b"{}"), b"{}")
    settings.SQUARE_WEBHOOK_SIGNATURE_KEY = ""
    with pytest.raises(WebhookVerificationError):
        provider.verify_webhook(signed(b"{}"), b"{}")


@pytest.mark.parametrize(
    ("changes", "is_told"),
    [
        ({}, True),
        ({"application_details": {"square_product": "ECOMMERCE_API"}}, True),
        ({"application_details": {"square_product": "OTHER"}}, True),
        ({"application_details": {"square_product": "SQUARE_POS"}}, False),
        ({"application_details": {"square_product": "INVOICES"}}, False),
        ({"location_id": "L0OTHER"}, False),
    ],
)
def test_says_nothing_of_the_sellers_other_tills(
    provider: SquareProvider, changes: dict[str, Any], is_told: bool
) -> None:
    payment = {"id": "pay1", "location_id": LOCATION, **changes}

    told = provider.parse_webhook(event("payment.updated", payment, "payment"))

    assert told.provider_payment_id == ("pay1" if is_told else "")


@pytest.mark.parametrize("data", [None, [], "x", {}, {"object": []}])
def test_reads_damaged_data_as_an_event_that_says_nothing(
    provider: SquareProvider, data: Any
) -> None:
    body = json.dumps({"event_id": "e1", "type": "payment.updated", "data": data})

    if isinstance(data, dict):
        assert provider.parse_webhook(body.encode()).provider_payment_id == ""
    else:
        with pytest.raises(WebhookVerificationError):
            provider.parse_webhook(body.encode())


@pytest.mark.parametrize("kind", ["refund.created", "refund.updated"])
@pytest.mark.parametrize(
    ("changes", "payment_id"),
    [
        ({}, "pay1"),
        ({"location_id": "L0OTHER"}, ""),
        ({"payment_id": None, "unlinked": True}, ""),
        ({"payment_id": "pay\n"}, ""),
    ],
)
def test_a_refund_leads_to_its_payment(
    provider: SquareProvider, kind: str, changes: dict[str, Any], payment_id: str
) -> None:
    refund = {"id": "re1", "payment_id": "pay1", "location_id": LOCATION, **changes}

    told = provider.parse_webhook(event(kind, refund, "refund"))

    assert (told.kind, told.provider_payment_id) == (kind, payment_id)
