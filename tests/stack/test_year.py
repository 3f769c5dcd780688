"""A year of reminders in twenty zones, and whether it was foretold.

`make prove NAME=year` lives it with 1,500 links.
"""

import json
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from links.models import ReminderDue, ReminderPlan
from links.services import daily_limit, quiet, rehearsal, reminder_rules, reminding
from links.services.reminder_rules import Facts
from notifications.models import Message
from notifications.services import claims, outbox
from tests.year.judge import findings
from tests.year.life import Year

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("on_postgresql")]
LINKS = int(os.environ.get("PROOF_EXAMPLES", "48"))
SEED = int(os.environ.get("PROOF_SEED", "20261127"))
FIGURES = os.environ.get("PROOF_FIGURES", "")
FEW = 48


def never(_year: Year) -> bool:
    return False


def lived(
    links: int, *, surprise: bool = False, enough: Callable[[Year], bool] = never
) -> Year:
    chance = random.Random(SEED)  # noqa: S311  to be repeated, no secret
    year = Year(chance, True, links, surprise, enough=enough)
    year.live()
    return year


def is_found(words: str) -> bool:
    """Whether a year breaks this promise; it ends as soon as it does."""

    def broken(year: Year) -> bool:
        return any(words in said for said in findings(year))

    return broken(lived(FEW, enough=broken))


def is_noticed(*, surprise: bool = False) -> bool:
    """Whether a year comes otherwise than it was foretold; it ends as soon as it does."""

    def differs(year: Year) -> bool:
        return bool(year.differences)

    return differs(lived(FEW, surprise=surprise, enough=differs))


def test_a_year_breaks_no_promise_and_is_as_foretold() -> None:
    year = lived(LINKS)

    assert findings(year) == []
    assert year.differences == []
    assert year.counts["foretold"] > 0
    if FIGURES:
        counts = {name.replace(" ", "_"): count for name, count in year.counts.items()}
        left = {"links": LINKS, "sent": len(year.sent)}
        Path(FIGURES).write_text(json.dumps({**left, **counts}))


def test_control_without_quiet_hours_they_come_at_night(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quiet, "allowed_at", lambda at, place: at)

    assert is_found("UTC")


def test_control_without_rest_days_they_come_on_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quiet, "is_rest", lambda day, place: False)

    assert is_found("UTC")


def test_control_without_the_guards_those_who_paid_are_reminded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def all_of_them(due: Sequence[Message]) -> list[Message]:
        return list(due)

    monkeypatch.setattr(outbox, "cancel", lambda *_args, **_kwargs: 0)
    monkeypatch.setattr(claims, "_screen", all_of_them)

    assert is_found("after paying")


def test_control_each_moment_by_itself_comes_in_a_burst_after_an_outage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remind = reminding._remind

    def one_by_one(
        this: reminding._Round,
        facts: Facts,
        plan: ReminderPlan,
        dues: Sequence[ReminderDue],
    ) -> None:
        for due in dues:
            remind(this, facts, plan, [due])

    monkeypatch.setattr(reminding, "_remind", one_by_one)

    assert is_found("after an outage")


def test_control_without_one_for_all_the_others_are_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decide = reminder_rules.decide

    def forgetful(facts: Facts, *rest: Any) -> reminder_rules.Decision:
        return decide(replace(facts, together_at=None), *rest)

    monkeypatch.setattr(reminder_rules, "decide", forgetful)

    assert is_found("asked again")


def test_control_what_nobody_foresaw_is_noticed() -> None:
    assert is_noticed(surprise=True)


def test_control_another_limit_in_the_rehearsal_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rehearsal counts for itself, by the same rule; by another it would be wrong."""
    taken = daily_limit.Taken.take

    def never_too_many(*args: object) -> bool:
        taken(*args)  # type: ignore[arg-type]
        return True

    rehearse = rehearsal.rehearse

    def with_other_rule() -> list[rehearsal.Foretold]:
        with monkeypatch.context() as patch:
            patch.setattr(daily_limit.Taken, "take", never_too_many)
            return list(rehearse())

    monkeypatch.setattr(rehearsal, "rehearse", with_other_rule)

    assert is_noticed()
