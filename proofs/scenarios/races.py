"""Two payers, three planners, two claimers, 60 seconds a variant (`make prove NAME=races`).

No message may be claimed after the commit of the payment that made it pointless. The order
of commits is PostgreSQL's own (`track_commit_timestamp`). Of the four variants only the
product as it is must come out at none; the others show what each guard is worth.
SEED=, SECONDS=, LINKS= change the race.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import psycopg

from proofs.cluster import PostgresCluster
from proofs.processes import free_port
from proofs.shop import ROOT, environment, manage

VARIANTS = ("as_it_is", "lock_alone", "belt_alone", "neither")
RACERS = (*["payer"] * 2, *["planner"] * 3, *["claimer"] * 2)
LINKS_A_SECOND = 12
TEMPLATE = "template_races"
START_SECONDS = 4.0  # before the first reminder, and after the last
WAIT_SECONDS = 60.0
COMMITS = """
    SELECT count(*) FILTER (WHERE claimed > paid),
           count(*) FILTER (WHERE claimed < paid),
           count(*) FILTER (WHERE abs(extract(epoch FROM claimed - paid)) < 0.1)
    FROM (SELECT pg_xact_commit_timestamp(attempt.xmin) AS claimed,
                 pg_xact_commit_timestamp(payment.xmin) AS paid
          FROM notifications_attempt attempt
          JOIN notifications_message message ON message.id = attempt.message_id
          JOIN links_paymentlink link ON link.public_id = message.reference
          JOIN links_payment payment ON payment.link_id = link.id
          WHERE message.kind = 'reminder') both_commits
"""


@dataclass(frozen=True)
class Outcome:
    """`late`: claimed after the payment's commit. `close`: within 0.1 s of it."""

    variant: str
    seed: int
    paid: int
    late: int
    before: int
    close: int


def run(
    variant: str,
    *,
    postgres: PostgresCluster,
    folder: Path,
    seed: int,
    seconds: float,
    links: int,
) -> Outcome:
    """One race on a database of its own. AssertionError when a racer fails."""
    name = f"races_{variant}"
    variables = _variables(postgres.copy_database(TEMPLATE, name), folder)
    log = (folder / f"{name}.log").open("w+")
    with log:
        _alone(variables, log, "seed", variant, seconds, links)
        _race(variables, log, variant, seed, seconds)
    with psycopg.connect(postgres.url(name)) as session:
        late, before, close = session.execute(COMMITS).fetchone() or (0, 0, 0)
        [paid] = session.execute("SELECT count(*) FROM links_payment").fetchone() or [0]
    postgres.drop_database(name)
    return Outcome(variant, seed, paid, late, before, close)


def cluster() -> PostgresCluster:
    """A PostgreSQL that remembers in which order transactions were committed."""
    return PostgresCluster(settings={"track_commit_timestamp": "on"})


def _variables(database_url: str, folder: Path) -> dict[str, str]:
    """Business time is noon, five days on: the reminders of now are due, and may leave."""
    now = datetime.now(tz=UTC)
    noon = now.replace(hour=12, minute=0) + timedelta(days=5)
    return environment(
        folder=folder,
        port=free_port(),
        database_url=database_url,
        redis_url="redis://127.0.0.1:1/0",  # nobody there: nothing but rows
        DJANGO_SETTINGS_MODULE="merchant_portal.settings",
        RACE_OFFSET=str(int((noon - now).total_seconds())),
    )


def _race(
    variables: Mapping[str, str], log: IO[str], variant: str, seed: int, seconds: float
) -> None:
    """Everybody is ready before the reminders are lined up, and starts at one word."""
    racers: list[subprocess.Popen[str]] = []
    try:
        for number, role in enumerate(RACERS):
            lasts = seconds + START_SECONDS
            racers.append(
                _start(variables, log, role, variant, lasts, seed * 10 + number)
            )
        for racer in racers:
            assert racer.stdout
            assert racer.stdout.readline() == "ready\n", _read(log)
        _alone(variables, log, "line_up", variant, seconds, seed)
        for racer in racers:
            assert racer.stdin
            racer.stdin.write("go\n")
            racer.stdin.flush()
        codes = [racer.wait(seconds + WAIT_SECONDS) for racer in racers]
        assert not any(codes), _read(log)
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()


def _alone(
    variables: Mapping[str, str],
    log: IO[str],
    role: str,
    variant: str,
    seconds: float,
    number: int,
) -> None:
    racer = _start(variables, log, role, variant, seconds, number)
    racer.communicate()
    assert racer.returncode == 0, _read(log)


def _start(
    variables: Mapping[str, str],
    log: IO[str],
    role: str,
    variant: str,
    seconds: float,
    number: int,
) -> subprocess.Popen[str]:
    offset = "0" if role == "seed" else variables["RACE_OFFSET"]
    words = [role, variant, str(seconds), str(number)]
    return subprocess.Popen(
        [sys.executable, "-m", "proofs.racing", *words],
        cwd=ROOT,
        env={**variables, "CLOCK_OFFSET": offset},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )


def _read(log: IO[str]) -> str:
    log.seek(0)
    return log.read()[-4000:]


def race(
    variants: Sequence[str], *, seed: int, seconds: float, links: int
) -> list[Outcome]:
    with cluster() as postgres, tempfile.TemporaryDirectory() as folder:
        variables = _variables(postgres.create_database(TEMPLATE), Path(folder))
        manage(variables, "migrate", "--noinput", "-v0")
        return [
            run(
                variant,
                postgres=postgres,
                folder=Path(folder),
                seed=seed,
                seconds=seconds,
                links=links,
            )
            for variant in variants
        ]


def main() -> int:
    seed = int(os.environ.get("SEED") or 20261125)
    seconds = float(os.environ.get("SECONDS") or 60)
    links = int(os.environ.get("LINKS") or seconds * LINKS_A_SECOND)
    outcomes = race(VARIANTS, seed=seed, seconds=seconds, links=links)
    for outcome in outcomes:
        print(json.dumps(asdict(outcome)))
    late = {outcome.variant: outcome.late for outcome in outcomes}
    return 0 if late["as_it_is"] == 0 and late["neither"] > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
