"""A slice of the race between payers, planners and claimers, and what each guard is worth.

`make prove NAME=races` runs it for a minute a variant.
"""

import pytest

from proofs.scenarios import races

pytestmark = pytest.mark.stack

SECONDS = 8.0
LINKS = 96
TRIES = 4
# A busy machine may pull the racers of one race so far apart that none meet.


def test_nothing_is_claimed_after_the_payments_commit() -> None:
    [as_it_is] = races.race(["as_it_is"], seed=7, seconds=SECONDS, links=LINKS)

    assert as_it_is.late == 0
    assert as_it_is.paid == LINKS
    assert as_it_is.before > 0


def test_control_without_its_guards_messages_are_claimed_after_the_commit() -> None:
    found = []
    for seed in range(7, 7 + TRIES):
        found += races.race(["neither"], seed=seed, seconds=SECONDS, links=LINKS)
        assert found[-1].paid == LINKS
        if found[-1].late:
            break

    assert found[-1].late > 0, found
