"""A slice of the race between payers, planners and claimers, and what each guard is worth.

`make prove NAME=races` runs it for a minute a variant.
"""

import pytest

from proofs.scenarios import races

pytestmark = pytest.mark.stack

SECONDS = 8.0
LINKS = 96


def test_nothing_is_claimed_after_the_payments_commit_but_without_guards() -> None:
    as_it_is, neither = races.race(
        ["as_it_is", "neither"], seed=7, seconds=SECONDS, links=LINKS
    )

    assert as_it_is.late == 0
    assert as_it_is.paid == neither.paid == LINKS
    assert as_it_is.before > 0
    assert neither.late > 0
