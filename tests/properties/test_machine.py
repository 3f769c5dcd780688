"""Links, checkouts, payments, messages and reminders under anything, in any order."""

import json
import os
from pathlib import Path

import pytest

from . import machine
from .world import POINTS, Base

pytestmark = pytest.mark.stack
EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "500"))
SEED = int(os.environ.get("MACHINE_SEED", "20260615"))
FIGURES = os.environ.get("MACHINE_FIGURES", "")
# Where to write what happened, for proofs.scenarios.machine.
STEPS = 12
ENOUGH = 500
# With so many examples a process has died at every crash point.


def test_whatever_happens_the_books_are_right(base: Base) -> None:
    counted = machine.run(
        base, examples=EXAMPLES, steps=STEPS, number=SEED, shrinks=True
    )
    if FIGURES:
        Path(FIGURES).write_text(json.dumps(counted))

    assert counted["examples"] >= EXAMPLES
    deaths = sum(counted[f"died at {point}"] for point in POINTS)
    assert deaths > EXAMPLES // 10, counted
    if EXAMPLES >= ENOUGH:
        assert not [point for point in POINTS if not counted[f"died at {point}"]]
