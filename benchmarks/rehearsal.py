"""The rehearsal of 100,000 open links, beside reading their rows as models."""

import subprocess
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks._figures import Measured, interleaved, say, tell
from proofs.cluster import PostgresCluster, RedisServer
from proofs.processes import free_port
from proofs.shop import ROOT, environment, manage

LINKS = 100_000


def main() -> None:
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresCluster(durable=True))
        redis = stack.enter_context(RedisServer())
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        variables = environment(
            folder=Path(folder),
            port=free_port(),
            database_url=postgres.create_database("rehearsal"),
            redis_url=redis.url(),
        )
        manage(variables, "migrate", "--noinput", "-v0")
        process = stack.enter_context(
            subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", "benchmarks._rehearser", str(LINKS)],
                cwd=ROOT,
                env=variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        stack.callback(process.kill)
        assert process.stdout is not None
        process.stdout.readline()
        seen = interleaved(
            {name: partial(asked, process, name) for name in ("rehearse", "read")}
        )
        tell("rehearsal", seen, ["rehearse/read"], unit="links/s")
        seconds = [LINKS / one.rate for one in seen["rehearse"]]
        say("rehearsal", f"{LINKS:,} open links", seconds, "s")


def asked(process: subprocess.Popen[str], what: str, _round: int) -> Measured:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{what}\n")
    process.stdin.flush()
    seconds = float(process.stdout.readline())
    return Measured(rate=LINKS / seconds, p95_ms=0.0, cpu_ms=1000 * seconds)


if __name__ == "__main__":
    main()
