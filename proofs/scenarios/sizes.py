"""The back-office at 10,000, 1,000,000 and 5,000,000 links (`make prove NAME=sizes`).

SIZES= (a list with commas) and ROUNDS= change it. Each page is visited at every size in
turn, so that the sizes share the machine's moods. Prints one JSON line a page that grew,
and one that counts all; not 0 when one grew by more than it may, counted a large table or
asked more often than a list may.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from proofs import growing
from proofs.cluster import PostgresCluster
from proofs.processes import free_port
from proofs.shop import ROOT, environment, manage

SIZES = (10_000, 1_000_000, 5_000_000)
SHOP = 500
# links of the shop that is copied
ROUNDS = 30
MEDIAN, P95 = 1.3, 1.5
REPORT_MS = 5.0
SEARCH_MS = 25.0
ROWS_STATEMENTS = 5
# which a list may ask of tables that grow; who is signed in and so on come on top
SETTINGS = {
    "shared_buffers": "1GB",
    "effective_cache_size": "4GB",
    "max_wal_size": "8GB",
    "work_mem": "16MB",
}


@dataclass
class Visitor:
    """One process of the product on one database; see proofs/visiting.py."""

    process: subprocess.Popen[str]

    def ask(self, question: Mapping[str, object]) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(timeout=60)


@dataclass
class Page:
    """What was seen of one page; by the number of links where not said otherwise."""

    name: str
    looks: dict[int, Any] = field(default_factory=dict)
    visits: dict[int, list[float]] = field(default_factory=dict)

    def sql_ms(self, size: int) -> float:
        """PostgreSQL's own time for all its statements."""
        return sum(float(each["ms"]) for each in self.looks[size]["statements"])

    def blocks(self, size: int) -> int:
        return sum(int(each["blocks"]) for each in self.looks[size]["statements"])

    def growth(self, size: int, than: int) -> tuple[float, float]:
        """How many times longer the median and the 95th of a hundred visits take."""
        one, other = self.visits[size], self.visits[than]
        return (
            statistics.median(one) / statistics.median(other),
            _p95(one) / _p95(other),
        )

    def findings(self) -> Iterator[str]:
        """What no page may do at any size."""
        for size, look in self.looks.items():
            if look["status"] != 200:
                yield f"answers {look['status']} at {size}"
            large = [each for each in look["statements"] if _is_of_large(each["sql"])]
            if " list" in self.name and len(large) > ROWS_STATEMENTS:
                yield f"{len(large)} statements at {size}"
            for each in large:
                if any(
                    word in each["sql"].upper() for word in ("COUNT(*)", "DISTINCT ")
                ):
                    yield f"at {size} counts or compares all: {each['sql'][:200]}"

    def slow(self, size: int) -> Iterator[str]:
        """What takes PostgreSQL longer than it may."""
        most = {"report": REPORT_MS, "search": SEARCH_MS}.get(self.name.split()[0])
        if most is not None and self.sql_ms(size) > most:
            yield f"{self.sql_ms(size):.1f} ms of SQL at {size}"


def _p95(values: Sequence[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


def _is_of_large(statement: str) -> bool:
    return any(f'"{table}"' in statement for table in growing.TABLES)


@contextmanager
def shops(
    postgres: PostgresCluster, folder: Path, sizes: Sequence[int], shop: int
) -> Iterator[dict[int, Visitor]]:
    """A visitor of each size; all are copies of one simulated shop."""
    template = "sizes_template"
    variables = environment(
        folder=folder,
        port=free_port(),
        database_url=postgres.create_database(template),
        redis_url="",
        STAFF_MFA_REQUIRED="false",
    )
    manage(variables, "migrate", "--noinput", "-v0")
    manage(variables, "collectstatic", "--noinput", "-v0")
    manage(variables, "simulate", "--links", str(shop))
    with ExitStack() as stack:
        visitors = {}
        for size in sizes:
            url = postgres.copy_database(template, f"sizes_{size}")
            started = time.monotonic()
            links = growing.grow(url, size)
            own = {**variables, "DATABASE_URL": url}
            manage(own, "rebuild_totals")
            seconds = round(time.monotonic() - started)
            print(
                json.dumps({"links": links, "filled_in_seconds": seconds}), flush=True
            )
            visitors[size] = stack.enter_context(_visitor(own))
        yield visitors


def _visitor(variables: Mapping[str, str]) -> Visitor:
    return Visitor(
        subprocess.Popen(
            [sys.executable, "-m", "proofs.visiting"],
            cwd=ROOT,
            env=dict(variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # the log of each visit
            text=True,
        )
    )


def visited(visitors: Mapping[int, Visitor], rounds: int) -> list[Page]:
    """Every page, looked at once at each size and visited `rounds` times in turn."""
    paths = {size: each.ask({"pages": True}) for size, each in visitors.items()}
    common = set.intersection(*map(set, paths.values()))
    pages = [Page(name) for name in paths[min(paths)] if name in common]
    for page in pages:
        for size, visitor in visitors.items():
            path = paths[size][page.name]
            page.looks[size] = visitor.ask({"look": path})
            page.visits[size] = []
        for _round in range(rounds):
            for size, visitor in visitors.items():
                answer = visitor.ask({"visit": paths[size][page.name]})
                page.visits[size].append(answer["ms"])
    return pages


def judged(page: Page, sizes: Sequence[int]) -> list[str]:
    """What is wrong with a page at the sizes after the first, which they are held to."""
    found = [*page.findings()]
    for size in sizes[1:]:
        found += page.slow(size)
        median, p95 = page.growth(size, sizes[0])
        if median > MEDIAN or p95 > P95:
            found.append(f"at {size} the median is {median:.2f}, the 95th {p95:.2f}")
    return found


def main() -> int:
    given = os.environ.get("SIZES", "")
    sizes = sorted(int(each) for each in given.split(",") if each) or SIZES
    rounds = int(os.environ.get("ROUNDS") or ROUNDS)
    wrong = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        PostgresCluster(settings=SETTINGS) as postgres,
        shops(postgres, Path(folder), sizes, SHOP) as visitors,
    ):
        pages = visited(visitors, rounds)
        for page in pages:
            found = judged(page, sizes)
            wrong += bool(found)
            growth = [f"{page.growth(size, sizes[0])[0]:.2f}" for size in sizes[1:]]
            sql_ms = [round(page.sql_ms(size), 1) for size in sizes]
            line = {"page": page.name, "growth": growth, "sql_ms": sql_ms}
            print(json.dumps({**line, "findings": found}), flush=True)
    print(json.dumps({"pages": len(pages), "wrong": wrong, "sizes": list(sizes)}))
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
