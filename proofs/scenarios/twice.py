"""1,000 races of two providers for one link (`make prove NAME=twice`).

Every other one between two providers that take money by themselves, every other between
one of these and PayPal. SEED= and EXAMPLES= change the draw and the size.
"""

import sys

from proofs import sized

TEST = "tests/stack/test_money_twice.py::test_two_payments_at_once_are_booked_and_told"
FULL = 1_000


def main() -> int:
    return sized.run([TEST], full=FULL)


if __name__ == "__main__":
    sys.exit(main())
