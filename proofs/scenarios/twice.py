"""2,000 races of two providers for one link (`make prove NAME=twice`).

1,000 between two providers that take money by themselves, both of which are booked, and
in turn with them 1,000 between one of these and PayPal, which is captured by us. SEED= and EXAMPLES= change the draw and the size.
"""

import sys

from proofs import sized

TEST = "tests/stack/test_money_twice.py::test_two_payments_at_once_are_booked_and_told"
FULL = 2_000


def main() -> int:
    return sized.run([TEST], full=FULL)


if __name__ == "__main__":
    sys.exit(main())
