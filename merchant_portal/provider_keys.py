"""The keys of the payment providers: all of one or none, and which move real money.

`KEY_SETS` is the one place that names them. Run as a module, it says which variables a
demo must blank.
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from . import environment as env

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySet:
    """What one provider is used with.

    `fields`: the first says that it is set up. `signing`: which of them proves webhooks,
    where two may be good while one is replaced. `test`: how a first key of test money
    begins; what begins otherwise is live. Where no key tells, `test` is empty and
    `sandbox` is the address of the provider's own host of test money. `cure`: where an
    operator finds them; {url} is the webhook's.
    """

    fields: tuple[str, ...]
    cure: str
    signing: str = ""
    test: tuple[str, ...] = ()
    sandbox: str = ""


KEY_SETS = {
    "stripe": KeySet(
        fields=("secret_key", "webhook_secret"),
        signing="webhook_secret",
        test=("sk_test_", "rk_test_"),
        cure="Copy both from Stripe's dashboard; the signing secret (whsec_…) is that of"
        " the endpoint {url}.",
    ),
    "paypal": KeySet(
        fields=("client_id", "client_secret", "webhook_id"),
        sandbox="https://api-m.sandbox.paypal.com",
        cure="Copy all three from the app in PayPal's developer dashboard; the webhook's"
        " id is that of {url}.",
    ),
    "square": KeySet(
        fields=("access_token", "location_id", "webhook_signature_key"),
        signing="webhook_signature_key",
        sandbox="https://connect.squareupsandbox.com",
        cure="Copy all three from Square's developer console; the signature key is that"
        " of the subscription {url}.",
    ),
}


class Given(NamedTuple):
    """What the environment says.

    `settings`: every field and API_BASE by its setting, blank where unset. `live`:
    provider → the setting that can move real money. `has_any`: of any provider.
    """

    settings: dict[str, str]
    live: dict[str, str]
    has_any: bool


def setting_of(slug: str, name: str) -> str:
    """The variable of the environment that holds this field."""
    return f"{slug}_{name}".upper()


def is_live(slug: str, first: str, base: str) -> bool:
    """Whether a set with this first key can move real money at this address; a key of
    which that cannot be said, a blank one too, can."""
    test = KEY_SETS[slug].test
    return not (first.startswith(test) if test else is_test_host(base))


def is_test_host(base: str) -> bool:
    """Whether no real money can move at this address; blank is the provider's own."""
    host = urlsplit(base).hostname or ""
    sandboxes = {urlsplit(keys.sandbox).hostname for keys in KEY_SETS.values()}
    return bool(host) and host in _LOOPBACK | sandboxes


def read(public_url: str) -> Given:
    """From the environment; a wrong or missing value stops the start.

    `public_url` goes into the addresses that the operator is told to register.
    """
    found: dict[str, str] = {}
    live = {}
    for slug, keys in KEY_SETS.items():
        names = [setting_of(slug, name) for name in keys.fields]
        values = [env.text(name) for name in names]
        if any(values) and not all(values):
            cure = keys.cure.format(url=f"{public_url}/webhooks/{slug}/")
            listed = f"{', '.join(names[:-1])} and {names[-1]}"
            env.stop(listed, "are set only in part", cure)
        base_name = setting_of(slug, "api_base")
        base = env.url(base_name, "", {"http", "https"})
        if values[0] and is_live(slug, values[0], base):
            live[slug] = names[0]
        found |= {**dict(zip(names, values, strict=True)), base_name: base}
    has_any = any(found[setting_of(s, keys.fields[0])] for s, keys in KEY_SETS.items())
    return Given(found, live, has_any)


def blanked(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of each set that is not surely of test money, all blank."""
    blank: dict[str, str] = {}
    for slug, keys in KEY_SETS.items():
        names = [setting_of(slug, name) for name in keys.fields]
        base = variables.get(setting_of(slug, "api_base"), "")
        if is_live(slug, variables.get(names[0], ""), base):
            blank |= dict.fromkeys(names, "")
    return blank


if __name__ == "__main__":
    sys.stdout.write(json.dumps(blanked(os.environ)))
