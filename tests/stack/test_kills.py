"""A slice of the random kills, and the same seed with leases off.

`make prove NAME=kills` runs it in full size.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from proofs.scenarios import kills
from proofs.servers import Servers

pytestmark = pytest.mark.stack

SEED = 20261125
SLICE = kills.Size(kills=24, links=50, seconds=40, longest_freeze=15, hurry=True)
CONTROL = kills.Size(
    kills=12, links=50, seconds=20, longest_freeze=5, hurry=True, settle_seconds=30
)

Run = Callable[..., kills.Report]


@pytest.fixture
def run(servers: Servers, tmp_path: Path) -> Run:
    def run(size: kills.Size, **more: str) -> kills.Report:
        return kills.run(servers, tmp_path, SEED, size, **more)

    return run


def test_random_kills_lose_nothing_and_repeat_no_sms(run: Run) -> None:
    report = run(SLICE)

    assert report.findings == []
    assert (report.payments, report.webhooks) == (50, 150)
    assert report.messages == 200
    assert sum(report.struck.values()) >= 16
    assert any(name.startswith("kill_server") for name in report.struck)


@pytest.mark.full
def test_control_without_leases_the_judge_finds_what_went_twice(run: Run) -> None:
    report = run(CONTROL, app=kills.WITHOUT_LEASES)

    twice = [said for said in report.findings if "the same SMS went to" in said]
    assert twice, report
