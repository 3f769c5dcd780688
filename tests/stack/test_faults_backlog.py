"""A slice of the backlog after an outage, and each of its rules taken away once.

`make prove NAME=backlog` runs it in full size.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from proofs.scenarios import backlog
from proofs.servers import Servers

pytestmark = [pytest.mark.stack, pytest.mark.full]

SLICE = backlog.Size(links=1800, per_minute=2400, seconds=180)
CONTROL = backlog.Size(links=400, per_minute=1200, seconds=120)
Run = Callable[..., backlog.Report]


@pytest.fixture
def run(servers: Servers, tmp_path: Path) -> Run:
    def run(size: backlog.Size, **more: str) -> backlog.Report:
        return backlog.run(servers, tmp_path, size, **more)

    return run


def test_a_backlog_drains_at_its_rate_and_keeps_every_promise(run: Run) -> None:
    report = run(SLICE)

    assert report.findings == []
    assert report.mails == report.expected == 1260
    assert report.seconds > 20


@pytest.mark.parametrize(
    ("without", "found"),
    [
        ("rate", " s: "),
        ("still_due", "people who are paid"),
        ("quiet_hours", "people who are night"),
        ("limit", "5 mails to one person"),
    ],
)
def test_control_without_one_rule_the_judge_finds_it(
    run: Run, without: str, found: str
) -> None:
    # Of a slow machine the judge must see as well that it is faster than one a second.
    size = replace(CONTROL, per_minute=60) if without == "rate" else CONTROL

    report = run(size, without=without)

    assert [said for said in report.findings if found in said], report
