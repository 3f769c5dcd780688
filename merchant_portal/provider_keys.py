"""The keys of the payment providers: all of one or none, and which move real money."""

from typing import NamedTuple
from urllib.parse import urlsplit

from . import environment as env

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
# Neither PayPal's nor Square's keys tell; their sandboxes are other hosts.
SANDBOXES = {"api-m.sandbox.paypal.com", "connect.squareupsandbox.com"}
STRIPE_LIVE = ("sk_live_", "rk_live_")


class ProviderKeys(NamedTuple):
    """By provider, in the order of the names below; blank where unset.

    `live`: provider → the setting that can move real money.
    """

    stripe: tuple[str, str, str]
    paypal: tuple[str, str, str, str]
    square: tuple[str, str, str, str]
    live: dict[str, str]


def read(public_url: str) -> ProviderKeys:
    """From the environment; a wrong or missing value stops the start.

    `public_url` goes into the addresses that the operator is told to register.
    """
    stripe = (
        env.text("STRIPE_SECRET_KEY"),
        env.text("STRIPE_WEBHOOK_SECRET"),
        env.url("STRIPE_API_BASE", "", {"http", "https"}),
    )
    if stripe[0] and not stripe[1]:
        env.stop(
            "STRIPE_WEBHOOK_SECRET",
            "is not set though STRIPE_SECRET_KEY is",
            "Copy the signing secret (whsec_…) of the endpoint"
            f" {public_url}/webhooks/stripe/ from Stripe's dashboard.",
        )
    client_id, client_secret, webhook_id = _all_or_none(
        ("PAYPAL_CLIENT_ID", "PAYPAL_CLIENT_SECRET", "PAYPAL_WEBHOOK_ID"),
        "Copy all three from the app in PayPal's developer dashboard; the webhook's id"
        f" is that of {public_url}/webhooks/paypal/.",
    )
    token, location, signature_key = _all_or_none(
        ("SQUARE_ACCESS_TOKEN", "SQUARE_LOCATION_ID", "SQUARE_WEBHOOK_SIGNATURE_KEY"),
        "Copy all three from Square's developer console; the signature key is that of"
        f" the subscription {public_url}/webhooks/square/.",
    )
    paypal_base = env.url("PAYPAL_API_BASE", "", {"http", "https"})
    square_base = env.url("SQUARE_API_BASE", "", {"http", "https"})
    live = {}
    if stripe[0].startswith(STRIPE_LIVE):
        live["stripe"] = "STRIPE_SECRET_KEY"
    if client_id and not is_test_host(paypal_base):
        live["paypal"] = "PAYPAL_CLIENT_ID"
    if token and not is_test_host(square_base):
        live["square"] = "SQUARE_ACCESS_TOKEN"
    return ProviderKeys(
        stripe,
        (client_id, client_secret, webhook_id, paypal_base),
        (token, location, signature_key, square_base),
        live,
    )


def _all_or_none(names: tuple[str, str, str], cure: str) -> tuple[str, str, str]:
    first, second, third = (env.text(name) for name in names)
    if any((first, second, third)) and not all((first, second, third)):
        env.stop(f"{names[0]}, {names[1]} and {names[2]}", "are set only in part", cure)
    return first, second, third


def is_test_host(base: str) -> bool:
    """Whether no real money can move at this address; blank is the provider's own."""
    return (urlsplit(base).hostname or "") in _LOOPBACK | SANDBOXES
