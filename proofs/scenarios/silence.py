"""A day on which no webhook arrives, 400 links (`make prove NAME=silence`).

Stripe, Square and PayPal are the fakes, over HTTP; only looks and sweeps are left to the
product. Payments, refunds and disputes are held against the fakes' own books. SEED= and EXAMPLES= (links) change the draw and the size.
"""

import sys

from proofs import sized

TEST = "tests/stack/test_money_silence.py::test_without_webhooks_every_cent_is_booked"
FULL = 400


def main() -> int:
    return sized.run([TEST], full=FULL, side_by_side=1)


if __name__ == "__main__":
    sys.exit(main())
