"""Looks at 10,000 open checkouts: found among a million final ones, asked at a set rate."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks._figures import Measured, interleaved, say
from proofs.cluster import PostgresCluster, RedisServer
from proofs.processes import free_port
from proofs.shop import ROOT, environment, manage

OPEN = int(os.environ.get("SWEEP_OPEN", "10000"))
FEW = int(os.environ.get("SWEEP_FEW", "10000"))
MANY = int(os.environ.get("SWEEP_MANY", "1000000"))
FINDS = 20  # in a round
RATE, WORKERS = 20, 8
SECONDS = int(os.environ.get("SWEEP_SECONDS", "30"))


def main() -> None:
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresCluster(durable=True))
        redis = stack.enter_context(RedisServer())
        fake = stack.enter_context(counting_provider())
        shops = {
            f"{count:,}": stack.enter_context(
                sweeper(postgres, redis.url(), fake.url, count)
            )
            for count in (FEW, MANY)
        }
        statements: dict[str, float] = {}
        seen = interleaved(
            {
                name: partial(finds, shop, name, statements)
                for name, shop in shops.items()
            }
        )
        few, many = seen.values()
        ratios = [b.p95_ms / a.p95_ms for a, b in zip(few, many, strict=True)]
        say("sweep", " / ".join(reversed(list(seen))), ratios, "x")
        rates = list(asked(postgres, redis.url(), fake))
        say("sweep", f"calls a second / {RATE} set", [r / RATE for r in rates], "x")
        for name, rounds in seen.items():
            say("sweep", f"due among {name}", [one.p95_ms for one in rounds], "ms")
            say("sweep", f"statements among {name}", [statements[name]], "statements")


@contextmanager
def sweeper(
    postgres: PostgresCluster, redis_url: str, provider_url: str, final: int
) -> Iterator[subprocess.Popen[str]]:
    """A process on a database of its own with so many final checkouts."""
    with tempfile.TemporaryDirectory() as folder:
        variables = _variables(postgres, redis_url, provider_url, folder, f"s{final}")
        manage(variables, "migrate", "--noinput", "-v0")
        command = [
            sys.executable,
            "-m",
            "benchmarks._sweeper",
            str(final),
            str(OPEN),
        ]
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


def _variables(
    postgres: PostgresCluster, redis_url: str, provider: str, folder: str, name: str
) -> dict[str, str]:
    return environment(
        folder=Path(folder),
        port=free_port(),
        database_url=postgres.create_database(name),
        redis_url=redis_url,
        STRIPE_SECRET_KEY="sk_test_bench",  # noqa: S106 - of nobody
        STRIPE_WEBHOOK_SECRET="whsec_bench",  # noqa: S106
        STRIPE_API_BASE=provider,
        PROVIDER_CALLS_PER_SECOND=str(RATE),
    )


def finds(
    shop: subprocess.Popen[str], name: str, statements: dict[str, float], _round: int
) -> Measured:
    """The median of some sweeps' finding."""
    told = [_ask(shop).split() for _find in range(FINDS)]
    statements[name] = max(float(count) for _seconds, count in told)
    seconds = sorted(float(one) for one, _count in told)
    middle = seconds[len(seconds) // 2]
    return Measured(rate=1 / middle, p95_ms=1000 * middle, cpu_ms=0.0)


def asked(postgres: PostgresCluster, redis_url: str, fake: "Fake") -> Iterator[float]:
    """Calls of each second at the provider, while more workers look than it takes."""
    with tempfile.TemporaryDirectory() as folder:
        variables = _variables(postgres, redis_url, fake.url, folder, "rate")
        manage(variables, "migrate", "--noinput", "-v0")
        os.environ.update(variables, DJANGO_SETTINGS_MODULE="merchant_portal.settings")
        import django

        django.setup()
        from django.db import connection

        from benchmarks import _sweeper
        from links.providers.base import ProviderError
        from links.services import looks

        _sweeper._fill(0, min(OPEN, RATE * SECONDS * 2))
        begun = time.monotonic()
        fake.calls.clear()

        def work() -> None:
            while time.monotonic() - begun < SECONDS:
                for pk, _delay in looks.due():
                    if time.monotonic() - begun >= SECONDS:
                        break
                    try:
                        looks.look(pk)
                    except ProviderError:
                        continue  # the fake answers nothing that counts
            connection.close()

        with ThreadPoolExecutor(WORKERS) as pool:
            for one in [pool.submit(work) for _worker in range(WORKERS)]:
                one.result()
    whole = [int(at - begun) for at in fake.calls]
    for second in range(1, SECONDS - 1):
        yield float(whole.count(second))


class Fake:
    """`calls`: when each came."""

    def __init__(self) -> None:
        self.calls: list[float] = []
        self.url = ""


@contextmanager
def counting_provider() -> Iterator[Fake]:
    """Answers 404 to everything: the session is gone, which one call finds out."""
    fake = Fake()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            fake.calls.append(time.monotonic())
            body = b'{"error": {"type": "invalid_request_error", "code": "gone"}}'
            self.send_response(404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_given: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()


def _ask(process: subprocess.Popen[str]) -> str:
    assert process.stdin is not None
    process.stdin.write("find\n")
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
