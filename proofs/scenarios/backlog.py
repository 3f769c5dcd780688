"""100,000 reminders due at once after an outage (`make prove NAME=backlog`).

SHARE= makes it smaller (0.02 is 2,000), PER_MINUTE= sets the rate. WITHOUT= is a negative
control, which the judge must find fault with: rate, still_due, quiet_hours or limit.
"""

import json
import os
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from proofs.desk import Desk
from proofs.servers import Servers, desks, running
from proofs.shop import APP, Shop

UNHEEDING = "tests.stack.unheeding"
BURST_SECONDS = 10.0
A_DAY = 3
EARLIEST = 8
# The same three as the product promises; written here anew, for this is the judge.
OF_TWENTY = {"paid": (0, 1), "night": (2, 3), "many": (4, 5, 6, 7, 8)}
# Of each twenty links: paid meanwhile, of people in the night, of one person. Others: day.
LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Size:
    """`per_minute`: the rate; 0 is none. `seconds`: how long it may take."""

    links: int
    per_minute: int
    seconds: float

    @property
    def expected(self) -> int:
        """How many mails go out today: of twenty, eleven of the day and three of many."""
        return self.links // 20 * (11 + A_DAY)


@dataclass(frozen=True)
class Report:
    mails: int
    expected: int
    seconds: float
    per_minute: float
    findings: list[str]

    def lines(self) -> Iterator[str]:
        fields = {k: v for k, v in vars(self).items() if k != "findings"}
        yield json.dumps({**fields, "findings": len(self.findings)})
        yield from (json.dumps({"finding": said}) for said in self.findings)


@dataclass(frozen=True)
class Taken:
    at: float
    recipient: str


def run(servers: Servers, folder: Path, size: Size, *, without: str = "") -> Report:
    """Two workers and beat meet the backlog; `without` takes one rule away."""
    with desks(servers, folder) as open_desk:
        desk = open_desk(f"backlog_{without or 'whole'}")
        shop = desk.shop
        _seed(desk, size.links)
        per_minute = 0 if without == "rate" else size.per_minute
        shop.variables |= {"EMAIL_PER_MINUTE": str(per_minute), "WITHOUT": without}
        app = UNHEEDING if without not in ("", "rate") else APP
        started = time.time()
        for name in ("one", "two"):
            shop.worker(name, app=app)
        shop.beat()
        _wait(shop, started + size.seconds)
        mails = _taken(desk.outside.sink.ledger.path)
        spent = (mails[-1].at if mails else time.time()) - started
        return Report(
            mails=len(mails),
            expected=size.expected,
            seconds=round(spent, 1),
            per_minute=round(len(mails) / spent * 60),
            findings=[
                *_too_fast(mails, started, size.per_minute),
                *_unwanted(mails, size),
                *_left(shop),
            ],
        )


def _seed(desk: Desk, links: int) -> None:
    """Copies of one link and one customer, and a reminder for each, due an hour ago."""
    shop = desk.shop
    web = shop.web()
    shop.wait_for_web(web)
    customer = desk.new_customer()
    link = desk.new_link(customer)
    web.kill()
    group = _group()
    zone = f"CASE {group} WHEN 'night' THEN '{_zone(2)}' ELSE '{_zone(10)}' END"
    status = f"CASE {group} WHEN 'paid' THEN 'paid' ELSE 'active' END"
    many = f"CASE {group} WHEN 'many' THEN n / 20 ELSE n END"
    _copy(
        shop,
        "customers_customer",
        customer.id,
        links,
        {"public_id": _named("cus_"), "time_zone": zone},
    )
    _copy(
        shop,
        "links_paymentlink",
        link["id"],
        links,
        {
            "public_id": _named("plk_"),
            "number": "'BL-' || n",
            "token_sha256": "md5(n::text)",
            "creation_key": "NULL",
            "status": status,
            "customer_id": "(SELECT id FROM customers_customer c"  # noqa: S608
            f" WHERE c.public_id = {_named('cus_')})",
        },
    )
    shop.rows(
        "INSERT INTO notifications_message (public_id, kind, category, channel,"  # noqa: S608
        " reference, subject_id, recipient, language, dedupe_key, is_automatic, state,"
        " due_at, fence, tries, provider_message_id, last_error, created_at)"
        f" SELECT {_named('msg_')}, 'reminder', 'reminder', 'email', {_named('plk_')},"
        f" '', {group} || ({many}) || '@example.com', 'en', 'backlog:' || n, true, 'queued',"
        " now() - interval '1 hour', 0, 0, '', '', now() - interval '1 hour'"
        " FROM generate_series(1, %s) n",
        links,
    )
    shop.rows("ANALYZE")


def _group() -> str:
    """SQL: which group the n-th link belongs to."""
    cases = " ".join(
        f"WHEN mod(n, 20) IN ({', '.join(map(str, members))}) THEN '{name}'"
        for name, members in OF_TWENTY.items()
    )
    return f"(CASE {cases} ELSE 'day' END)"


def _copy(
    shop: Shop, table: str, original: str, count: int, changed: Mapping[str, str]
) -> None:
    """So many copies of one row; `changed`: column → SQL in which n counts them."""
    columns = [
        name
        for (name,) in shop.rows(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_name = %s AND column_name <> 'id'",
            table,
        )
    ]
    values = [changed.get(name, f't."{name}"') for name in columns]
    shop.rows(
        f"INSERT INTO {table} ({', '.join(columns)})"  # noqa: S608  names of our own
        f" SELECT {', '.join(values)} FROM {table} t, generate_series(1, %s) n"
        " WHERE t.public_id = %s",
        count,
        original,
    )


def _named(prefix: str) -> str:
    return f"'{prefix}' || lpad(n::text, 20, '0')"


def _zone(hour: int) -> str:
    """A zone without changes of its clocks in which it is about that hour now."""
    offset = (hour - datetime.now(tz=UTC).hour + 11) % 24 - 11
    # Named after what to add to get UTC, hence the other sign.
    return f"Etc/GMT{-offset:+d}" if offset else "Etc/GMT"


def _wait(shop: Shop, deadline: float) -> None:
    """Until nothing is due or being sent."""
    count = (
        "SELECT count(*) FROM notifications_message WHERE state = 'sending'"
        " OR (state = 'queued' AND due_at <= now())"
    )
    while shop.rows(count) != [(0,)] and time.time() < deadline:
        time.sleep(LOOK_SECONDS)
        shop.revive()


def _taken(path: Path) -> list[Taken]:
    """What the mail server took, oldest first; its words are left in the file."""
    query = (
        "SELECT json_extract(body, '$.at'), json_extract(body, '$.recipients[0]')"
        " FROM objects WHERE kind = 'mail' ORDER BY seq"
    )
    with closing(sqlite3.connect(path)) as ledger:
        return [Taken(*row) for row in ledger.execute(query)]


def _too_fast(mails: list[Taken], started: float, per_minute: int) -> list[str]:
    """A hand-over is later than its turn, never earlier: this bound is exact."""
    for count, mail in enumerate(mails, start=1):
        allowed = per_minute / 60 * (mail.at - started + BURST_SECONDS) + 1
        if count > allowed:
            return [f"{count} mails after {mail.at - started:.1f} s: {allowed:.0f} may"]
    return []


def _unwanted(mails: list[Taken], size: Size) -> Iterator[str]:
    got = Counter(mail.recipient for mail in mails)
    for start in ("paid", "night"):
        if wrong := sum(n for who, n in got.items() if who.startswith(start)):
            yield f"{wrong} mails to people who are {start}"
    most = max((n for who, n in got.items() if who.startswith("many")), default=0)
    if most > A_DAY:
        yield f"{most} mails to one person"
    if twice := [who for who, n in got.items() if who.startswith("day") and n > 1]:
        yield f"{len(twice)} people got their one reminder twice"
    wanted = sum(min(n, A_DAY) for who, n in got.items() if who[:3] in ("day", "man"))
    if wanted != size.expected:
        yield f"{wanted} of {size.expected} mails that should go out today"


def _left(shop: Shop) -> Iterator[str]:
    """What still waits leaves in the morning of its reader, and not before tomorrow."""
    rows = shop.rows(
        "SELECT count(*) FROM notifications_message m"
        " JOIN links_paymentlink l ON l.public_id = m.reference"
        " JOIN customers_customer c ON c.id = l.customer_id"
        " WHERE m.state = 'queued'"
        " AND extract(hour FROM m.due_at AT TIME ZONE c.time_zone) <> %s",
        EARLIEST,
    )
    if rows != [(0,)]:
        yield f"{rows[0][0]} mails wait for another hour than {EARLIEST}:00"


def main() -> int:
    share = float(os.environ.get("SHARE") or 1)
    per_minute = int(os.environ.get("PER_MINUTE") or 2400)
    links = int(100_000 * share) // 20 * 20
    size = Size(
        links=links, per_minute=per_minute, seconds=120 + links / per_minute * 90
    )
    folder = Path(tempfile.mkdtemp(prefix="proofs-backlog-"))
    print(json.dumps({"links": links, "per_minute": per_minute, "logs": str(folder)}))
    with running(folder) as servers:
        report = run(servers, folder, size, without=os.environ.get("WITHOUT", ""))
    for line in report.lines():
        print(line)
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
