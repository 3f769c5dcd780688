"""10,000 schedules of three providers' webhooks (`make prove NAME=schedules`).

Each tells the events of one link one to five times, shuffled, by eight senders at once;
the rows must be those of one telling in order. SEED= and EXAMPLES= change the draw and
the size. Two processes share the schedules, with the seeds SEED and SEED + 1.
"""

import sys

from proofs import sized

TEST = "tests/stack/test_money_schedules.py::test_any_schedule_ends_in_the_same_rows"
FULL = 10_000


def main() -> int:
    return sized.run([TEST], full=FULL)


if __name__ == "__main__":
    sys.exit(main())
