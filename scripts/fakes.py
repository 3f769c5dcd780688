"""Stand-ins for Stripe, PayPal and Square on this machine, for `make demo PROVIDERS=fake`.

`python -m scripts.fakes FOLDER PUBLIC_URL` keeps their books in FOLDER, prints the
settings that lead the product to them as one JSON line, and serves until it is ended.
"""

import json
import signal
import sys
import threading
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from proofs.fakes.control import PATH as CONTROL_PATH
from proofs.fakes.ledger import Ledger
from proofs.fakes.paypal import CLIENT_ID, WEBHOOK_ID, PayPalFake
from proofs.fakes.square import LOCATION_ID, SquareFake
from proofs.fakes.stripe import StripeFake
from proofs.fakes.web import FakeServer

STRIPE_KEY, STRIPE_SECRET = "sk_test_of_the_demo", "whsec_of_the_demo"
PAYPAL_SECRET = "paypal-secret-of-the-demo"  # noqa: S105 - of a stand-in
SQUARE_KEY, SQUARE_SECRET = "EAAAl-of-the-demo", "square-signature-of-the-demo"
# What the demo's business charges in, for a Square account has one currency.
CURRENCY, COUNTRY = "EUR", "IE"


def main() -> None:
    folder, public_url = Path(sys.argv[1]), sys.argv[2]
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    with ExitStack() as stack:
        print(json.dumps(_served(stack, folder, public_url)), flush=True)
        done.wait()


def _served(stack: ExitStack, folder: Path, public_url: str) -> dict[str, str]:
    def ledger(name: str) -> Ledger:
        return stack.enter_context(Ledger(folder / f"{name}.sqlite3").closing())

    hooks = f"{public_url}/webhooks"
    roots = folder / "paypal-roots.pem"
    stripe = StripeFake(
        ledger("stripe"),
        key=STRIPE_KEY,
        secret=STRIPE_SECRET,
        webhook_url=f"{hooks}/stripe/",
        currency=CURRENCY.lower(),
    )
    paypal = PayPalFake(
        ledger("paypal"),
        client_id=CLIENT_ID,
        secret=PAYPAL_SECRET,
        webhook_id=WEBHOOK_ID,
        webhook_url=f"{hooks}/paypal/",
        root_path=roots,
    )
    square = SquareFake(
        ledger("square"),
        key=SQUARE_KEY,
        secret=SQUARE_SECRET,
        webhook_url=f"{hooks}/square/",
        currency=CURRENCY,
        country=COUNTRY,
    )
    bases = [
        stack.enter_context(FakeServer(fake)).url for fake in (stripe, paypal, square)
    ]
    _set(bases[2], refunds_at_once=True)  # its own would take days
    return {
        "STRIPE_SECRET_KEY": STRIPE_KEY,
        "STRIPE_WEBHOOK_SECRET": STRIPE_SECRET,
        "STRIPE_API_BASE": bases[0],
        "PAYPAL_CLIENT_ID": CLIENT_ID,
        "PAYPAL_CLIENT_SECRET": PAYPAL_SECRET,
        "PAYPAL_WEBHOOK_ID": WEBHOOK_ID,
        "PAYPAL_API_BASE": bases[1],
        "PAYPAL_CA_FILE": str(roots),
        "SQUARE_ACCESS_TOKEN": SQUARE_KEY,
        "SQUARE_LOCATION_ID": LOCATION_ID,
        "SQUARE_WEBHOOK_SIGNATURE_KEY": SQUARE_SECRET,
        "SQUARE_API_BASE": bases[2],
    }


def _set(base: str, **switches: object) -> None:
    request = urllib.request.Request(  # noqa: S310 - our own address
        f"{base}{CONTROL_PATH}", json.dumps(switches).encode(), method="POST"
    )
    with urllib.request.urlopen(request, timeout=5):  # noqa: S310 - the same
        pass


if __name__ == "__main__":
    main()
