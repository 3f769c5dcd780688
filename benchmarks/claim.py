"""A claim of 500 due messages where there are ten million, beside a hundred thousand."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from benchmarks._figures import Measured, interleaved, say
from proofs.cluster import PostgresCluster, RedisServer
from proofs.processes import free_port
from proofs.shop import ROOT, environment, manage

FEW, MANY = 100_000, 10_000_000
CLAIMS = 20  # in a round


def main() -> None:
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresCluster(durable=True))
        redis = stack.enter_context(RedisServer())
        shops = {
            f"{count:,}": stack.enter_context(claimer(postgres, redis.url(), count))
            for count in (FEW, MANY)
        }
        seen = interleaved(
            {name: partial(claims, shop) for name, shop in shops.items()}
        )
        few, many = seen.values()
        ratios = [b.p95_ms / a.p95_ms for a, b in zip(few, many, strict=True)]
        say("claim", " / ".join(reversed(list(seen))), ratios, "x")
        for name, rounds in seen.items():
            say("claim", f"500 of {name}", [one.p95_ms for one in rounds], "ms")


@contextmanager
def claimer(
    postgres: PostgresCluster, redis_url: str, count: int
) -> Iterator[subprocess.Popen[str]]:
    """A process on a database of its own that holds so many messages."""
    with tempfile.TemporaryDirectory() as folder:
        variables = environment(
            folder=Path(folder),
            port=free_port(),
            database_url=postgres.create_database(f"claim_{count}"),
            redis_url=redis_url,
        )
        manage(variables, "migrate", "--noinput", "-v0")
        command = [sys.executable, "-m", "benchmarks._claimer", str(count)]
        with subprocess.Popen(  # noqa: S603 - our own command
            command,
            cwd=ROOT,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            _answer(process)
            try:
                yield process
            finally:
                process.kill()


def claims(shop: subprocess.Popen[str], _round: int) -> Measured:
    """The median of some claims."""
    seconds = sorted(float(_ask(shop)) for _ in range(CLAIMS))
    middle = seconds[len(seconds) // 2]
    return Measured(rate=500 / middle, p95_ms=1000 * middle, cpu_ms=0.0)


def _ask(process: subprocess.Popen[str]) -> str:
    assert process.stdin is not None
    process.stdin.write("claim\n")
    process.stdin.flush()
    return _answer(process)


def _answer(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise ValueError(f"The process ended: {process.wait()}")
    return line.strip()


if __name__ == "__main__":
    main()
