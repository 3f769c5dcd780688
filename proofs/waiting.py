"""Waiting for something to become true, with a deadline and a reason."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
POLL_SECONDS = 0.05


def eventually(
    check: Callable[[], T],
    *,
    within: float,
    what: str,
    every: float = POLL_SECONDS,
) -> T:
    """The first truthy answer of `check`; AssertionError naming `what` after `within` s."""
    deadline = time.monotonic() + within
    while True:
        if seen := check():
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s: {what} (last: {seen!r})")
        time.sleep(every)
