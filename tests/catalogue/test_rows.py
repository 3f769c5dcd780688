"""No row of the catalogue is without its test, and no test that it names is missing."""

import subprocess
import sys
from pathlib import Path

from django.conf import settings

from .rows import ROWS

ROOT = Path(settings.BASE_DIR)
LAST = {"A": 22, "N": 10, "E": 13, "T": 5, "S": 14, "C": 13, "W": 13, "R": 11, "X": 14, "I": 11, "Z": 7}  # fmt: skip
COLLECT = ["--collect-only", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"]
FILES = [
    "tests/catalogue",
    "tests/stack/test_bodies.py",
    "tests/stack/test_collisions.py",
    "links/tests/test_square_webhooks.py",
    "links/tests/test_paypal_webhooks.py",
    "links/tests/test_paypal_story.py",
    "links/tests/test_refunds.py",
]


def is_named(test: str, named: str) -> bool:
    return test in (named, f"{named}]") or test.startswith(
        named if "[" in named else f"{named}["
    )


def collected() -> set[str]:
    """`module::function[case]` of every test that pytest finds."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *COLLECT, *FILES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    lines = [line for line in done.stdout.splitlines() if "::" in line]
    assert lines, done.stdout + done.stderr
    return {
        line.removeprefix("tests/").removeprefix("catalogue/").replace(".py::", "::", 1)
        for line in lines
    }


def test_every_row_stands_once() -> None:
    expected = {f"{group}{n}" for group, last in LAST.items() for n in range(1, last + 1)}  # fmt: skip

    assert set(ROWS) == expected
    assert len(expected) == 133


def test_every_test_that_a_row_names_is_there() -> None:
    found = collected()

    missing = [
        named
        for tests in ROWS.values()
        if not isinstance(tests, str)
        for named in tests
        if not any(is_named(test, named) for test in found)
    ]
    assert missing == []


def test_what_is_out_of_reach_has_its_reason() -> None:
    reasons = {row: why for row, why in ROWS.items() if isinstance(why, str)}

    assert all(why.startswith("out of reach: ") for why in reasons.values())
    assert all(tests for tests in ROWS.values())
