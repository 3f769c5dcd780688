"""What typed keys must look like; what is wrong with them, in words without them.

Nothing here repeats what was typed: a secret may stand in any field by mistake.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from ..providers.credentials import FIELDS

LONGEST = 300
# Several times the longest that a provider gives out today.


def _unknown_shape() -> str:
    return _("This does not look like such a key. Copy it once more.")


@dataclass(frozen=True, slots=True)
class Shape:
    """`words`: said of what has another shape. `is_harmless`: may be shown again in a
    form; a secret typed there by mistake must not fit the pattern."""

    pattern: re.Pattern[str]
    words: Callable[[], str] = _unknown_shape
    is_harmless: bool = False


_LETTERS = re.compile(r"[A-Za-z0-9_.-]{8,}")
_SECRET_KEY, _SIGNING_SECRET = ("stripe", "secret_key"), ("stripe", "webhook_secret")
SHAPES: dict[str, dict[str, Shape]] = {
    "stripe": {
        "secret_key": Shape(
            re.compile(r"(?:sk|rk)_(?:test|live)_[A-Za-z0-9_]{4,}"),
            lambda: _("Stripe's secret keys begin with sk_test_ or sk_live_."),
        ),
        "webhook_secret": Shape(
            re.compile(r"whsec_[A-Za-z0-9+/=_-]{4,}"),
            lambda: _("Stripe's signing secrets begin with whsec_."),
        ),
    },
    "paypal": {
        "client_id": Shape(_LETTERS),
        "client_secret": Shape(_LETTERS),
        "webhook_id": Shape(
            re.compile(r"[A-Z0-9-]{5,40}"),
            lambda: _(
                "PayPal's webhook ids are capital letters and digits, like"
                " 8PT597110X687430L."
            ),
            is_harmless=True,  # its secrets have small letters
        ),
    },
    "square": {
        "access_token": Shape(_LETTERS),
        "location_id": Shape(
            re.compile(r"[A-Z0-9]{5,32}"),
            lambda: _(
                "Square's location ids are capital letters and digits, like"
                " L8ABCDEFGH123."
            ),
            is_harmless=True,  # its secrets have small letters
        ),
        "webhook_signature_key": Shape(re.compile(r"[A-Za-z0-9+/=_-]{8,}")),
    },
}


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


def harmless(slug: str, values: Mapping[str, str]) -> dict[str, str]:
    """What the form may show again; blank where it must be typed anew."""
    shapes = SHAPES[slug]
    return {
        name: value
        if shapes[name].is_harmless and shapes[name].pattern.fullmatch(value)
        else ""
        for name, value in values.items()
    }


def _problem(slug: str, name: str, value: str) -> str:
    if not value:
        return _("This is missing. All of them belong together.")
    if len(value) > LONGEST:
        return _("This is too long for a key. Copy only the key itself.")
    if re.search(r"\s", value):
        return _("There is a blank or a line break inside. Copy only the key itself.")
    mistaken = _mistaken(slug, name, value)
    if mistaken:
        return mistaken
    shape = SHAPES[slug][name]
    return "" if shape.pattern.fullmatch(value) else shape.words()


def _mistaken(slug: str, name: str, value: str) -> str:
    """Another known key in this field, said by its name."""
    if value.startswith(("pk_test_", "pk_live_")):
        return _(
            "This is the publishable key (pk_…), which is for web pages. Copy the"
            " secret key below it (sk_…)."
        )
    if (slug, name) != _SIGNING_SECRET and value.startswith("whsec_"):
        return _(
            "This is the signing secret of a webhook. It belongs in its own field."
        )
    if (slug, name) != _SECRET_KEY and value.startswith(("sk_", "rk_")):
        return _("This is a secret key of Stripe's. It belongs in its own field there.")
    if (slug, name) == _SIGNING_SECRET and value.startswith("we_"):
        return _(
            "This is the name of the webhook (we_…). Copy its signing secret (whsec_…),"
            " which Stripe shows by “Reveal”."
        )
    if (slug, name) == ("square", "access_token") and value.startswith(
        ("sq0idp-", "sandbox-sq0idb-")
    ):
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
