"""20,000 examples of the state machine in tests/properties (`make prove NAME=machine`).

SEED= and EXAMPLES= change the draw and the size. Two processes share the examples, with
the seeds SEED and SEED + 1, each on a database of its own. Afterwards each tells the
same news in a tenth as many orders.
"""

import sys
from pathlib import Path

from proofs import sized

TESTS = (
    "tests/properties/test_machine.py::test_whatever_happens_the_books_are_right",
    "tests/properties/test_any_order.py"
    "::test_any_order_and_repetition_ends_in_the_same_rows",
)
FULL = 20_000


def _variables(seed: int, examples: int, figures: Path) -> dict[str, str]:
    return {
        "MACHINE_SEED": str(seed),
        "MACHINE_EXAMPLES": str(examples),
        "MACHINE_ORDERS": str(max(examples // 10, 1)),
        "MACHINE_FIGURES": str(figures),
    }


def main() -> int:
    return sized.run(TESTS, full=FULL, variables=_variables)


if __name__ == "__main__":
    sys.exit(main())
