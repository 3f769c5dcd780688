"""Where an owner finds each key at its provider, in plain words."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Guide:
    """`register`: how to register the webhook. `fields`: name → label, where it is.

    `rehearsal` and `real`: what the provider calls test and live, where its keys do not
    tell; empty where they do.
    """

    site: str
    register: Promise
    fields: dict[str, tuple[Promise, Promise]]
    rehearsal: str = ""
    real: str = ""


_STRIPE = Guide(
    site="dashboard.stripe.com",
    register=_(
        "In Stripe's dashboard, open “Developers”, then “Webhooks”, and add an endpoint"
        " for your own account with this address and these events. Test mode and live"
        " mode each have their own."
    ),
    fields={
        "secret_key": (
            _("Secret key"),
            _(
                "“Developers” → “API keys” → “Secret key”. It begins with sk_test_ for"
                " rehearsal or sk_live_ for real money; we tell them apart by that."
            ),
        ),
        "webhook_secret": (
            _("Signing secret of the webhook"),
            _(
                "“Developers” → “Webhooks” → the endpoint of step 1 → “Signing secret”"
                " → “Reveal”. It begins with whsec_."
            ),
        ),
    },
)
_PAYPAL = Guide(
    site="developer.paypal.com",
    register=_(
        "In PayPal's developer dashboard, open “Apps & Credentials”, choose Sandbox or"
        " Live at the top, and open your app, or create one. Under “Features”, allow"
        " “Disputes”. At the bottom of the page, add a webhook with this address and"
        " these events."
    ),
    fields={
        "client_id": (_("Client ID"), _("On the page of your app, at the top.")),
        "client_secret": (
            _("Secret"),
            _("On the same page, under the client ID: “Show”."),
        ),
        "webhook_id": (
            _("Webhook ID"),
            _("At the bottom of the same page, beside the webhook of step 1."),
        ),
    },
    rehearsal="Sandbox",
    real="Live",
)
_SQUARE = Guide(
    site="developer.squareup.com",
    register=_(
        "In Square's developer console, open your application, or create one, and choose"
        " Sandbox or Production at the top. Open “Webhooks” → “Subscriptions” and add"
        " one with this address and these events."
    ),
    fields={
        "access_token": (
            _("Access token"),
            _("“Credentials” → “Access token” → “Show”."),
        ),
        "location_id": (
            _("Location ID"),
            _("“Locations” → the ID of the location that sells, like L8ABCDEFGH123."),
        ),
        "webhook_signature_key": (
            _("Signature key of the webhook"),
            _(
                "“Webhooks” → “Subscriptions” → the subscription of step 1 →"
                " “Signature key” → “Show”."
            ),
        ),
    },
    rehearsal="Sandbox",
    real="Production",
)
GUIDES = {"stripe": _STRIPE, "paypal": _PAYPAL, "square": _SQUARE}
