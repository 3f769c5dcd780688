"""What typed keys must look like; what is wrong with them, in words without them.

Nothing here repeats what was typed: a secret may stand in any field by mistake.
"""

import re
from collections.abc import Mapping

from django.utils.translation import gettext as _

from merchant_portal.provider_keys import STRIPE_LIVE

from ..providers.credentials import FIELDS

LONGEST = 300
# Several times the longest that a provider gives out today.
SHAPES: dict[str, re.Pattern[str]] = {
    "secret_key": re.compile(r"(?:sk|rk)_(?:test|live)_[A-Za-z0-9_]{4,}"),
    "webhook_secret": re.compile(r"whsec_[A-Za-z0-9+/=_-]{4,}"),
    "client_id": re.compile(r"[A-Za-z0-9_.-]{8,}"),
    "client_secret": re.compile(r"[A-Za-z0-9_.-]{8,}"),
    "webhook_id": re.compile(r"[A-Z0-9-]{5,40}"),
    "access_token": re.compile(r"[A-Za-z0-9_.-]{8,}"),
    "location_id": re.compile(r"[A-Z0-9]{5,32}"),
    "webhook_signature_key": re.compile(r"[A-Za-z0-9+/=_-]{8,}"),
}
# What may be shown again in a form. A secret that was typed there by mistake has
# another shape: those of PayPal and Square have small letters.
HARMLESS = frozenset({"webhook_id", "location_id"})


def cleaned(slug: str, typed: Mapping[str, str]) -> dict[str, str]:
    """By field, without the blanks around that copying brings."""
    return {name: typed.get(name, "").strip() for name in FIELDS[slug]}


def problems(slug: str, values: Mapping[str, str]) -> dict[str, str]:
    """field → what is wrong with it; empty if the set is whole and fits together.

    `values`: as `cleaned` gives them.
    """
    found = {}
    for name, value in values.items():
        problem = _problem(slug, name, value)
        if problem:
            found[name] = problem
    if not found:
        found = _alike(values)
    return found


def is_live(secret_key: str) -> bool:
    """Whether a Stripe key moves real money."""
    return secret_key.startswith(STRIPE_LIVE)


def harmless(values: Mapping[str, str]) -> dict[str, str]:
    """What the form may show again; blank where it must be typed anew."""
    return {
        name: value if name in HARMLESS and SHAPES[name].fullmatch(value) else ""
        for name, value in values.items()
    }


def _problem(slug: str, name: str, value: str) -> str:
    if not value:
        return _("This is missing. All of them belong together.")
    if len(value) > LONGEST:
        return _("This is too long for a key. Copy only the key itself.")
    if re.search(r"\s", value):
        return _("There is a blank or a line break inside. Copy only the key itself.")
    mistaken = _mistaken(name, value)
    if mistaken:
        return mistaken
    if not SHAPES[name].fullmatch(value):
        return _SHAPE_WORDS.get(name, _unknown_shape)()
    return ""


def _mistaken(name: str, value: str) -> str:
    """Another known key in this field, said by its name."""
    if value.startswith(("pk_test_", "pk_live_")):
        return _(
            "This is the publishable key (pk_…), which is for web pages. Copy the"
            " secret key below it (sk_…)."
        )
    if name != "webhook_secret" and value.startswith("whsec_"):
        return _(
            "This is the signing secret of a webhook. It belongs in its own field."
        )
    if name != "secret_key" and value.startswith(("sk_", "rk_")):
        return _("This is a secret key of Stripe's. It belongs in its own field there.")
    if name == "webhook_secret" and value.startswith("we_"):
        return _(
            "This is the name of the webhook (we_…). Copy its signing secret (whsec_…),"
            " which Stripe shows by “Reveal”."
        )
    if name == "access_token" and value.startswith(("sq0idp-", "sandbox-sq0idb-")):
        return _("This is the application's id. Copy the access token beside it.")
    if value.startswith(("http://", "https://")):
        return _("This is an address, not a key.")
    return ""


def _alike(values: Mapping[str, str]) -> dict[str, str]:
    seen: dict[str, str] = {}
    for name, value in values.items():
        if value in seen.values():
            return {name: _("This is the same as another field. Copy each of them.")}
        seen[name] = value
    return {}


def _unknown_shape() -> str:
    return _("This does not look like such a key. Copy it once more.")


_SHAPE_WORDS = {
    "secret_key": lambda: _("Stripe's secret keys begin with sk_test_ or sk_live_."),
    "webhook_secret": lambda: _("Stripe's signing secrets begin with whsec_."),
    "webhook_id": lambda: _(
        "PayPal's webhook ids are capital letters and digits, like 8PT597110X687430L."
    ),
    "location_id": lambda: _(
        "Square's location ids are capital letters and digits, like L8ABCDEFGH123."
    ),
}
