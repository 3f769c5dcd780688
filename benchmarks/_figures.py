"""Rounds that alternate, and what they say: one JSON line a figure, ratios first."""

import json
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 5


@dataclass(frozen=True)
class Measured:
    """One variant in one round."""

    rate: float
    p95_ms: float
    cpu_ms: float


def interleaved(
    variants: dict[str, Callable[[int], Measured]], *, warm_up: bool = True
) -> dict[str, list[Measured]]:
    """Each variant once in every round, after one that does not count.

    A variant takes the number of the round, so that it can send what is new.
    """
    seen: dict[str, list[Measured]] = {name: [] for name in variants}
    for number in range(0 if warm_up else 1, ROUNDS + 1):
        for name, measure in variants.items():
            measured = measure(number)
            if number:
                seen[name].append(measured)
    return seen


def tell(
    benchmark: str,
    seen: dict[str, list[Measured]],
    ratios: list[str],
    *,
    unit: str = "requests/s",
) -> None:
    """One JSON line a figure; `ratios`: pairs like `product/baseline`, said first."""
    for pair in ratios:
        one, _, other = pair.partition("/")
        both = list(zip(seen[one], seen[other], strict=True))
        say(benchmark, f"{pair} rate", [a.rate / b.rate for a, b in both], "x")
        say(benchmark, f"{pair} cpu", [a.cpu_ms / b.cpu_ms for a, b in both], "x")
    for name, rounds in seen.items():
        say(benchmark, name, [one.rate for one in rounds], unit)
        say(benchmark, f"{name} cpu", [one.cpu_ms for one in rounds], "ms")
        if any(one.p95_ms for one in rounds):
            say(benchmark, f"{name} p95", [one.p95_ms for one in rounds], "ms")


def say(benchmark: str, figure: str, values: list[float], unit: str) -> None:
    """The median of the rounds, with the least and the most."""
    line = {
        "benchmark": benchmark,
        "figure": figure,
        "value": round(statistics.median(values), 3),
        "min": round(min(values), 3),
        "max": round(max(values), 3),
        "rounds": len(values),
        "unit": unit,
    }
    sys.stdout.write(f"{json.dumps(line)}\n")
    sys.stdout.flush()
