"""Webhooks in any order, any number of times, from eight senders at once: the same rows.

`make prove NAME=schedules` tells 10,000.
"""

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from links.models import Payment
from links.models.links import PaymentLinkQuerySet
from links.services import payments
from links.tests.factories import make_customer
from proofs import books
from tests.money import stories, truth
from tests.money.schedules import Differs, Teller, senders
from tests.money.truth import Bank

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("on_postgresql")]
EXAMPLES = int(os.environ.get("PROOF_EXAMPLES", "40"))
SEED = int(os.environ.get("PROOF_SEED", "20261126"))
FIGURES = os.environ.get("PROOF_FIGURES", "")
SCHEDULES = 4  # of each story, against one telling in order
CAUGHT_WITHIN = 400
LONGEST_PAUSE = 0.01
TakeAway = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture
def bank(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bank]:
    chance = random.Random(SEED)  # noqa: S311  to be repeated, no secret
    with truth.running(settings, monkeypatch) as bank:
        bank.pause = lambda: time.sleep(chance.uniform(0, LONGEST_PAUSE))
        yield bank


def run(bank: Bank, examples: int) -> dict[str, int]:
    """Differs at the first schedule that does not end as it should."""
    chance = random.Random(SEED)  # noqa: S311
    with senders() as crowd:
        teller = Teller(bank, make_customer(), crowd, chance)
        counted = teller.counted
        while counted["schedules"] < examples:
            story = stories.draw(chance)
            at = datetime.now(tz=UTC)
            straight = teller.in_order(story, at)
            counted["stories"] += 1
            counted["payments"] += len(story.lives)
            for _schedule in range(min(SCHEDULES, examples - counted["schedules"])):
                counted["schedules"] += 1
                mixed = teller.shuffled(story, at)
                if found := straight.differences(mixed):
                    number = counted["schedules"]
                    raise Differs(
                        f"seed {SEED}, {number}: {story}\n" + "\n".join(found)
                    )
    return dict(counted)


def test_any_schedule_ends_in_the_same_rows(bank: Bank) -> None:
    counted = run(bank, EXAMPLES)

    assert books.check(connection) == []
    assert counted["schedules"] == EXAMPLES
    if FIGURES:
        Path(FIGURES).write_text(json.dumps(counted))


def _without_ranks(patch: pytest.MonkeyPatch) -> None:
    """Of two states the one that is told last wins, however old it is."""
    news = payments._news

    def newest(payment: Payment, *told: object) -> set[str]:
        ranks = {**dict.fromkeys(Payment.RANK, 1), payment.state: 0}
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(payment, "RANK", ranks)
            return news(payment, *told)  # type: ignore[arg-type] # handed on

    patch.setattr(payments, "_news", newest)


def _without_the_lock(patch: pytest.MonkeyPatch) -> None:
    """Nobody waits for another one's booking at the same link."""
    patch.setattr(
        PaymentLinkQuerySet, "select_for_update", lambda rows, **options: rows
    )


@pytest.mark.parametrize("take_away", [_without_ranks, _without_the_lock])
def test_control_without_a_guard_a_schedule_ends_otherwise(
    bank: Bank, monkeypatch: pytest.MonkeyPatch, take_away: TakeAway
) -> None:
    take_away(monkeypatch)

    with pytest.raises(Differs):
        run(bank, CAUGHT_WITHIN)
