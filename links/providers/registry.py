"""The providers, imported on first use: an SDK costs a quarter of a second."""

from functools import cache
from importlib import import_module

from .base import Provider

PROVIDERS: dict[str, str] = {
    "stripe": "links.providers.stripe.StripeProvider",
    "paypal": "links.providers.paypal.PayPalProvider",
    "square": "links.providers.square.SquareProvider",
    "training": "links.providers.training.TrainingProvider",
    "manual": "links.providers.manual.ManualProvider",
}


@cache
def get_provider(slug: str) -> Provider:
    """The adapter of that name; KeyError if there is none."""
    module, _, name = PROVIDERS[slug].rpartition(".")
    provider: Provider = getattr(import_module(module), name)()
    return provider
