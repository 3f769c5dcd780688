"""20,000 examples of the state machine in tests/properties (`make prove NAME=machine`).

SEED= and EXAMPLES= change the draw and the size. Two processes share the examples, with
the seeds SEED and SEED + 1, each on a database of its own. Afterwards each tells the
same news in a tenth as many orders.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from proofs.cluster import PostgresCluster
from scripts.stack_suite import KEYS

ROOT = Path(__file__).parents[2]
TESTS = (
    "tests/properties/test_machine.py::test_whatever_happens_the_books_are_right",
    "tests/properties/test_any_order.py"
    "::test_any_order_and_repetition_ends_in_the_same_rows",
)
SIDE_BY_SIDE = 2
FULL = 20_000


def main() -> int:
    first = int(os.environ.get("SEED", "1"))
    share = -(-int(os.environ.get("EXAMPLES", str(FULL))) // SIDE_BY_SIDE)
    started = time.monotonic()
    with PostgresCluster() as postgres, tempfile.TemporaryDirectory() as folder:
        reports = [Path(folder) / f"{place}.json" for place in range(SIDE_BY_SIDE)]
        running = [
            _start(
                postgres.create_database(f"machine_{place}"), first + place, share, path
            )
            for place, path in enumerate(reports)
        ]
        codes = [process.wait() for process in running]
        counted = sum((_counted(path) for path in reports), Counter[str]())
    seconds = round(time.monotonic() - started)
    print(json.dumps({"seed": first, "seconds": seconds, **counted}))
    return max(codes)


def _start(
    database: str, seed: int, examples: int, report: Path
) -> subprocess.Popen[bytes]:
    given = {
        "ENV_FILE": "",
        "DATABASE_URL": database,
        "MACHINE_SEED": str(seed),
        "MACHINE_EXAMPLES": str(examples),
        "MACHINE_ORDERS": str(max(examples // 10, 1)),
        "MACHINE_FIGURES": str(report),
    }
    command = [sys.executable, "-m", "pytest", "-q", *TESTS]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **KEYS, **given})


def _counted(report: Path) -> Counter[str]:
    """What happened in the examples; nothing where one of them failed."""
    return Counter(json.loads(report.read_text()) if report.exists() else {})


if __name__ == "__main__":
    sys.exit(main())
