"""What a person at the terminal reads: one line a step, and a reason when it stops."""

import sys
from typing import NoReturn


class Stop(Exception):
    """Ends the command; the message says what is wrong and what to do about it."""


def step(text: str) -> None:
    print(text, flush=True)


def stop(problem: str, cure: str) -> NoReturn:
    """End the command with a reason and a cure."""
    raise Stop(f"{problem}\n{cure}")


def failure(text: str) -> None:
    print(f"\n{text}", file=sys.stderr, flush=True)
