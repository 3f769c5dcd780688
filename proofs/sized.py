"""Runs a test at full size: its examples shared by processes, each on a database of its own.

A test reads PROOF_SEED and PROOF_EXAMPLES, and writes what it counted to PROOF_FIGURES.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from proofs.cluster import PostgresCluster
from scripts.stack_suite import KEYS

ROOT = Path(__file__).parent.parent
Variables = Callable[[int, int, Path], Mapping[str, str]]


def run(
    tests: Sequence[str],
    *,
    full: int,
    side_by_side: int = 2,
    variables: Variables | None = None,
) -> int:
    """All examples, `full` of them unless EXAMPLES says otherwise, from SEED on.

    Prints one JSON line of figures; not 0 when a test failed. `variables(seed, examples,
    figures)`: what a process is told besides its database.
    """
    first = int(os.environ.get("SEED") or 1)
    share = -(-int(os.environ.get("EXAMPLES") or full) // side_by_side)
    started = time.monotonic()
    with PostgresCluster() as postgres, tempfile.TemporaryDirectory() as folder:
        reports = [Path(folder) / f"{place}.json" for place in range(side_by_side)]
        running = [
            _start(
                tests,
                postgres.create_database(f"sized_{place}"),
                (variables or _variables)(first + place, share, path),
            )
            for place, path in enumerate(reports)
        ]
        codes = [process.wait() for process in running]
        counted = sum((_counted(path) for path in reports), Counter[str]())
    seconds = round(time.monotonic() - started)
    print(json.dumps({"seed": first, "seconds": seconds, **counted}))
    return max(codes)


def _variables(seed: int, examples: int, figures: Path) -> dict[str, str]:
    return {
        "PROOF_SEED": str(seed),
        "PROOF_EXAMPLES": str(examples),
        "PROOF_FIGURES": str(figures),
    }


def _start(
    tests: Sequence[str], database: str, given: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    own = {"ENV_FILE": "", "DATABASE_URL": database, **given}
    command = [sys.executable, "-m", "pytest", "-q", *tests]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **KEYS, **own})


def _counted(report: Path) -> Counter[str]:
    """What happened in the examples; nothing where one of them failed."""
    return Counter(json.loads(report.read_text()) if report.exists() else {})
