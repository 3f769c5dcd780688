"""The table of keys: every provider that has any is whole, and live keys are told."""

import pytest

from links.admin.key_guide import GUIDES
from links.providers.registry import PROVIDERS
from links.services.key_shapes import SHAPES
from merchant_portal import provider_keys
from merchant_portal.provider_keys import KEY_SETS

STRIPE_TEST = {"STRIPE_SECRET_KEY": "rk_test_1", "STRIPE_WEBHOOK_SECRET": "whsec_1"}
PAYPAL = {
    "PAYPAL_CLIENT_ID": "id",
    "PAYPAL_CLIENT_SECRET": "secret",
    "PAYPAL_WEBHOOK_ID": "8PT597110X687430L",
}
SQUARE_NAMES = [
    "SQUARE_ACCESS_TOKEN",
    "SQUARE_LOCATION_ID",
    "SQUARE_WEBHOOK_SIGNATURE_KEY",
]


@pytest.mark.parametrize("slug", KEY_SETS)
def test_each_field_has_a_shape_and_is_explained(slug: str) -> None:
    assert slug in GUIDES, "links/admin/key_guide.py"
    assert slug in SHAPES, "links/services/key_shapes.py"
    keys, guide = KEY_SETS[slug], GUIDES[slug]

    assert slug in PROVIDERS
    assert list(SHAPES[slug]) == list(guide.fields) == list(keys.fields)
    assert keys.signing in {"", *keys.fields}
    # Either the key tells test from live, or the owner chooses and the host differs.
    tells = bool(keys.test)
    assert [bool(guide.real), bool(guide.rehearsal), bool(keys.sandbox)] == [
        not tells
    ] * 3


@pytest.mark.parametrize(
    ("first", "base", "is_live"),
    [
        ("sk_test_1", "", False),
        ("rk_test_1", "https://api.stripe.com", False),
        ("sk_live_1", "", True),
        ("sk_live_1", "http://127.0.0.1:9", True),
        ("sk_org_live_1", "", True),
        ("what is this", "", True),
    ],
)
def test_stripes_key_tells(first: str, base: str, is_live: bool) -> None:
    assert provider_keys.is_live("stripe", first, base) is is_live


@pytest.mark.parametrize(
    ("base", "is_live"),
    [
        ("", True),
        ("https://api-m.paypal.com", True),
        ("https://api-m.sandbox.paypal.com", False),
        ("https://api-m.sandbox.paypal.com.example", True),
        ("https://api-m.sandbox.paypal.com@example.com", True),
        ("http://127.0.0.1:9", False),
        ("http://localhost:9", False),
    ],
)
def test_paypals_host_tells(base: str, is_live: bool) -> None:
    assert provider_keys.is_live("paypal", "id", base) is is_live


def test_a_demo_blanks_what_is_not_surely_of_test_money() -> None:
    live = {"STRIPE_SECRET_KEY": "sk_live_1", "STRIPE_WEBHOOK_SECRET": "whsec_1"}
    sandbox = {"PAYPAL_API_BASE": "https://api-m.sandbox.paypal.com"}
    square = dict.fromkeys(SQUARE_NAMES, "x")

    blanked = provider_keys.blanked({**live, **PAYPAL, **sandbox, **square})

    assert {*live, *SQUARE_NAMES} <= set(blanked)
    assert not set(PAYPAL) & set(blanked)
    assert not any(blanked.values())


def test_a_demo_keeps_keys_of_test_money() -> None:
    loopback = {"PAYPAL_API_BASE": "http://127.0.0.1:9"}

    blanked = provider_keys.blanked({**STRIPE_TEST, **PAYPAL, **loopback})

    assert not {*STRIPE_TEST, *PAYPAL} & set(blanked)
