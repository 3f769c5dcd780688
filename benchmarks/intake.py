"""Signed webhooks of each provider beside the least that could take them; Stripe's new
and repeated, with and without middleware."""

import itertools
import os
from functools import partial

from benchmarks import _hooks
from benchmarks._figures import Measured, interleaved, tell
from benchmarks._hooks import Event
from benchmarks._stage import Server, stage

REQUESTS = int(os.environ.get("INTAKE_REQUESTS", "1500"))
BASELINES = {
    "stripe": "/bench/intake/",
    "paypal": "/bench/intake/paypal/",
    "square": "/bench/intake/square/",
}
_numbers = itertools.count(1)


def main() -> None:
    with stage(
        PAYPAL_CLIENT_ID="bench",
        PAYPAL_CLIENT_SECRET="bench",  # noqa: S106 - of nobody
        PAYPAL_WEBHOOK_ID=_hooks.PAYPAL_WEBHOOK,
        PAYPAL_API_BASE="http://127.0.0.1:9",
        SQUARE_ACCESS_TOKEN="bench",  # noqa: S106
        SQUARE_LOCATION_ID=_hooks.SQUARE_LOCATION,
        SQUARE_WEBHOOK_SIGNATURE_KEY=_hooks.SQUARE_KEY,
        SQUARE_API_BASE="http://127.0.0.1:9",
    ) as open_stage:
        events = _events(open_stage.variables["PUBLIC_URL"])
        full, bare = open_stage.serve("full"), open_stage.serve("bare")
        new = partial(new_events, events)
        variants = {
            name: partial(new, full, slug, path)
            for slug, baseline in BASELINES.items()
            for name, path in (
                (slug, f"/webhooks/{slug}/"),
                (f"{slug} baseline", baseline),
            )
        }
        path = "/webhooks/stripe/"
        seen = interleaved(
            {
                **variants,
                "repeated": partial(repeats, events, full, "stripe", path),
                "stripe bare": partial(new, bare, "stripe", path),
                "baseline bare": partial(new, bare, "stripe", BASELINES["stripe"]),
            }
        )
        pairs = [f"{slug}/{slug} baseline" for slug in BASELINES]
        tell("intake", seen, [*pairs, "repeated/stripe", "stripe bare/baseline bare"])


def _events(public_url: str) -> dict[str, Event]:
    """Accounts and the certificate are there, as after the first webhook of each."""
    from links.models import ProviderAccount, WebhookCertificate

    for pk, slug in enumerate(("stripe", "square", "paypal"), start=1):
        ProviderAccount.objects.create(pk=pk, slug=slug, mode="test")
    pem, ends = _hooks.certificate()
    url = f"http://127.0.0.1:9{_hooks.CERTIFICATE_PATH}"
    WebhookCertificate.objects.create(url=url, pem=pem, expires_at=ends)
    return {
        "stripe": _hooks.stripe,
        "square": _hooks.square(f"{public_url}/webhooks/square/"),
        "paypal": _hooks.paypal(url),
    }


def new_events(
    events: dict[str, Event], server: Server, slug: str, path: str, _round: int
) -> Measured:
    made = [events[slug](path, next(_numbers)) for _ in range(REQUESTS)]
    return server.measure(made)


def repeats(
    events: dict[str, Event], server: Server, slug: str, path: str, _round: int
) -> Measured:
    """The events that came last, once more each."""
    last = next(_numbers)
    count = min(100, REQUESTS)
    first = [events[slug](path, number) for number in range(last, last - count, -1)]
    server.measure(first)
    return server.measure(first * (REQUESTS // len(first)))


if __name__ == "__main__":
    main()
