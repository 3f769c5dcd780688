"""Signed webhooks of Stripe, new and repeated, beside the least that could take them."""

import hashlib
import hmac
import itertools
import json
import time
from functools import partial

from benchmarks._client import post
from benchmarks._figures import Measured, interleaved, tell
from benchmarks._stage import STRIPE_SECRET, Server, stage

REQUESTS = 1_500
PRODUCT, BASELINE = "/webhooks/stripe/", "/bench/intake/"
_numbers = itertools.count(1)


def main() -> None:
    with stage() as open_stage:
        from links.models import ProviderAccount

        ProviderAccount.objects.create(pk=1, slug="stripe", mode="test")
        full, bare = open_stage.serve("full"), open_stage.serve("bare")
        seen = interleaved(
            {
                "product": partial(new_events, full, PRODUCT),
                "baseline": partial(new_events, full, BASELINE),
                "repeated": partial(repeats, full, PRODUCT),
                "product bare": partial(new_events, bare, PRODUCT),
                "baseline bare": partial(new_events, bare, BASELINE),
            }
        )
        tell(
            "intake",
            seen,
            ["product/baseline", "repeated/product", "product bare/baseline bare"],
        )


def new_events(server: Server, path: str, _round: int) -> Measured:
    return server.measure([event(path, next(_numbers)) for _ in range(REQUESTS)])


def repeats(server: Server, path: str, _round: int) -> Measured:
    """The events that came last, once more each."""
    last = next(_numbers)
    first = [event(path, number) for number in range(last, last - 100, -1)]
    server.measure(first)
    return server.measure(first * (REQUESTS // len(first)))


def event(path: str, number: int) -> bytes:
    """A request about one payment intent, signed now; about 1.5 kB, as Stripe's are."""
    body = json.dumps(
        {
            "id": f"evt_{number:024}",
            "object": "event",
            "type": "payment_intent.succeeded",
            "livemode": False,
            "created": 1_790_000_000,
            "data": {
                "object": {
                    "id": f"pi_{number:024}",
                    "object": "payment_intent",
                    "amount": 1250,
                    "amount_received": 1250,
                    "currency": "eur",
                    "status": "succeeded",
                    "metadata": {"link": f"plk_{number:024}"},
                    "description": "Birthday cake " * 60,
                }
            },
        },
        indent=2,
    ).encode()
    moment = int(time.time())
    key = STRIPE_SECRET.encode()
    proof = hmac.new(key, f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "Stripe-Signature": f"t={moment},v1={proof}",
    }
    return post(path, body, headers)


if __name__ == "__main__":
    main()
