"""Every webhook of a day is dropped: looks and sweeps find every cent all the same.

`make prove NAME=silence` lives the day with 400 links.
"""

import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from links.providers.paypal import PayPalProvider
from links.providers.square import SquareProvider
from links.providers.stripe import StripeProvider
from links.tests.factories import make_customer, make_user
from tests.money.day import Day, providers
from tests.money.silence import Silence

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("on_postgresql")]
LINKS = int(os.environ.get("PROOF_EXAMPLES", "30"))
SEED = int(os.environ.get("PROOF_SEED", "20261126"))
FIGURES = os.environ.get("PROOF_FIGURES", "")
FEW = 8
NewDay = Callable[..., Silence]


@pytest.fixture
def new_day(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[NewDay]:
    chance = random.Random(SEED)  # noqa: S311  to be repeated, no secret
    with providers(tmp_path, settings) as three:
        day = Day(settings, monkeypatch)
        people = (make_customer(), make_user())
        yield lambda **left: Silence(day, three, *people, chance, **left)


def test_without_webhooks_every_cent_is_booked(new_day: NewDay) -> None:
    silence = new_day()

    silence.live(LINKS)

    assert silence.findings() == []
    assert silence.differences() == []
    assert silence.findings() == []
    if FIGURES:
        Path(FIGURES).write_text(json.dumps({"links": LINKS, **silence.figures()}))


def test_control_without_looks_and_sweeps_money_is_missing(new_day: NewDay) -> None:
    silence = new_day(looks=False, sweeps=False)

    silence.live(FEW)

    assert any("payment" in said for said in silence.findings())
    assert silence.figures()["payments"] == 0


def test_control_without_sweeps_refunds_are_missing(new_day: NewDay) -> None:
    silence = new_day(sweeps=False)

    silence.live(LINKS)

    assert any(said.startswith("refund") for said in silence.findings())
    assert silence.differences()


@pytest.mark.full
def test_control_without_their_lists_disputes_are_missing(
    new_day: NewDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Open disputes are asked about, but one that nobody told of is not known."""
    for adapter in (StripeProvider, SquareProvider, PayPalProvider):
        monkeypatch.setattr(adapter, "list_disputes", lambda self, since: ())
    silence = new_day()

    silence.live(LINKS)

    found = silence.findings()
    assert any(said.startswith("dispute") for said in found)
    assert not any(said.startswith(("payment", "refund")) for said in found)
    assert silence.figures()["disputes"] == 0
