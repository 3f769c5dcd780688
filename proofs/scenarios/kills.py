"""Random kills under load: more than 300 blows, 4,000 messages, 3,000 webhooks (`make prove NAME=kills`).

Of 370 blows some meet nobody; the report counts those that struck. SEED=, KILLS=, LINKS= (four messages and three webhooks each) and SECONDS= change the size;
LEASES=off is the negative control, which the judge must find fault with.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from proofs import chaos, judge
from proofs.desk import Desk
from proofs.feeder import Feeder, Ledger
from proofs.servers import Servers, desks, running
from proofs.shop import APP

WITHOUT_LEASES = "tests.stack.without_claims"
SETTLE_SECONDS = 300.0
LOOK_SECONDS = 0.5
OPEN = """
    SELECT (SELECT count(*) FROM notifications_message WHERE state IN ('queued', 'sending'))
         + (SELECT count(*) FROM links_webhookevent WHERE state = 'received')
         + (SELECT count(*) FROM links_checkout
            WHERE state IN ('creating', 'open', 'capturing'))
"""


@dataclass(frozen=True)
class Size:
    """`seconds`: how long blows fall and links are made. `hurry`: after the last blow kill
    every worker once and let what they held come due, instead of waiting out the leases.
    """

    kills: int
    links: int
    seconds: float
    longest_freeze: float
    hurry: bool = False
    settle_seconds: float = SETTLE_SECONDS


FULL = Size(kills=370, links=1000, seconds=600, longest_freeze=75)


@dataclass(frozen=True)
class Report:
    seed: int
    struck: dict[str, int]
    messages: int
    webhooks: int
    payments: int
    extra_copies: int
    unknown: int
    settled_seconds: float
    findings: list[str]

    def lines(self) -> Iterator[str]:
        """The report as JSON lines, the findings one by one at the end."""
        fields = {k: v for k, v in vars(self).items() if k != "findings"}
        yield json.dumps({**fields, "findings": len(self.findings)})
        yield from (json.dumps({"finding": said}) for said in self.findings)


def run(
    servers: Servers, folder: Path, seed: int, size: Size, app: str = APP
) -> Report:
    """Blows from `seed` on a new installation; `app` is what its workers run."""
    with desks(servers, folder) as open_desk:
        desk = open_desk(f"kills_{seed}_{app.rpartition('.')[2]}")
        desk.shop.variables["PAY_PAGE_LIMIT_PER_MINUTE"] = "0"
        start(desk, app)
        acknowledged = Ledger(folder / "acknowledged.jsonl")
        blows = chaos.plan(seed, size.kills, size.seconds, size.longest_freeze)
        chaos.write(blows, folder / "blows.jsonl")
        database = desk.shop.variables["DATABASE_URL"].rpartition("/")[2]
        storm = chaos.Chaos(desk.shop, servers.postgres, servers.redis, database)
        feeder = Feeder(desk.shop, desk.outside, acknowledged, seed=seed)
        try:
            with feeder.running(size.links, size.seconds * 0.9) as wait:
                storm.start(blows)
                storm.finish()
                wait()
        finally:
            storm.stop()
        ended = time.monotonic()
        if size.hurry:
            hurry(desk)
        settle(desk, ended + size.settle_seconds)
        settled = time.monotonic() - ended
        evidence = judge.gather(desk.shop, desk.outside, acknowledged)
        return Report(
            seed=seed,
            struck=dict(sorted(storm.struck.items())),
            messages=len(evidence.of("message")),
            webhooks=len(evidence.events),
            payments=len(evidence.money),
            extra_copies=judge.extra_copies(evidence),
            unknown=sum(row.state == "unknown" for row in evidence.rows),
            settled_seconds=round(settled, 1),
            findings=[*judge.findings(evidence), *desk.findings()],
        )


def start(desk: Desk, app: str) -> None:
    shop = desk.shop
    web = shop.web()
    workers = [shop.worker(name, app=app) for name in ("one", "two")]
    shop.beat()
    shop.wait_for_web(web)
    for worker in workers:
        shop.wait_for_worker(worker)
    shop.api_get("customers")  # makes the key, while nothing falls yet


def hurry(desk: Desk) -> None:
    """When nobody holds anything any more, every lease may lapse at once."""
    for process in desk.shop.processes:
        if process.name in {"one", "two"}:
            process.kill()
    desk.shop.let_leases_lapse()


def settle(desk: Desk, deadline: float) -> None:
    """Until nothing is open, or the time is up: then the judge says what is."""
    desk.shop.revive()
    while desk.shop.rows(OPEN) != [(0,)] and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
        desk.shop.revive()


def main() -> int:
    seed = int(os.environ.get("SEED") or 20261125)
    size = Size(
        kills=int(os.environ.get("KILLS") or FULL.kills),
        links=int(os.environ.get("LINKS") or FULL.links),
        seconds=float(os.environ.get("SECONDS") or FULL.seconds),
        longest_freeze=FULL.longest_freeze,
    )
    is_off = os.environ.get("LEASES") == "off"
    folder = Path(tempfile.mkdtemp(prefix="proofs-kills-"))
    print(json.dumps({"seed": seed, "leases": not is_off, "logs": str(folder)}))
    with running(folder) as servers:
        report = run(servers, folder, seed, size, WITHOUT_LEASES if is_off else APP)
    for line in report.lines():
        print(line)
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
