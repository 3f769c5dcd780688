"""The product served as its operator serves it, on servers of its own, and measured."""

import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import django

from benchmarks._client import Clients, Load
from benchmarks._figures import Measured
from proofs.cluster import PostgresCluster, RedisServer
from proofs.processes import ChildProcess, descendants, free_port
from proofs.shop import ROOT, command, environment, manage

CONNECTIONS = 16
TICKS = os.sysconf("SC_CLK_TCK")
STRIPE_KEY, STRIPE_SECRET = "sk_test_bench", "whsec_bench"


@dataclass
class Stage:
    """A migrated PostgreSQL with its commits on disk, a Redis, and servers to start."""

    folder: Path
    variables: dict[str, str]
    stack: ExitStack
    clients: Clients
    postgres_pid: int

    def serve(self, application: str) -> "Server":
        """gunicorn as the Procfile says, with an application of `benchmarks._app`."""
        port = free_port()
        words = [*command("web")[:-1], f"benchmarks._app:{application}()"]
        process = ChildProcess(
            application,
            words,
            log_file=self.folder / f"{application}.log",
            env={**self.variables, "WEB_BIND": f"127.0.0.1:{port}"},
            cwd=ROOT,
        )
        self.stack.callback(process.kill)
        process.start().wait_for_url(f"http://127.0.0.1:{port}/healthz", timeout=60)
        return Server(port, process, self.clients)


@dataclass(frozen=True)
class Server:
    port: int
    process: ChildProcess
    clients: Clients

    def measure(self, requests: list[bytes], *, status: int = 200) -> Measured:
        """Send every request once; ValueError when one is answered otherwise."""
        before = cpu_seconds(self.process.pid)
        load = self.clients.send(self.port, requests, connections=CONNECTIONS)
        cpu = cpu_seconds(self.process.pid) - before
        _insist(load, len(requests), status)
        return Measured(
            rate=load.rate,
            p95_ms=load.percentile_ms(95),
            cpu_ms=1000 * cpu / len(requests),
        )


def cpu_seconds(pid: int) -> float:
    """Of a process and those that it started, so far, also those that have ended."""
    ticks = 0
    for each in [pid, *descendants(pid)]:
        after_name = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2]
        ticks += sum(int(field) for field in after_name.split()[11:15])
    return ticks / TICKS


@contextmanager
def stage(**more: str) -> Iterator[Stage]:
    """Everything for the length of the block; this process sees the same database.

    `more`: further variables of the product's environment.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(PostgresCluster(durable=True))
        redis = stack.enter_context(RedisServer())
        quiet = stack.enter_context(outside_calls())
        variables = environment(
            folder=folder,
            port=free_port(),
            database_url=postgres.create_database("bench"),
            redis_url=redis.url(),
            PAY_PAGE_LIMIT_PER_MINUTE="0",
            STRIPE_SECRET_KEY=STRIPE_KEY,
            STRIPE_WEBHOOK_SECRET=STRIPE_SECRET,
            STRIPE_API_BASE=quiet.url,
            **more,
        )
        manage(variables, "migrate", "--noinput", "-v0")
        manage(variables, "collectstatic", "--noinput", "-v0")
        os.environ.update(variables, DJANGO_SETTINGS_MODULE="merchant_portal.settings")
        django.setup()
        clients = Clients()
        stack.callback(clients.close)
        yield Stage(folder, variables, stack, clients, postgres.process.pid)
        if quiet.calls:
            raise ValueError(f"{quiet.calls} calls went out while requests were served")


@dataclass
class OutsideCalls:
    """Where the product would call its provider, and how often it did."""

    url: str
    calls: int = 0


@contextmanager
def outside_calls() -> Iterator[OutsideCalls]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        outside = OutsideCalls(f"http://127.0.0.1:{listener.getsockname()[1]}")

        def count() -> None:
            while True:
                try:
                    peer, _address = listener.accept()
                except OSError:
                    return
                outside.calls += 1
                peer.close()

        threading.Thread(target=count, daemon=True).start()
        yield outside
        listener.shutdown(socket.SHUT_RDWR)


def _insist(load: Load, count: int, status: int) -> None:
    if load.statuses != {status: count}:
        raise ValueError(f"Instead of {count} times {status}: {load.statuses}")
