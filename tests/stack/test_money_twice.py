"""Two providers take money for one link at once: all of it is booked, and a person told.

`make prove NAME=twice` runs 2,000 races.
"""

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from links.services import capturing, refunds
from links.tests.factories import make_customer
from proofs import books
from tests.money import truth
from tests.money.twice import Races

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("on_postgresql")]
EXAMPLES = int(os.environ.get("PROOF_EXAMPLES", "60"))
SEED = int(os.environ.get("PROOF_SEED", "20261126"))
FIGURES = os.environ.get("PROOF_FIGURES", "")
ENOUGH = 50
# With so many races each of the ends has come.


@pytest.fixture
def races(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Races]:
    chance = random.Random(SEED)  # noqa: S311  to be repeated, no secret
    with truth.running(settings, monkeypatch) as bank:
        yield Races(bank, make_customer(), chance)


def test_two_payments_at_once_are_booked_and_told(races: Races) -> None:
    for number in range(EXAMPLES):
        (races.two_that_take, races.one_that_waits)[number % 2]()

    assert races.findings == []
    assert books.check(connection) == []
    counted = races.counted
    if EXAMPLES >= ENOUGH:
        assert counted["stripe booked first"]
        assert counted["square booked first"]
        assert counted["capture refused"]
        assert counted["both took money"]
    if FIGURES:
        Path(FIGURES).write_text(json.dumps({"races": EXAMPLES, **counted}))


def test_what_another_has_paid_before_is_never_taken(races: Races) -> None:
    races.one_that_waits(in_turn=True)

    assert races.findings == []
    assert races.counted["capture refused"] == 1


def test_control_without_the_look_money_is_taken_from_a_paid_link(
    races: Races, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capturing, "_may_take", lambda checkout: True)

    races.one_that_waits(in_turn=True)

    assert any("although the link was paid before" in f for f in races.findings)
    assert races.counted["capture refused"] == 0


def test_control_without_the_proposal_nobody_is_asked_to_give_back(
    races: Races, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refunds, "propose_surplus", lambda payment: None)

    races.two_that_take()

    assert races.findings
    assert races.findings[0].endswith("proposed to give back: []")
