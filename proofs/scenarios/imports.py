"""10,000 and 100,000 links out of files: memory, all or nothing (`make prove NAME=imports`).

ROWS= is the size of the larger file, 1000000 for a million; the smaller is a tenth of it,
10,000 at most. Memory is the peak of a process of its own, as the system counts it.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from proofs.servers import Servers, desks, running
from proofs.shop import ROOT, Shop
from proofs.waiting import eventually

MORE_MB = 25
# that the larger import may hold beyond the smaller: buffers, not rows
OWNER = "olga@shop.example"
LINKS = "SELECT count(*) FROM links_paymentlink WHERE external_ref LIKE %s"
IN_FLIGHT = "SELECT done FROM links_importprogress ORDER BY job_id DESC LIMIT 1"


@dataclass(frozen=True)
class Run:
    """One import by the operator's command: file to links, check and all."""

    rows: int
    seconds: float
    peak_mb: float

    @property
    def rate(self) -> int:
        return round(self.rows / self.seconds)


@dataclass(frozen=True)
class Report:
    small: Run
    large: Run
    findings: list[str]

    def lines(self) -> Iterator[str]:
        for run in (self.small, self.large):
            figures = {"rows": run.rows, "seconds": round(run.seconds, 1)}
            yield json.dumps({**figures, "rows/s": run.rate, "peak MB": run.peak_mb})
        yield json.dumps({"findings": self.findings})


def run(servers: Servers, folder: Path, rows: int) -> Report:
    with desks(servers, folder) as open_desk:
        shop = open_desk("imports").shop
        shop.manage("create_owner", OWNER)
        small = _import(shop, folder, "small", min(rows // 10, 10_000))
        large = _import(shop, folder, "large", rows)
        findings = [
            *_too_much(small, large),
            *_missing(shop, "small", small.rows),
            *_missing(shop, "large", large.rows),
            *_killed(shop, folder, rows),
            *_gaps(shop),
        ]
        return Report(small, large, findings)


def _file(folder: Path, name: str, rows: int) -> Path:
    path = folder / f"{name}.csv"
    with path.open("w") as file:
        file.write("Reference,Name,E-mail,Amount,Currency,Description,Due date\n")
        for n in range(rows):
            file.write(
                f"{name}-{n},Ada Lovelace {n},{name}{n}@example.com,{n % 900 + 1}.50,"
                f"EUR,Birthday cake no {n},2030-03-12\n"
            )
    return path


def _start(shop: Shop, path: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "manage.py", "import_links", str(path), "--by", OWNER]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **shop.variables})


def _import(shop: Shop, folder: Path, name: str, rows: int) -> Run:
    path = _file(folder, name, rows)
    started = time.monotonic()
    process = _start(shop, path)
    _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise AssertionError(f"import_links ended with {process.returncode}")
    peak_mb = round(usage.ru_maxrss / 1024, 1)
    return Run(rows, time.monotonic() - started, peak_mb)


def _too_much(small: Run, large: Run) -> Iterator[str]:
    if large.peak_mb > small.peak_mb + MORE_MB:
        yield f"{large.rows} rows hold {large.peak_mb} MB, {small.rows} {small.peak_mb}"


def _missing(shop: Shop, name: str, rows: int) -> Iterator[str]:
    [(there,)] = shop.rows(LINKS, f"{name}-%")
    if there != rows:
        yield f"{there} of {rows} links of {name}"


def _killed(shop: Shop, folder: Path, rows: int) -> Iterator[str]:
    """kill -9 of the whole process in the middle of the writing."""
    process = _start(shop, _file(folder, "killed", rows))
    state = "SELECT state FROM links_linkimport ORDER BY id DESC LIMIT 1"
    eventually(
        lambda: (
            shop.rows(state) == [("running",)]
            and shop.rows(IN_FLIGHT)[0][0] > rows // 3
        ),
        within=600,
        what="an import that is being written",
    )
    process.send_signal(signal.SIGKILL)
    process.wait()
    yield from _missing(shop, "killed", 0)
    shop.rows(
        "UPDATE links_importprogress SET touched_at = now() - interval '5 minutes'"
    )
    shop.beat()
    shop.wait_for_worker(shop.worker("one"))
    eventually(
        lambda: shop.rows(state) == [("done",)], within=600, what="the import made anew"
    )
    yield from _missing(shop, "killed", rows)


def _gaps(shop: Shop) -> Iterator[str]:
    [(count, last)] = shop.rows(
        "SELECT count(*), max(right(number, -8)::int) FROM links_paymentlink"
    )
    if count != last:
        yield f"{count} links, and numbers up to {last}"


def main() -> int:
    rows = int(os.environ.get("ROWS") or 100_000)
    folder = Path(tempfile.mkdtemp(prefix="proofs-imports-"))
    with running(folder) as servers:
        report = run(servers, folder, rows)
    for line in report.lines():
        print(line)
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
