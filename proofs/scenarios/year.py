"""A year of reminders in twenty time zones (`make prove NAME=year`).

1,500 links are sent, paid, answered, paused and canceled at random, carriers fail and the
workers are out for hours; nobody may be reminded twice of one thing, at night, on their
days off, or after paying. Three months are foretold and then lived, message for message.
SEED= and EXAMPLES= (links) change the draw and the size.
"""

import sys

from proofs import sized

TEST = "tests/stack/test_year.py::test_a_year_breaks_no_promise_and_is_as_foretold"
FULL = 1500


def main() -> int:
    return sized.run([TEST], full=FULL)


if __name__ == "__main__":
    sys.exit(main())
